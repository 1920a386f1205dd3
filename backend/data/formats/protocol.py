"""What a format of data sets must provide, and what every reader is given about pictures and limits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from backend.data.containers import VideoError
from backend.data.decode.sandbox import Crop, Decoded, Limits
from backend.data.episode import Episode
from backend.data.formats.tree import Tree

MAX_EPISODE_FRAMES = 50_000  # 615 MB of pictures; the longest episode that is held in memory at once
MAX_ROWS = 100_000_000  # of a whole data set
MAX_EPISODES = 1_000_000
MAX_FACTORS = 512  # numbers per frame


@dataclass(frozen=True)
class Look:
    """How pictures become 64x64, what they may cost, and where to say what was done."""

    crop: Crop
    limits: Limits
    said: Decoded


class Reader(Protocol):
    """An open data set: before `read` is called, only the borders of its episodes are read."""

    format: str

    @property
    def lengths(self) -> tuple[int, ...]:
        """The frames of each episode."""
        ...

    def read(self, n: int) -> Episode:
        """Episode n in our layout. Raises VideoError, and what the format's library raises for damage."""
        ...


@dataclass(frozen=True)
class Family:
    """Formats that share their files' names and their library."""

    formats: tuple[str, ...]
    roots: Callable[[Tree], list[str]]  # the folders or files in a tree that are such data sets, by names alone
    rehearse: Callable[[], None]  # loads all that is loaded on first use, before no file can be opened any more
    open: Callable[[Tree, str, Look, str | None], Reader]  # a root, and the format where the user says it


def refused(message: str, remedy: str = "Check the file with the library that wrote it.") -> VideoError:
    """A data set that does not hold what its format asks for."""
    return VideoError("format", " ".join(message.split()), remedy)


def check_length(frames: int, what: str) -> None:
    """Raises VideoError for an episode that has no frames or too many."""
    if frames < 1:
        raise refused(f"{what} has no frames")
    if frames > MAX_EPISODE_FRAMES:
        message = f"{what} claims {frames:,} frames; at most {MAX_EPISODE_FRAMES:,} make one episode"
        raise VideoError("too_large", message, "Split it into shorter episodes.")


def check_episodes(episodes: int, what: str) -> None:
    """Raises VideoError for a data set that claims more episodes than are listed."""
    if not 0 <= episodes <= MAX_EPISODES:
        message = f"{what} claims {episodes:,} episodes; at most {MAX_EPISODES:,} are read"
        raise VideoError("too_large", message, "Import a part.")


def check_rows(rows: int, what: str) -> None:
    """Raises VideoError for a data set that claims more rows than are read."""
    if not 0 <= rows <= MAX_ROWS:
        raise VideoError("too_large", f"{what} claims {rows:,} rows; at most {MAX_ROWS:,} are read", "Import a part.")
