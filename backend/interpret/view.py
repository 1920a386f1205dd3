"""A traversal ready to be shown or printed: pictures, values, names, and where they come from."""

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from backend.data.checkpoint import Checkpoint
from backend.interpret.base import BaseFrames
from backend.interpret.encoded import INACTIVE_KL, Floats
from backend.interpret.names import DimensionName, dimension_names
from backend.interpret.request import TraversalRequest, ViewError
from models.traversal import (
    Anchor,
    LatentStatistics,
    anchor_at,
    footprint,
    prior_anchor,
    reconstruct,
    row_values,
    traverse,
)
from models.types import normalise, to_uint8

Picture = npt.NDArray[np.uint8]

CELLS_AT_ONCE = 1_000


@dataclass(frozen=True)
class TraversalView:
    """R rows of N cells around one frame. Nothing in it depends on when or where it was made."""

    request: TraversalRequest
    checkpoint_id: str
    checkpoint_name: str
    environment: str | None
    dims: tuple[int, ...]
    labels: tuple[DimensionName, ...]  # of the rows
    kl: Floats  # (R,) nats
    values: Floats  # (R, N)
    reference: Floats  # (Z,) the latent of the base frame, edits applied
    own: Floats | None  # (Z,) the latent of the base frame as it is; None at the prior, which has no frame
    images: Picture  # (R, N, 64, 64, 3)
    original: Picture  # (64, 64, 3); the reconstruction where there is no frame, at the prior
    reconstruction: Picture  # (64, 64, 3)
    footprint: npt.NDArray[np.float32]  # (R, 64, 64) mean range of the colours over the row, 0..1
    inactive: tuple[int, ...]  # dimensions without information, whether shown or not
    provenance: dict[str, Any]
    base: str | None = None  # what a base is called that is not the checkpoint's own
    seen_before: int = 0  # frames that the model has seen before the base frame

    @property
    def names(self) -> tuple[str, ...]:
        """What each row is called: a person's name, else the factor's, else `dim 7`."""
        return tuple(label.text for label in self.labels)

    @property
    def nmi(self) -> tuple[float | None, ...]:
        """NMI of each row's factor, None where factors have not been computed."""
        return tuple(label.nmi for label in self.labels)

    @cached_property
    def settings(self) -> str:
        """The view as one line of JSON, which files made from it carry; reading it back reopens the view."""
        carried = {key: self.provenance[key] for key in ("checkpoint", "weights")}
        return json.dumps({"diswm": "traversal", **carried, "view": self.request.to_json()}, sort_keys=True)


@dataclass(frozen=True)
class Atlas:
    """Every dimension at every value as one picture, rows by KL, for scrubbing without another request."""

    image: Picture  # (Z * 64, N * 64, 3)
    view: TraversalView


def build_view(checkpoint: Checkpoint, request: TraversalRequest, frames: BaseFrames | None = None) -> TraversalView:
    """Decodes a view in one batch; raises ViewError.

    `frames` are what the request's base says: see `backend.interpret.base.find_frames`.
    """
    latents = checkpoint.model.config.latents
    request.check(latents, *checkpoint.clip.image.shape[:2])
    dims = rows_of(request, checkpoint.statistics)
    seen = _seen(checkpoint, request, frames)
    unedited = _anchor(checkpoint, request, seen)
    anchor = _edited(unedited, request)
    reference = anchor.latent.double().numpy()
    values = row_values(request.mode, reference, checkpoint.statistics, dims, request.reach, request.columns)
    images, footprints = _decoded(checkpoint, anchor, dims, values)
    reconstruction = to_uint8(reconstruct(checkpoint.model, anchor)).numpy()
    names = dimension_names(checkpoint)
    return TraversalView(
        request=request,
        checkpoint_id=checkpoint.info.id,
        checkpoint_name=checkpoint.info.name,
        environment=checkpoint.info.environment,
        dims=dims,
        labels=tuple(names[dim] for dim in dims),
        kl=checkpoint.statistics.kl[list(dims)],
        values=values,
        reference=reference,
        own=None if seen is None else unedited.latent.double().numpy(),
        images=images,
        original=reconstruction if seen is None else seen.image[-1],
        reconstruction=reconstruction,
        footprint=footprints,
        inactive=tuple(int(dim) for dim in np.flatnonzero(checkpoint.statistics.kl < INACTIVE_KL)),
        provenance=provenance_of(checkpoint),
        base=None if frames is None else frames.name,
        seen_before=len(seen.image) - 1 if seen is not None and request.history else 0,
    )


