"""stable-worldmodel as a folder: a `.npz` per column, pictures as files or as a film per episode."""

import re
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from backend.data.archive import HoldsObjects, read_arrays
from backend.data.decode.film import load_late
from backend.data.formats.columns import ArrayColumn, Column, ColumnReader, Stretch
from backend.data.formats.films import FilmColumn
from backend.data.formats.hdf5_files import check_borders, stable_borders, stable_roles
from backend.data.formats.names import STABLE
from backend.data.formats.protocol import Family, Look, refused
from backend.data.formats.tree import Tree, join, parent, under

_PICTURE = re.compile(r"(?P<column>.+)/ep_(?P<episode>\d+)_step_(?P<step>\d+)\.(?:jpe?g|png|webp)")
_FILM = re.compile(r"(?P<column>.+)/ep_(?P<episode>\d+)\.mp4")


@dataclass(frozen=True)
class FilesColumn:
    """One file per row, each an encoded picture."""

    tree: Tree
    names: tuple[str, ...]

    encoded = True
    dtype = np.dtype(object)

    @property
    def shape(self) -> tuple[int, ...]:
        """One picture per row."""
        return (len(self.names),)

    def rows(self, start: int, end: int) -> list[bytes]:
        """The bytes of pictures."""
        contents = []
        for name in self.names[start:end]:
            with self.tree.open(name) as file:
                contents.append(file.read())
        return contents


def roots(tree: Tree) -> list[str]:
    """The folders that hold ep_len.npz."""
    return [parent(name) for name in tree.files if name == "ep_len.npz" or name.endswith("/ep_len.npz")]


def open_stable_folder(tree: Tree, root: str, look: Look, _format: str | None) -> ColumnReader:
    """The data set in a folder. Raises VideoError."""
    arrays = _arrays(tree, root, look)
    starts, lengths = stable_borders(arrays)
    rows = max((column.shape[0] for name, column in arrays.items() if not name.startswith("ep_")), default=sum(lengths))
    check_borders(starts, lengths, rows)
    image, seen = _pictures(tree, root, look)

    def stretch(n: int) -> Stretch:
        end = starts[n] + lengths[n]
        columns: dict[str, Column] = {
            name: ArrayColumn(np.asarray(column.rows(starts[n], end)))
            for name, column in arrays.items()
            if column.shape[0] == rows and not name.startswith("ep_")
        }
        return Stretch({**columns, image: _column(tree, seen, n, lengths[n], look)}, 0, lengths[n])

    return ColumnReader(STABLE, lengths, stretch, stable_roles(stretch(0).columns, image, lengths[0]), look)


def _arrays(tree: Tree, root: str, look: Look) -> dict[str, Column]:
    arrays: dict[str, Column] = {}
    for name in under(tree, root):
        if not name.endswith(".npz") or parent(name) != root:
            continue
        column = name[len(join(root, "")) :].removesuffix(".npz") if root else name.removesuffix(".npz")
        try:
            with tree.open(name) as file:
                held: dict[str, Any] = dict(read_arrays(file))
        except HoldsObjects:
            look.said.warn(f"`{column}` holds Python objects and was left out")
            continue
        if len(held) != 1:
            raise refused(f"{name[:80]!r} holds {len(held)} arrays, not one")
        array = next(iter(held.values()))
        if array.ndim and array.dtype.kind in "fiub":
            arrays[column] = ArrayColumn(array)
    return arrays


_Files = dict[int, dict[int, str]]  # of each episode the names of its pictures by step, or of its film under -1


def _pictures(tree: Tree, root: str, look: Look) -> tuple[str, _Files]:
    """The column that holds pictures, and its files. Raises VideoError."""
    found: dict[str, _Files] = {}
    for name in under(tree, root):
        match = _PICTURE.fullmatch(name) or _FILM.fullmatch(name)
        if match is None:
            continue
        column = match["column"][len(root) :].lstrip("/")
        step = int(match.groupdict().get("step", -1))
        found.setdefault(column, {}).setdefault(int(match["episode"]), {})[step] = name
    if not found:
        raise refused("it has no pictures `pixels/ep_0_step_0.jpeg` and no films `pixels/ep_0.mp4`")
    chosen = "pixels" if "pixels" in found else min(found)
    if len(found) > 1:
        look.said.warn(f"{len(found)} columns hold pictures; `{chosen}` was taken")
    return chosen, found[chosen]


def _column(tree: Tree, files: _Files, episode: int, frames: int, look: Look) -> Column:
    steps = files.get(episode, {})
    if -1 in steps:
        return FilmColumn(partial(tree.open, steps[-1]), steps[-1], 0, frames, None, look)
    missing = [step for step in range(frames) if step not in steps]
    if missing:
        raise refused(f"episode {episode} has no picture of step {missing[0]}")
    return FilesColumn(tree, tuple(steps[step] for step in range(frames)))


STABLE_FOLDER = Family((STABLE,), roots, load_late, open_stable_folder)
