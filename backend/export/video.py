"""MP4 and WebM in full colour resolution, and APNG without loss; equal films give equal bytes."""

import io
import json
from fractions import Fraction

import av
import numpy as np
from PIL import Image, PngImagePlugin

from backend.export.film import Film

CODECS = {
    "mp4": ("libx264", {"crf": "14", "preset": "veryfast", "flags": "+bitexact"}),
    "webm": ("libvpx-vp9", {"crf": "18", "b": "0", "deadline": "realtime", "cpu-used": "7", "flags": "+bitexact"}),
}


def encode_video(film: Film, format: str, *, fps: float) -> bytes:
    """MP4 (H.264) or WebM (VP9), 4:4:4: halving the colours, as most films do, smears coloured pixels."""
    codec, options = CODECS[format]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=format, options={"fflags": "+bitexact"}) as container:
        container.metadata["title"] = film.title
        container.metadata["comment"] = film.settings
        stream = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1000), options=options)
        assert isinstance(stream, av.VideoStream)
        width, height = film.size
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv444p"
        stream.codec_context.thread_count = 1
        for frame in film.frames():
            even = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


def encode_apng(film: Film, *, fps: float, loop: bool) -> bytes:
    """Animated PNG: every colour as it is."""
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
