"""Temporal traversal: hold a dimension at another value from a step on, and watch what the model expects to follow."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from backend.data.checkpoint import Checkpoint
from backend.interpret.encoded import INACTIVE_KL, Floats
from backend.interpret.imagination import Edit, follow
from backend.interpret.names import DimensionName, dimension_names
from backend.interpret.reel import Curve, Reel, Strip, curve, difference
from backend.interpret.request import MAX_EDIT, ViewError, check_index, check_number
from backend.interpret.rollout import Branch, Rollout, branch_of, build_rollout, chooser, context_latent
from backend.interpret.rollout_request import MAX_FRAMES, RolloutRequest

MAX_ROWS = 40
MOST_BY_ITSELF = 8  # rows where none are chosen
_OWN = ("dims", "sigmas", "step", "together", "hold")
_OF_ROLLOUT = ("episode", "context", "horizon", "actions", "seed")


@dataclass(frozen=True)
class TemporalRequest:
    """A row a dimension, held from `step` on; without a step, from the end of the context on.

    dims: None takes the eight that carry most. sigmas: where a dimension is held, in standard deviations of the
    aggregate posterior around its mean. hold: values of dimensions that are held elsewhere. together: one more row,
    with all of them held at once.
    """

    rollout: RolloutRequest = field(default_factory=RolloutRequest)
    dims: tuple[int, ...] | None = None
    sigmas: float = 2.0
    step: int | None = None
    together: bool = False
    hold: Mapping[int, float] = field(default_factory=dict)

    @property
    def since(self) -> int:
        """The first step that is edited."""
        return self.rollout.context if self.step is None else self.step

    def check(self, checkpoint: Checkpoint) -> tuple[int, ...]:
        """The dimensions of the rows; raises ViewError unless this checkpoint can answer."""
        latents = checkpoint.model.config.latents
        replace(self.rollout, edits=()).check(checkpoint)
        check_index("step", self.since, self.rollout.steps, "step")
        check_number("sigmas", self.sigmas, -20, 20, "the distance in sigmas")
        for dim, value in self.hold.items():
            check_index("hold", dim, latents, "dimension")
            check_number("hold", value, -MAX_EDIT, MAX_EDIT, f"the value of dimension {dim}")
        for dim in self.dims or ():
            check_index("dims", dim, latents, "dimension")
        dims = self._rows(checkpoint)
        if not dims or len(dims) > MAX_ROWS or len(set(dims)) < len(dims):
            raise ViewError("dims", f"needs 1 to {MAX_ROWS} dimensions, each once")
        frames = self.rollout.steps * (len(dims) + 2)
        if frames > MAX_FRAMES:
            raise ViewError("dims", f"{frames} frames are more than {MAX_FRAMES}; take fewer dims or steps")
        return dims

    def _rows(self, checkpoint: Checkpoint) -> tuple[int, ...]:
        if self.dims is not None:
            return (*self.dims, *(dim for dim in self.hold if dim not in self.dims))
        if self.hold:
            return tuple(self.hold)
        kl = checkpoint.statistics.kl
        ordered = [int(dim) for dim in np.argsort(-kl, kind="stable")]
        return tuple([dim for dim in ordered if kl[dim] >= INACTIVE_KL][:MOST_BY_ITSELF] or ordered[:MOST_BY_ITSELF])

    def to_json(self) -> dict[str, Any]:
        """The request as the query of the HTTP route names it."""
        of_rollout = self.rollout.to_json()
        return {
            **{name: of_rollout[name] for name in _OF_ROLLOUT},
            "dims": None if self.dims is None else list(self.dims),
            "sigmas": self.sigmas,
            "step": self.step,
            "together": self.together,
            "hold": {str(dim): value for dim, value in sorted(self.hold.items())},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "TemporalRequest":
        """What `to_json` wrote; missing keys keep their defaults, unknown ones raise ViewError."""
        if unknown := sorted(values.keys() - {*_OWN, *_OF_ROLLOUT}):
            raise ViewError(unknown[0], f"is not part of a temporal traversal; known are {', '.join(_OWN)}")
        given = {name: values[name] for name in ("sigmas", "step", "together") if name in values}
        dims = values.get("dims")
        return cls(
            RolloutRequest.from_json({name: values[name] for name in _OF_ROLLOUT if name in values}),
            dims=None if dims is None else tuple(dims),
            hold={int(dim): value for dim, value in (values.get("hold") or {}).items()},
            **given,
        )


@dataclass(frozen=True)
class TemporalTraversal:
    """R rows beside the untouched future: one a held dimension, perhaps one more with all of them held."""

    request: TemporalRequest
    untouched: Rollout
    labels: tuple[DimensionName, ...]  # of the dimensions
    values: Floats  # (dimensions,) where each is held
    rows: tuple[Branch, ...]  # (R,)

    @cached_property
    def settings(self) -> str:
        """The traversal as one line of JSON, which files made from it carry."""
        carried = {key: self.untouched.provenance[key] for key in ("checkpoint", "weights")}
        return json.dumps({"diswm": "temporal", **carried, "view": self.request.to_json()}, sort_keys=True)

    def reel(self, name: str) -> Reel:
        """Rows and curves to be shown, and the name of their files."""
        strips = [Strip("untouched", "", self.untouched.model.image)]
        for (title, note), row in zip(self._titles(), self.rows, strict=True):
            strips.append(Strip(title, note, row.image))
        return Reel(
            kind="temporal",
            title=f"Temporal traversal, {self.untouched.checkpoint_name}",
            name=name,
            context=self.request.rollout.context,
            strips=tuple(strips),
            curves=self._curves(),
            settings=self.settings,
            facts={
                "since": self.request.since,
                "held": [
                    {"dim": label.dim, "name": label.text, "value": round(float(value), 6)}
                    for label, value in zip(self.labels, self.values, strict=True)
                ],
            },
        )

    def _titles(self) -> list[tuple[str, str]]:
        titles = [
            (label.title, f"held at {value:.2f}".replace("-", "−"))
            for label, value in zip(self.labels, self.values, strict=True)
        ]
        return titles + ([("all together", f"{len(titles)} held")] if len(self.rows) > len(titles) else [])

    def _curves(self) -> dict[str, dict[str, Curve]]:
        """How far each row leads the picture away, and what the model expects of each."""
        plain = self.untouched.model
        titles = [title for title, _ in self._titles()]
        moved = {
            title: curve(difference(row.image, plain.image).mean(axis=(1, 2, 3)))
            for title, row in zip(titles, self.rows, strict=True)
        }
        charts = {"Change in grey levels": moved}
        for chart, name in (("Predicted reward", "predicted_reward"), ("Value", "value")):
            if getattr(plain, name) is not None:
                lines = {"untouched": plain} | dict(zip(titles, self.rows, strict=True))
                charts[chart] = {title: curve(getattr(branch, name)) for title, branch in lines.items()}
        return charts


def temporal_traversal(checkpoint: Checkpoint, request: TemporalRequest) -> TemporalTraversal:
    """Holds each dimension by itself and imagines, all rows in one batch; raises ViewError."""
    dims = request.check(checkpoint)
    asked = replace(request.rollout, samples=1, edits=())
    statistics = checkpoint.statistics
    held = {dim: float(statistics.mean[dim] + request.sigmas * statistics.std[dim]) for dim in dims} | dict(
        request.hold
    )
    edits = [[Edit(dim, held[dim], request.since, True)] for dim in dims]
    edits += [[edit for row in edits for edit in row]] if request.together else []
    paths = follow(checkpoint.model, context_latent(checkpoint, asked), asked.steps, chooser(checkpoint, asked), edits)
    names = dimension_names(checkpoint)
    return TemporalTraversal(
        request,
        build_rollout(checkpoint, asked),
        tuple(names[dim] for dim in dims),
        np.array([held[dim] for dim in dims]),
        tuple(branch_of(checkpoint, paths, row) for row in range(len(edits))),
    )
