"""One question, one answer: similar samples against a slow ranking, what a text says of pictures, filters, lists."""

import json

import numpy as np
import pytest

import datasel_core as ds
from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest, MissingFeature
from datasel_core.features.computation import compute_feature
from datasel_core.features.encoders.clip import ClipImage, ClipText
from datasel_core.features.external import keep_imported
from datasel_core.features.roles import Roles
from datasel_core.pools.demo.scenes import make_scenes
from datasel_core.runs.catalog import lists
from datasel_core.runs.find import found, meaning
from datasel_core.runs.find.found import Asked
from tests.conftest import clustered, rewritten

N = 90


@pytest.fixture
def pool(workspace, tmp_path, rng):
    """Texts of two groups with vectors; some are the same, one is zero, three have none."""
    lines = [
        {"id": f"t{at:02d}", "text": f"{'red' if at % 3 else 'blue'} thing {at}", "source": "ab"[at % 2]}
        for at in range(N)
    ]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, lines)))
    made = add_pool(workspace, "things", str(tmp_path / "t.jsonl"), "text")
    vectors = clustered(rng, N, 6, 5).astype(np.float32)
    vectors[40] = vectors[41] = vectors[7]
    vectors[50] = 0
    rows = np.setdiff1d(np.arange(N), [3, 4, 5])
    keep_imported(
        workspace,
        made,
        "embedding",
        vectors[rows],
        rows,
        [(row, "no vector") for row in (3, 4, 5)],
        "v.npz",
        Progress(),
    )
    return made, vectors


def slow(vectors, query, rows):
    """Rows by cosine, one after the other, in float64; equal ones in pool order."""

    def cosine(one):
        lengths = np.linalg.norm(one) * np.linalg.norm(query)
        return float(one @ query / lengths) if lengths else 0.0

    vectors, query = vectors.astype(np.float64), query.astype(np.float64)
    return sorted((-round(cosine(vectors[row]), 9), row) for row in rows)


@pytest.mark.parametrize("where", [None, "source = 'b'"])
@pytest.mark.parametrize("row", [7, 0, 89])
def test_what_is_similar_is_what_a_slow_ranking_says(workspace, pool, row, where):
    pool, vectors = pool
    rows = [at for at in range(N) if at not in (3, 4, 5, row) and (where is None or at % 2)]
    for many in (1, 10, 500):
        answer = found.find(workspace, pool, Asked(similar=f"t{row:02d}", where=where, many=many))
        expected = slow(vectors, vectors[row], rows)[:many]
        assert answer.rows.tolist() == [at for _, at in expected]
        np.testing.assert_allclose(answer.scores, [-cosine for cosine, _ in expected], atol=1e-6)
        assert answer.of == (45 if where else N) - (row % 2 if where else 1)


def test_words_and_a_filter_together(workspace, pool):
    pool, _ = pool
    answer = found.find(workspace, pool, Asked("blue", where="source = 'b'"))
    assert answer.ids == [f"t{at:02d}" for at in range(N) if at % 3 == 0 and at % 2]
    assert answer.of == 45
    assert answer.saying == "15 with blue where source = 'b'"
    alone = found.find(workspace, pool, Asked(where="source = 'b'"))
    assert alone.ids == [f"t{at:02d}" for at in range(N) if at % 2]
    assert (alone.of, alone.saying) == (N, "45 where source = 'b'")


def test_an_answer_is_a_list_that_a_choice_is_made_within(workspace, pool):
    pool, _ = pool
    answer = ds.find(pool, "blue", keep_list=True)
    assert lists.read(workspace.path / answer.listed) == answer.ids
    run = ds.select(pool, ds.method("random")(), 5, within=answer.listed)
    assert set(run.ids) <= set(answer.ids)
    with pytest.raises(BadRequest, match="Nothing was found, so there is no list to keep"):
        ds.find(pool, "green", keep_list=True)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked(), "Nothing is looked for; give words, --similar ID, --image-text TEXT or --where SQL."),
        (Asked("  "), "Nothing is looked for; give words"),
        (Asked("red", similar="t01"), "one of them at a time"),
        (Asked(similar="t1"), r"There is no sample 't1' in things\. Did you mean t1\d\?"),
        (Asked(similar="zzzzzz"), r"There is no sample 'zzzzzz' in things\. Its ids look like t00\."),
        (Asked(similar="x" * 1_000_000), r"There is no sample 'x{80} \.\.\.' in things\. Its ids look like t00\."),
        (Asked(similar="t03"), r"t03 has no vector in imported: no vector\."),
        (Asked(similar="t50"), "The vector of t50 in imported is all zeros, so nothing is like it."),
        (Asked("red", many=0), "n is 0; at least 1 has to be asked for"),
        (Asked('"red'), "A quote has no end"),
        (Asked("red", where="colour = 1"), "there is no column colour"),
        (Asked("red", where="1; drop table pool"), "does not work"),
        (
            Asked(image_text="a dress"),
            "things has no vectors of its pictures that a text could be compared with. It has no",
        ),
    ],
)
def test_a_wrong_question_is_one_line(workspace, pool, asked, said):
    with pytest.raises(BadRequest, match=said) as caught:
        found.find(workspace, pool[0], asked)
    assert "\n" not in str(caught.value)


def test_without_vectors_similar_says_how_to_get_them(workspace, photos):
    pool = add_pool(workspace, "plain", str(photos), "images")
    with pytest.raises(MissingFeature, match="Nothing says what is alike in plain yet. Compute one: python -m"):
        found.find(workspace, pool, Asked(similar=str(pool.ids[0])))


