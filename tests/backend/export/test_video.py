"""MP4, WebM and APNG are decoded again: full colour, right speed, their settings inside."""

import io
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from backend.export.animation import film_of, render_animation
from backend.export.options import ExportOptions
from backend.interpret.view import TraversalView

Views = Callable[..., TraversalView]


@pytest.mark.parametrize("format", ["mp4", "webm"])
def test_a_film_keeps_colours_speed_and_settings(bright: Views, format: str) -> None:
    view, options = bright(2, 5), ExportOptions(fps=12.5)
    content = render_animation(view, format, options)
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == Fraction(25, 2)
        assert stream.codec_context.pix_fmt == "yuv444p"
        metadata = {key.lower(): value for key, value in container.metadata.items()}
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert metadata["comment"] == view.settings
    truth = list(film_of(view, options).frames())
    assert len(frames) == len(truth)
    height, width = truth[0].shape[:2]
    error = np.mean([(a.astype(float) - b[:height, :width]) ** 2 for a, b in zip(truth, frames, strict=True)])
    assert 10 * np.log10(255**2 / error) > 32


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
