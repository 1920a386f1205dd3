"""Films of one forced container and an allowed codec, frame by frame to 64x64; runs in the decoding process.

FFmpeg decodes the first frames of every track while it opens a film: the codecs are therefore limited there already.
"""

import importlib
from collections.abc import Iterator
from typing import IO

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from backend.data.containers import Container, VideoError
from backend.data.decode import SIDE, Decoded, Request, check_size, close_doors, crop_box

# Names of FFmpeg's decoders; its own `av1` works with hardware alone, and is not among them.
CODECS = frozenset("h264 hevc vp8 vp9 libdav1d mpeg4 mpeg2video mpeg1video mjpeg gif rawvideo ffv1 huffyuv png".split())

# PyAV loads these when it first meets such a track, which would be after the doors are closed.
_LATE = [f"av.{kind}.{part}" for kind in ("video", "audio", "subtitles") for part in ("stream", "codeccontext")]


def decode_film(source: IO[bytes], output: IO[bytes], request: Request) -> Decoded:
    """Write all frames that can be decoded; raises VideoError where there is none to begin with."""
    av.logging.set_level(av.logging.PANIC)
    for module in _LATE:
        importlib.import_module(module)
    close_doors()
    try:
        container = open_film(source, request.container)
    except (av.error.FFmpegError, ValueError, EOFError) as error:
        raise _damaged(f"its beginning cannot be read ({_why(error)})") from error
    with container:
        if not container.streams.video:
            raise VideoError("no_video", "the file has no video track", "Upload a film with a picture.")
        stream = container.streams.video[0]
        found = _open_stream(stream, request)
        if request.container == "gif" and not _has_trailer(source):
            found.warnings.append("the file is cut: its end is missing")
        _write_frames(_Good(stream, container, found), output, request, found)
    return found


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


class _Good:
    """The undamaged frames of a stream; counts what had to be left out."""

    def __init__(self, stream: VideoStream, container: av.container.InputContainer, found: Decoded) -> None:
        self._stream, self._container, self._found = stream, container, found
        self.damaged = 0
        self.seen = 0

    def promised(self) -> int:
        """Frames that the header speaks of; where it gives a duration alone, nine tenths of what fit in it."""
        if self._stream.frames:
            return self._stream.frames
        duration, rate = self._container.duration, self._stream.average_rate
        return int(0.9 * duration / av.time_base * rate) if duration and rate else 0

    def __iter__(self) -> Iterator[VideoFrame]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (av.error.FFmpegError, OSError) as error:
                self._found.warnings.append(f"reading stopped before the end: {_why(error)}")
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


def _open_stream(stream: VideoStream, request: Request) -> Decoded:
    context = stream.codec_context
    codec = context.name if context else "unknown"
    if codec not in CODECS:
        message = f"the film's codec {codec} is not among those that are decoded here"
        raise VideoError("codec", message, "Encode it as H.264 in an mp4, or as VP9 in a webm.")
    check_size(context.width, context.height, request.limits)
    context.thread_count = 1
    context.options = {"err_detect": "explode"}
    rate = float(stream.average_rate) / request.stride if stream.average_rate else None
    return Decoded(width=context.width, height=context.height, frame_rate=rate, codec=codec)


def _write_frames(good: _Good, output: IO[bytes], request: Request, found: Decoded) -> None:
    limits = request.limits
    pixels = 0
    for index, frame in enumerate(good):
        check_size(frame.width, frame.height, limits)  # a stream may change its size on the way
        pixels += frame.width * frame.height
        if request.container == "gif" and pixels > limits.max_gif_pixels:
            message = f"the gif unpacks to more than {limits.max_gif_pixels:,} pixels"
            raise VideoError("too_large", message, "Scale it down or cut it, or upload it as an mp4.")
        if index % request.stride:
            continue
        if found.frames == limits.max_frames:
            found.warnings.append(f"only the first {limits.max_frames:,} frames were taken")
            break
        output.write(_square(frame).tobytes())
        found.frames += 1
    else:
        _compare_with_promise(good, found)


def _compare_with_promise(good: _Good, found: Decoded) -> None:
    """Warn where frames were damaged, or clearly fewer came than the header promised."""
    if good.damaged:
        found.warnings.append(f"{good.damaged} damaged parts were left out; {good.seen} frames were decoded")
    elif good.seen < (promised := good.promised()):
        found.warnings.append(f"the file is cut: {good.seen} of about {promised} frames are in it")


def _has_trailer(source: IO[bytes]) -> bool:
    """Whether a gif ends as it should; leaves the file where it was."""
    place = source.tell()
    source.seek(-min(16, source.seek(0, 2)), 2)
    tail = source.read()
    source.seek(place)
    return tail.rstrip(b"\0").endswith(b";")


def _square(frame: VideoFrame) -> NDArray[np.uint8]:
    """Scale the shorter side to 64 and cut out the centre: (64, 64, 3)."""
    scale = SIDE / min(frame.width, frame.height)
    width, height = max(SIDE, round(frame.width * scale)), max(SIDE, round(frame.height * scale))
    small = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA", threads=1).to_ndarray()
    left, upper, right, lower = crop_box(width, height)
    return np.ascontiguousarray(small[upper:lower, left:right])


def _damaged(what: str) -> VideoError:
    remedy = "Check that the upload is complete and that a player shows it, or encode it again as H.264 mp4."
    return VideoError("damaged", f"the film is damaged: {what}", remedy)


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
