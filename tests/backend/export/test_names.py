"""File names say what is inside, and can never be a path."""

from dataclasses import replace

import pytest

from backend.data.checkpoint import Checkpoint
from backend.export.captions import caption_text
from backend.export.command import command_line
from backend.export.names import bundle_name, file_name, rollout_file_name, slug
from backend.export.options import ExportOptions, signed
from backend.interpret.names import DimensionName
from backend.interpret.rollout import Rollout
from backend.interpret.rollout_request import RolloutRequest, parse_edits
from backend.interpret.traversal_request import TraversalRequest
from backend.interpret.view import TraversalView, build_view


@pytest.fixture(scope="module")
def view(checkpoint: Checkpoint) -> TraversalView:
    view = build_view(checkpoint, TraversalRequest(dims=(3,)))
    return replace(view, labels=(DimensionName(7, "Hip angle", "person", None, None, None),))


def test_a_name_says_where_what_and_over_which_range(view: TraversalView) -> None:
    assert file_name(view, "gif") == "diswm_reacher-easy_tiny-video-s0_dim07-hip-angle_pm2sd_ep0-frame12.gif"
    assert bundle_name(view) == "diswm-bundle_reacher-easy_tiny-video-s0_dim07-hip-angle_pm2sd_ep0-frame12.zip"


@pytest.mark.parametrize(
    ("change", "end"),
    [
        ({"mode": "offset", "extent": 4.5}, "frame-pm4p5_ep0-frame12.png"),
        ({"mode": "quantile"}, "mid90pct_ep0-frame12.png"),
        ({"mode": "minmax"}, "min-max_ep0-frame12.png"),
        ({"mode": "fixed", "base": "prior"}, "pm3_prior.png"),
        ({"base": "dataset", "source": "x1", "frame": 4}, "pm2sd_my-clips-ep0-frame4.png"),
        ({"base": "picture", "source": "0a1b"}, "pm2sd_my-clips.png"),
        ({"episode": 2, "frame": 7}, "pm2sd_ep2-frame7.png"),
    ],
)
def test_other_ranges_and_frames_are_told_apart(view: TraversalView, change: dict[str, object], end: str) -> None:
    base = "My clips!" if "source" in change else None
    other = replace(view, base=base, request=replace(view.request, **change))  # type: ignore[arg-type]  # fields by name
    assert file_name(other, "png").endswith(end)


def test_many_rows_are_counted(view: TraversalView) -> None:
    assert "_5dims_" in file_name(replace(view, labels=view.labels * 5), "pdf")


def test_a_rollout_is_named_by_its_lengths_actions_and_edits(imagined: Rollout) -> None:
    assert rollout_file_name(imagined, "mp4") == (
        "diswm_reacher-easy_tiny-world-s0_rollout-ep0_5seen-8imagined_recorded_edit-dim02.mp4"
    )


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b\\c", "naïve Röhre", "\0", "", "🦿", "x" * 300])
def test_no_name_is_ever_a_path(name: str) -> None:
    made = slug(name)
    assert made
    assert len(made) <= 40
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_the_command_line_that_makes_a_file_again_is_short() -> None:
    asked = TraversalRequest(dims=(7, 3), extent=2.5, edits={2: -1.5}, history=False)
    assert command_line("traverse", "demo", asked, "gif", ExportOptions(fps=12.5, pingpong=False)) == (
        "diswm traverse demo --dims 7,3 --range 2.5 --no-history --edits 2:-1.5 --fps 12.5 --no-pingpong --format gif"
    )
    imagined = RolloutRequest(context=3, edits=parse_edits("7:1.5@12+"))
    assert command_line("rollout", "demo", imagined, "mp4", ExportOptions()) == (
        "diswm rollout demo --context 3 --edit 7:1.5@12+ --format mp4"
    )


def test_numbers_are_printed_with_a_true_minus_and_no_signed_zero() -> None:
    assert [signed(value, 2) for value in (-1.239, 0.31, -0.001, 0.0)] == ["−1.24", "+0.31", "0.00", "0.00"]


def test_two_seeds_of_one_checkpoint_have_files_of_their_own(view: TraversalView) -> None:
    other = replace(view, provenance={**view.provenance, "seed": 1})
    assert file_name(view, "gif") != file_name(other, "gif")


def test_a_name_in_other_letters_leaves_the_number_alone(view: TraversalView) -> None:
    named = replace(view, labels=(DimensionName(7, "左膝角度", "person", None, None, None),))
    assert "_dim07_" in file_name(named, "gif")


def test_a_caption_says_range_unit_and_what_is_held(checkpoint: Checkpoint) -> None:
    asked = TraversalRequest(dims=(3,), mode="fixed", extent=50)
    held = build_view(checkpoint, replace(asked, edits={3: 60.0}))
    assert "range: latent 0 ± 50, equal steps." in caption_text(build_view(checkpoint, asked))
    assert f"dim 3 held at {signed(held.sigma(3, 60.0), 2)} σ" in caption_text(held)
    assert "standard deviation of the dimension over the data" in caption_text(held)


def test_a_caption_says_where_there_is_no_history(checkpoint: Checkpoint) -> None:
    first, later = (build_view(checkpoint, TraversalRequest(dims=(3,), frame=frame)) for frame in (0, 4))
    assert "frame 0, first frame: no history" in caption_text(first)
    assert "frame 4, with history" in caption_text(later)
