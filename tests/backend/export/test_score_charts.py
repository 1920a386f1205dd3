"""PSNR and SSIM in files: never without both baselines and a band over episodes, on fixed axes."""

import csv
import io
from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from backend.data.checkpoint import Checkpoint
from backend.export.render import export_rollout
from backend.export.rollout import timeline_of
from backend.export.score_charts import draw_scores
from backend.interpret.rollout import build_rollout, scores_over_episodes
from backend.interpret.rollout_request import RolloutRequest, TogetherRequest
from backend.interpret.timeline import Timeline
from backend.interpret.together import bands_together, roll_out_together

ASKED = RolloutRequest(horizon=4)


def test_a_figure_draws_the_model_in_its_band_beside_both_baselines_on_fixed_axes(agent: Checkpoint) -> None:
    scores = scores_over_episodes(agent, ASKED)
    rollout = replace(build_rollout(agent, ASKED), scores=scores)
    figure = drawn(timeline_of(rollout))
    assert [axes.get_ylim() for axes in figure.axes] == [(10, 40), (0, 1)]
    for axes, measure in zip(figure.axes, ("psnr", "ssim"), strict=True):
        lines = {line.get_label(): line.get_ydata() for line in axes.get_lines()}
        assert {"model", "repeat last frame", "mean image"} <= set(lines)
        assert np.allclose(lines["mean image"][5:], rollout.baselines[measure]["mean image"][5:])
        (band,) = axes.collections
        inside = band.get_datalim(axes.transData).intervaly
        assert inside[0] >= min(value for value in scores[measure]["model"]["low"] if value is not None) - 1e-9


def test_tables_of_a_rollout_hold_both_baselines_and_the_band(agent: Checkpoint) -> None:
    found = export_rollout(agent, ASKED, "csv").content.decode("utf-8-sig")
    last = list(csv.DictReader(io.StringIO(found)))[8]
    scores = scores_over_episodes(agent, ASKED)
    assert float(last["psnr_db_low_over_episodes"]) == scores["psnr"]["model"]["low"][8]
    assert float(last["ssim_repeat_last_frame"]) > 0 and float(last["psnr_db_mean_image"]) > 0
    with np.load(io.BytesIO(export_rollout(agent, ASKED, "npz").content)) as arrays:
        assert arrays["ssim_high_over_episodes"][8] == scores["ssim"]["model"]["high"][8]


def test_a_figure_is_taller_by_its_charts_unless_nothing_can_be_compared(agent: Checkpoint) -> None:
    recorded, zero = (build_rollout(agent, replace(ASKED, actions=actions)) for actions in ("recorded", "zero"))
    assert len(drawn(timeline_of(recorded)).axes) == 2
    unlike = timeline_of(zero).curves["PSNR in dB"]
    assert unlike["repeat last frame"] == [None] * 9


def test_checkpoints_beside_each_other_each_have_a_band(agent: Checkpoint) -> None:
    other = replace(agent, info=replace(agent.info, id="other", name="other"))
    together = roll_out_together([agent, other], TogetherRequest(horizon=4, others=("other",)))
    bands = bands_together([agent, other], together)
    assert bands is not None and set(bands.charts["SSIM"]) == set(together.titles)
    figure = drawn(replace(together.timeline("both"), bands=bands))
    assert [len(axes.collections) for axes in figure.axes] == [2, 2]


def drawn(timeline: Timeline) -> Figure:
    """The charts alone."""
    figure = Figure(figsize=(7, 4))
    draw_scores(figure, timeline, 0.2, 0.8, 6.5)
    return figure
