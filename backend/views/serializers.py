"""Views as answers: the JSON that the page draws, or the file that was asked for. Runs in the workshop's threads."""

import json
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backend.data.checkpoint import Checkpoint
from backend.export.names import file_name, rollout_file_name
from backend.export.options import ExportOptions
from backend.http.problems import Fault, Problem
from backend.http.responses import Answer
from backend.interpret.base import BaseFrames
from backend.interpret.likeness import likeness
from backend.interpret.names import DimensionName
from backend.interpret.request import TraversalRequest, ViewError
from backend.interpret.rollout import Branch, Rollout, build_rollout
from backend.interpret.rollout_request import RolloutRequest
from backend.interpret.view import FULL_CHANGE, UNIT, Mark, Picture, TraversalView, build_atlas, build_view, tile
from backend.views.formats import MEDIA_TYPES
from backend.views.images import contact_sheet, data_uri, encode

if TYPE_CHECKING:
    from backend.export.render import ExportedFile

CELL = 64
WEBP_SIDE = 16_383


def draw_traversal(
    checkpoint: Checkpoint,
    request: TraversalRequest,
    format: str,
    options: ExportOptions,
    frames: BaseFrames | None = None,
) -> Answer:
    """A traversal as JSON or as a file, from `frames` where the request says so; raises ViewError."""
    if format != "json":
        from backend.export.render import export_traversal  # loads matplotlib: not before it is needed

        return _file(export_traversal(checkpoint, request, format, options, frames))
    view = build_view(checkpoint, request, frames)
    return json_answer(
        {
            "checkpoint": view.checkpoint_id,
            "request": view.request.to_json(),
            "cell": CELL,
            "dims": _rows(view),
            "columns": view.request.columns,
            "unit": UNIT,
            "reference": _numbers(view.reference),
            "inactive": list(view.inactive),
            "image": data_uri(tile(view.images), "jpeg"),
            "original": data_uri(view.original),
            "reconstruction": data_uri(view.reconstruction),
            "file_name": file_name(view, "gif"),
            "likeness": _likeness(checkpoint, view),
            "provenance": view.provenance,
        }
    )


def draw_atlas(
    checkpoint: Checkpoint, request: TraversalRequest, format: str, frames: BaseFrames | None = None
) -> Answer:
    """Every dimension at every value as one picture, with its index; raises ViewError."""
    atlas = build_atlas(checkpoint, request, frames)
    view = atlas.view
    if format == "webp" and max(atlas.image.shape) > WEBP_SIDE:
        raise ViewError("format", f"a webp has at most {WEBP_SIDE:,} pixels a side; take png or jpeg")
    if format != "json":
        return Answer(encode(atlas.image, format), MEDIA_TYPES[format])
    return json_answer(
        {
            "checkpoint": view.checkpoint_id,
            "request": view.request.to_json(),
            "cell": CELL,
            "rows": _rows(view),
            "columns": view.request.columns,
            "unit": UNIT,
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


def draw_rollout(checkpoint: Checkpoint, request: RolloutRequest, format: str, options: ExportOptions) -> Answer:
    """A rollout as JSON or as a file; raises ViewError, or Problem 409 where the policy does not fit the model."""
    refuse_foreign_policy(checkpoint, request.actions)
    if format != "json":
        from backend.export.render import export_rollout  # loads matplotlib: not before it is needed

        return _file(export_rollout(checkpoint, request, format, options))
    rollout = build_rollout(checkpoint, request)
    return json_answer(
        {
            "checkpoint": rollout.checkpoint_id,
            "request": request.to_json(),
            "context": request.context,
            "horizon": request.horizon,
            "cell": CELL,
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
            "file_name": rollout_file_name(rollout, "gif"),
            "provenance": rollout.provenance,
        }
    )


def refuse_foreign_policy(checkpoint: Checkpoint, actions: str) -> None:
    """409 where there is no policy, or one whose actions are not those of the model."""
    if actions != "policy":
        return
    behaviour, size = checkpoint.actor_critic, checkpoint.model.config.action_size
    if behaviour is not None and behaviour.config.action_size == size:
        return
    has = (
        "no policy"
        if behaviour is None
        else f"a policy with {behaviour.config.action_size} actions, the model takes {size}"
    )
    raise Problem(
        409,
        "policy-does-not-fit",
        f"{checkpoint.info.name} has {has}.",
        remedy="Take actions=recorded or actions=zero, or a checkpoint of a fine-tuned agent.",
        errors=[Fault("query:actions", f"the checkpoint has {has}")],
    )


def json_answer(value: dict[str, Any]) -> Answer:
    """An answer of JSON."""
    return Answer(json.dumps(value, allow_nan=False, separators=(",", ":")).encode(), MEDIA_TYPES["json"])


def _file(exported: "ExportedFile") -> Answer:
    return Answer(exported.content, exported.media_type, exported.file_name, exported.warning)


def _rows(view: TraversalView) -> list[dict[str, Any]]:
    """Each row's dimension, and its values.

    `values` are of the latent, as `edits` take them, `sigmas` the same in σ of the data, which is what is shown.
    `frame` says where the base frame lies, `held` where the value lies that is held instead of it.
    """
    rows = zip(view.labels, view.kl, view.values, view.sigmas, strict=True)
    return [
        {
            **_row(label, float(kl), label.dim in view.inactive),
            "values": _numbers(values),
            "sigmas": _numbers(sigmas),
            "frame": _mark(view.mark(row)),
            "held": _mark(view.held(row)),
            "change": round(float(view.footprint[row].max()), 4),
        }
        for row, (label, kl, values, sigmas) in enumerate(rows)
    ]


def _mark(mark: Mark | None) -> dict[str, float] | None:
    """`column` 0 is the first; it may lie between two columns or beyond either end."""
    return None if mark is None else {name: round(value, 6) for name, value in mark._asdict().items()}


def _row(label: DimensionName, kl: float, inactive: bool) -> dict[str, Any]:
    return {
        "dim": label.dim,
        "name": label.text,
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


def _samples(rollout: Rollout) -> dict[str, Any]:
    """The drawn futures below each other, and below them how far they spread."""
    if rollout.spread is None:
        return {"samples": None, "drawn": 0}
    sheet = contact_sheet([*rollout.samples, rollout.spread])
    return {"samples": data_uri(sheet, "jpeg"), "drawn": len(rollout.samples)}


def _likeness(checkpoint: Checkpoint, view: TraversalView) -> dict[str, Any] | None:
    """How well the base frame is reconstructed, beside the frames that the model knows; None at the prior."""
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
    """Numbers as JSON knows them, with six decimals; what is not finite becomes null."""
    return [round(float(value), 6) if math.isfinite(value) else None for value in values]
