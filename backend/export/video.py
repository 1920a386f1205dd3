"""MP4 and WebM for common players, and lossless APNG; equal films give equal bytes, also on a busy machine."""

import io
import json
from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from PIL import Image, PngImagePlugin

from backend.export.film import Film, Frame
from backend.export.mp4 import index_in_front

CODECS = {"mp4": "libx264", "webm": "libvpx-vp9"}
# x264's tree of macroblocks (mbtree) reads memory that it never wrote: with it equal films differ now and then.
# chromaloc 1: each colour sample is the mean of its four pixels.
OPTIONS = {
    "mp4": {"crf": "15", "preset": "veryfast", "flags": "+bitexact", "x264-params": "mbtree=0:chromaloc=1"},
    "webm": {"crf": "18", "b": "0", "deadline": "realtime", "cpu-used": "7", "flags": "+bitexact"},
}
# BT.709 in the narrow range, as rows Y, Cb, Cr of coefficients of R, G, B in 0..255
_KR, _KB = 0.2126, 0.0722
_TO_YUV = np.array(
    [
        np.array([_KR, 1 - _KR - _KB, _KB]) * 219,
        np.array([-_KR, _KR + _KB - 1, 1 - _KB]) * 112 / (1 - _KB),
        np.array([1 - _KR, _KR + _KB - 1, -_KB]) * 112 / (1 - _KR),
    ],
    np.float32,
) / np.float32(255)
_OFFSETS = np.array([16, 128, 128], np.float32)

Plane = npt.NDArray[np.uint8]


def encode_video(film: Film, format: str, *, fps: float, chroma: str = "420") -> bytes:
    """MP4 (H.264, index in front) or WebM (VP9), one thread.

    chroma "420", one colour for four pixels, is what every player opens; at an upscale of 2 or more each pixel of the
    model keeps a colour of its own. "444" keeps a colour for each pixel at any upscale, which few players open.
    """
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=format, options={"fflags": "+bitexact"}) as container:
        container.metadata["title"] = film.title
        container.metadata["comment"] = film.settings
        stream = container.add_stream(
            CODECS[format], rate=Fraction(fps).limit_denominator(1000), options=OPTIONS[format]
        )
        assert isinstance(stream, av.VideoStream)
        _set_up(stream, film, f"yuv{chroma}p")
        for frame in film.frames():
            container.mux(stream.encode(_picture(frame, chroma)))
        container.mux(stream.encode())
    content = buffer.getvalue()
    return index_in_front(content) if format == "mp4" else content


def _set_up(stream: av.VideoStream, film: Film, pixels: str) -> None:
    width, height = film.size
    stream.width, stream.height = width + width % 2, height + height % 2
    stream.pix_fmt = pixels
    context: Any = stream.codec_context
    context.thread_count = 1
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709
    context.colorspace = Colorspace.ITU709
    context.color_range = ColorRange.MPEG


def _picture(frame: Frame, chroma: str) -> av.VideoFrame:
    """A frame as the encoder takes it, repeated at the edge where a side is odd."""
    luma, *colours = to_yuv(frame, chroma)
    picture = av.VideoFrame(luma.shape[1], luma.shape[0], f"yuv{chroma}p")
    for plane, values in zip(picture.planes, (luma, *colours), strict=True):
        lines = np.zeros((values.shape[0], plane.line_size), np.uint8)
        lines[:, : values.shape[1]] = values
        plane.update(lines.tobytes())
    return picture


def to_yuv(frame: Frame, chroma: str) -> tuple[Plane, Plane, Plane]:
    """RGB (H, W, 3) as BT.709 planes Y, Cb, Cr of even sides; with "420" the colours are means of two by two pixels."""
    height, width = frame.shape[:2]
    even = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    luma, *colours = np.moveaxis(even.astype(np.float32) @ _TO_YUV.T + _OFFSETS, 2, 0)
    if chroma == "420":
        colours = [(part[::2, ::2] + part[1::2, ::2] + part[::2, 1::2] + part[1::2, 1::2]) / 4 for part in colours]
    first, second = (np.rint(part).astype(np.uint8) for part in colours)
    return np.rint(luma).astype(np.uint8), first, second


def encode_apng(film: Film, *, fps: float, loop: bool) -> bytes:
    """Animated PNG without loss of colours."""
    information = PngImagePlugin.PngInfo()
    information.add_text("Software", "DisWM Studio")
    information.add_text("Title", film.title)
    information.add_text("diswm", json.dumps(json.loads(film.settings), sort_keys=True))
    first, *rest = (Image.fromarray(frame) for frame in film.frames())
    buffer = io.BytesIO()
    first.save(
        buffer,
        "PNG",
        save_all=True,
        append_images=rest,
        duration=1000 / fps,
        loop=0 if loop else 1,
        pnginfo=information,
        compress_level=4,
    )
    return buffer.getvalue()
