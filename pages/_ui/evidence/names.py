"""What methods of a table are called on these pages: titles and words in place of ids, names of parameters and keys."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from datasel_core.base import registry
from datasel_core.evidence.tables import paper
from datasel_core.features.description import told_apart
from datasel_core.features.stored import StoredFeature
from pages._ui.kit import look

_USE = "use."


class Names:
    """features: of the pool, of which methods name some by their keys."""

    def __init__(self, features: Sequence[StoredFeature]) -> None:
        self._titles = {id: known.title.split(",")[0] for id, known in registry.every("feature").items()}
        self._features = {one.key: self._feature(one, features) for one in features}

    def _feature(self, kept: StoredFeature, features: Sequence[StoredFeature]) -> str:
        """Its title, and settings in which it differs from others of that title."""
        known = registry.every("feature").get(kept.id)
        if known is None:
            return told_apart(features)[kept.key]
        others = [one.meta["params"] for one in features if one.id == kept.id]
        usual = {name: field.default for name, field in known.model_fields.items()}
        mine = usual | kept.meta["params"]
        differ = [name for name, value in mine.items() if any((usual | one).get(name) != value for one in others)]
        said = [": ".join(look.parameter(known, name, mine[name])) for name in differ]
        return self._titles[kept.id] + (f" ({', '.join(said)})" if said else "")

    def of(self, one: Mapping[str, Any]) -> str:
        """`k-center greedy`, `FreeSel, sampler: always the farthest`, `Nearest to the target, by TF-IDF`; the control
        by its name. one: a cell of the table.
        """
        if one["control"]:
            return f"{paper.CONTROL} (control)"
        id, *params = one["method"].split(":")
        known = registry.every("method").get(id)
        given = dict(param.split("=", 1) for param in params)
        used = {name.removeprefix(_USE): key for name, key in given.items() if name.startswith(_USE)}
        own = [
            ": ".join(look.parameter(known, name, value.replace("_", " ") if name == "role" else value))
            for name, value in given.items()
            if not name.startswith(_USE) and not (name == "role" and value in used)
        ]
        by = [f"by {self._features.get(key, key)}" for key in used.values()]
        return ", ".join([known.title if known else id, *own, *by])

    def line(self, line: str, cells: Sequence[Mapping[str, Any]]) -> str:
        """A line of the command line, with methods called as on these pages."""
        named = {one["method"]: one for one in cells if not one["control"]}
        if not named:
            return line
        longest_first = sorted(named, key=len, reverse=True)
        which = "|".join(re.escape(name) for name in longest_first)
        line = re.sub(rf"(?<![\w:])(?:{which})(?![\w:])", lambda found: self.of(named[found[0]]), line)
        return re.sub(r"\b[a-z]+_\w+\b", lambda found: self._titles.get(found[0], found[0]), line)
