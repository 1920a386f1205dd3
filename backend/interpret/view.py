"""A traversal ready to be shown or printed: pictures, values, names, and where they come from."""

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from backend.data.checkpoint import Checkpoint
from backend.interpret.base import BaseFrames
from backend.interpret.disagreement import DISAGREEMENT, Words, doubt_of_cells, words_of
from backend.interpret.encoded import INACTIVE_KL, Floats
from backend.interpret.names import DimensionName, dimension_names
from backend.interpret.request import ViewError
from backend.interpret.traversal_request import TraversalRequest
from models.traversal import (
    Anchor,
    LatentStatistics,
    anchor_at,
    class_values,
    edited_latents,
    footprint,
    place_of,
    prior_anchor,
    reconstruct,
    row_values,
    traverse,
)
from models.types import normalise, to_uint8

UNIT = "σ of the data"  # the unit in which every view gives values
CLASS_UNIT = "class"  # unless a latent is one of several classes
LEAST_STD = 1e-6
FULL_CHANGE = 0.5  # share of the colour range that is drawn brightest in a footprint, in every view

Picture = npt.NDArray[np.uint8]

CELLS_AT_ONCE = 1_000


class Mark(NamedTuple):
    """A value in a row: in latent units, in σ of the data, and as a place among its columns.

    column: 0 is the first and N - 1 the last; it may lie between two columns or outside the range.
    """

    value: float
    sigma: float
    column: float


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
    frame: Floats  # (Z,) the latent of the base frame
    reference: Floats  # (Z,) the same with the edits, which are held in every cell
    mean: Floats  # (Z,) of the latent over the data
    std: Floats  # (Z,) of the latent over the data: the unit in which values are shown
    images: Picture  # (R, N, H, W, 3)
    original: Picture  # (H, W, 3); the reconstruction if there is no frame, at the prior
    reconstruction: Picture  # (H, W, 3)
    footprint: npt.NDArray[np.float32]  # (R, H, W) mean range of the colours over the row, 0..1
    inactive: tuple[int, ...]  # dimensions without information, whether shown or not
    provenance: dict[str, Any]
    base: str | None = None  # name of a base that is not the checkpoint's own
    seen_before: int = 0  # frames that the model has seen before the base frame
    classes: int = 0  # of each latent; 0 if values are numbers
    remembers: bool = True  # whether the frames before the base frame are used
    doubt: Floats | None = None  # (R, N) about what follows each cell: `doubt_of_cells`
    doubt_words: Words = DISAGREEMENT

    @cached_property
    def sigmas(self) -> Floats:
        """The values in σ of the data, (R, N): what page, figures, films and tables print."""
        dims = list(self.dims)
        found: Floats = (self.values - self.mean[dims, None]) / self.std[dims, None]
        return found

    def sigma(self, dim: int, value: float) -> float:
        """A value of a dimension in σ of the data."""
        return float((value - self.mean[dim]) / self.std[dim])

    def mark(self, row: int) -> "Mark":
        """The place of the base frame's own value in a row."""
        return self._marked(row, float(self.frame[self.dims[row]]))

    def held(self, row: int) -> "Mark | None":
        """The place of the value held in the row's dimension instead of the frame's; None if none is held."""
        value = self.request.edits.get(self.dims[row])
        return None if value is None else self._marked(row, float(value))

    def _marked(self, row: int, value: float) -> "Mark":
        return Mark(value, self.sigma(self.dims[row], value), place_of(value, self.values[row]))

    @property
    def unit(self) -> str:
        """The unit in which values are shown."""
        return CLASS_UNIT if self.classes else UNIT

    @property
    def names(self) -> tuple[str, ...]:
        """The title of each row: a person's name, else the factor's, else `dim 7`."""
        return tuple(label.text for label in self.labels)

    @property
    def nmi(self) -> tuple[float | None, ...]:
        """NMI of each row's factor, None if factors have not been computed."""
        return tuple(label.nmi for label in self.labels)

    @cached_property
    def settings(self) -> str:
        """The view as one line of JSON, embedded in files made from it; reading it back reopens the view."""
        origin = {key: self.provenance[key] for key in ("checkpoint", "weights")}
        return json.dumps({"diswm": "traversal", **origin, "view": self.request.to_json()}, sort_keys=True)


@dataclass(frozen=True)
class Atlas:
    """Every dimension at every value as one picture, rows by KL, for scrubbing without another request."""

    image: Picture  # (Z * H, N * W, 3)
    view: TraversalView


