"""Text to image: what somebody writes is encoded as captions are, by the model that encoded the pool's pictures.

A query is encoded once; its vector stays in the workspace, where it may be deleted at any time.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.base.role import IMAGE
from datasel_core.base.trouble import in_words
from datasel_core.errors import BadInput, BadRequest
from datasel_core.features.encoders.clip import ClipImage, ClipText
from datasel_core.features.feature import Source
from datasel_core.features.likely import is_demo
from datasel_core.features.roles import Roles, how_to_get
from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool
from datasel_core.workspace.arrays import load_array, save_array
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace

LONGEST = 1000
DEMO_ONLY = (
    "The model that comes with datasel read these pictures: it knows the demo's drawn scenes alone, and no words for "
    "anything else. Compute them by a real CLIP model, under Features on the Data page."
)
_SAME = ("model", "pretrained", "precision")
_FILE = "vector.npy"


def why_not(pool: Pool, roles: Roles) -> str | None:
    """Why pictures cannot be found by what a text says, and what is to be done; None where they can."""
    kept = roles.features.get(IMAGE.name)
    if kept is None:
        can = "image" in pool.opens
        how = how_to_get(pool, IMAGE.name) if can else "It has no pictures: look for words, or for what is similar."
        return f"{pool.name} has no vectors of its pictures that a text could be compared with. {how}"
    if kept.id != ClipImage.id:
        return (
            f"The picture vectors of {pool.name} were brought, and which model reads texts into their space is not "
            "known: look for words, or for what is similar."
        )
    return None


def source(pool: Pool, roles: Roles) -> StoredFeature:
    """The feature whose pictures are looked through. Raises BadRequest."""
    if said := why_not(pool, roles):
        raise BadRequest(said)
    return roles.features[IMAGE.name]


def caveat(pool: Pool, kept: StoredFeature) -> str | None:
    """What is to be known of the model before anything is made of what it finds."""
    shipped = kept.meta["params"].get("model") == ClipImage.model_fields["model"].default
    return DEMO_ONLY if shipped and not is_demo(pool) else None


def encoder(kept: StoredFeature) -> ClipText:
    """The text side of the model that made a feature: same model, weights and precision."""
    params: Mapping[str, Any] = kept.meta["params"]
    return ClipText(**{name: params[name] for name in _SAME if name in params})


def known(workspace: Workspace, kept: StoredFeature, text: str) -> np.ndarray | None:
    """(d,) float32, where this was asked before."""
    try:
        vector = load_array(_folder(workspace, kept, checked(text)) / _FILE)
    except (OSError, ValueError, BadInput):
        return None
    return np.array(vector) if vector.shape == (kept.meta["values"][1],) and np.isfinite(vector).all() else None


def vector(workspace: Workspace, kept: StoredFeature, text: str, progress: Progress | None = None) -> np.ndarray:
    """(d,) float32 of length 1: what a text says, in the space of the pictures. Raises BadRequest where the model is
    no longer the one that made them.
    """
    if (there := known(workspace, kept, text)) is not None:
        return there
    (progress or Progress()).check()
    side = encoder(kept)
    for file in side.files():
        workspace.allowed(file)
    with in_words("The text could not be encoded", "Compute the picture vectors again.", "Close other programs."):
        found = side.encode([checked(text)])[0]
        now = side.describe(Source(0))["weights_sha256"]
    if now != kept.meta["facts"].get("weights_sha256"):
        raise BadRequest(f"The weights of {kept.meta['params'].get('model')} are others than those of {kept.key}.")
    save_array(_folder(workspace, kept, checked(text)) / _FILE, found)
    return found


def checked(text: str) -> str:
    """Raises BadRequest for nothing, for too much, and for what is no text."""
    plain = " ".join(text.split())
    if not plain:
        raise BadRequest("Say what the picture shows, such as a red dress.")
    if len(plain) > LONGEST:
        raise BadRequest(f"The text has {len(plain):,} characters; it may have at most {LONGEST:,}.")
    if "\0" in plain or not plain.isprintable():
        raise BadRequest("What is looked for holds a character that is no text; leave it out.")
    return plain


def _folder(workspace: Workspace, kept: StoredFeature, text: str) -> Path:
    asked = {"query": 1, "encoder": encoder(kept).what(), "weights": kept.meta["facts"].get("weights_sha256")}
    return workspace.query(key_of({**asked, "text": text}))
