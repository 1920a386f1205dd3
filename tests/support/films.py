"""Films for the tests: a red block that moves over blue, really encoded."""

from multiprocessing import get_context
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

CODECS = {
    "mp4": ("libx264", "yuv420p"),
    "webm": ("libvpx-vp9", "yuv420p"),
    "avi": ("mpeg4", "yuv420p"),
    "gif": ("gif", "rgb8"),
}
MAKES_REALTIME = ("libsvtav1",)  # as root it gives the calling thread, and so all that starts later, FIFO priority 99


def picture(index: int, width: int, height: int) -> NDArray[np.uint8]:
    """Frame `index` (height, width, 3): the block moves a sixtieth of the width a frame."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 2] = 120
    left = index * width // 60 % width
    image[height // 4 : height // 2, left : left + width // 4] = (230, 30, 30)
    return image


def write_film(
    path: Path,
    frames: int = 40,
    width: int = 96,
    height: int = 80,
    kind: str | None = None,
    codec: tuple[str, str] | None = None,
) -> Path:
    """A film in the container that `kind` (or the suffix) says, whatever the file is called.

    `codec` names an encoder and its pixel format, where it shall be another than the container's usual one.
    """
    kind = kind or path.suffix[1:]
    encoder, pixels = codec or CODECS[kind]
    work = path, frames, width, height, kind, encoder, pixels
    if encoder in MAKES_REALTIME:
        child = get_context("spawn").Process(target=_encode, args=work)
        child.start()
        child.join(60)
        assert child.exitcode == 0, f"{encoder} ended with {child.exitcode}"
    else:
        _encode(*work)
    return path


def _encode(path: Path, frames: int, width: int, height: int, kind: str, encoder: str, pixels: str) -> None:
    with av.open(str(path), "w", format=kind) as container:
        stream = container.add_stream(encoder, rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(index, width, height), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def write_sound(path: Path) -> Path:
    """An mp4 with a sound track alone."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
