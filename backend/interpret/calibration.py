"""Calibration: whether what follows is within the band that a model imagines, step by step, beside other models."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from backend.data.checkpoint import Checkpoint
from backend.interpret.calibration_request import MOST_OTHERS, CalibrationRequest
from backend.interpret.foreseen import INSIDE, Measured, measure
from backend.interpret.request import ViewError
from backend.interpret.resample import interval_of_mean
from backend.interpret.rollout import build_rollout
from backend.interpret.rollout_request import RolloutRequest
from backend.interpret.timeline import Curve, Strip, Timeline, curve
from backend.interpret.view import provenance_of
from models.video_model import VideoModel

INSIDE_CHART = f"Inside the {INSIDE}% band"
ERROR_CHART = "Error, of standing still's"
WIDTH_CHART = "Width of the band, of standing still's"
STILL = "standing still"
MOST_EPISODES = 24
FEW_EPISODES = 5  # fewer are too few for an interval
PICTURED = 8  # futures whose pictures differ in the row "spread"


def calibration(
    checkpoint: Checkpoint, others: Sequence[Checkpoint], request: CalibrationRequest, name: str
) -> Timeline:
    """The episode with its imagined spread, and the charts over all episodes; raises ViewError."""
    request.check(checkpoint)
    if len(others) > MOST_OTHERS:
        raise ViewError("with", f"{len(others)} further checkpoints are more than {MOST_OTHERS}")
    if len(checkpoint.clip.image) < 2:
        raise ViewError("episode", "the clip has one episode: standing still is measured on the others")
    for other in others:
        request.check_beside(checkpoint, other)
    titles = _titles([checkpoint, *others])
    found = {
        title: _measured(each, checkpoint, request) for title, each in zip(titles, [checkpoint, *others], strict=True)
    }
    own = found[titles[0]]
    before: Curve = [None] * request.context
    flat = np.full(request.horizon, INSIDE / 100)
    inside = {title: before + curve(each.inside.mean(0)) for title, each in found.items()}
    inside |= {STILL: before + curve(own.still_inside.mean(0)), f"{INSIDE}%": before + curve(flat)}
    provenance = provenance_of(checkpoint)
    origin = {key: provenance[key] for key in ("checkpoint", "weights")}
    return Timeline(
        kind="calibration",
        title=f"Calibration, {checkpoint.info.name}",
        name=name,
        context=request.context,
        strips=_strips(checkpoint, request),
        curves={
            INSIDE_CHART: inside,
            ERROR_CHART: {title: before + curve(each.error.mean(0)) for title, each in found.items()},
            WIDTH_CHART: {title: before + curve(each.width.mean(0)) for title, each in found.items()},
        },
        settings=json.dumps({"diswm": "calibration", **origin, "view": request.to_json()}, sort_keys=True),
        facts={"measured": _rows(found), "episodes": len(own.inside), "says": says(found)},
    )


def says(found: dict[str, Measured]) -> str:
    """Whether each model's confidence is justified, and whether it predicts better than standing still does."""
    sentences = []
    for title, each in found.items():
        share, few = float(each.inside.mean()), len(each.inside) < FEW_EPISODES
        low, high = (float(end) for end in interval_of_mean(each.inside.mean(1)))
        within = "" if few else f" (95% over {len(each.inside)} episodes: {low:.0%} to {high:.0%})"
        if few:
            verdict = f"{len(each.inside)} episodes are too few to say whether that is right"
        elif high < INSIDE / 100:
            verdict = "it is surer than it may be"
        elif low > INSIDE / 100:
            verdict = "it is less sure than it could be"
        else:
            verdict = "as it should be"
        error = float(each.error.mean())
        gain = f"its error is {error:.2f} of standing still's"
        sentences.append(f"{title}: {share:.0%} of what came lies in its {INSIDE}% band{within}, {verdict}; {gain}.")
    return " ".join(sentences)


def _measured(checkpoint: Checkpoint, first: Checkpoint, request: CalibrationRequest) -> Measured:
    assert isinstance(checkpoint.model, VideoModel), "checked with the request"
    clip, count = first.clip, min(len(first.clip.image), MOST_EPISODES)
    image, action = (torch.from_numpy(part[:count, : request.steps]) for part in (clip.image, clip.action))
    return measure(checkpoint.model, image, action, request.context)


def _strips(checkpoint: Checkpoint, request: CalibrationRequest) -> tuple[Strip, ...]:
    """The episode, the mean of what is imagined for it, and where the pictures of several futures differ."""
    asked = RolloutRequest(request.episode, request.context, request.horizon, samples=PICTURED)
    rollout = build_rollout(checkpoint, replace(asked, actions="recorded"))
    wanted = ("truth", "model", "spread")
    return tuple(strip for strip in rollout.strips if strip.title in wanted)


def _rows(found: dict[str, Measured]) -> list[dict[str, Any]]:
    """A row for each model and some steps: shares, interval if episodes are enough, error and width."""
    rows = []
    for title, each in found.items():
        few, interval = len(each.inside) < FEW_EPISODES, each.interval
        horizon = each.inside.shape[1]
        for step in sorted({1, (horizon + 1) // 2, horizon}):
            at = step - 1
            rows.append(
                {
                    "model": title,
                    "step": step,
                    "numbers": each.numbers,
                    "inside": round(float(each.inside[:, at].mean()), 4),
                    "interval": None if few else [round(float(end), 4) for end in interval[at]],
                    "error": round(float(each.error[:, at].mean()), 4),
                    "width": round(float(each.width[:, at].mean()), 4),
                }
            )
    return rows


def _titles(checkpoints: Sequence[Checkpoint]) -> list[str]:
    """Names, or ids where several have one name."""
    names = [checkpoint.info.name for checkpoint in checkpoints]
    return [
        name if names.count(name) == 1 else checkpoint.info.id
        for name, checkpoint in zip(names, checkpoints, strict=True)
    ]
