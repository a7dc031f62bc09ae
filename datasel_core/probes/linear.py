"""Linear probe: how well the kept teach a linear classifier of the groups."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from datasel_core.base.declare import Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.probes.probe import Probe, probe
from datasel_core.vectors import directions


@probe("linear", version=1, title="Linear probe")
class Linear(Probe):
    """Logistic regression of the group on unit-length embeddings: the share of held-out samples it names rightly.

    The usual measure of features (Alain & Bengio 2016, https://arxiv.org/abs/1610.01644), turned round: the features
    stay, the training set changes.
    """

    needs: ClassVar = ("embedding", "group")
    each_is: ClassVar = "share of held-out samples that a linear classifier names rightly, trained on the kept alone"

    c: float = Field(10.0, gt=0, description="Inverse strength of the L2 penalty, on embeddings of length 10.")

    def each(
        self, roles: Mapping[str, Any], train: np.ndarray, test: np.ndarray, progress: Progress | None = None
    ) -> np.ndarray:
        """(len(test),) 1 where it names the group rightly, else 0."""
        from sklearn.linear_model import LogisticRegression

        labels = np.array([str(label) for label in roles["group"]])
        if len(np.unique(labels[train])) < 2:
            raise BadRequest("The kept samples are all of one group; a linear probe needs at least two.")
        if not len(test):
            raise BadRequest("Nothing is held out: the whole pool was kept.")
        learned, asked = (directions.unit(roles["embedding"][rows]) * 10 for rows in (train, test))
        learned, asked = _turned(learned, asked)
        model = LogisticRegression(C=self.c, max_iter=2000).fit(learned, labels[train])
        return (model.predict(asked) == labels[test]).astype(np.float64)

    def measure(
        self, roles: Mapping[str, Any], train: np.ndarray, test: np.ndarray, progress: Progress | None = None
    ) -> dict[str, Any]:
        right, labels = self.each(roles, train, test, progress), np.array([str(one) for one in roles["group"]])[test]
        per_group = [float(right[labels == name].mean()) for name in np.unique(labels)]
        return {
            "accuracy": round(float(right.mean()), 6),
            "mean_group_accuracy": round(float(np.mean(per_group)), 6),
            "trained_on": len(train),
            "tested_on": len(test),
        }


def _turned(learned: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same in fewer dimensions, where there are fewer samples than dimensions: with an L2 penalty the weights lie
    in the span of what is learned, so only what lies in it counts.
    """
    if len(learned) >= learned.shape[1]:
        return learned, asked
    base, _ = np.linalg.qr(learned.T.astype(np.float64))
    return learned @ base, asked @ base
