"""What a feature that is there is good for next, as one button; none where nothing takes it."""

from typing import Any

from datasel_core.base.role import IMAGE, TEXT
from datasel_core.features.encoders.loss_trajectory import LOSS_TRAJECTORY
from datasel_core.features.likely import has_vectors
from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool
from pages._ui.data import first_map
from pages._ui.kit import disk
from pages._ui.kit.onward import onward
from pages._ui.question import methods


def button(pool: Pool, kept: StoredFeature, *, leads: bool) -> None:
    """Opens the page that shows or takes it. leads: whether it is what was made last."""
    found = _next(pool, kept)
    if found is not None:
        label, page, at = found
        onward(label, page, key=f"feature-{kept.key}", leads=leads, **at)


def _next(pool: Pool, kept: StoredFeature) -> tuple[str, str, dict[str, Any]] | None:
    there = {one.role for one in disk.features(pool)}
    if kept.role == LOSS_TRAJECTORY.name and disk.suits(pool, "trajectories"):
        return "See the trajectories", "pages/trajectories.py", {}
    if kept.role in (IMAGE.name, TEXT.name) and {IMAGE.name, TEXT.name} <= there:
        return "See which belong together", "pages/image_text.py", {}
    if first_map.can_map(pool) and (kept.meta["shape"] == "ragged" or has_vectors(kept)):
        return "Open the map", "pages/patterns.py", first_map.to(pool, kept)
    at = _choosing(pool, kept)
    return None if at is None else ("Choose with it", "pages/select.py", at)


def _choosing(pool: Pool, kept: StoredFeature) -> dict[str, Any] | None:
    """The method that goes by it, as what Select keeps; None where there is none that can be used."""
    ready = methods.ready(pool)
    for one in ready.values():
        if kept.role in one.needs:
            return {"method": one.id}
    for one in ready.values():
        if one.needs_one_of and kept.role in methods.roles_of_shape(pool, one.needs_one_of):
            return {"method": one.id, f"form.method.{one.id}.role": kept.role}
    return None
