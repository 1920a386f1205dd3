"""What the decoding process is asked, what it answers, and the limits under which it works.

Before the first byte of the input is interpreted, the process leaves the network where the system lets it, and gives
up the right to open any further file or socket.
"""

import ctypes
import json
import resource
import sys
from dataclasses import asdict, dataclass, field
from typing import IO, Any, Literal, get_args

from backend.data.containers import Container, VideoError

SIDE = 64
FRAME_BYTES = SIDE * SIDE * 3
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000  # linux/sched.h

Crop = Literal["centre", "start", "end", "whole", "stretch"]
CROPS: tuple[Crop, ...] = get_args(Crop)

Output = IO[bytes]


@dataclass(frozen=True)
class Limits:
    """What one file may cost."""

    seconds: float = 120.0  # wall-clock time; processor time as well
    memory: int = 2 * 2**30  # bytes of address space
    max_frames: int = 20_000  # kept; the rest is left out with a warning
    max_side: int = 4096  # pixels
    max_pixels: int = 4096 * 2304  # of one frame
    max_animated_pixels: int = 200_000_000  # of all frames of an animated picture: about a second of work
    max_copied: int | None = None  # bytes, in files or as frames of 64x64; a larger data set is read in place


@dataclass(frozen=True)
class Options:
    """How pictures become episodes.

    `crop` is the square that is kept: `centre`, `start` (left or top), `end` (right or bottom), or the `whole` picture
    with black bars, or the picture `stretch`ed. `fps` resamples films in time (None: the rate they were recorded at),
    `stride` keeps every n-th frame, `split` is the length of the episodes in frames (0: one episode per clip). `format`
    is that of a data set of another project where the user says it.
    """

    crop: Crop = "centre"
    fps: float | None = None
    stride: int = 1
    split: int = 64
    format: str | None = None


@dataclass(frozen=True)
class Request:
    """What to decode: one file, the loose pictures of one clip in their order, or a folder."""

    sources: tuple[str, ...]
    output: str
    container: Container
    options: Options = field(default_factory=Options)
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Part:
    """A clip or an episode: its name (empty for that of the file), its bytes in the output and its frames."""

    name: str
    start: int
    size: int
    frames: int


@dataclass
class Decoded:
    """The result of decoding a file."""

    frames: int = 0
    width: int = 0  # as shown: after turning, with square pixels
    height: int = 0
    recorded_rate: float | None = None  # frames per second as recorded
    frame_rate: float | None = None  # frames per second as kept
    codec: str = ""
    format: str = ""  # of a data set of another project
    action_size: int = 0
    factor_names: tuple[str, ...] = ()
    referenced: bool = False  # the episodes stay in place; the parts only give their lengths
    parts: list[Part] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what was done, as a viewer would
    warnings: list[str] = field(default_factory=list)  # what was lost or guessed

    def note(self, text: str) -> None:
        """Adds a note once."""
        if text not in self.notes:
            self.notes.append(text)

    def warn(self, text: str) -> None:
        """Adds a warning once."""
        if text not in self.warnings:
            self.warnings.append(text)


def read_request(line: str) -> Request:
    """A request as `write_request` wrote it."""
    values = json.loads(line)
    return Request(
        tuple(values["sources"]),
        values["output"],
        values["container"],
        Options(**values["options"]),
        Limits(**values["limits"]),
    )


def write_request(request: Request) -> str:
    """A request as one line of JSON."""
    return json.dumps(asdict(request)) + "\n"


def read_decoded(values: dict[str, Any]) -> Decoded:
    """An answer from its JSON."""
    parts = [Part(**part) for part in values["parts"]]
    return Decoded(**values | {"parts": parts, "factor_names": tuple(values["factor_names"])})


def apply_limits(limits: Limits) -> None:
    """Cap memory, processor time and written bytes."""
    seconds = int(limits.seconds) + 1
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 2))  # SIGXCPU, then SIGKILL
    written = max(limits.max_frames * FRAME_BYTES, 2**20)
    resource.setrlimit(resource.RLIMIT_FSIZE, (written, written))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def leave_network() -> bool:
    """Move into an empty network namespace; False where the system does not permit it.

    Must come before the first thread. `close_files` alone keeps sockets from being opened in any case.
    """
    if sys.platform != "linux":
        return False
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    return any(unshare(flags) == 0 for flags in (_CLONE_NEWUSER | _CLONE_NEWNET, _CLONE_NEWNET))


def close_files() -> None:
    """From here on no file, pipe or socket can be opened; open ones keep working."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def check_size(width: int, height: int, limits: Limits) -> None:
    """Raises VideoError unless a frame of this size may be decoded."""
    if width < 1 or height < 1:
        raise VideoError("damaged", f"the film says it is {width} x {height} pixels", "Encode it again.")
    if max(width, height) > limits.max_side or width * height > limits.max_pixels:
        message = (
            f"{width} x {height} pixels are too many; at most {limits.max_side} a side, {limits.max_pixels:,} in all"
        )
        remedy = "Scale it down first: frames become 64 x 64 here in any case."
        raise VideoError("too_large", message, remedy)


def check_animation(pixels: int, limits: Limits) -> None:
    """Raises VideoError where the frames of an animated picture have more pixels together than may be decoded."""
    if pixels > limits.max_animated_pixels:
        message = f"the animation unpacks to more than {limits.max_animated_pixels:,} pixels"
        raise VideoError("too_large", message, "Scale it down or cut it, or upload it as an mp4.")


def full(found: Decoded, limits: Limits) -> bool:
    """Whether no further frame may be kept; says so in a warning."""
    if found.frames < limits.max_frames:
        return False
    found.warn(f"only the first {limits.max_frames:,} frames were taken")
    return True
