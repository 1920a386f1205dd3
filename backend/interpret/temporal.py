"""Temporal traversal: hold a dimension at another value from a step on, and see what the model predicts."""

import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from backend.data.checkpoint import Checkpoint
from backend.interpret.encoded import Floats
from backend.interpret.fields import Edit
from backend.interpret.imagination import follow
from backend.interpret.names import DimensionName, dimension_names
from backend.interpret.rollout import Branch, Rollout, branch_of, build_rollout, chooser, context_latent
from backend.interpret.temporal_request import TemporalRequest
from backend.interpret.timeline import Curve, Strip, Timeline, curve, difference


@dataclass(frozen=True)
class TemporalTraversal:
    """R rows next to the unedited future: one per held dimension, and optionally one with all of them held."""

    request: TemporalRequest
    untouched: Rollout
    labels: tuple[DimensionName, ...]  # of the dimensions
    values: Floats  # (dimensions,) where each is held
    rows: tuple[Branch, ...]  # (R,)

    @cached_property
    def settings(self) -> str:
        """The traversal as one line of JSON, which is embedded in files made from it."""
        origin = {key: self.untouched.provenance[key] for key in ("checkpoint", "weights")}
        return json.dumps({"diswm": "temporal", **origin, "view": self.request.to_json()}, sort_keys=True)

    def timeline(self, name: str) -> Timeline:
        """The rows and curves to show, and the name of their files."""
        strips = [Strip("untouched", "", self.untouched.model.image)]
        for (title, note), row in zip(self._titles(), self.rows, strict=True):
            strips.append(Strip(title, note, row.image))
        return Timeline(
            kind="temporal",
            title=f"Temporal traversal, {self.untouched.checkpoint_name}",
            name=name,
            context=self.request.context,
            strips=tuple(strips),
            curves=self._curves(),
            settings=self.settings,
            facts={
                "since": self.request.since,
                "held": [
                    {"dim": label.dim, "name": label.short, "value": round(float(value), 6)}
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
        """How far each row changes the picture, and the model's predictions for each."""
        untouched = self.untouched.model
        titles = [title for title, _ in self._titles()]
        moved = {
            title: curve(difference(row.image, untouched.image).mean(axis=(1, 2, 3)))
            for title, row in zip(titles, self.rows, strict=True)
        }
        charts = {"Change in grey levels": moved}
        for chart, name in (("Predicted reward", "predicted_reward"), ("Value", "value")):
            if getattr(untouched, name) is not None:
                lines = {"untouched": untouched} | dict(zip(titles, self.rows, strict=True))
                charts[chart] = {title: curve(getattr(branch, name)) for title, branch in lines.items()}
        return charts


def temporal_traversal(checkpoint: Checkpoint, request: TemporalRequest) -> TemporalTraversal:
    """Holds each dimension by itself and imagines, all rows in one batch; raises ViewError."""
    dims = request.check(checkpoint)
    asked = request.rollout
    statistics = checkpoint.statistics
    checkpoint = checkpoint.in_context(checkpoint.clip.image[asked.episode, asked.context - 1])
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
