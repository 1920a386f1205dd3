"""Frames of a film by their numbers, as data sets that keep their pictures in films need them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from backend.data.containers import film_of
from backend.data.decode.film import Squares, best_track, check_track, open_film
from backend.data.decode.sandbox import SIDE, Options, Request
from backend.data.formats.protocol import Look, refused

_DTYPE = np.dtype(np.uint8)


@dataclass(frozen=True)
class FilmColumn:
    """Frames of a film, decoded on demand. Row 0 is the frame number `first`.

    `rate`: frames per second, from which numbers are computed from times; without it frames are counted.
    """

    open: Callable[[], IO[bytes]]
    name: str
    first: int
    frames: int
    rate: float | None
    look: Look

    encoded = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Of frames of 64x64."""
        return (self.frames, SIDE, SIDE, 3)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Bytes."""
        return _DTYPE

    def rows(self, start: int, end: int) -> NDArray[np.uint8]:
        """Frames (T, 64, 64, 3). Raises VideoError where one of them is missing."""
        wanted = range(self.first + start, self.first + end)
        try:
            with self.open() as source:
                frames = self._found(source, wanted)
        except (av.error.FFmpegError, EOFError, ValueError) as error:
            raise refused(f"the film {self.name[:80]!r} cannot be read ({error})") from error
        if len(frames) != len(wanted):
            raise refused(f"the film {self.name[:80]!r} lacks {len(wanted) - len(frames)} of {len(wanted)} frames")
        pixels = b"".join(frames[number] for number in wanted)
        return np.frombuffer(pixels, np.uint8).reshape(-1, SIDE, SIDE, 3)

    def _found(self, source: IO[bytes], wanted: range) -> dict[int, bytes]:
        kind = film_of(source.read(64))
        source.seek(0)
        if kind not in ("mp4", "matroska"):
            raise refused(f"{self.name[:80]!r} is no film")
        found: dict[int, bytes] = {}
        with open_film(source, kind) as container:
            stream = best_track(container)
            check_track(stream, self.look.limits, self.look.said)
            stream.codec_context.thread_count = 1
            if self.rate is not None and wanted.start > 0 and stream.time_base:
                before = max(0.0, (wanted.start - 0.5) / self.rate)
                container.seek(int(before / stream.time_base), stream=stream)
            squares = Squares(stream, Request((), "", kind, Options(self.look.crop), self.look.limits), self.look.said)
            for number, frame in self._numbered(container.decode(stream)):
                if number >= wanted.stop:
                    break
                if number in wanted:
                    squares.check(frame)
                    found.setdefault(number, squares.square(frame))
        return found

    def _numbered(self, frames: Iterator[VideoFrame]) -> Iterator[tuple[int, VideoFrame]]:
        for count, frame in enumerate(frames):
            timed = self.rate is not None and frame.pts is not None and frame.time_base is not None
            yield (round(float(frame.pts * frame.time_base) * self.rate) if timed else count), frame  # type: ignore[operator]  # as `timed` says
