"""Decoding one hostile file, in a process of its own: `python -I -m backend.data.decode`.

The request is one line of JSON on standard input; the frames go to the output file as raw RGB of 64x64, one
after the other; the last line on standard output says how it went. Before the first byte of the input is
interpreted, the process leaves the network where the system lets it, and gives up the right to open any
further file or socket.
"""

import ctypes
import json
import resource
import sys
from dataclasses import asdict, dataclass, field
from typing import IO, Any

from backend.data.containers import Container, VideoError

SIDE = 64
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000  # linux/sched.h


@dataclass(frozen=True)
class Limits:
    """What one file may cost."""

    seconds: float = 120.0  # wall-clock time; processor time as well
    memory: int = 2 * 2**30  # bytes of address space
    max_frames: int = 20_000  # kept; the rest is left out with a warning
    max_side: int = 4096  # pixels
    max_pixels: int = 4096 * 2304  # of one frame
    max_gif_pixels: int = 200_000_000  # of all frames together: about a second of work


@dataclass(frozen=True)
class Request:
    """One file to decode; `stride` keeps every n-th frame."""

    source: str
    output: str
    container: Container
    stride: int
    limits: Limits


@dataclass
class Decoded:
    """What came out of a file."""

    frames: int = 0
    width: int = 0
    height: int = 0
    frame_rate: float | None = None
    codec: str = ""
    warnings: list[str] = field(default_factory=list)
    parts: list[tuple[int, int, int]] = field(default_factory=list)  # of an archive: start, bytes, frames of an episode


def main() -> None:
    """Answer one request; the exit status is 0 also where the file is refused."""
    request = _read_request(sys.stdin.readline())
    leave_network()
    apply_limits(request.limits)
    try:
        reply: dict[str, Any] = {"decoded": asdict(_decode(request))}
    except VideoError as error:
        reply = {"error": {"code": error.code, "message": error.message, "remedy": error.remedy}}
    except MemoryError:
        message = "decoding needs more memory than a file may use here"
        reply = {"error": {"code": "too_large", "message": message, "remedy": "Use a smaller picture size."}}
    sys.stdout.write(json.dumps(reply) + "\n")


def _read_request(line: str) -> Request:
    values = json.loads(line)
    return Request(**values | {"limits": Limits(**values["limits"])})


def apply_limits(limits: Limits) -> None:
    """Cap memory, processor time and written bytes."""
    seconds = int(limits.seconds) + 1
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 2))  # SIGXCPU, then SIGKILL
    written = max(limits.max_frames * SIDE * SIDE * 3, 2**20)
    resource.setrlimit(resource.RLIMIT_FSIZE, (written, written))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def leave_network() -> bool:
    """Go into a network namespace of its own, in which there is nobody; False where the system does not permit it.

    Must come before the first thread. `close_doors` alone keeps sockets from being opened in any case.
    """
    if sys.platform != "linux":
        return False
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    return any(unshare(flags) == 0 for flags in (_CLONE_NEWUSER | _CLONE_NEWNET, _CLONE_NEWNET))


def close_doors() -> None:
    """From here on no file, pipe or socket can be opened; those that are open go on working."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def _decode(request: Request) -> Decoded:
    with open(request.source, "rb") as source, open(request.output, "wb") as output:  # noqa: PTH123
        if request.container == "episode":
            from backend.data.decode_frames import decode_episode

            return decode_episode(source, output, request)
        if request.container == "archive":
            from backend.data.decode_archive import decode_archive

            return decode_archive(source, output, request)
        if request.container == "frames":
            from backend.data.decode_frames import decode_zip

            return decode_zip(source, output, request)
        from backend.data.decode_film import decode_film

        return decode_film(source, output, request)


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


def crop_box(width: int, height: int) -> tuple[int, int, int, int]:
    """The centred square of a picture as (left, upper, right, lower)."""
    side = min(width, height)
    left, upper = (width - side) // 2, (height - side) // 2
    return left, upper, left + side, upper + side


Output = IO[bytes]

if __name__ == "__main__":
    main()
