"""Views as JSON: what the page draws and plays."""

import json
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from backend.data.checkpoint import Checkpoint
from backend.export.names import file_name, rollout_file_name
from backend.http.responses import Answer
from backend.interpret.base import BaseFrames
from backend.interpret.likeness import likeness
from backend.interpret.names import DimensionName
from backend.interpret.request import ViewError
from backend.interpret.rollout import Branch, Rollout
from backend.interpret.timeline import Timeline
from backend.interpret.traversal_request import TraversalRequest
from backend.interpret.view import FULL_CHANGE, Mark, Picture, TraversalView, build_atlas, tile
from backend.views.density import density
from backend.views.formats import MEDIA_TYPES
from backend.views.images import contact_sheet, data_uri, encode
from models.traversal import LatentStatistics

WEBP_SIDE = 16_383


def traversal_json(checkpoint: Checkpoint, view: TraversalView) -> dict[str, Any]:
    """A traversal as the page draws it."""
    return {
        "checkpoint": view.checkpoint_id,
        "request": view.request.to_json(),
        "cell": view.images.shape[2],
        "dims": _rows(view, checkpoint.statistics),
        "columns": view.request.columns,
        "unit": view.unit,
        "reference": _numbers(view.reference),
        "inactive": list(view.inactive),
        "image": data_uri(tile(view.images), "jpeg"),
        "original": data_uri(view.original),
        "reconstruction": data_uri(view.reconstruction),
        "file_name": file_name(view, "gif"),
        "likeness": _likeness(checkpoint, view),
        "provenance": view.provenance,
    }


def atlas_answer(
    checkpoint: Checkpoint, request: TraversalRequest, format: str, frames: BaseFrames | None = None
) -> Answer:
    """Every dimension at every value as one picture, with its index; raises ViewError."""
    atlas = build_atlas(checkpoint, request, frames)
    view = atlas.view
    if format == "webp" and max(atlas.image.shape) > WEBP_SIDE:
        raise ViewError("format", f"a webp has at most {WEBP_SIDE:,} pixels per side; use png or jpeg")
    if format != "json":
        return Answer(encode(atlas.image, format), MEDIA_TYPES[format])
    return json_answer(
        {
            "checkpoint": view.checkpoint_id,
            "request": view.request.to_json(),
            "cell": view.images.shape[2],
            "rows": _rows(view, checkpoint.statistics),
            "columns": view.request.columns,
            "unit": view.unit,
            "reference": _numbers(view.reference),
            "inactive": list(view.inactive),
            "image": data_uri(atlas.image, "jpeg"),
            "original": data_uri(view.original),
            "reconstruction": data_uri(view.reconstruction),
            "footprint": data_uri(_heat(view.footprint)),
            "own": None if view.request.base == "prior" else _numbers(view.frame),
            "held": sorted(view.request.edits),
            "seen_before": view.seen_before,
            "likeness": _likeness(checkpoint, view),
        }
    )


def rollout_json(rollout: Rollout) -> dict[str, Any]:
    """A rollout as the page plays it."""
    request = rollout.request
    return {
        "checkpoint": rollout.checkpoint_id,
        "request": request.to_json(),
        "context": request.context,
        "horizon": request.horizon,
        "cell": rollout.truth.shape[1],
        "steps": list(range(request.steps)),
        "known": rollout.known,
        "reward": None if rollout.reward is None else _numbers(rollout.reward),
        "comparable": rollout.comparable,
        "psnr": rollout.psnr,
        "ssim": rollout.ssim,
        "baselines": rollout.baselines,
        "spread": rollout.spread_per_step,
        **_branch(rollout, rollout.model, rollout.error),
        "edited": _edited(rollout),
        **_samples(rollout),
        **_doubt(rollout),
        "file_name": rollout_file_name(rollout, "gif"),
        "provenance": rollout.provenance,
    }


def timeline_json(timeline: Timeline) -> dict[str, Any]:
    """The data of the page's player."""
    return {
        "kind": timeline.kind,
        "title": timeline.title,
        "context": timeline.context,
        "cell": timeline.strips[0].frames.shape[1],
        "steps": list(range(timeline.steps)),
        "frames": data_uri(contact_sheet([strip.frames for strip in timeline.strips]), "jpeg"),
        "rows": [{"title": strip.title, "note": strip.note, "kind": strip.kind} for strip in timeline.strips],
        "curves": [
            {"title": chart, "lines": [{"name": name, "values": values} for name, values in lines.items()]}
            for chart, lines in timeline.curves.items()
        ],
        "file_name": f"{timeline.name}.gif",
        **timeline.facts,
    }


