"""Vectors of texts: by words learned from the pool, by a language model; and targets in the pool's space."""

import json
import shutil
import tracemalloc

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest, Failed, MissingFeature
from datasel_core.features import computation
from datasel_core.features.encoders.sentence_transformer import SentenceTransformer
from datasel_core.features.encoders.tfidf_svd import TfidfSvd
from datasel_core.features.external import keep_imported
from datasel_core.features.feature import Source
from datasel_core.features.models import sentence_weights
from datasel_core.features.roles import Roles
from datasel_core.methods.tsds import Tsds
from datasel_core.pools.persistence import load_pool
from datasel_core.runs.target import find_target, same_encoder
from tests.conftest import paint

TOPICS = [
    line.split()
    for line in (
        "cat dog paw fur tail whisker",
        "sum minus divide equation root integer",
        "flour oven sugar butter whisk",
    )
]


def texts(n: int, rng: np.random.Generator, topics: int = 3) -> list[str]:
    return [" ".join(rng.choice(TOPICS[at % topics], 12)) for at in range(n)]


def source(said: list[str]) -> Source:
    return Source(len(said), text=lambda row: [said[row]])


def encoded(feature: TfidfSvd, said: list[str], fitted=None) -> np.ndarray:
    fitted = feature.fit(source(said), Progress()) if fitted is None else fitted
    return np.concatenate([block.values for block in feature.blocks(source(said), np.arange(len(said)), fitted)])


def captioned(workspace, tmp_path, name: str, said: list[str]):
    rows = [
        {"id": f"{name}-{at}", "path": str(paint(tmp_path / name / f"{at}.jpg", at, (8, 8))), "caption": text}
        for at, text in enumerate(said)
    ]
    (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return add_pool(workspace, name, str(tmp_path / f"{name}.jsonl"), "pairs")


def test_topics_are_told_apart_and_vectors_have_length_one(rng):
    vectors = encoded(TfidfSvd(n_dims=8), texts(90, rng))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    likeness = vectors @ vectors.T
    same = np.arange(90)[:, None] % 3 == np.arange(90) % 3
    assert likeness[same].min() > likeness[~same].max()


@pytest.mark.parametrize("copies", [5, 40])
def test_copies_in_the_pool_do_not_decide_how_a_target_lies(copies, rng):
    """Thirty texts span thirty axes, however often each is there and in whatever order; the others would be noise."""
    words = np.array([f"word{at}" for at in range(700)])
    said = [" ".join(words[rng.random(700) < 0.05]) for _ in range(30)]
    target = [" ".join(words[rng.random(700) < 0.05]) for _ in range(6)]
    alike = []
    for pool in (said * copies, [text for text in said for _ in range(copies)]):
        vectors = encoded(TfidfSvd(), target, TfidfSvd().fit(source(pool), Progress()))
        assert vectors.shape[1] == 30
        alike.append(vectors @ vectors.T)
    np.testing.assert_allclose(alike[0], alike[1], atol=1e-5)


@pytest.mark.parametrize("n", [1, 2, 40, 700])
def test_it_is_the_same_every_time_and_whatever_the_batch(n, rng):
    said = texts(n, rng)
    one, other = encoded(TfidfSvd(n_dims=4, batch=7), said), encoded(TfidfSvd(n_dims=4), said)
    np.testing.assert_array_equal(one, other)
    assert one.shape[1] <= 4


def test_it_is_latent_semantic_analysis(rng):
    from sklearn.feature_extraction.text import TfidfVectorizer

    said = texts(60, rng)
    weighed = TfidfVectorizer(sublinear_tf=True).fit_transform(said).toarray()
    axes = np.linalg.svd(weighed, full_matrices=False)[2][:5]
    expected = weighed @ axes.T
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    found = encoded(TfidfSvd(n_dims=5), said)
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-5)


def test_words_nobody_knows_and_texts_without_words(rng):
    feature = TfidfSvd()
    fitted = feature.fit(source(texts(30, rng)), Progress())
    (block,) = feature.blocks(source(["zebra crossing", "cat", " "]), np.arange(3), fitted)
    assert block.rows.tolist() == [1]
    assert block.unreadable == [(0, "none of its words is known"), (2, "it has no text")]
    with pytest.raises(
        Failed, match="No words can be learned: none of 2 texts has a word of two letters or more: it has no text"
    ):
        feature.fit(source(["", "?"]), Progress())


