"""Every view of imagination as every file: equal bytes for equal views, and the way back to the view."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from backend.data.checkpoint import Checkpoint
from backend.export.names import temporal_file_name
from backend.export.options import ExportOptions
from backend.export.reel import REEL_FORMATS, render_reel
from backend.export.reopen import read_settings
from backend.interpret.reel import Reel
from backend.interpret.request import ViewError
from backend.interpret.temporal import temporal_traversal
from backend.interpret.temporal_request import TemporalRequest


@pytest.fixture(scope="module")
def reel(agent: Checkpoint) -> Reel:
    traversal = temporal_traversal(agent, TemporalRequest(horizon=4, dims=(1, 3)))
    return traversal.reel(temporal_file_name(traversal))


@pytest.mark.parametrize("format", REEL_FORMATS)
def test_every_format_gives_equal_bytes_for_equal_reels(reel: Reel, format: str) -> None:
    first, second = (render_reel(reel, format, ExportOptions(upscale=1)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("format", REEL_FORMATS)
def test_a_file_says_which_view_it_shows(reel: Reel, format: str) -> None:
    settings = read_settings(render_reel(reel, format, ExportOptions(upscale=1)))
    assert settings["diswm"] == "temporal"
    assert settings["view"] == json.loads(reel.settings)["view"]


def test_a_film_has_a_frame_a_step_and_a_place_a_row(reel: Reel) -> None:
    image = Image.open(io.BytesIO(render_reel(reel, "gif", ExportOptions(captions=False))))
    assert image.n_frames == 9
    assert image.width > 2.5 * 128


def test_the_tables_hold_the_rows_and_the_curves(reel: Reel) -> None:
    arrays = np.load(io.BytesIO(render_reel(reel, "npz", ExportOptions())))
    assert arrays["frames"].shape == (3, 9, 64, 64, 3)
    assert arrays["titles"].tolist() == ["untouched", "dim 1", "dim 3"]
    header, *lines = render_reel(reel, "csv", ExportOptions()).decode("utf-8-sig").splitlines()
    assert header.startswith("step,seen,Change in grey levels: dim 1")
    assert len(lines) == 9


def test_unknown_formats_are_refused(reel: Reel) -> None:
    with pytest.raises(ViewError, match="format"):
        render_reel(reel, "avi", ExportOptions())
