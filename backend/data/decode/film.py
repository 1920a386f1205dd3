"""Decodes films of the given container and an allowed codec, frame by frame, to 64x64; runs in the decoding process.

FFmpeg decodes the first frames of every track while it opens a film: the codecs are therefore limited there already.
"""

import importlib
from collections.abc import Iterator
from typing import IO, NamedTuple

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from backend.data.containers import Container, VideoError
from backend.data.decode.colour import is_extended, matrix_of, say_colours, to_srgb
from backend.data.decode.geometry import aspect_of, scaled_size, squared, upright_of
from backend.data.decode.sandbox import Decoded, Limits, Request, check_animation, check_size, close_files
from backend.data.decode.timing import Keeper, Steps, choose_rate, rate_of, resampled, steps_of

# Names of FFmpeg's decoders; its own `av1` only works with hardware, and is left out.
CODECS = frozenset("h264 hevc vp8 vp9 libdav1d mpeg4 mpeg2video mpeg1video mjpeg gif rawvideo ffv1 huffyuv png".split())

# PyAV loads these when it first meets such a track, which would be after the files are closed.
_LATE = [f"av.{kind}.{part}" for kind in ("video", "audio", "subtitles") for part in ("stream", "codeccontext")]


class Survey(NamedTuple):
    """What is known from the packets of a film before a frame is decoded."""

    steps: Steps | None
    tick: float  # seconds; the unit in which its times are written
    end: float  # seconds; when its last frame ends
    missing: str  # what says that the file is cut, or nothing


def decode_film(source: IO[bytes], output: IO[bytes], request: Request) -> Decoded:
    """Write all frames that can be decoded; raises VideoError if there is none."""
    load_late()
    close_files()
    found = Decoded()
    survey = _surveyed(source, request, found)
    source.seek(0)
    with _opened(source, request.container) as container:
        stream = best_track(container)
        context = stream.codec_context
        context.thread_count = 1
        context.options = {"err_detect": "explode"}
        rate = choose_rate(survey.steps, survey.tick, found, request)
        good = Good(container, stream, found)
        keeper = Keeper(output, request, found)
        pictures = Squares(stream, request, found)
        for frame in resampled(pictures.of(good, survey), rate, survey.end):
            keeper.keep(frame)
            if keeper.full:
                break
        else:
            _say_losses(good, survey, found)
        keeper.finish()
    return found


def load_late() -> None:
    """Load what PyAV loads when it first meets a track."""
    av.logging.set_level(av.logging.PANIC)
    for module in _LATE:
        importlib.import_module(module)


def open_film(source: IO[bytes], container: Container) -> av.container.InputContainer:
    """Read the head of a film; no other decoder than `CODECS` runs, sound's neither, and no format inside this one.

    Raises FFmpegError, ValueError or EOFError where the head is damaged; a track of another codec is no error here.
    """
    options = {
        "protocol_whitelist": "none",
        "format_whitelist": container,  # an avi may hold files of subtitles
        "codec_whitelist": ",".join(sorted(CODECS)),
    }
    return av.open(source, mode="r", format=container, options=options)


class Good:
    """The undamaged frames of a stream; counts what had to be left out."""

    def __init__(self, container: av.container.InputContainer, stream: VideoStream, found: Decoded) -> None:
        self._stream, self._container, self._found = stream, container, found
        self.damaged = 0
        self.seen = 0

    def __iter__(self) -> Iterator[VideoFrame]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (av.error.FFmpegError, OSError) as error:
                self._found.warn(f"reading stopped before the end: {_why(error)}")
                return
            yield from self._of(packet)

    def _of(self, packet: "av.packet.Packet[VideoStream]") -> Iterator[VideoFrame]:
        try:
            frames = packet.decode()
        except MemoryError:
            raise
        except (av.error.FFmpegError, ValueError):
            self.damaged += 1
            return
        for frame in frames:
            self.seen += 1
            if frame.is_corrupt or packet.is_corrupt:
                self.damaged += 1
            else:
                yield frame


class Squares:
    """Frames of a film as viewers show them, as raw RGB of 64x64."""

    def __init__(self, stream: VideoStream, request: Request, found: Decoded) -> None:
        self._stream, self._request, self._found = stream, request, found
        self._pixels = 0

    def of(self, frames: Good, survey: Survey) -> Iterator[tuple[float, bytes]]:
        """Each frame with the time in s at which it appears."""
        usual = survey.steps.usual if survey.steps else 0.0
        following = 0.0
        for frame in frames:
            self.check(frame)
            time = float(frame.pts * frame.time_base) if frame.pts is not None and frame.time_base else following
            following = time + usual
            yield time, self.square(frame)

    def check(self, frame: VideoFrame) -> None:
        """Raises VideoError for a frame that is too large."""
        check_size(frame.width, frame.height, self._request.limits)  # a stream may change its size on the way
        self._pixels += frame.width * frame.height
        if self._request.container == "gif":
            check_animation(self._pixels, self._request.limits)

    def square(self, frame: VideoFrame) -> bytes:
        """A frame as raw RGB of 64x64."""
        found, crop = self._found, self._request.options.crop
        upright = upright_of(frame, found)
        aspect = aspect_of(self._stream.sample_aspect_ratio, found)
        shown = (float(frame.width * aspect), float(frame.height))
        found.width, found.height = (round(side) for side in (reversed(shown) if upright.lying else shown))
        width, height = scaled_size(*shown, crop)
        say_colours(frame, found)
        extended = is_extended(frame)
        opaque = _one_field(_without_alpha(frame, found), found)
        small = opaque.reformat(
            width=width,
            height=height,
            format="rgb48le" if extended else "rgb24",
            src_colorspace=matrix_of(opaque),
            interpolation="AREA",
            threads=1,
        ).to_ndarray()
        image = to_srgb(np.asarray(small, np.uint16), frame) if extended else np.asarray(small, np.uint8)
        return squared(upright(image), crop).tobytes()


