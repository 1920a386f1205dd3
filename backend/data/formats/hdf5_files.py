"""HDF5 data sets: stable-worldmodel, Minari, V-D4RL at 84 pixels, D4RL; distinguished by the names of their arrays."""

import weakref
from collections.abc import Callable
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import h5py
import numpy as np

from backend.data.arrays import starts_of
from backend.data.containers import natural
from backend.data.formats.columns import (
    ColumnReader,
    Columns,
    Roles,
    Stretch,
    choose_pictures,
    is_picture_column,
    is_state,
)
from backend.data.formats.hdf5 import SUFFIXES, child, columns_of, damage_told, open_file, rehearse
from backend.data.formats.names import D4RL, MINARI, STABLE, VD4RL
from backend.data.formats.protocol import Family, Look, check_episodes, check_length, check_rows, refused
from backend.data.formats.tree import Tree

_SWM_ROLES = ("action", "reward", "terminated", "truncated", "ep_len", "ep_offset", "ep_idx", "step_idx")
_NO_STATE = ("seed", "id", "step", "index")


def roots(tree: Tree) -> list[str]:
    """The HDF5 files of a tree."""
    return [name for name in tree.files if name.lower().endswith(SUFFIXES)]


def open_hdf5(tree: Tree, root: str, look: Look, format: str | None) -> ColumnReader:
    """The data set in a file, by the names in it or as the user says. Raises VideoError."""
    with ExitStack() as stack:
        source = stack.enter_context(tree.open(root))
        file = stack.enter_context(open_file(source))
        reader = _opened(file, look, format)
        weakref.finalize(reader, stack.pop_all().close)  # open as long as it may be read
    return reader


def _opened(file: h5py.File, look: Look, format: str | None) -> ColumnReader:
    with damage_told("the HDF5 file"):
        openers = _openers(file)
    chosen = format or next((name for name, (fits, _) in openers.items() if fits), None)
    if chosen is None:
        names = ", ".join(f"`{name}`" for name in list(file)[:8]) or "nothing"
        raise refused(f"the HDF5 file is of no layout that is read here; it holds {names}", "See the table of formats.")
    with damage_told("the HDF5 file"):
        return openers[chosen][1](file, look)


Opener = Callable[[h5py.File, Look], ColumnReader]


def _openers(file: h5py.File) -> dict[str, tuple[bool, Opener]]:
    names = set(file)
    return {
        STABLE: ("ep_len" in names, _stable_worldmodel),
        MINARI: (any(name.startswith("episode_") for name in names), _minari),
        VD4RL: ({"observation", "action"} <= names, _vd4rl),
        D4RL: ({"observations", "actions"} <= names, _d4rl),
    }


def _stable_worldmodel(file: h5py.File, look: Look) -> ColumnReader:
    columns = columns_of(file)
    starts, lengths = stable_borders(columns)
    image = choose_pictures({name: columns[name] for name in columns if not name.startswith("ep_")}, look)
    rows = columns[image].shape[0]
    check_borders(starts, lengths, rows)
    roles = stable_roles(columns, image, rows)
    return ColumnReader(STABLE, lengths, lambda n: Stretch(columns, starts[n], lengths[n]), roles, look)


def stable_borders(columns: Columns) -> tuple[list[int], list[int]]:
    """The first row and the length of each episode of stable-worldmodel. Raises VideoError."""
    for name in ("ep_len", "ep_offset"):
        if name not in columns:
            raise refused(f"`{name}` is missing, which says where episodes begin")
        check_episodes(columns[name].shape[0], f"`{name}`")
    lengths = [int(value) for value in columns["ep_len"].rows(0, columns["ep_len"].shape[0])]
    return [int(value) for value in columns["ep_offset"].rows(0, columns["ep_offset"].shape[0])], lengths


def stable_roles(columns: Columns, image: str, rows: int) -> Roles:
    """What the columns of stable-worldmodel mean, of so many rows."""
    return Roles(
        image=image,
        action=there(columns, "action"),
        reward=there(columns, "reward"),
        terminal=there(columns, "terminated"),
        factors=states_of(columns, rows, {image, *_SWM_ROLES}),
        reward_led=True,
        terminal_led=True,
    )


def _minari(file: h5py.File, look: Look) -> ColumnReader:
    names = sorted((name for name in file if name.startswith("episode_")), key=natural)
    check_episodes(len(names), "the file")
    lengths = [_minari_frames(child(file, name), name) for name in names]

    def stretch(n: int) -> Stretch:
        return Stretch(columns_of(child(file, names[n])), 0, lengths[n])

    if not names:
        raise refused("it has no group `episode_0`")
    roles = minari_roles(stretch(0).columns, lengths[0], look)
    return ColumnReader(MINARI, lengths, stretch, roles, look)


