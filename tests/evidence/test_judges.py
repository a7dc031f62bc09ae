"""Further judges of a table: one training serves them all, nobody judges himself, and over-fit is said in words."""

import json
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest, UnknownName
from datasel_core.evidence import holdout
from datasel_core.evidence.judged import Judged
from datasel_core.evidence.measures import HeldOut, Probed
from datasel_core.evidence.tables import judges, paper
from datasel_core.evidence.tables.judges import Reference, looked_at, over_fit
from datasel_core.features.computation import compute_feature
from datasel_core.features.encoders.terms import Terms
from datasel_core.features.encoders.tfidf_svd import TfidfSvd
from datasel_core.features.external import import_feature
from datasel_core.features.feature import Feature
from datasel_core.features.stored import kept_features
from datasel_core.pools.persistence import load_pool
from datasel_core.probes.evaluate import run_probe
from datasel_core.probes.lm import LanguageProbe
from datasel_core.runs.engine import select
from datasel_core.runs.question import resolve
from datasel_core.runs.spec import Spec
from tests.conftest import task_of
from tests.probes.test_lm_probe import TINY

PROBE = {**TINY, "steps": 1, "n_seeds": 1}
WORDS = ["red", "blue", "green", "grey", "pink", "gold", "teal", "lime", "navy", "plum", "rust", "sand"]
ODD = [word[::-1] for word in WORDS]


def texts(n, seed, words=WORDS):
    rng = np.random.default_rng(seed)
    return [" ".join([*rng.choice(words, 16), str(seed), str(at)]) for at in range(n)]


def add(workspace, tmp_path, name, said):
    (tmp_path / f"{name}.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in said))
    return add_pool(workspace, name, str(tmp_path / f"{name}.jsonl"), "text")


@pytest.fixture
def pool(workspace, tmp_path):
    made = add(workspace, tmp_path, "books", texts(40, 1))
    wanted = add(workspace, tmp_path, "wanted", texts(8, 2))
    add(workspace, tmp_path, "second", texts(9, 3))
    add(workspace, tmp_path, "third", texts(7, 4, ODD))
    for one in (made, wanted):
        compute_feature(workspace, one, Terms())
    holdout.draw(workspace, made, "10")
    return made


def measured(workspace, **fields):
    params = {f"probe.{name}": str(value) for name, value in PROBE.items()}
    asked = {"methods": "bm25", "budgets": "6", "seeds": 2, "probe": "lm", "params": params, "measures": "none"}
    task = task_of("evidence", **{"pool": "books", "target": "wanted", **asked, **fields})
    return perform(workspace, task, Progress()).document


def cells(document, method="bm25"):
    return {one["measure"]: one for one in paper.every(document) if one["method"] == method}


def test_judges_say_what_trainings_of_their_own_would_say_and_one_serves_all(workspace, pool, monkeypatch):
    alone = measured(workspace)
    assert [one["name"] for one in alone["measures"]] == ["lm"]
    made, real = [], LanguageProbe._trained
    monkeypatch.setattr(LanguageProbe, "_trained", lambda *given: made.append(1) or real(*given))
    (workspace.path / "evidence").rename(workspace.path / "elsewhere")
    said = measured(workspace, judges="second,third")
    assert len(made) == 1 + 4  # bm25 answers the same under both seeds; random is drawn under four
    names = ["lm", "lm on second", "lm on third", "lm on wanted"]
    assert [one["name"] for one in said["measures"]] == names
    assert [one.get("reference") for one in said["measures"]] == [None, False, False, True]
    assert "held out is second, a pool of its own" in said["measures"][1]["title"]
    assert "held out is wanted, what methods chose towards, no proof of anything" in said["measures"][3]["title"]
    assert cells(said)["lm"] == cells(alone)["lm"] | {
        name: cells(said)["lm"][name] for name in ("seconds", "benefit", "pays_from")
    }
    run = select(workspace, Spec(pool="books", method="bm25", budget="6", target="wanted"))
    monkeypatch.undo()
    for name in names[1:]:
        params = {key: str(value) for key, value in (PROBE | {"answers": 0}).items()}
        alone = run_probe(workspace, run.folder, "lm", Progress(), params, name.removeprefix("lm on "))
        assert cells(said)[name]["value"] == pytest.approx(alone["loss"], abs=2e-5)
    assert said["corrected_over"] == 2 * 4
    n = len(made)
    again = measured(workspace, judges="second")
    assert cells(again)["lm on second"]["value"] == cells(said)["lm on second"]["value"]
    assert len(made) == n
    text = paper.written(said, ".md")
    assert "lm on third: mean loss on held-out responses" in text
    assert "lm on second,bm25,6," in paper.written(said, ".csv")


def test_who_learned_it_by_heart_is_no_judge_of_it(workspace, tmp_path, pool):
    """What a judge shares with the pool is left out and said; a judge that is all of it is refused."""
    own = [pool.text(row)[0] for row in range(4)]
    add(workspace, tmp_path, "mixed", [*own, *texts(5, 6)])
    said = measured(workspace, judges="mixed")
    assert "4 samples of mixed are in books too; they do not judge." in said["notes"]
    add(workspace, tmp_path, "copy", own)
    with pytest.raises(
        BadRequest, match="^Fewer than two samples of copy are not in books too; what is chosen from can"
    ):
        measured(workspace, judges="copy")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"judges": "second,second"}, "^second stands twice among the judges; each has a column.$"),
        ({"judges": "books"}, "^books judges already, by its own held-out set; leave it out of --judges.$"),
        (
            {"judges": "wanted"},
            "^Methods choose towards wanted, so it cannot judge; what they gain on it is shown anyway",
        ),
        ({"judges": "secnd"}, "Did you mean second"),
        (
            {"judges": "second", "probe": "none", "params": {}},
            "^Judges need a probe that tests on other pools: --probe decay, emulator, facts, lm.$",
        ),
        ({"judges": "points"}, "^The probe lm looks at turns of every sample; the pool points has no turns to open"),
    ],
)
def test_what_cannot_judge_is_refused_in_one_line(workspace, tmp_path, pool, fields, message):
    compute_feature(workspace, pool, TfidfSvd(n_dims=4))
    np.save(tmp_path / "points.npy", np.eye(4, dtype=np.float32))
    add_pool(workspace, "points", str(tmp_path / "points.npy"), "vectors")
    with pytest.raises((BadRequest, UnknownName), match=message) as error:
        measured(workspace, **fields)
    assert len(str(error.value).splitlines()) == 1
    assert not (workspace.path / "evidence").exists()


