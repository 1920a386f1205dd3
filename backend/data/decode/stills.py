"""Loose pictures as one clip, and animated pictures (png, webp) as films; runs in the decoding process."""

import itertools
import zlib
from collections.abc import Iterator, Sequence
from typing import IO

from backend.data.containers import VideoError
from backend.data.decode.picture import Tones, is_wide, joined, open_picture, rehearse, square, tones_of
from backend.data.decode.sandbox import Decoded, Request, check_animation, close_files
from backend.data.decode.timing import Keeper, choose_rate, rate_of, resampled, steps_of

DAMAGE = (OSError, zlib.error, EOFError, SyntaxError, RuntimeError, ValueError)  # what Pillow raises for bad files
_SHORTEST = 0.011  # seconds; browsers show shorter frames for a tenth of a second
_USUAL = 0.1
_TICK = 0.001


def decode_stills(sources: Sequence[IO[bytes]], output: IO[bytes], request: Request) -> Decoded:
    """Write pictures in the order given, as one clip."""
    rehearse()
    close_files()
    found = Decoded(codec="pictures")
    no_times(request, found)
    tones = _tones(sources, request, found)
    keeper = Keeper(output, request, found)
    damaged = 0
    for source in sources:
        try:
            source.seek(0)
            keeper.keep(square(open_picture(source, request.limits), request.options.crop, found, tones))
        except VideoError:
            raise
        except DAMAGE:
            damaged += 1
        if keeper.full:
            break
    say_damaged(damaged, found)
    keeper.finish()
    return found


def decode_animation(source: IO[bytes], output: IO[bytes], request: Request) -> Decoded:
    """Write the frames of an animated picture, each for as long as it is shown."""
    rehearse()
    close_files()
    found = Decoded()
    squares, times = [], [0.0]
    for shown, seconds in _moments(source, request, found):
        squares.append(shown)
        times.append(times[-1] + seconds)
        if len(squares) > request.limits.max_frames:
            break
    steps = steps_of(times[:-1])
    found.recorded_rate = rate_of(steps, _TICK, None)
    rate = choose_rate(steps, _TICK, found, request)
    keeper = Keeper(output, request, found)
    for shown in resampled(zip(times, squares, strict=False), rate, times[-1]):
        keeper.keep(shown)
        if keeper.full:
            break
    keeper.finish()
    return found


def no_times(request: Request, found: Decoded) -> None:
    """Warns that pictures have no times if a frame rate is requested."""
    if request.options.fps is not None:
        found.warn("pictures have no times: the frame rate asked for was not applied")


def say_damaged(count: int, found: Decoded) -> None:
    """Says how many pictures were left out."""
    if count:
        found.warn(f"{count} damaged pictures were left out")


def say_tones(tones: Tones, found: Decoded) -> None:
    """Says how grey of more than 8 bits is shown."""
    found.warn(f"grey of 16 bits: values from {tones.black:,.0f} to {tones.white:,.0f} are shown as black to white")


def _tones(sources: Sequence[IO[bytes]], request: Request, found: Decoded) -> Tones | None:
    tones: Tones | None = None
    for source in sources:
        try:
            picture = open_picture(source, request.limits)
            if is_wide(picture):
                tones = joined(tones, tones_of(picture))
        except VideoError:
            raise
        except DAMAGE:
            continue  # counted when it is decoded
    if tones is not None:
        say_tones(tones, found)
    return tones


def _moments(source: IO[bytes], request: Request, found: Decoded) -> Iterator[tuple[bytes, float]]:
    """Each frame as a square and the seconds for which it is shown, up to the first that is damaged."""
    pixels, count = 0, 1
    for number in itertools.count():
        try:
            if number == 0:
                picture = open_picture(source, request.limits)
                count, found.codec = getattr(picture, "n_frames", 1), (picture.format or "").lower()
                if getattr(picture, "default_image", False):
                    continue  # shown only where animations are not
            picture.seek(number)
            pixels += picture.width * picture.height
            check_animation(pixels, request.limits)
            shown = square(picture, request.options.crop, found)
            seconds = picture.info.get("duration", 0) / 1000  # known once the frame is decoded
            yield shown, seconds if seconds >= _SHORTEST else _USUAL
        except VideoError:
            raise
        except DAMAGE as error:
            if number == 0:
                raise VideoError("damaged", f"it is damaged ({error})", "Save it again, or as mp4.") from error
            found.warn(f"reading stopped before the end: frame {number} of {count} is damaged")
            return
        if number + 1 >= count:
            return