def build_atlas(checkpoint: Checkpoint, request: TraversalRequest, frames: BaseFrames | None = None) -> Atlas:
    """The view of all dimensions by KL, its cells in one picture."""
    everything = tuple(_by_kl(checkpoint.statistics))
    view = build_view(checkpoint, replace(request, dims=everything), frames)
    return Atlas(tile(view.images), view)


def tile(images: Picture) -> Picture:
    """Cells (R, N, H, W, 3) side by side: (R * H, N * W, 3)."""
    rows, columns, height, width, channels = images.shape
    return images.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, channels)


def provenance_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """What makes the same picture again: the checkpoint, the hash of its weights, seed and versions."""
    manifest = json.loads((checkpoint.info.folder / "manifest.json").read_bytes())
    config = checkpoint.info.config
    return {
        "checkpoint": checkpoint.info.id,
        "name": checkpoint.info.name,
        "stage": checkpoint.info.stage,
        "environment": checkpoint.info.environment,
        "steps": checkpoint.info.steps,
        "weights": str(manifest["model.safetensors"]),
        "seed": config.get("seed"),
        "versions": config.get("versions"),
    }


def _decoded(
    checkpoint: Checkpoint, anchor: Anchor, dims: tuple[int, ...], values: Floats
) -> tuple[Picture, npt.NDArray[np.float32]]:
    """The cells (R, N, 64, 64, 3) and footprints (R, 64, 64) of rows, some rows at a time to save memory."""
    together = max(1, CELLS_AT_ONCE // values.shape[1])
    images, footprints = [], []
    for first in range(0, len(dims), together):
        part = slice(first, first + together)
        drawn = traverse(checkpoint.model, anchor, dims[part], torch.from_numpy(values[part]).float())
        images.append(to_uint8(drawn).numpy())
        footprints.append(footprint(drawn.clamp(-0.5, 0.5)).numpy())
    return np.concatenate(images), np.concatenate(footprints)


def rows_of(request: TraversalRequest, statistics: LatentStatistics) -> tuple[int, ...]:
    """The dimensions that a request shows: its own, else the active ones by KL."""
    if request.dims is not None:
        return request.dims
    ordered = _by_kl(statistics)
    active = [dim for dim in ordered if statistics.kl[dim] >= INACTIVE_KL]
    return tuple(active or ordered)


def _by_kl(statistics: LatentStatistics) -> list[int]:
    return [int(dim) for dim in np.argsort(-statistics.kl, kind="stable")]


def _seen(checkpoint: Checkpoint, request: TraversalRequest, frames: BaseFrames | None) -> BaseFrames | None:
    """What the model has seen up to the base frame; None at the prior."""
    if request.base == "prior":
        return None
    if request.base == "clip":
        clip, seen = checkpoint.clip, slice(0, request.frame + 1)
        return BaseFrames(clip.image[request.episode, seen], clip.action[request.episode, seen])
    if frames is None:
        raise ViewError("base", f"no frames of the {request.base} were handed in")
    return frames


def _anchor(checkpoint: Checkpoint, request: TraversalRequest, seen: BaseFrames | None) -> Anchor:
    model = checkpoint.model
    if seen is None:
        return prior_anchor(model)
    image = normalise(torch.tensor(seen.image))  # a copy: torch takes writable arrays only
    action = seen.actions_for(model.config.action_size)
    known = None if action is None else torch.tensor(action)
    return anchor_at(model, image, len(seen.image) - 1, known, request.history)


def _edited(anchor: Anchor, request: TraversalRequest) -> Anchor:
    latent = anchor.latent.clone()
    for dim, value in request.edits.items():
        latent[dim] = value
    return anchor._replace(latent=latent)
