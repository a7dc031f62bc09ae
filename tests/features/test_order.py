"""The newest feature of a role is the one that was made last, whatever the clock said when it was made."""

import threading

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.features import order, stored
from datasel_core.features.computation import compute_feature, declared_feature
from datasel_core.features.external import keep_imported
from datasel_core.features.roles import Roles
from datasel_core.features.stored import kept_features, load
from datasel_core.workspace.files import write_json
from pages._ui.kit import disk
from tests.conftest import clustered

THEN, NOW, LATER = "1999-01-01T00:00:00.000000Z", "2024-05-05T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z"


@pytest.fixture
def pool(workspace, tmp_path, rng):
    """Vectors that brought no feature for the role `things`."""
    np.savez(tmp_path / "v.npz", ids=[f"s{at}" for at in range(8)], embedding=clustered(rng, 8, 4, 2))
    return add_pool(workspace, "p", str(tmp_path / "v.npz"), "vectors")


@pytest.fixture
def bring(workspace, pool, rng, monkeypatch):
    """Brings vectors for the role `things` while the clock says this."""

    def one(clock, values=None):
        monkeypatch.setattr(stored, "_now", lambda: clock)
        values = clustered(rng, 8, 4, 2) if values is None else values
        return keep_imported(workspace, pool, "things", values, np.arange(8), [], "e.npz", Progress())

    return one


def newest(workspace, pool):
    """By every way in which the newest is looked up."""
    mine = [one for one in kept_features(workspace, pool.fingerprint) if one.role == "things"]
    shown = [one for one in disk.features(pool) if one.role == "things"]
    assert [one.key for one in mine] == [one.key for one in shown]
    assert Roles.of(workspace, pool).features["things"].key == mine[-1].key
    return mine[-1].key


@pytest.mark.parametrize("clocks", [(NOW, THEN, LATER), (LATER, NOW, THEN), (LATER, LATER, THEN), (THEN, LATER, NOW)])
def test_the_last_that_was_made_is_the_newest_wherever_the_clock_was_set(workspace, pool, bring, clocks):
    for clock in clocks:
        assert newest_after(workspace, pool, bring(clock))


def newest_after(workspace, pool, kept):
    return newest(workspace, pool) == kept.key


def test_brought_again_it_is_the_newest_again(workspace, pool, bring, rng):
    values = clustered(rng, 8, 4, 2)
    first, second = bring(LATER, values), bring(NOW)
    assert newest_after(workspace, pool, second)
    again = bring(THEN, values)
    assert again.key == first.key
    assert newest_after(workspace, pool, again)


def aged(kept, created, number=None):
    """As if it had been kept then; without a number, by an older version."""
    meta = {name: value for name, value in kept.meta.items() if name != "order"}
    write_json(kept.folder / "meta.json", {**meta, "created": created, **({} if number is None else {"order": number})})


def test_older_features_come_first_by_their_time(workspace, pool, bring):
    one, two, three = bring(NOW), bring(NOW), bring(NOW)
    aged(one, LATER)
    aged(two, THEN)
    mine = [kept.key for kept in kept_features(workspace, pool.fingerprint) if kept.role == "things"]
    assert mine == [two.key, one.key, three.key]
    assert newest_after(workspace, pool, bring(THEN))


def test_the_number_is_above_all_that_are_there_be_they_of_other_pools_or_copied(workspace, pool, bring):
    one = bring(NOW)
    aged(one, NOW, 4000)
    damaged = workspace.feature("damaged")
    damaged.mkdir()
    for text in ("{", "[]", '{"order": "many"}'):
        (damaged / "meta.json").write_text(text)
        two = bring(NOW)
        assert two.meta["order"] > 4000
        assert newest_after(workspace, pool, two)


def test_no_two_that_are_finished_at_once_get_one_number(workspace, monkeypatch):
    folders = [workspace.feature(f"f{at}") for at in range(8)]
    for folder in folders:
        folder.mkdir(parents=True)

    def finish(folder):
        with order.next_order(folder) as number:
            write_json(folder / "meta.json", {"order": number})

    threads = [threading.Thread(target=finish, args=(folder,)) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [order.age({**meta, "created": ""})[0] for meta in order._metas(workspace.feature("f0").parent)]
    assert sorted(found) == list(range(1, 9))


def test_what_follows_from_a_trajectory_that_was_brought_again_is_the_newest_too(workspace, pool, rng, monkeypatch):
    """Two trajectories, the first again; the clock is set back each time."""
    clocks = iter([LATER] * 30 + [NOW] * 30 + [THEN] * 60)
    monkeypatch.setattr(stored, "_now", lambda: next(clocks))
    from datasel_core.features.computation import compute_followers

    values = [np.abs(clustered(rng, 8, 5, 2)) for _ in range(2)]
    for array in (values[0], values[1], values[0]):
        kept = keep_imported(workspace, pool, "loss_trajectory", array, np.arange(8), [], "t.npz", Progress())
        compute_followers(workspace, pool, kept, Progress())
        np.testing.assert_allclose(Roles.of(workspace, pool).features["loss"].values(), array[:, -1], rtol=1e-5)


def test_a_number_changes_nothing_that_a_feature_is_known_by(workspace, photos):
    pool = add_pool(workspace, "photos", str(photos), "images")
    asked = declared_feature("dictionary_embedding", n_atoms=8, n_dims=4, cell_px=2)
    kept = compute_feature(workspace, pool, asked)
    aged(kept, THEN, 77)
    again = compute_feature(workspace, pool, asked)
    assert (again.key, again.meta["fingerprint"]) == (kept.key, kept.meta["fingerprint"])
    assert load(kept.folder).meta["order"] == 77  # it was there, and is not made anew