def test_a_reference_that_has_what_judges_is_refused_or_said(workspace, tmp_path, pool):
    """Word for word, nearly so, and with a run of words in common, which is said alone."""
    second = [load_pool(workspace, "second").text(row)[0] for row in range(9)]
    for name, said in (("same", second[:3]), ("near", [f"{text} more" for text in second[:2]])):
        compute_feature(workspace, add(workspace, tmp_path, name, [*said, *texts(5, 7)]), Terms())
    words = "bm25 chose towards {}, which has {} of the 9 samples of second that are measured on, {}"
    for target, n, how in (("same", 3, "to the letter or byte"), ("near", 2, "nearly word for word")):
        said = words.format(target, n, how)
        with pytest.raises(
            BadRequest, match=f"^{said}: it would be its own judge. Take them out of {target} .* leaks sec"
        ):
            measured(workspace, target=target, judges="third,second")
        notes = measured(workspace, target=target, judges="third,second", allow_shared=True)["notes"]
        assert f"{said}: what is said of it may flatter it." in notes
        assert measured(workspace, target=target, judges="third")["cells"]
    run = [*texts(5, 8), f"{' '.join(second[0].split()[:14])} {' '.join(texts(3, 9))}"]
    compute_feature(workspace, add(workspace, tmp_path, "quoting", run), Terms())
    said = measured(workspace, target="quoting", judges="second")["notes"]
    assert (
        "1 of the 9 samples of second that are measured on share a run of 13 words with quoting, towards which bm25 "
        "chose." in said
    )


def test_a_pool_that_has_samples_nearly_twice_is_its_own_target_all_the_same(workspace, tmp_path, pool):
    """Equal ones are on one side of its held-out set; of those that are nearly so it is said."""
    own = texts(20, 5)
    twice = add(workspace, tmp_path, "twice", [*own, *(f"{text} more" for text in own)])
    compute_feature(workspace, twice, Terms())
    holdout.draw(workspace, twice, "20")
    notes = measured(workspace, pool="twice", target="twice")["notes"]
    words = "of the 20 samples of twice that are measured on, nearly word for word: what is said of it may flatter it."
    assert any(one.endswith(words) for one in notes)


def test_pools_that_features_looked_at_are_references(workspace, tmp_path, pool, monkeypatch):
    """A feature that was made from another that looked at a pool; a number that somebody brought looked at none."""
    np.savez(tmp_path / "n.npz", ids=pool.ids.astype(str), worth=np.arange(40.0))
    import_feature(workspace, pool, "worth", str(tmp_path / "n.npz"))
    question = resolve(workspace, Spec(pool="books", method="by_score", params={"role": "worth"}, budget="3"), pool)
    assert looked_at(question) == []
    compute_feature(workspace, load_pool(workspace, "second"), Terms())
    monkeypatch.setattr(Terms, "pools", lambda self: ("wanted", "gone"))
    question = resolve(workspace, Spec(pool="books", method="bm25", budget="3", target="second"), pool)
    assert looked_at(question) == ["wanted", "gone"]
    said = measured(workspace, target="second", judges="third")
    assert [one["name"] for one in said["measures"]] == ["lm", "lm on third", "lm on second", "lm on wanted"]
    with pytest.raises(BadRequest, match="Methods choose towards wanted, so it cannot judge"):
        measured(workspace, target="second", judges="wanted")


