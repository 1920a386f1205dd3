"""Folders of `.npz` episodes (V-D4RL, DrQ-v2, DreamerV3) and folders of pictures, one clip each."""

import posixpath
from typing import NamedTuple

from backend.data.containers import MAX_MEMBERS, VideoError, is_picture, natural
from backend.data.decode.npz import rehearse_npz
from backend.data.decode.zip import clips_of
from backend.data.episode import Episode, lengths_of, parse_episodes
from backend.data.formats.columns import ColumnReader, Roles, Stretch
from backend.data.formats.names import NPZ, PICTURES
from backend.data.formats.protocol import Family, Look, check_length, refused
from backend.data.formats.stable_folder import FilesColumn
from backend.data.formats.tree import Tree, parent

_MAX_BYTES = 2**30  # of one npz


class _Place(NamedTuple):
    name: str
    number: int
    frames: int


class NpzReader:
    """The npz files of a tree in the order of their names; each holds one episode or several on end."""

    format = NPZ

    def __init__(self, tree: Tree, look: Look) -> None:
        self._tree, self._look = tree, look
        self._places: list[_Place] = []
        for name in sorted((name for name in tree.files if name.lower().endswith(".npz")), key=natural):
            if tree.files[name] > _MAX_BYTES:
                raise refused(f"{name[:80]!r} has {tree.files[name]:,} bytes; at most {_MAX_BYTES:,} are read")
            with tree.open(name) as file:
                self._places += [_Place(name, n, frames) for n, frames in enumerate(lengths_of(file, name))]

    @property
    def lengths(self) -> tuple[int, ...]:
        """The frames of each episode."""
        return tuple(place.frames for place in self._places)

    def read(self, n: int) -> Episode:
        """Episode n."""
        place = self._places[n]
        with self._tree.open(place.name) as file:
            found = parse_episodes(file, self._look.crop)
        for text in found.notes:
            self._look.said.note(text)
        for text in found.warnings:
            self._look.said.warn(text)
        return found.episodes[place.number]


def _npz_roots(tree: Tree) -> list[str]:
    """The deepest folder that all of them lie in: what lies beside it is another data set."""
    folders = {parent(name) for name in tree.files if name.lower().endswith(".npz")}
    return [posixpath.commonpath(folders)] if folders else []


def _open_npz(tree: Tree, _root: str, look: Look, _format: str | None) -> NpzReader:
    return NpzReader(tree, look)


def _picture_roots(tree: Tree) -> list[str]:
    return [""] if any(is_picture(name) for name in tree.files) else []


def _open_pictures(tree: Tree, _root: str, look: Look, _format: str | None) -> ColumnReader:
    """A clip for each folder, or for each name that is numbered, in the order of the numbers."""
    clips = list(clips_of([name for name in tree.files if is_picture(name)]).values())
    if len(clips) > MAX_MEMBERS:
        raise VideoError(
            "too_large", f"there are {len(clips):,} clips; at most {MAX_MEMBERS:,} are read", "Import a part."
        )
    columns = [FilesColumn(tree, tuple(names)) for names in clips]
    for names in clips:
        check_length(len(names), f"the clip {names[0][:80]!r}")
    look.said.note("pictures have no actions and no rewards")

    def stretch(n: int) -> Stretch:
        return Stretch({"pictures": columns[n]}, 0, len(clips[n]))

    return ColumnReader(PICTURES, [len(names) for names in clips], stretch, Roles("pictures"), look)


NPZ_FOLDER = Family((NPZ,), _npz_roots, rehearse_npz, _open_npz)
PICTURE_FOLDER = Family((PICTURES,), _picture_roots, lambda: None, _open_pictures)