def test_a_large_pool_is_read_in_passing(rng):
    """A hundred times the texts, hardly more memory: neither are they all learned from, nor are they in memory at
    once.
    """
    said = texts(300, rng)
    peaks = []
    for n in (300, 30_000):
        feature, endless = TfidfSvd(n_dims=4, fit_texts=300, batch=128), Source(n, text=lambda row: [said[row % 300]])
        tracemalloc.start()
        fitted = feature.fit(endless, Progress())
        assert sum(len(block.rows) for block in feature.blocks(endless, np.arange(n), fitted)) == n
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0] + 2**20


def test_a_target_is_placed_in_the_space_of_the_pool(workspace, tmp_path, rng, capsys):
    pool, task = (
        captioned(workspace, tmp_path, "pool", texts(60, rng)),
        captioned(workspace, tmp_path, "task", texts(6, rng, 1)),
    )
    ours = computation.compute_feature(workspace, pool, TfidfSvd(n_dims=6))
    roles = Roles.of(workspace, pool, {}, ("embedding",))
    with pytest.raises(
        MissingFeature, match=f"Compute one in the space of the pool: .*compute task tfidf_svd .*--set like={ours.key}"
    ):
        find_target(workspace, Tsds(), roles, "task", {})
    alone = computation.compute_feature(workspace, task, TfidfSvd(n_dims=6))
    assert alone.meta["facts"]["space"] != ours.meta["facts"]["space"]
    with pytest.raises(MissingFeature, match=f"from another encoder .*--set like={ours.key}") as error:
        find_target(workspace, Tsds(), roles, "task", {})
    assert main(str(error.value).split("datasel_core ")[1].split()) == 0  # the command it names works
    target = find_target(workspace, Tsds(), roles, "task", {})
    assert target.roles.features["embedding"].meta["facts"]["space"] == ours.meta["facts"]["space"]
    expected = encoded(
        TfidfSvd(),
        [pool_text for row in range(6) for pool_text in task.text(row)],
        dict(np.load(ours.folder / "fitted.npz")),
    )
    np.testing.assert_array_equal(target.arrays()["embedding"], expected)
    assert (
        main(
            [
                "select",
                "pool",
                "tsds",
                "--target",
                "task",
                "--budget",
                "2",
                "--set",
                "max_k=6",
                "--out",
                str(tmp_path / "kept"),
            ]
        )
        == 0
    )
    kept = json.loads((tmp_path / "kept" / "manifest.json").read_text())
    assert kept["target"]["features"]["embedding"]["params"]["like"] == ours.key
    assert main(["reproduce", str(tmp_path / "kept")]) == 0
    capsys.readouterr()
    id, params = same_encoder(target.roles.features["embedding"])  # a pool may be placed in a space at second hand
    third = computation.compute_feature(
        workspace, captioned(workspace, tmp_path, "more", texts(4, rng)), computation.declared_feature(id, **params)
    )
    assert third.meta["facts"]["space"] == ours.meta["facts"]["space"]


def test_a_space_that_is_not_there_or_of_other_parameters_is_refused(workspace, tmp_path, rng):
    pool = captioned(workspace, tmp_path, "pool", texts(30, rng))
    ours = computation.compute_feature(workspace, pool, TfidfSvd(n_dims=6))
    with pytest.raises(BadRequest, match="like is 0123456789abcdef; there is no finished feature with that key"):
        computation.feature_key(workspace, pool, TfidfSvd(like="0123456789abcdef"))
    with pytest.raises(
        BadRequest, match=f"like is {ours.key}, which is tfidf_svd with other parameters; take the same: n_dims=6"
    ):
        computation.feature_key(workspace, pool, TfidfSvd(like=ours.key))


def test_losses_are_not_compared_with_the_vectors_of_a_target(workspace, tmp_path, rng):
    for name, role in (("pool", "loss_trajectory"), ("task", "embedding")):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps({"text": f"{name} {at}"}) + "\n" for at in range(9)))
        mine = add_pool(workspace, name, str(tmp_path / f"{name}.jsonl"), "text")
        keep_imported(
            workspace, mine, role, rng.random((9, 4), dtype=np.float32), np.arange(9), [], "v.npz", Progress()
        )
    roles = Roles.of(workspace, load_pool(workspace, "pool"), {"embedding": "loss_trajectory"}, ("embedding",))
    with pytest.raises(
        BadRequest,
        match=(
            r"loss_trajectory fills the role embedding of pool; that cannot be compared with a target: --use "
            r"embedding=FEATURE"
        ),
    ):
        find_target(workspace, Tsds(), roles, "task", {})


