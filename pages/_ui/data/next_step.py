"""What a feature that is there is good for next, as one button."""

from typing import Any

from datasel_core.base.role import IMAGE, TEXT
from datasel_core.features.encoders.loss_trajectory import LOSS_TRAJECTORY
from datasel_core.features.likely import has_vectors
from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool
from pages._ui.data import first_map
from pages._ui.kit import disk
from pages._ui.kit.onward import onward


def button(pool: Pool, kept: StoredFeature, *, leads: bool) -> None:
    """Opens the page that shows or takes it. leads: whether it is what was made last."""
    label, page, at = _next(pool, kept)
    onward(label, page, key=f"feature-{kept.key}", leads=leads, **at)


def _next(pool: Pool, kept: StoredFeature) -> tuple[str, str, dict[str, Any]]:
    there = {one.role for one in disk.features(pool)}
    if kept.role == LOSS_TRAJECTORY.name and disk.suits(pool, "trajectories"):
        return "See the trajectories", "pages/trajectories.py", {}
    if kept.role in (IMAGE.name, TEXT.name) and {IMAGE.name, TEXT.name} <= there:
        return "See which belong together", "pages/image_text.py", {}
    if first_map.can_map(pool) and (kept.meta["shape"] == "ragged" or has_vectors(kept)):
        return "Open the map", "pages/patterns.py", first_map.to(pool, kept)
    return "Choose with it", "pages/select.py", {}