def build_view(checkpoint: Checkpoint, request: TraversalRequest, frames: BaseFrames | None = None) -> TraversalView:
    """Decodes a view in one batch; raises ViewError.

    `frames` are what the request's base says: see `backend.interpret.base.find_frames`.
    """
    latents, classes = checkpoint.model.config.latents, checkpoint.model.classes
    imagines = checkpoint.model.capabilities.imagines
    request.check(latents, *checkpoint.clip.image.shape[:2])
    request = replace(request, dims=request.rows(latents))
    dims = rows_of(request, checkpoint.statistics)
    request = request.settled(_length(checkpoint, request, frames))
    found = _seen(checkpoint, request, frames)
    seen = None if found is None else found.fitted(checkpoint.model.image_size)
    own = _anchor(checkpoint, request, seen)
    anchor = _edited(own, request)
    reference = anchor.latent.double().numpy()
    values = _values(checkpoint, request, reference, dims)
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
        frame=own.latent.double().numpy(),
        reference=reference,
        mean=np.zeros(latents) if classes else checkpoint.statistics.mean,
        std=np.ones(latents) if classes else np.maximum(checkpoint.statistics.std, LEAST_STD),
        images=images,
        original=reconstruction if seen is None else seen.image[-1],
        reconstruction=reconstruction,
        footprint=footprints,
        inactive=tuple(int(dim) for dim in np.flatnonzero(checkpoint.statistics.kl < INACTIVE_KL)),
        provenance=provenance_of(checkpoint),
        base=None if frames is None else frames.name,
        seen_before=len(seen.image) - 1 if seen is not None and request.history and imagines else 0,
        classes=classes,
        remembers=imagines,
        doubt=_doubt(checkpoint, anchor, dims, values),
        doubt_words=words_of(checkpoint),
    )


def build_atlas(checkpoint: Checkpoint, request: TraversalRequest, frames: BaseFrames | None = None) -> Atlas:
    """The view of all dimensions by KL, its cells in one picture."""
    everything = tuple(_by_kl(checkpoint.statistics))
    view = build_view(checkpoint, replace(request, dims=everything), frames)
    return Atlas(tile(view.images), view)


def tile(images: Picture) -> Picture:
    """Cells (R, N, H, W, 3) as one picture: (R * H, N * W, 3)."""
    rows, columns, height, width, channels = images.shape
    return images.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, channels)


def provenance_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """What is needed to reproduce the picture: the checkpoint, the hash of its weights, seed and versions."""
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
    """The cells (R, N, H, W, 3) and footprints (R, H, W) of rows, some rows at a time to save memory."""
    together = max(1, CELLS_AT_ONCE // values.shape[1])
    images, footprints = [], []
    for first in range(0, len(dims), together):
        part = slice(first, first + together)
        drawn = traverse(checkpoint.model, anchor, dims[part], torch.from_numpy(values[part]).float())
        images.append(to_uint8(drawn).numpy())
        footprints.append(footprint(drawn.clamp(-0.5, 0.5)).numpy())
    return np.concatenate(images), np.concatenate(footprints)


def _doubt(checkpoint: Checkpoint, anchor: Anchor, dims: tuple[int, ...], values: Floats) -> Floats | None:
    latent = edited_latents(anchor, dims, torch.from_numpy(values).float())
    return doubt_of_cells(checkpoint, anchor.deter, latent)


def _values(checkpoint: Checkpoint, request: TraversalRequest, reference: Floats, dims: tuple[int, ...]) -> Floats:
    """The values of each row, (R, N): in equal steps, or the classes of most frames if latents are classes."""
    if checkpoint.model.classes:
        return class_values(reference, checkpoint.statistics, dims, checkpoint.model.classes, request.columns)
    return row_values(request.mode, reference, checkpoint.statistics, dims, request.reach, request.columns)


def rows_of(request: TraversalRequest, statistics: LatentStatistics) -> tuple[int, ...]:
    """The dimensions that a request shows: its own, else the active ones by KL."""
    chosen = request.rows(len(statistics.kl))
    if chosen is not None:
        return chosen
    ordered = _by_kl(statistics)
    active = [dim for dim in ordered if statistics.kl[dim] >= INACTIVE_KL]
    return tuple(active or ordered)


def _by_kl(statistics: LatentStatistics) -> list[int]:
    return [int(dim) for dim in np.argsort(-statistics.kl, kind="stable")]


def _length(checkpoint: Checkpoint, request: TraversalRequest, frames: BaseFrames | None) -> int:
    """The number of frames whose middle is the default; frames that were passed in end with the shown one."""
    if request.base == "clip":
        return int(checkpoint.clip.image.shape[1])
    return 2 * len(frames.image) - 2 if request.base == "dataset" and frames is not None else 0


def _seen(checkpoint: Checkpoint, request: TraversalRequest, frames: BaseFrames | None) -> BaseFrames | None:
    """What the model saw up to the base frame; None at the prior."""
    if request.base == "prior":
        return None
    if request.base == "clip":
        assert request.frame is not None
        clip, seen = checkpoint.clip, slice(0, request.frame + 1)
        return BaseFrames(clip.image[request.episode, seen], clip.action[request.episode, seen])
    if frames is None:
        raise ViewError("base", f"no frames of the {request.base} were handed in")
    return frames


def _anchor(checkpoint: Checkpoint, request: TraversalRequest, seen: BaseFrames | None) -> Anchor:
    model = checkpoint.model
    if seen is None:
        first = normalise(torch.tensor(checkpoint.clip.image[0, 0]))  # what a decoder with a context sees beside it
        return prior_anchor(model)._replace(image=first)
    image = normalise(torch.tensor(seen.image))  # a copy, because torch only takes writable arrays
    action = seen.actions_for(model.config.action_size)
    known = None if action is None else torch.tensor(action)
    return anchor_at(model, image, len(seen.image) - 1, known, request.history)


def _edited(anchor: Anchor, request: TraversalRequest) -> Anchor:
    latent = anchor.latent.clone()
    for dim, value in request.edits.items():
        latent[dim] = value
    return anchor._replace(latent=latent)
