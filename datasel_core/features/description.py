"""How features are told apart: with which settings they were made, when, and which is taken where nobody names one."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from datasel_core.base import registry
from datasel_core.features.space import encoder_of
from datasel_core.features.stored import StoredFeature, about_feature
from datasel_core.workspace.layout import without_home

_ALWAYS = ("model",)
"""Settings that are said although they are the default."""


def settings(kept: StoredFeature) -> str:
    """`model ViT-B-32, pretrained openai`: the model, and what else is not as by default; of vectors that were brought
    their file and what made them. May be empty.
    """
    if kept.id == "imported":
        named = encoder_of(kept)
        return f"from {kept.meta['params'].get('file', 'a file')}" + (f", made by {named}" if named else "")
    cls = registry.every("feature").get(kept.id)
    usual = {name: field.default for name, field in cls.model_fields.items()} if cls else {}
    own = {
        name: value
        for name, value in without_home(kept.meta["params"]).items()
        if name in _ALWAYS or name not in usual or usual[name] != value
    }
    return ", ".join(f"{name} {'none' if value is None else value}" for name, value in own.items())


def made(kept: StoredFeature) -> str:
    """`2026-05-01 09:30 UTC`."""
    return f"{kept.meta['created'][:16].replace('T', ' ')} UTC"


def described(kept: StoredFeature) -> str:
    """All of it: `clip_image, model ViT-B-32, 2026-05-01 09:30 UTC, key 5ce5273d8c2c5a46`."""
    return ", ".join(part for part in (kept.id, settings(kept), made(kept), f"key {kept.key}") if part)


def told_apart(kept: Sequence[StoredFeature]) -> dict[str, str]:
    """Key -> id, or where it was brought from, with as much of settings, date and key as tells it from others of its
    role.
    """
    names = {one.key: settings(one) if one.id == "imported" else one.id for one in kept}
    for part in (settings, made, lambda one: f"key {one.key}"):
        often = Counter((one.role, names[one.key]) for one in kept)
        for one in kept:
            if often[one.role, names[one.key]] > 1 and (more := part(one)) not in ("", names[one.key]):
                names[one.key] += f", {more}"
    return names


def taken(kept: Sequence[StoredFeature]) -> dict[str, StoredFeature]:
    """Role -> the feature that fills it where nobody names one: the newest. kept: oldest first."""
    return {one.role: one for one in kept}


def about_features(kept: Sequence[StoredFeature]) -> list[dict[str, Any]]:
    """What is said of the features of a pool, as plain data; which are taken, too. kept: oldest first."""
    newest = taken(kept)
    return [{**about_feature(one), "taken": newest[one.role] is one} for one in kept]


def choice(kept: Sequence[StoredFeature], role: str, key: str) -> str:
    """Of the feature with this key that fills a role, where the pool has others of that role: which it is, and the
    option that takes another. Empty where it has no others. kept: oldest first.
    """
    own = [one for one in kept if one.role == role]
    others = [one for one in own if one.key != key]
    if not others:
        return ""
    which = "the newest" if own[-1].key == key else "not the newest"
    return f"{which} of {len(own)}; another: --use {role}={others[-1].key}"
