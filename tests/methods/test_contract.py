"""One contract over every method, and every metric, on an awkward pool larger than any block."""

import json
import string
import typing

import numpy as np
import pytest

from datasel_core.analysis.metrics.metric import KeptRows
from datasel_core.base import registry
from datasel_core.base.progress import Progress
from datasel_core.base.ragged import Ragged
from datasel_core.base.role import roles as declared
from datasel_core.errors import BadInput, BadParameter, Stopped
from datasel_core.methods.method import MAY_BE_UNKNOWN, POSITIONS, Method, Scorer
from datasel_core.methods.selection import Inputs
from datasel_core.runs import engine
from pages._ui.media.reasons import reason
from tests.conftest import ROOT, clustered, hidden_sizes

N = 700
METHODS = registry.every("method")
VECTORS = {name for name, one in declared().items() if one.shape in ("vector", "series")}
NUMBERS = {name for name, one in declared().items() if one.shape == "number"}


def asks(cls: type[Method]) -> tuple[str, ...]:
    """The roles that it reads with its default parameters."""
    return cls().roles()


def roles(rng: np.random.Generator, needs: tuple[str, ...], n: int = N) -> dict:
    """Clusters of very different sizes, exact and near duplicates, an outlier."""
    vectors = clustered(rng, n, 10, 12)
    vectors[n // 2 : n // 2 + 40] = vectors[:40]
    vectors[n // 2 + 40 : n // 2 + 80] = vectors[40:80] + 1e-4
    vectors[n // 3] = 40
    made = {"embedding": vectors, "image": vectors, "group": np.array(list("aaaaaaabbbc"))[rng.integers(11, size=n)]}
    made["picture"] = np.arange(n) // 3
    made["field"], made["run"] = vectors, np.arange(n) // 50.0
    made["fact"], made["relation"] = np.arange(n) * 7 % n // 3, np.arange(n) % 5
    lengths = rng.integers(1, 4, n)
    made["patterns"] = Ragged(clustered(rng, int(lengths.sum()), 10, 12), np.concatenate([[0], np.cumsum(lengths)]))
    made["text"] = vectors + rng.standard_normal(vectors.shape).astype(np.float32)
    made["text"][n // 2 : n // 2 + 40] = made["text"][:40]
    many = rng.integers(1, 6, n)
    pairs = np.stack([rng.integers(0, 50, many.sum()), rng.integers(1, 4, many.sum())], axis=1).astype(np.int32)
    made["ngrams"] = Ragged(pairs, np.concatenate([[0], np.cumsum(many)]))
    made["terms"] = made["ngrams"]
    made["loss_trajectory"] = np.abs(vectors)
    made |= {
        role: np.round(np.abs(vectors[:, at % 10]), 2) for at, role in enumerate(sorted(NUMBERS))
    }  # with equal ones among them
    return {role: made[role].copy() if role in VECTORS | NUMBERS else made[role] for role in needs} or {
        "row": np.arange(n)
    }


def inputs(cls: type[Method], pool: dict, rng: np.random.Generator, **more) -> Inputs:
    """What a method is given: this pool, and a target where it needs one; the pool's own vectors are in it, so that
    every row has a chance.
    """
    target = roles(np.random.default_rng(2), cls.needs_target, 200) if cls.needs_target else {}
    fits = {role for role in VECTORS & pool.keys() if pool[role].ndim == 2}
    fits |= {role for role in NUMBERS & pool.keys() if pool[role].ndim == 1}
    fits = fits if target.keys() <= fits else set()  # all roles of a target have as many rows
    target = {role: np.concatenate([array, pool[role]]) if role in fits else array for role, array in target.items()}
    return Inputs(pool, rng, target=target, **more)


def blocks(cls, size: int) -> dict:
    """Every parameter that says how, set to a size smaller than the pool."""
    return {name: size for name, field in cls.model_fields.items() if cls.is_how(name) and field.annotation is int}


def small(cls: type[Method], size: int = 64) -> Method:
    return cls(**blocks(cls, size))


@pytest.fixture(params=sorted(METHODS))
def cls(request):
    return METHODS[request.param]


@pytest.fixture(autouse=True)
def _every_block_is_small(small_blocks):
    """Those that are not parameters, too."""


@pytest.mark.parametrize("budget", [1, 37, N])
def test_keeps_as_many_as_asked_each_once(cls, budget, rng):
    found = small(cls).select(inputs(cls, roles(rng, asks(cls)), rng), budget)
    assert len(found.rows) == budget == found.counts.sum()
    assert len(set(found.rows.tolist())) == budget
    assert found.rows.min() >= 0
    assert found.rows.max() < N
    assert all(len(values) == budget for values in found.why.values())


def test_reaches_beyond_the_first_block(cls, rng):
    found = small(cls).select(inputs(cls, roles(rng, asks(cls)), rng), 350)
    assert (found.rows >= 64).any()


def test_same_seed_same_answer_whatever_the_block(cls, shrink):
    answers = []
    for size in (1, 64, 5000):
        shrink(max(size, 7))
        found = small(cls, size).select(
            inputs(cls, roles(np.random.default_rng(1), asks(cls)), np.random.default_rng(5)), 200
        )
        answers.append(found.rows.tolist())
    assert answers[0] == answers[1] == answers[2]


def test_a_smaller_budget_is_a_prefix_where_that_is_declared(cls):
    if not cls.prefix:
        pytest.skip(f"{cls.id} does not declare prefix")
    long, short = (
        small(cls)
        .select(inputs(cls, roles(np.random.default_rng(1), asks(cls)), np.random.default_rng(5)), budget)
        .rows
        for budget in (300, 90)
    )
    assert long[:90].tolist() == short.tolist()


def test_already_chosen_rows_are_never_chosen_again(cls, rng):
    already = rng.choice(N, 100, replace=False)
    found = small(cls).select(inputs(cls, roles(rng, asks(cls)), rng, already=already), N - 100)
    assert sorted(found.rows.tolist()) == np.setdiff1d(np.arange(N), already).tolist()


def test_inputs_are_left_as_they_were(cls, rng):
    given = roles(rng, asks(cls))
    before = {role: (array.values if isinstance(array, Ragged) else array).copy() for role, array in given.items()}
    for array in given.values():
        (array.values if isinstance(array, Ragged) else array).flags.writeable = False
    small(cls).select(inputs(cls, given, rng), 20)
    for role, array in given.items():
        np.testing.assert_array_equal(array.values if isinstance(array, Ragged) else array, before[role])


@pytest.mark.parametrize("budget", [0, -1, N + 1, "0%", "150%", "ten", True])
def test_budgets_that_do_not_fit(cls, budget, rng):
    with pytest.raises(BadParameter, match="budget|share"):
        small(cls).select(inputs(cls, roles(rng, asks(cls)), rng), budget)


def test_a_missing_role_is_named(cls, rng):
    for role in asks(cls):
        others = {name: array for name, array in roles(rng, asks(cls)).items() if name != role}
        with pytest.raises(BadInput, match=f"needs the pool role {role}"):
            small(cls).select(inputs(cls, others or {"something": np.zeros(N)}, rng), 2)


def test_a_role_of_another_shape_is_refused(cls, rng):
    for role in set(asks(cls)) & (VECTORS | NUMBERS):
        given = roles(rng, asks(cls))
        given[role] = given[role][:, 0] if role in VECTORS else given[role][:, None]
        with pytest.raises(
            BadInput, match=f"The pool role {role} has the shape .* it must be one (vector|number) per sample"
        ):
            small(cls).select(inputs(cls, given, rng), 2)


def test_a_missing_target_is_named(cls, rng):
    for role in cls.needs_target:
        others = tuple(name for name in cls.needs_target if name != role)
        target = roles(rng, others, 200) if others else {}
        with pytest.raises(BadInput, match=f"needs the target role {role}"):
            small(cls).select(Inputs(roles(rng, asks(cls)), rng, target=target), 2)


@pytest.mark.parametrize("at", [3, -3], ids=["in the first block", "in the last"])
def test_values_that_are_not_finite_are_refused(cls, at, rng):
    for role in set(asks(cls)) - {"group", "fact", "ngrams", "terms"}:
        given = roles(rng, asks(cls))
        (given[role].values if isinstance(given[role], Ragged) else given[role])[at] = np.nan
        with pytest.raises(BadInput, match="NaN"):
            small(cls).select(inputs(cls, given, rng), 2)
    for role in VECTORS.intersection(cls.needs_target):
        given = roles(rng, cls.needs_target, 200)
        given[role][at] = np.inf
        with pytest.raises(BadInput, match=f"target role {role} holds NaN"):
            small(cls).select(Inputs(roles(rng, asks(cls)), rng, target=given), 2)


def test_stops_when_asked(cls, rng):
    def stop() -> bool:
        return True

    if not asks(cls):
        pytest.skip(f"{cls.id} has no loop to stop")
    if set(asks(cls)) <= {"group", "fact"} | NUMBERS:
        pytest.skip(f"{cls.id} takes milliseconds")
    with pytest.raises(Stopped):
        small(cls).select(inputs(cls, roles(rng, asks(cls)), rng, progress=Progress(should_stop=stop)), 50)


def test_one_sample(cls, rng):
    assert small(cls).select(inputs(cls, _head(roles(rng, asks(cls)), 1), rng), 1).rows.tolist() == [0]


def _head(given: dict, n: int) -> dict:
    return {role: array.take(np.arange(n)) if isinstance(array, Ragged) else array[:n] for role, array in given.items()}


def test_float16_and_float64_input(cls, rng):
    for role in set(asks(cls)) & VECTORS:
        for dtype in (np.float16, np.float64):
            given = {**roles(rng, asks(cls)), role: roles(rng, asks(cls))[role].astype(dtype)}
            assert len(small(cls).select(inputs(cls, given, rng), 30).rows) == 30


def test_its_reason_is_a_sentence_of_what_it_says_of_a_pick(cls, rng):
    found = small(cls).select(inputs(cls, roles(rng, asks(cls)), rng), 37)
    last = {name: values[-1] for name, values in found.why.items()}
    assert "{" not in cls.because.format(**last)
    assert {name for name, value in last.items() if isinstance(value, np.integer)} - {"size"} <= set(
        POSITIONS
    )  # which start at 0, and people count from 1


def variants(cls) -> list[dict]:
    """The defaults, and every other value of each parameter that has few."""
    found = [{}]
    for name, field in cls.model_fields.items():
        few = (True, False) if field.annotation is bool else ()
        options = typing.get_args(field.annotation) if typing.get_origin(field.annotation) is typing.Literal else few
        found += [{name: value} for value in options if value != field.default]
    return found


def test_every_pick_has_its_reason_in_the_methods_own_words(cls):
    """Every {name} of `because` is a name of the run's own `why`; a value may lack only where nothing was measured."""
    names = {name for _, name, _, _ in string.Formatter().parse(cls.because) if name}
    for params in variants(cls):
        for budget in (60,) if params else (1, 60, N):
            rng = np.random.default_rng(4)
            found = cls(**params).select(inputs(cls, roles(rng, (*asks(cls), *cls.may_need)), rng), budget)
            assert names <= found.why.keys(), params
            told = [json.loads(text) for text in engine._whys(found.why, len(found.rows))]
            for rank, said in enumerate(told, 1):
                lacking = names - said.keys()
                assert lacking <= MAY_BE_UNKNOWN, (params, rank)
                text = reason(cls.because, said, rank)
                if lacking or said.get("pattern") == -1:
                    assert text in ("the choice began here", "it fills the budget: what was left repeats what is kept")
                else:
                    first = {name: name in POSITIONS for name in said}  # people count from 1
                    assert text == cls.because.format(**{n: v + 1 if first[n] else v for n, v in said.items()})
            assert budget == 1 or sum(bool(names - said.keys()) for said in told) < budget  # most say it all


def test_is_declared_for_people(cls):
    assert cls.title
    assert len(cls.summary()) > 30
    assert cls.cost
    assert cls.because
    assert cls.avoid or issubclass(cls, Scorer)
    assert all(field.description for field in cls.model_fields.values())


@pytest.mark.parametrize("id", sorted(registry.every("metric")))
def test_a_metric_says_the_same_whatever_the_block(id, shrink, rng):
    pool = roles(rng, ("embedding", "image", "group", "patterns"))
    pool["labels"] = np.array([list("abcd"[: n % 4]) + ["e"] * (n % 3) for n in range(N)], object)
    kept = KeptRows(N, rng.choice(N, 400, replace=False), pool.get, np.ones(N, bool))
    said = []
    for size in (7, 64, 5000):
        shrink(size)
        said.append(registry.find("metric", id)().measure(kept))
    assert said[0]
    for other in said[1:]:
        assert other == (said[0] if id in ("balance", "instances") else pytest.approx(said[0], abs=2e-6))


def test_every_block_size_can_be_found():
    files = [path for path in sorted((ROOT / "datasel_core").rglob("*.py")) if "pools" not in path.parts]
    hidden = [
        f"{path.relative_to(ROOT)}, {where}"
        for path in files
        for where in hidden_sizes(path.read_text(encoding="utf-8"))
    ]
    assert not hidden, (
        "Make it a constant of the module, named _ROWS, _BLOCK or the like, and look it up where it is used: "
        f"{'; '.join(hidden)}"
    )
    assert (
        len(
            list(
                hidden_sizes(
                    "def a(block=1 << 3):\n    for at in range(0, n, 1 << 14):\n        for to in range(0, n, "
                    "_SOME):\n            pass"
                )
            )
        )
        == 3
    )
    assert not list(
        hidden_sizes(
            "def a(block=None, k=20):\n    for at in range(n, 0, -1):\n        for to in range(0, n, 2 * _ROWS):\n    "
            "        pass"
        )
    )