def test_features_of_features_are_followed_and_no_circle_is_endless():
    class Probes(Feature):
        reads: ClassVar[str] = "turns"

        def pools(self):
            return ("reference",)

    class Model(Feature):
        reads: ClassVar[str] = "probed"

        def reads_too(self):
            return ("towards",)

    class Towards(Feature):
        def pools(self):
            return ("other",)

    class Round(Feature):
        reads: ClassVar[str] = "round"

    def filled(id):
        return SimpleNamespace(id=id, key=f"key of {id}", meta={"params": {}})

    features = {"probed": filled("probes"), "influence": filled("model"), "round": filled("round"), "own": filled("x")}
    features["embedding"] = filled("towards")
    method = SimpleNamespace(roles=lambda: ("influence", "round", "own", "absent"))
    asked = SimpleNamespace(method=method, roles=SimpleNamespace(features=features))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            judges, "every", lambda kind: {"probes": Probes, "model": Model, "round": Round, "towards": Towards}
        )
        assert sorted(looked_at(asked)) == ["other", "reference"]


def test_over_fit_is_said_where_a_gain_is_shown_on_the_reference_and_not_on_others():
    pools = {name: SimpleNamespace(name=name) for name in ("books", "wanted", "second", "third")}
    held = HeldOut(np.arange(2), np.arange(2), 2)
    main = Probed(SimpleNamespace(pool=pools["books"]), held, LanguageProbe())
    others = [
        Judged(main.roles, held, main.probe, SimpleNamespace(pool=pools[name]), name == "wanted")
        for name in ("second", "third", "wanted")
    ]
    towards = [Reference(pools["wanted"], np.arange(2), ("bm25", "mates"))]

    def said(**verdicts):
        found = [
            {"method": method, "budget": 60, "measure": name, "verdict": verdicts.get(method, {}).get(name, "pilot")}
            for method in ("bm25", "mates", "random")
            for name in ("lm", *(one.name for one in others))
        ]
        return over_fit(found, [main, *others], towards)

    better = {name: "better" for name in ("lm", "lm on second", "lm on third", "lm on wanted")}
    gained = "bm25 at 60 is better than random on wanted, towards which it chose"
    assert said(bm25=better | {"lm on wanted": "not shown to differ"}) == []
    over = ": it may be over-fit to what it chose towards."
    assert said(bm25={"lm on wanted": "better"}) == [
        f"{gained}; not shown to be on the held-out set of books, second and third{over}"
    ]
    assert said(bm25=better | {"lm on third": "worse"}) == [
        f"{gained}; also on the held-out set of books and second; worse on third{over}"
    ]
    mixed = {"lm on wanted": "better", "lm": "worse", "lm on third": "better", "lm on second": "not shown to differ"}
    assert said(bm25=mixed) == [
        f"{gained}; also on third; not shown to be on second; worse on the held-out set of books{over}"
    ]
    assert said(bm25=better) == [f"{gained}; also on the held-out set of books, second and third."]
    assert said(random=better) == []


def test_a_feature_may_be_named_for_one_method_alone(workspace, tmp_path, rng):
    (tmp_path / "v").mkdir()
    for name, n in (("books", 30), ("wanted", 5)):
        pool = add(workspace, tmp_path, name, texts(n, n))
        for role, width in (("embedding", 3), ("embedding", 4)):
            file = tmp_path / f"{name}{width}.npz"
            np.savez(file, ids=pool.ids.astype(str), **{role: rng.standard_normal((n, width)).astype(np.float32)})
            import_feature(workspace, pool, role, str(file))
    pool = load_pool(workspace, "books")
    holdout.draw(workspace, pool, "8")
    first = kept_features(workspace, pool.fingerprint)[0]
    name = f"nearest_targets:use.embedding={first.key}:metric=euclidean"
    said = measured(workspace, methods=f"nearest_targets,{name}", probe="none", params={}, budgets="4")
    assert said["methods"][name]["use"] == {"embedding": first.key}
    assert said["methods"][name]["params"] == {"metric": "euclidean"}
    assert said["methods"]["nearest_targets"]["use"] == {}
    assert cells(said, name)["distance"]["value"] != cells(said, "nearest_targets")["distance"]["value"]
