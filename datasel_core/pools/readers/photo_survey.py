"""The sub-folders of a folder of photos, for a person who chooses among them before it is read: a few pictures of each
are looked at.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from datasel_core.pools.media import formats, masks, pictures
from datasel_core.pools.readers.photo_folder import HERE
from datasel_core.pools.readers.walk import walk
from datasel_core.workspace.layout import Workspace

_MOST_FOLDERS = 24
"""More than these are told by the folders that they lie in."""
_LOOKED_AT = 3
_PARTNERS = 2


@dataclass(frozen=True)
class SubFolder:
    """name: as `leave_out` takes it. n: photos, by their endings. example: one that may be read. masks: whether they
    look like label masks, guessed from a few.
    """

    name: str
    n: int
    example: Path | None
    masks: bool


def survey(source: Path, workspace: Workspace) -> list[SubFolder]:
    """The sub-folders that hold photos, by name; each photo is in one of them."""
    walked = walk(source, workspace)
    names = [name for name in walked.names if formats.has_photo_suffix(name)]
    groups = defaultdict(list)
    for name, folder in zip(names, folders_of(names), strict=True):
        groups[folder].append(name)
    roots = workspace.roots()

    def path_of(name: str) -> Path | None:
        real = pictures.real_path(workspace, source, name, roots) if name in walked.links else source / name
        return None if isinstance(real, str) else real

    looked = {folder: _spread(members) for folder, members in groups.items()}
    seen = {one.name: one for one in _seen([name for some in looked.values() for name in some], path_of)}
    are_masks = _masks(looked, seen, _seen(_partners(seen.values(), names), path_of))
    return [
        SubFolder(folder, len(members), _example(looked[folder], seen, path_of), folder in are_masks)
        for folder, members in sorted(groups.items())
    ]


def _example(some: Sequence[str], seen: Collection[str], path_of: Callable[[str], Path | None]) -> Path | None:
    """One that can be opened, from the middle if possible."""
    middle = sorted(some, key=lambda name: name != some[len(some) // 2])
    return next((path_of(name) for name in middle if name in seen), None)


def folders_of(names: Sequence[str]) -> list[str]:
    """(n,) the sub-folder that each file is told by: its own, or where these are too many one above it."""
    parts = [PurePosixPath(name).parts[:-1] for name in names]
    deepest = max(map(len, parts), default=0)
    depth = next((d for d in range(deepest, 1, -1) if len({one[:d] for one in parts}) <= _MOST_FOLDERS), 1)
    short = [one[:depth] for one in parts]
    above = {one[:at] for one in set(short) for at in range(len(one))}
    own = {one: "/".join((*one, HERE) if one in above else one) or HERE for one in set(short)}
    return [own[one] for one in short]


def _masks(
    looked: Mapping[str, Sequence[str]], seen: Mapping[str, masks.Seen], partners: Sequence[masks.Seen]
) -> set[str]:
    """The sub-folders most of whose pictures that were looked at are masks."""
    everything = {**seen, **{one.name: one for one in partners}}
    flags = dict(zip(everything, masks.masks_among(list(everything.values())), strict=True))
    votes = {folder: Counter(flags[name] for name in some if name in flags) for folder, some in looked.items()}
    return {folder for folder, vote in votes.items() if vote[True] > vote[False]}


def _spread(members: Sequence[str]) -> list[str]:
    """The first, the last and what lies evenly between."""
    last = len(members) - 1
    return [members[at] for at in sorted({round(last * step / (_LOOKED_AT - 1)) for step in range(_LOOKED_AT)})]


def _seen(names: Iterable[str], path_of: Callable[[str], Path | None]) -> list[masks.Seen]:
    looks = {}
    for name in names:
        path = path_of(name)
        look = "" if path is None else pictures.look_at(path, mask_name=name)
        if not isinstance(look, str):
            looks[name] = look
    return [masks.Seen(name, look.width, look.height, look.grey, look.sign) for name, look in looks.items()]


def _partners(seen: Iterable[masks.Seen], names: Sequence[str]) -> list[str]:
    """Files called as those that may be masks: their photographs, perhaps."""
    drawn = {PurePosixPath(one.name).stem: one.name for one in seen if one.sign}
    found = defaultdict(list)
    for name in names if drawn else ():
        if (stem := PurePosixPath(name).stem) in drawn and name != drawn[stem] and len(found[stem]) < _PARTNERS:
            found[stem].append(name)
    return [name for some in found.values() for name in some]