def minari_roles(columns: Columns, frames: int, look: Look) -> Roles:
    """What the columns of a Minari episode of so many frames mean. Raises VideoError."""
    seen = {name: column for name, column in columns.items() if name.split("/")[0] == "observations"}
    return Roles(
        image=choose_pictures(seen, look),
        action=_minari_action(columns),
        reward=there(columns, "rewards"),
        terminal=there(columns, "terminations"),
        factors=tuple(
            name
            for name, column in columns.items()
            if name.split("/")[0] in ("observations", "infos")
            and is_state(column)
            and not is_picture_column(column)
            and column.shape[0] == frames
        ),
    )


def _minari_action(columns: Columns) -> str | None:
    if "actions" in columns:
        return "actions"
    if any(name.startswith("actions/") for name in columns):
        raise refused("its actions are a dictionary, which is not read", "Record it with flat actions.")
    return None


def _minari_frames(group: Any, name: str) -> int:
    """The frames of an episode: the rows of its first observation."""
    if not isinstance(group, h5py.Group) or "observations" not in group:
        raise refused(f"`{name}/observations` is missing")
    item = child(group, "observations")
    while isinstance(item, h5py.Group):
        first = next(iter(item), None)
        if first is None:
            raise refused(f"`{name}/observations` is empty")
        item = child(item, first)
    frames = int(item.shape[0]) if item.shape else 0
    check_length(frames, f"`{name}`")
    return frames


def _vd4rl(file: h5py.File, look: Look) -> ColumnReader:
    columns = columns_of(file)
    image = choose_pictures({name: columns[name] for name in ("observation",) if name in columns}, look)
    rows = columns[image].shape[0]
    starts, lengths = borders_of(columns, rows)
    roles = Roles(
        image=image,
        action=there(columns, "action"),
        reward=there(columns, "reward"),
        terminal=there(columns, "is_terminal"),
        discount=there(columns, "discount"),
        factors=states_of(columns, rows, {image, "action", "reward", "discount", "step_type", "is_first", "is_last"}),
        action_led=True,
        reward_led=True,
        terminal_led=True,
    )
    return ColumnReader(VD4RL, lengths, lambda n: Stretch(columns, starts[n], lengths[n]), roles, look)


def _d4rl(file: h5py.File, look: Look) -> ColumnReader:
    columns = {name: column for name, column in columns_of(file).items() if not name.startswith("metadata/")}
    seen = {name: column for name, column in columns.items() if not name.startswith("next_")}
    image = choose_pictures(seen, look)
    rows = columns[image].shape[0]
    starts, lengths = borders_of(columns, rows)
    if "terminals" in columns:
        look.said.note("`terminals` marks the last frame that is stored, which counts as terminal")
    states = {name: column for name, column in seen.items() if name == "observations" or name.startswith("infos/")}
    roles = Roles(
        image=image,
        action=there(columns, "actions"),
        reward=there(columns, "rewards"),
        terminal=there(columns, "terminals"),
        factors=states_of(states, rows, {image}),
        terminal_led=True,
    )
    return ColumnReader(D4RL, lengths, lambda n: Stretch(columns, starts[n], lengths[n]), roles, look)


def borders_of(columns: Columns, rows: int) -> tuple[list[int], list[int]]:
    """The first row and the length of each episode, as marks in the columns tell. Raises VideoError."""
    from backend.data.arrays import BORDERS

    if rows < 1:
        raise refused("it has no frames")
    marks = {
        name: np.asarray(columns[name].rows(0, rows))
        for name in BORDERS
        if name in columns and columns[name].shape[0] == rows and columns[name].dtype.kind in "fiub"
    }
    starts = list(starts_of(marks, rows))
    lengths = [end - start for start, end in pairwise((*starts, rows))]
    check_borders(starts, lengths, rows)
    return starts, lengths


def check_borders(starts: list[int], lengths: list[int], rows: int) -> None:
    """Raises VideoError unless episodes lie in the rows that are there."""
    check_rows(rows, "it")
    if not lengths or len(starts) != len(lengths):
        raise refused(f"it says where {len(starts)} episodes begin and how long {len(lengths)} are")
    for index, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        check_length(length, f"episode {index}")
        if start < 0 or start + length > rows:
            raise refused(f"episode {index} reaches to row {start + length:,}; there are {rows:,}")


def states_of(columns: Columns, rows: int, others: set[str]) -> tuple[str, ...]:
    """The columns that are states: numbers, one row per frame, of no other meaning."""
    return tuple(
        name
        for name, column in columns.items()
        if name not in others
        and name.rpartition("/")[2] not in _NO_STATE
        and is_state(column)
        and not is_picture_column(column)
        and column.shape[0] == rows
    )


def there(columns: Columns, name: str) -> str | None:
    """A name, if there is such a column."""
    return name if name in columns else None


HDF5 = Family((STABLE, MINARI, VD4RL, D4RL), roots, rehearse, open_hdf5)
