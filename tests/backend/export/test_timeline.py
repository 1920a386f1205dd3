"""Every view of imagination in every format: equal bytes for equal views, and settings that reopen the view."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from backend.data.checkpoint import Checkpoint
from backend.export.names import temporal_file_name
from backend.export.options import ExportOptions
from backend.export.reopen import read_settings
from backend.export.timeline import TIMELINE_FORMATS, render_timeline
from backend.interpret.request import ViewError
from backend.interpret.temporal import temporal_traversal
from backend.interpret.temporal_request import TemporalRequest
from backend.interpret.timeline import Timeline


@pytest.fixture(scope="module")
def timeline(agent: Checkpoint) -> Timeline:
    traversal = temporal_traversal(agent, TemporalRequest(horizon=4, dims=(1, 3)))
    return traversal.timeline(temporal_file_name(traversal))


@pytest.mark.parametrize("format", TIMELINE_FORMATS)
def test_every_format_gives_equal_bytes_for_equal_timelines(timeline: Timeline, format: str) -> None:
    first, second = (render_timeline(timeline, format, ExportOptions(upscale=1)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("format", TIMELINE_FORMATS)
def test_a_file_says_which_view_it_shows(timeline: Timeline, format: str) -> None:
    settings = read_settings(render_timeline(timeline, format, ExportOptions(upscale=1)))
    assert settings["diswm"] == "temporal"
    assert settings["view"] == json.loads(timeline.settings)["view"]


def test_a_film_has_a_frame_a_step_and_a_place_a_row(timeline: Timeline) -> None:
    image = Image.open(io.BytesIO(render_timeline(timeline, "gif", ExportOptions(captions=False))))
    assert image.n_frames == 9
    assert image.width > 2.5 * 128


def test_the_tables_hold_the_rows_and_the_curves(timeline: Timeline) -> None:
    arrays = np.load(io.BytesIO(render_timeline(timeline, "npz", ExportOptions())))
    assert arrays["frames"].shape == (3, 9, 64, 64, 3)
    assert arrays["titles"].tolist() == ["untouched", "dim 1", "dim 3"]
    header, *lines = render_timeline(timeline, "csv", ExportOptions()).decode("utf-8-sig").splitlines()
    assert header.startswith("step,seen,Change in grey levels: dim 1")
    assert len(lines) == 9


def test_every_curve_is_kept_whatever_its_line_is_called(timeline: Timeline) -> None:
    long = "the same beginning of two long names of checkpoints, "
    lines = {f"{long}first": 1.0, f"{long}second": 2.0, "左": 3.0, "右": 4.0, "a b": 5.0, "a, b": 6.0}
    curves = {"Value": {name: [value] * timeline.steps for name, value in lines.items()}}
    arrays = np.load(io.BytesIO(render_timeline(replace(timeline, curves=curves), "npz", ExportOptions())))
    found = {name: arrays[name][0] for name in arrays.files if name.startswith("curve_")}
    assert sorted(found.values()) == sorted(lines.values())
    assert found["curve_value_右"] == 4.0 and found["curve_value_a_b_2"] == 6.0


def test_unknown_formats_are_refused(timeline: Timeline) -> None:
    with pytest.raises(ViewError, match="format"):
        render_timeline(timeline, "avi", ExportOptions())
