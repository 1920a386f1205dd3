"""Films and figures of rollouts: green around what was seen, red around what was imagined, one frame per step."""

import io
import json

import numpy as np
import pytest
from PIL import Image, ImageSequence

from backend.export.film import GREEN, INKS, RED
from backend.export.options import ExportOptions
from backend.export.rollout import ROLLOUT_FORMATS, render_rollout, rollout_film
from backend.export.timeline import BORDER
from backend.interpret.request import ViewError
from backend.interpret.rollout import Rollout


def test_the_border_turns_from_green_to_red_where_imagination_begins(imagined: Rollout) -> None:
    film = rollout_film(imagined, ExportOptions())
    top, left = film.corners[1]
    inks = [INKS.tolist().index(frame[top - BORDER, left].tolist()) for frame in film.frames()]
    assert inks == [GREEN] * 5 + [RED] * 8


def test_each_row_stands_in_its_place_step_by_step(imagined: Rollout) -> None:
    film = rollout_film(imagined, ExportOptions(upscale=1))
    assert len(film.corners) == len(imagined.strips) == 8
    for strip, (top, left) in zip(imagined.strips, film.corners, strict=True):
        assert np.array_equal(film.drawn[9][top : top + 64, left : left + 64], strip.frames[9])


def test_a_rollout_plays_forward_only(imagined: Rollout) -> None:
    image = Image.open(io.BytesIO(render_rollout(imagined, "gif", ExportOptions(fps=20))))
    assert image.n_frames == 13
    assert {frame.info["duration"] for frame in ImageSequence.Iterator(image)} == {50}
    assert json.loads(image.info["comment"])["view"] == imagined.request.to_json()


@pytest.mark.parametrize("format", ROLLOUT_FORMATS)
def test_every_format_gives_equal_bytes_for_equal_rollouts(imagined: Rollout, format: str) -> None:
    first, second = (render_rollout(imagined, format, ExportOptions(upscale=1)) for _ in range(2))
    assert first == second
    assert len(first) > 200


def test_unknown_formats_are_refused(imagined: Rollout) -> None:
    with pytest.raises(ViewError, match="format"):
        render_rollout(imagined, "avi", ExportOptions())
