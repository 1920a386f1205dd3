"""MP4, WebM and APNG are decoded again: full colour, right speed, their settings inside."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from backend.export.animation import film_of, render_animation
from backend.export.options import ExportOptions
from backend.export.rollout import rollout_film
from backend.export.video import to_yuv
from backend.interpret.rollout import Rollout
from backend.interpret.view import TraversalView

Views = Callable[..., TraversalView]


@pytest.mark.parametrize("chroma", ["420", "444"])
@pytest.mark.parametrize("format", ["mp4", "webm"])
def test_a_film_keeps_colours_speed_and_settings(bright: Views, format: str, chroma: str) -> None:
    view, options = bright(2, 5), ExportOptions(fps=12.5, chroma=chroma)
    content = render_animation(view, format, options)
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == Fraction(25, 2)
        assert stream.codec_context.pix_fmt == f"yuv{chroma}p"
        metadata = {key.lower(): value for key, value in container.metadata.items()}
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert metadata["comment"] == view.settings
    truth = list(film_of(view, options).frames())
    assert len(frames) == len(truth)
    height, width = truth[0].shape[:2]
    error = np.mean([(a.astype(float) - b[:height, :width]) ** 2 for a, b in zip(truth, frames, strict=True)])
    assert 10 * np.log10(255**2 / error) > 38


def test_players_open_an_mp4_and_start_before_they_have_it_whole(bright: Views) -> None:
    content = render_animation(bright(2, 5), "mp4")
    with av.open(io.BytesIO(content)) as container:
        context = container.streams.video[0].codec_context
        assert (context.profile, context.pix_fmt) == ("High", "yuv420p")
        assert container.streams.video[0].frames == 8
    assert content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize("upscale", [2, 3, 4])
def test_one_colour_for_four_pixels_loses_none_of_the_models_once_they_are_enlarged(
    bright: Views, upscale: int
) -> None:
    view, options = bright(4, 3), ExportOptions(upscale=upscale)
    film = film_of(view, options)
    for frame, pictures in zip(film.drawn, film.pictures, strict=True):
        small, large = (np.stack(enlarged(to_yuv(frame, chroma)), axis=-1) for chroma in ("420", "444"))
        for (top, left), picture in zip(film.corners, pictures, strict=True):
            assert top % 2 == left % 2 == 0
            places = (slice(top, top + 64 * upscale), slice(left, left + 64 * upscale))
            same = (np.abs(small[places].astype(int) - large[places]) <= 1).all(axis=-1)
            whole = same.reshape(64, upscale, 64, upscale).any(axis=(1, 3))
            assert whole.all(), picture.shape


def enlarged(planes: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    """The planes at the size of the first."""
    return [plane.repeat(len(planes[0]) // len(plane), 0).repeat(len(planes[0]) // len(plane), 1) for plane in planes]


@pytest.mark.parametrize("format", ["mp4", "webm"])
def test_a_film_does_not_depend_on_what_the_memory_held_before(imagined: Rollout, tmp_path: Path, format: str) -> None:
    """New memory is filled with different bytes: an encoder that reads uninitialised memory gives different films."""
    np.save(tmp_path / "frames.npy", np.stack(list(rollout_film(imagined, ExportOptions(upscale=1)).frames())))
    made = set()
    for filling in (1, 85):
        environment = {**os.environ, "MALLOC_PERTURB_": str(filling)}
        command = [sys.executable, "-c", ENCODE, str(tmp_path / "frames.npy"), format]
        made.add(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
    assert len(made) == 1


ENCODE = """
import hashlib, sys
import numpy as np
from backend.export.film import Film
from backend.export.video import encode_video
frames = np.load(sys.argv[1])
steps, height, width = frames.shape[:3]
ground = np.zeros((height, width), np.uint8)
film = Film(ground, ((0, 0),), frames[:, None], ((),) * steps, tuple(range(steps)), 1, "a film", "{}")
print(hashlib.sha256(encode_video(film, sys.argv[2], fps=10)).hexdigest())
"""


@pytest.mark.parametrize("format", ["mp4", "webm", "apng"])
def test_equal_views_give_equal_bytes(bright: Views, format: str) -> None:
    first, second = (render_animation(bright(1, 3), format) for _ in range(2))
    assert first == second


def test_an_apng_loses_nothing(bright: Views) -> None:
    view, options = bright(2, 5), ExportOptions(fps=20)
    image = Image.open(io.BytesIO(render_animation(view, "apng", options)))
    truth = list(film_of(view, options).frames())
    assert image.n_frames == len(truth)
    assert image.info["diswm"] == view.settings
    for number, frame in enumerate(truth):
        image.seek(number)
        assert image.info["duration"] == 50
        assert np.array_equal(np.asarray(image.convert("RGB")), frame)
