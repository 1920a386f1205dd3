"""When frames are shown: whether they come evenly, and which of them are kept at which rate."""

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import IO, TypeVar

from backend.data.decode.sandbox import FRAME_BYTES, Decoded, Part, Request, full

Frame = TypeVar("Frame")
EVEN = 0.25  # largest deviation of a step from the usual one, as a share of it


@dataclass(frozen=True)
class Steps:
    """The steps between frames, in seconds."""

    usual: float
    shortest: float
    longest: float
    mean: float

    def even(self, tick: float) -> bool:
        """Whether all steps are equal but for jitter and for `tick`, the unit in which times are written."""
        room = max(EVEN * self.usual, 1.01 * tick)
        return self.longest - self.usual <= room and self.usual - self.shortest <= room


def steps_of(times: Sequence[float]) -> Steps | None:
    """The steps between times in s; None if there are fewer than two times, or no time passes."""
    steps = [after - before for before, after in pairwise(times)]
    if not steps or times[-1] <= times[0]:
        return None
    usual = statistics.median_low(step for step in steps if step > 0)
    return Steps(usual, min(steps), max(steps), (times[-1] - times[0]) / len(steps))


def rate_of(steps: Steps | None, tick: float, announced: float | None) -> float | None:
    """Frames per second, as close to the declared rate or to a whole number as the steps allow."""
    if steps is None:
        return announced
    rate = 1 / (steps.mean if steps.even(tick) else steps.usual)
    for rounder in (announced, float(round(rate))):
        if rounder and abs(rate / rounder - 1) < 0.01:
            return rounder
    return rate


class Keeper:
    """Writes the frames that are kept: every n-th, up to the limit. `full` ends the work."""

    def __init__(self, output: IO[bytes], request: Request, found: Decoded) -> None:
        self._output, self._request, self._found = output, request, found
        self._seen = 0
        self.full = False

    def keep(self, frame: bytes) -> None:
        """One more frame of the clip, as raw RGB of 64x64."""
        if self.full or self._seen % self._request.options.stride:
            self._seen += 1
            return
        self._seen += 1
        self.full = full(self._found, self._request.limits)
        if not self.full:
            self._output.write(frame)
            self._found.frames += 1

    def finish(self) -> None:
        """Makes one part of what was written."""
        self._found.parts = [Part("", 0, self._found.frames * FRAME_BYTES, self._found.frames)]


def choose_rate(steps: Steps | None, tick: float, found: Decoded, request: Request) -> float | None:
    """The rate at which to resample; None where the frames are kept as they come. Says what is done in `found`."""
    wanted, recorded = request.options.fps, found.recorded_rate
    even = steps is None or steps.even(tick)
    rate = wanted or recorded
    if steps is not None and not even:
        assert rate is not None
        found.warn(
            f"its frame rate is uneven, from {1 / steps.longest:.3g} to {1 / max(steps.shortest, tick):.3g} frames a "
            f"second: resampled to an even {rate:.4g}, where frames are repeated or left out"
        )
    elif wanted and recorded and wanted > 1.01 * recorded:
        found.warn(f"{wanted:g} frames a second are more than the {recorded:.4g} it has: frames are repeated")
    if rate is not None:
        found.frame_rate = rate / request.options.stride
    return rate if not even or (wanted and wanted != recorded) else None


def resampled(frames: Iterable[tuple[float, Frame]], rate: float | None, end: float) -> Iterator[Frame]:
    """Frames, given with the times in s at which they appear, at an even rate up to the time `end`.

    At each moment the frame is kept that is nearest to its start; one that is shown for long is repeated. A rate of
    None keeps the frames as they come.
    """
    held: Frame | None = None
    begin, place = 0.0, 0
    for time, frame in frames:
        if rate is None:
            yield frame
            continue
        if held is None:
            begin = time
        following = max(place, round((time - begin) * rate))
        if held is not None:
            yield from (held for _ in range(following - place))
        held, place = frame, following
    if held is not None and rate is not None:
        least = 0 if place else 1
        yield from (held for _ in range(max(least, round((end - begin) * rate) - place)))