def test_what_learns_nowhere_else_keeps_its_key():
    assert "like" not in TfidfSvd().what()["params"]
    assert TfidfSvd(like="abc").what()["params"]["like"] == "abc"


def words_tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(word for topic in TOPICS for word in topic)]
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer, len(words)


@pytest.fixture(scope="module")
def static_model(tmp_path_factory):
    """A model of one table, in a folder."""
    from sentence_transformers import SentenceTransformer as Model
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    tokenizer, n = words_tokenizer()
    weights = np.random.default_rng(0).standard_normal((n, 12)).astype(np.float32)
    folder = tmp_path_factory.mktemp("models") / "static"
    Model(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)]).save(str(folder))
    return folder, weights


@pytest.fixture(scope="module")
def small_transformer(tmp_path_factory):
    """A transformer with random weights, in a folder."""
    import torch
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    tokenizer, n = words_tokenizer()
    folder = tmp_path_factory.mktemp("models") / "bert"
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=n,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)
    return folder


def test_a_static_model_gives_the_mean_of_its_words(static_model, rng):
    folder, weights = static_model
    said = texts(20, rng)
    vectors = encoded(SentenceTransformer(model=str(folder)), said, {})
    of = {word: weights[4 + at] for at, word in enumerate(word for topic in TOPICS for word in topic)}
    expected = np.array([np.mean([of[word] for word in text.split()], axis=0) for text in said])
    np.testing.assert_allclose(vectors, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-5)


def test_a_transformer_from_a_folder(small_transformer, workspace, tmp_path, rng):
    said = texts(9, rng)
    feature = SentenceTransformer(model=str(small_transformer), batch=4)
    vectors = encoded(feature, said, {})
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(vectors, encoded(SentenceTransformer(model=str(small_transformer)), said, {}), atol=1e-5)
    folder = shutil.copytree(small_transformer, tmp_path / "bert")
    for name in ("pool", "task"):
        pool = captioned(workspace, tmp_path, name, said)
        kept = computation.compute_feature(workspace, pool, SentenceTransformer(model=str(folder)))
    assert kept.meta["facts"]["dims"] == 16
    pool = load_pool(workspace, "pool")
    assert find_target(workspace, Tsds(), Roles.of(workspace, pool, {}, ("embedding",)), "task", {}) is not None
    before = feature.depends()
    (folder / "config.json").write_text((folder / "config.json").read_text() + "\n")
    assert SentenceTransformer(model=str(folder)).depends() != before


def test_models_that_could_run_code_are_refused(static_model, small_transformer, tmp_path):
    def asked(folder):
        return pytest.raises(BadInput), SentenceTransformer(model=str(folder))

    pickled = shutil.copytree(small_transformer, tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    foreign = shutil.copytree(static_model[0], tmp_path / "foreign")
    modules = json.loads((foreign / "modules.json").read_text())
    (foreign / "modules.json").write_text(json.dumps([{**modules[0], "type": "os.path.Mine"}]))
    remote = shutil.copytree(small_transformer, tmp_path / "remote")
    config = json.loads((remote / "config.json").read_text())
    (remote / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "mine.Model"}}))
    bare = shutil.copytree(small_transformer, tmp_path / "bare")
    (bare / "model.safetensors").unlink()
    (tmp_path / "empty").mkdir()
    broken = shutil.copytree(small_transformer, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"no weights at all")
    for folder, message in (
        (
            pickled,
            "has weights in pytorch_model.bin, and loading that could run code; save the model anew, as safetensors.",
        ),
        (foreign, "wants to run code of its own (os.path.Mine), which datasel never does; take a model without."),
        (remote, "wants to run code of its own (config.json), which datasel never does; take a model without."),
        (bare, "has no weights: there is no .safetensors file in it."),
        (tmp_path / "empty", "holds no model of sentence-transformers: neither modules.json nor config.json."),
        (broken, "cannot be loaded as a model of sentence-transformers"),
        (tmp_path / "nowhere", "There is no folder"),
    ):
        refused, feature = asked(folder)
        with refused as error:
            encoded(feature, ["cat"], {})
        assert message in str(error.value)
        assert "\n" not in str(error.value)