def _surveyed(source: IO[bytes], request: Request, found: Decoded) -> Survey:
    """Read the head and all packets of a film, and fill in what they say. Raises VideoError."""
    with _opened(source, request.container) as container:
        stream = best_track(container)
        check_track(stream, request.limits, found)
        tick = float(stream.time_base or 0)
        times, count, end = [], 0, 0.0
        try:
            for packet in container.demux():
                if packet.pts is None or packet.time_base is None:
                    continue
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
                if packet.stream_index == stream.index:
                    count += 1
                    if not packet.is_discard:
                        times.append(packet.pts)
        except (av.error.FFmpegError, OSError):
            pass  # said when the frames are decoded
        seconds = [float(pts * (stream.time_base or 0)) for pts in sorted(times)]
        steps = steps_of(seconds)
        announced = float(stream.average_rate) if stream.average_rate else None
        found.recorded_rate = found.frame_rate = rate_of(steps, tick, announced)
        last = seconds[-1] + (1 / found.recorded_rate if found.recorded_rate else 0) if seconds else 0.0
        return Survey(steps, tick, last, _missing(source, container, stream, request.container, count, end))


def _missing(
    source: IO[bytes],
    container: av.container.InputContainer,
    stream: VideoStream,
    kind: Container,
    count: int,
    end: float,
) -> str:
    """What says that the end of the file is missing: its table of frames, its duration, a gif's last byte."""
    if kind == "gif":
        return "" if _has_trailer(source) else "its end is missing"
    table = len(stream.index_entries) if kind == "mp4" else stream.frames  # an edit list hides frames of the table
    if table:
        return f"{count} of {table} frames are in it" if count < table else ""
    duration = (container.duration or 0) / av.time_base
    begin = (container.start_time or 0) / av.time_base
    return f"{end:.1f} of {duration:.1f} s are in it" if end - begin < 0.9 * duration else ""


def _opened(source: IO[bytes], container: Container) -> av.container.InputContainer:
    try:
        return open_film(source, container)
    except (av.error.FFmpegError, ValueError, EOFError) as error:
        raise _damaged(f"its beginning cannot be read ({_why(error)})") from error


def best_track(container: av.container.InputContainer) -> VideoStream:
    """The track that players show, which is not the picture on the cover."""
    tracks = [track for track in container.streams.video if not track.disposition & track.disposition.attached_pic]
    if not tracks:
        raise VideoError("no_video", "the file has no video track", "Upload a film with a picture.")
    return max(tracks, key=lambda track: (track.disposition & track.disposition.default, track.width * track.height))


def check_track(stream: VideoStream, limits: Limits, found: Decoded) -> None:
    """Raises VideoError for a track of another codec than those on the list, or too large."""
    context = stream.codec_context
    found.codec = context.name if context else "unknown"
    if found.codec not in CODECS:
        message = f"the film's codec {found.codec} is not among those that are decoded here"
        raise VideoError("codec", message, "Encode it as H.264 in an mp4, or as VP9 in a webm.")
    check_size(context.width, context.height, limits)


def _say_losses(good: Good, survey: Survey, found: Decoded) -> None:
    """Warn where frames were damaged, or the file ends before it should."""
    if good.damaged:
        found.warn(f"{good.damaged} damaged parts were left out; {good.seen} frames were decoded")
    elif survey.missing:
        found.warn(f"the file is cut: {survey.missing}")


def _has_trailer(source: IO[bytes]) -> bool:
    """Whether a gif ends correctly; restores the file's position."""
    place = source.tell()
    source.seek(-min(16, source.seek(0, 2)), 2)
    tail = source.read()
    source.seek(place)
    return tail.rstrip(b"\0").endswith(b";")


def _without_alpha(frame: VideoFrame, found: Decoded) -> VideoFrame:
    """Transparent parts on white, before scaling would mix in the colours that they hide."""
    if not any(part.is_alpha for part in frame.format.components) and frame.format.name != "pal8":
        return frame
    layer = frame.reformat(format="rgba", threads=1).to_ndarray().astype(np.uint16)
    alpha = layer[..., 3:]
    if alpha.min() == 255:
        return frame
    found.note("transparent parts are shown white")
    mixed = (layer[..., :3] * alpha + 255 * (255 - alpha)) // 255
    return VideoFrame.from_ndarray(mixed.astype(np.uint8), format="rgb24")


def _one_field(frame: VideoFrame, found: Decoded) -> VideoFrame:
    """The upper field of an interlaced frame: its two fields are two moments, which would show as a comb."""
    if not frame.interlaced_frame:
        return frame
    found.note("interlaced: one field of each frame is shown")
    name = "rgb48le" if is_extended(frame) else "rgb24"
    image = frame.reformat(format=name, src_colorspace=matrix_of(frame), threads=1).to_ndarray()
    return VideoFrame.from_ndarray(image[::2].copy(), format=name)


def _damaged(what: str) -> VideoError:
    remedy = "Check that the upload is complete and that a player shows it, or encode it again as H.264 mp4."
    return VideoError("damaged", f"the film is damaged: {what}", remedy)


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
