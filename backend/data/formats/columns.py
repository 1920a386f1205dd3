"""Columns with one row per frame, and their episodes: pictures resized, actions aligned, states as factors."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from backend.data.decode.picture import open_picture, square
from backend.data.decode.sandbox import SIDE
from backend.data.episode import Episode, frames_only
from backend.data.formats.protocol import MAX_FACTORS, Look, refused
from backend.data.pixels import Layout, brightest_of, frames_of, layout_of

_BATCH_BYTES = 32 * 2**20  # of pictures in their own size, held at once
_PICTURES = ("image", "pixels", "img", "rgb", "observation", "observations", "obs")


class Column(Protocol):
    """Rows of numbers (N, ...), or of encoded pictures."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def encoded(self) -> bool: ...

    def rows(self, start: int, end: int) -> Any:
        """Rows `start` to before `end`: an array, or for encoded pictures the bytes of each."""
        ...


@dataclass(frozen=True)
class ArrayColumn:
    """An array in memory."""

    array: NDArray[Any]
    encoded: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the array."""
        return self.array.dtype

    def rows(self, start: int, end: int) -> NDArray[Any]:
        """Rows of the array."""
        return self.array[start:end]


Columns = Mapping[str, Column]


class Stretch(NamedTuple):
    """The location of the rows of one episode."""

    columns: Columns
    start: int
    frames: int


@dataclass(frozen=True)
class Roles:
    """What the columns of a format mean. `led`: a row belongs to the step that led to its frame, as in our episodes;

    otherwise to the step that is taken at the frame, so that it counts one frame later.
    """

    image: str
    action: str | None = None
    reward: str | None = None
    terminal: str | None = None
    discount: str | None = None
    factors: tuple[str, ...] = ()
    names: Mapping[str, Sequence[str]] | None = None  # of the numbers of a factor, where the format has names
    action_led: bool = False
    reward_led: bool = False
    terminal_led: bool = False


class ColumnReader:
    """Episodes that are stretches of columns."""

    def __init__(
        self, format: str, lengths: Sequence[int], stretch: Callable[[int], Stretch], roles: Roles, look: Look
    ) -> None:
        self.format = format
        self.lengths = tuple(lengths)
        self._stretch, self._look = stretch, look
        first = stretch(0).columns
        self._roles = replace(roles, factors=_usable(first, roles, look))
        self._names = _names(first, self._roles)
        self._pictures = Pictures(look)

    def read(self, n: int) -> Episode:
        """Episode n."""
        columns, start, frames = self._stretch(n)
        roles, end = self._roles, start + frames
        image = self._pictures.read(_column(columns, roles.image), start, end)
        terminal = self._led(columns, roles.terminal, roles.terminal_led, start, end).reshape(frames, -1)
        ends = terminal.astype(bool).any(1)
        discount = np.where(ends, 0, 1).astype(np.float32)
        if roles.discount is not None:
            discount = self._led(columns, roles.discount, True, start, end, 1).reshape(frames).astype(np.float32)
            ends = ends | (discount == 0)
        return frames_only(image)._replace(
            action=self._led(columns, roles.action, roles.action_led, start, end).reshape(frames, -1),
            reward=self._led(columns, roles.reward, roles.reward_led, start, end).reshape(frames, -1).sum(1),
            discount=discount,
            is_terminal=ends & (np.arange(frames) == frames - 1),
            factors=self._factors(columns, start, end),
            factor_names=self._names,
        )

    def _led(
        self, columns: Columns, name: str | None, led: bool, start: int, end: int, filled: float = 0
    ) -> NDArray[np.float32]:
        """Rows of a column as what led to each frame, (T, ...) float32; `filled` in the first where nothing did."""
        frames = end - start
        if name is None:
            return np.zeros((frames, 0), np.float32)
        column = _column(columns, name)
        rows = np.asarray(column.rows(start, end if led else end - 1), np.float32)
        if len(rows) != (frames if led else frames - 1):
            raise refused(f"`{name}` has {len(rows)} rows for {frames} frames")
        first = np.full((1, *column.shape[1:]), filled, np.float32)
        if led and np.isnan(rows[0]).all():
            rows = np.concatenate([first, rows[1:]])
        led_to = rows if led else np.concatenate([first, rows])
        bad = ~np.isfinite(led_to.reshape(frames, -1)).all(1)
        if bad.any():
            raise refused(f"`{name}` holds NaN or infinity at frame {int(np.flatnonzero(bad)[0])} of an episode")
        return led_to

    def _factors(self, columns: Columns, start: int, end: int) -> NDArray[np.float32]:
        """(T, F) of all factors on end."""
        frames = end - start
        parts = [np.zeros((frames, 0), np.float32)]
        for name in self._roles.factors:
            rows = np.asarray(_column(columns, name).rows(start, end), np.float32).reshape(frames, -1)
            if not np.isfinite(rows).all():
                self._look.said.warn(f"`{name}` holds NaN or infinity, which counts as 0")
                rows = np.nan_to_num(rows, nan=0, posinf=0, neginf=0)
            parts.append(rows)
        factors = np.concatenate(parts, 1)
        if factors.shape[1] != len(self._names):
            raise refused("the episodes differ in the widths of their states")
        return factors


class Pictures:
    """Pictures of a column as frames of 64x64, a batch at a time."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._brightest: float | None = None

    def read(self, column: Column, start: int, end: int) -> NDArray[np.uint8]:
        """(T, 64, 64, 3). Raises VideoError."""
        frames = np.empty((end - start, SIDE, SIDE, 3), np.uint8)
        layout = None if column.encoded else layout_of(column.shape, column.dtype)
        step = 64 if layout is None else max(1, _BATCH_BYTES // _row_bytes(column))
        for begin in range(start, end, step):
            rows = column.rows(begin, min(begin + step, end))
            made = self._decoded(rows) if layout is None else self._resized(np.asarray(rows), layout)
            frames[begin - start : begin - start + len(made)] = made
            if len(made) != min(begin + step, end) - begin:
                raise refused(f"only {begin - start + len(made)} of {end - start} pictures of an episode are there")
        return frames

    def _decoded(self, rows: Sequence[bytes]) -> NDArray[np.uint8]:
        return np.stack([decode_picture(content, self._look) for content in rows])

    def _resized(self, rows: NDArray[Any], layout: Layout) -> NDArray[np.uint8]:
        said = self._look.said
        if not said.width:
            said.width, said.height = layout.width, layout.height
        if self._brightest is None:
            self._brightest = brightest_of(rows)
        if layout.stack > 1:
            said.note(f"the newest of {layout.stack} stacked frames was taken")
        try:
            return frames_of(rows, layout, self._look.crop, self._look.limits, self._brightest)
        except ValueError as error:
            raise refused(str(error)) from error


def decode_picture(content: bytes, look: Look) -> NDArray[np.uint8]:
    """An encoded picture as (64, 64, 3). Raises VideoError."""
    try:
        pixels = square(open_picture(io.BytesIO(content), look.limits), look.crop, look.said)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise refused(f"a picture of it cannot be decoded ({error})") from error
    return np.frombuffer(pixels, np.uint8).reshape(SIDE, SIDE, 3)


def choose_pictures(columns: Columns, look: Look) -> str:
    """The column that is looked at: one called like a picture, else the first of bytes. Raises VideoError."""
    found = [name for name, column in columns.items() if is_picture_column(column)]
    if not found:
        names = ", ".join(f"`{name}`" for name in list(columns)[:8]) or "nothing"
        raise refused(f"it has no pictures, only {names}", "Record it again with pictures.")

    def rank(name: str) -> tuple[int, bool, int]:
        last = name.replace("/", ".").split(".")[-1]
        number = columns[name].dtype.kind == "f"
        return (_PICTURES.index(last) if last in _PICTURES else len(_PICTURES), number, found.index(name))

    chosen = min(found, key=rank)
    if len(found) > 1:
        look.said.warn(f"{len(found)} columns hold pictures; `{chosen}` was taken")
    return chosen


def is_picture_column(column: Column) -> bool:
    """Whether a column holds pictures."""
    return column.encoded or layout_of(column.shape, column.dtype) is not None


def is_state(column: Column) -> bool:
    """Whether a column holds some numbers per row, as states do."""
    return not column.encoded and column.dtype.kind in "fiub" and 1 <= len(column.shape) <= 3 and _width(column) >= 1


def _usable(columns: Columns, roles: Roles, look: Look) -> tuple[str, ...]:
    """The factors that are kept: columns of not too many numbers, up to the most that an episode has."""
    selected: list[str] = []
    width = 0
    for name in roles.factors:
        if width + _width(columns[name]) > MAX_FACTORS:
            look.said.warn(f"`{name}` was left out: more than {MAX_FACTORS} numbers per frame are no factors")
            continue
        selected.append(name)
        width += _width(columns[name])
    return tuple(selected)


def _names(columns: Columns, roles: Roles) -> tuple[str, ...]:
    """A name for each number of the factors: `target 0`, `target 1`, or as the format calls them."""
    given = roles.names or {}
    short = [name.rpartition("/")[2] for name in roles.factors]
    names: list[str] = []
    for name, shortened in zip(roles.factors, short, strict=True):
        label = shortened if short.count(shortened) == 1 else name
        width = _width(columns[name])
        parts = [str(part) for part in given.get(name, ())]
        if len(parts) == width and len(set(parts)) == width:
            names += [label if width == 1 and part == name else part for part in parts]
        else:
            names += [label] if width == 1 else [f"{label} {index}" for index in range(width)]
    doubled = {name for name in names if names.count(name) > 1}
    return tuple(f"{name} ({index})" if name in doubled else name for index, name in enumerate(names))


def _column(columns: Columns, name: str) -> Column:
    if name not in columns:
        raise refused(f"`{name}` is missing in an episode")
    return columns[name]


def _width(column: Column) -> int:
    return int(np.prod(column.shape[1:], dtype=np.int64))


def _row_bytes(column: Column) -> int:
    return max(1, _width(column) * column.dtype.itemsize)
