"""Whether a selection is as it was written, and what of it is no longer what its manifest names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasel_core.base.progress import Progress
from datasel_core.exports import record
from datasel_core.pools.changed import Changes, changes
from datasel_core.runs import manifest
from datasel_core.runs.question import asks_otherwise
from datasel_core.runs.reproduction import changed_features
from datasel_core.workspace.layout import Workspace


@dataclass(frozen=True)
class Verdict:
    """said: by the manifest. problems: what is wrong, a line each. notes: what else is to be known of a selection that
    is intact: features that it cannot be run again without, photos that nobody could look at.
    """

    said: Mapping[str, Any]
    problems: Sequence[str]
    notes: Sequence[str] = ()


def verify(workspace: Workspace, folder: Path, progress: Progress) -> Verdict:
    """Looks at every byte of a selection, of what was exported with it, at spec.json beside it, at its photos and
    features here. folder: of the selection, or of a record, as `catalog.places` finds it. Raises BadInput when
    there is no manifest that can be read.
    """
    said = manifest.whole(folder)
    problems = [*manifest.problems(folder), *record.problems(folder)]
    if not problems and (other := asks_otherwise(folder, said)):
        problems = [other]
    if problems:
        return Verdict(said, problems)
    found = [changes(workspace, said["pool"], manifest.kept_table(folder), progress)]
    if said["target"]:
        found.append(changes(workspace, said["target"], None, progress))
    lines = [line for one in found for line in one.lines()]
    notes = [note for one in found for note in _not_looked_at(one)]
    return Verdict(said, lines, [*notes, *changed_features(workspace, said)])


def _not_looked_at(changed: Changes) -> list[str]:
    said = [f"Not looked at: {changed.unknown}"] if changed.unknown else []
    if not changed.away:
        return said
    id, why = changed.away[0]
    return [*said, f"Not looked at: {len(changed.away):,} photos of the pool ({id}: {why})."]