def json_answer(value: dict[str, Any]) -> Answer:
    """An answer of JSON."""
    return Answer(json.dumps(value, allow_nan=False, separators=(",", ":")).encode(), MEDIA_TYPES["json"])


def _rows(view: TraversalView, statistics: LatentStatistics) -> list[dict[str, Any]]:
    """Each row's dimension, and its values.

    `values` are of the latent, as `edits` take them, `sigmas` the same in σ of the data, which is what is shown.
    `frame` is the place of the base frame, `held` that of the value held instead; `density` is the density of the data
    along the row, and `data` their range in σ. `doubt`, if the model estimates it, is its uncertainty about what
    follows each cell.
    """
    ends = (statistics.minimum, statistics.maximum)
    rows = zip(view.labels, view.kl, view.values, view.sigmas, strict=True)
    return [
        {
            **_row(label, float(kl), label.dim in view.inactive),
            "values": _numbers(values),
            "sigmas": _numbers(sigmas),
            "frame": _mark(view.mark(row)),
            "held": _mark(view.held(row)),
            "change": round(float(view.footprint[row].max()), 4),
            "density": density(statistics, label.dim, view.values[row]),
            "data": _numbers(view.sigma(label.dim, end[label.dim]) for end in ends),
            **({} if view.doubt is None else {"doubt": _numbers(view.doubt[row])}),
        }
        for row, (label, kl, values, sigmas) in enumerate(rows)
    ]


def _mark(mark: Mark | None) -> dict[str, float] | None:
    """`column` 0 is the first; the place may be between two columns or outside the row."""
    return None if mark is None else {name: round(value, 6) for name, value in mark._asdict().items()}


def _row(label: DimensionName, kl: float, inactive: bool) -> dict[str, Any]:
    return {
        "dim": label.dim,
        "name": label.short,
        "caption": label.caption,
        "source": label.source,
        "factor": label.factor,
        "status": label.status or ("inactive" if inactive else "unnamed"),
        "kl": round(kl, 6),
        "nmi": label.nmi,
    }


def _branch(rollout: Rollout, branch: Branch, difference: Picture) -> dict[str, Any]:
    return {
        "frames": data_uri(contact_sheet([rollout.truth, branch.image, difference]), "jpeg"),
        "rows": ["truth", "model", "difference"],
        "actions": [_numbers(row) for row in branch.action],
        "predicted_reward": None if branch.predicted_reward is None else _numbers(branch.predicted_reward),
        "value": None if branch.value is None else _numbers(branch.value),
    }


def _edited(rollout: Rollout) -> dict[str, Any] | None:
    if rollout.edited is None or rollout.change is None:
        return None
    return {**_branch(rollout, rollout.edited, rollout.change), "names": [label.text for label in rollout.labels]}


def _doubt(rollout: Rollout) -> dict[str, Any]:
    """The model's uncertainty, if it estimates one: per step, and as pictures, under the names of its kind."""
    doubt, edited = rollout.doubt, rollout.edited_doubt
    if doubt is None:
        return {}
    return {
        doubt.words.column: _numbers(doubt.steps),
        f"edited_{doubt.words.column}": None if edited is None else _numbers(edited.steps),
        doubt.words.row: data_uri(contact_sheet([doubt.image]), "jpeg"),
    }


def _samples(rollout: Rollout) -> dict[str, Any]:
    """The sampled futures below each other, and their spread below them."""
    if rollout.spread is None:
        return {"samples": None, "drawn": 0}
    sheet = contact_sheet([*rollout.samples, rollout.spread])
    return {"samples": data_uri(sheet, "jpeg"), "drawn": len(rollout.samples)}


def _likeness(checkpoint: Checkpoint, view: TraversalView) -> dict[str, Any] | None:
    """How well the base frame is reconstructed, compared with frames the model knows; None at the prior."""
    if view.request.base == "prior":
        return None
    if view.request.edits:  # the reconstruction shows the edits: it is not that of the frame
        return None
    return likeness(checkpoint, view.original, view.reconstruction)


def _heat(footprint: npt.NDArray[np.float32]) -> Picture:
    """Footprints (R, H, W) below each other as grey levels, white from FULL_CHANGE on, in every view."""
    share = np.clip(footprint.reshape(-1, footprint.shape[-1]) / FULL_CHANGE, 0, 1)
    return np.asarray((share * 255).round().astype(np.uint8))


def _numbers(values: Iterable[float]) -> list[float | None]:
    """Numbers for JSON, with six decimals; values that are not finite become null."""
    return [round(float(value), 6) if math.isfinite(value) else None for value in values]