def test_the_command_line(workspace, pool, capfd):
    assert main(["find", "things", '"blue thing" -9', "--n", "2", "--json", "--keep-list"]) == 0
    said = json.loads(capfd.readouterr().out)
    expected = [f"t{at:02d}" for at in range(N) if at % 3 == 0 and "9" not in str(at)]
    assert [one["id"] for one in said["results"]] == expected[:2]
    assert said["results"][0] == {"id": "t00", "occurrences": 1, "where": {"text": "blue thing 0"}}
    assert (said["found"], said["of"], said["by"]) == (len(expected), N, "words")
    assert lists.read(workspace.path / said["list"]) == expected
    assert main(["find", "things", "--similar", "t07", "--n", "2"]) == 0
    shown = capfd.readouterr().out.splitlines()
    assert shown[0] == "2 of 89 samples of things"
    assert [line.split("\t")[0] for line in shown[1:]] == ["t40", "t41"]
    assert main(["find", "things", "red", "--n", "1"]) == 0
    assert capfd.readouterr().out.splitlines()[0] == "60 of 90 samples of things, the first 1:"
    for words in (["find", "things"], ["find", "things", '"'], ["find", "things", "x" * 1001]):
        assert main(words) == 2
        assert capfd.readouterr().err.count("\n") == 1


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Twelve of the demo's scenes with captions, and both sides of the shipped model."""
    from datasel_core.workspace.layout import Workspace

    home = tmp_path_factory.mktemp("scenes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATASEL_DATA_ROOTS", str(home))
        workspace = Workspace(home / "workspace")
        make_scenes(workspace.demo("scenes"), n=12)
        table = workspace.demo("scenes") / "scenes.parquet"
        made = add_pool(workspace, "scenes", str(table), "pairs")
        for side in (ClipImage, ClipText):
            compute_feature(workspace, made, side(device="cpu"))
        yield workspace, made


def test_a_text_is_encoded_as_captions_are_and_pictures_are_ranked_by_it(scenes):
    workspace, pool = scenes
    kept = {one.role: one for one in Roles.of(workspace, pool).features.values()}
    pictures, captions = np.array(kept["image"].values(), np.float64), np.array(kept["text"].values())
    for row in (0, 5):
        text = pool.text(row)[0]
        vector = meaning.vector(workspace, kept["image"], text)
        np.testing.assert_allclose(vector, captions[row], atol=2e-6)
        answer = found.find(workspace, pool, Asked(image_text=text, many=5))
        cosines = pictures @ captions[row].astype(np.float64)
        assert answer.rows.tolist() == np.argsort(-cosines, kind="stable")[:5].tolist()
        assert answer.of == 12
        assert answer.notes == ()


def test_a_text_is_encoded_once(scenes, monkeypatch):
    workspace, pool = scenes
    kept = Roles.of(workspace, pool).features["image"]
    first = meaning.vector(workspace, kept, "a red  ball")
    monkeypatch.setattr(ClipText, "encode", lambda *_: pytest.fail("encoded again"))
    np.testing.assert_array_equal(meaning.known(workspace, kept, " a red ball "), first)
    assert meaning.known(workspace, kept, "a blue ball") is None
    np.testing.assert_array_equal(meaning.vector(workspace, kept, "a red ball"), first)


def test_what_lies_in_its_place_is_not_trusted(scenes):
    workspace, pool = scenes
    kept = Roles.of(workspace, pool).features["image"]
    right = meaning.vector(workspace, kept, "a ball")
    (file,) = [path for path in workspace.path.glob("queries/*/vector.npy") if (np.load(path) == right).all()]
    for wrong in (np.full_like(right, np.nan), right[:5]):
        np.save(file, wrong)
        assert meaning.known(workspace, kept, "a ball") is None
    file.write_bytes(b"x")
    np.testing.assert_allclose(meaning.vector(workspace, kept, "a ball"), right)


def test_other_weights_than_those_of_the_pictures_are_refused(scenes):
    workspace, pool = scenes
    kept = Roles.of(workspace, pool).features["image"]
    whole = (kept.folder / "meta.json").read_bytes()
    rewritten(kept.folder / "meta.json", facts={**kept.meta["facts"], "weights_sha256": "0" * 64})
    try:
        with pytest.raises(BadRequest, match="The weights of scenes-small are others than those of"):
            found.find(workspace, pool, Asked(image_text="a house"))
    finally:
        (kept.folder / "meta.json").write_bytes(whole)


def test_of_brought_vectors_the_model_is_not_known(workspace, photos, rng):
    pool = add_pool(workspace, "brought", str(photos), "images")
    vectors = clustered(rng, pool.n, 8, 3)
    keep_imported(workspace, pool, "image", vectors, np.arange(pool.n), [], "i.npz", Progress())
    with pytest.raises(
        BadRequest, match="The picture vectors of brought were brought, and which model reads texts into"
    ):
        found.find(workspace, pool, Asked(image_text="a dress"))
    assert found.find(workspace, pool, Asked(similar=str(pool.ids[0]), many=3)).feature  # they say what is alike


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (" \n ", "Say what the picture shows, such as a red dress."),
        ("a" * 1001, "The text has 1,001 characters; it may have at most 1,000."),
        ("a\0b", "holds a character that is no text"),
        ("\ud800", "holds a character that is no text"),
    ],
)
def test_a_wrong_text_is_one_line(text, said):
    with pytest.raises(BadRequest, match=said):
        meaning.checked(text)


def test_the_demos_model_says_that_it_knows_nothing_else(workspace, photos):
    pool = add_pool(workspace, "own", str(photos), "images")
    compute_feature(workspace, pool, ClipImage(device="cpu"))
    answer = found.find(workspace, pool, Asked(image_text="a dress", many=2))
    assert answer.notes == (meaning.DEMO_ONLY,)
    assert len(answer.rows) == 2