def changed_weights(folder, change):
    from safetensors.torch import load_file, save_file

    save_file(change(load_file(folder / "model.safetensors")), folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("saved_as", ["transformer", "sentence transformer"])
def test_weights_that_are_not_the_models_are_refused(small_transformer, tmp_path, saved_as):
    """transformers would draw what is missing at random, drop layers that are too many, and only log it."""
    from sentence_transformers import SentenceTransformer as Model

    folder = tmp_path / "mine"
    if saved_as == "transformer":
        shutil.copytree(small_transformer, folder)
    else:
        Model(str(small_transformer), device="cpu").save(str(folder))
    config, weights = (folder / "config.json").read_text(), (folder / "model.safetensors").read_bytes()
    whole = encoded(SentenceTransformer(model=str(folder)), ["cat dog"], {})

    def refused(why):
        with pytest.raises(BadInput) as caught:
            encoded(SentenceTransformer(model=str(folder)), ["cat"], {})
        assert str(caught.value) == why.format(folder)
        (folder / "config.json").write_text(config)
        (folder / "model.safetensors").write_bytes(weights)

    first = "encoder.layer.{}.attention.output.LayerNorm.bias"
    (folder / "config.json").write_text(config.replace('"num_hidden_layers": 2', '"num_hidden_layers": 3'))
    refused("The weights of {} do not fit its config.json: " + first.format(2) + " is missing, and 15 more.")
    (folder / "config.json").write_text(config.replace('"num_hidden_layers": 2', '"num_hidden_layers": 1'))
    refused(
        "The weights of {} do not fit its config.json: the model has no place for " + first.format(1) + ", and 15 more."
    )
    changed_weights(folder, lambda state: {f"another.{name}": value for name, value in state.items()})
    refused("The weights of {} do not fit its config.json: embeddings.LayerNorm.bias is missing, and 36 more.")
    (folder / "config.json").write_text(config.replace('"intermediate_size": 32', '"intermediate_size": 64'))
    refused(
        "{} cannot be loaded as a model of sentence-transformers: "
        "its config.json gives other sizes than its weights have."
    )
    changed_weights(
        folder,
        lambda state: (
            {f"bert.{name}": value for name, value in state.items() if "pooler" not in name}
            | {"cls.bias": state["pooler.dense.bias"]}
        ),
    )  # as from a model that fills gaps: nobody looks at the pooler, nor at the head
    np.testing.assert_array_equal(encoded(SentenceTransformer(model=str(folder)), ["cat dog"], {}), whole)


@pytest.mark.parametrize("modules", ['{"type": "os.path.Mine"}', '["os.path.Mine"]', "1"])
def test_a_list_of_modules_that_is_none_is_refused(static_model, tmp_path, modules):
    odd = shutil.copytree(static_model[0], tmp_path / "odd")
    (odd / "modules.json").write_text(modules)
    with pytest.raises(BadInput, match="modules.json is damaged: it is no list of modules"):
        encoded(SentenceTransformer(model=str(odd)), ["cat"], {})


def test_without_a_network_it_says_so_in_one_line(monkeypatch):
    monkeypatch.setattr(sentence_weights, "hub_in_reach", lambda *_: False)
    with pytest.raises(
        Failed,
        match=(
            "The model nobody/nothing could not be downloaded: no network reaches the hub. Get it on a machine with a "
            "network"
        ),
    ):
        encoded(SentenceTransformer(model="nobody/nothing"), ["cat"], {})


def test_dictionary_embeddings_of_two_pools_need_one_space_too(workspace, tmp_path, photos):
    for name in ("one", "two"):
        shutil.copytree(photos, tmp_path / name)
        for at, path in enumerate(sorted((tmp_path / name).rglob("*.jpg"))):
            paint(path, at + 50 * (name == "two"))
        pool = add_pool(workspace, name, str(tmp_path / name), "images")
        computation.compute_feature(
            workspace, pool, computation.declared_feature("dictionary_embedding", n_atoms=8, n_dims=4, cell_px=2)
        )
    pool = load_pool(workspace, "one")
    roles = Roles.of(workspace, pool, {}, ("embedding",))
    with pytest.raises(MissingFeature, match="--set like="):
        find_target(workspace, Tsds(), roles, "two", {})
    id, params = same_encoder(roles.features["embedding"])
    computation.compute_feature(workspace, load_pool(workspace, "two"), computation.declared_feature(id, **params))
    assert find_target(workspace, Tsds(), roles, "two", {}).arrays()["embedding"].shape == (12, 4)
