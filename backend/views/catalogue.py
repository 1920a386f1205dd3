"""Every kind of view, declared once: its fields, how it is made, its files and its command. Loads nothing heavy."""

from collections.abc import Mapping
from dataclasses import dataclass

from backend.export.options import FIGURE_FORMATS, FILM_FORMATS, TABLE_FORMATS
from backend.interpret.calibration_request import CalibrationRequest
from backend.interpret.contexts_request import ContextsRequest
from backend.interpret.counterfactual_request import CounterfactualRequest
from backend.interpret.flow_request import FlowRequest
from backend.interpret.imitation_request import ImitationRequest
from backend.interpret.request import ViewRequest
from backend.interpret.rollout_request import RolloutRequest, TogetherRequest
from backend.interpret.table_request import (
    CompareRequest,
    FactorsRequest,
    ForgettingRequest,
    IntervalsRequest,
    InterventionsRequest,
    InvarianceRequest,
    LeakageRequest,
    SensitivityRequest,
    TransferRequest,
)
from backend.interpret.teachers_request import TeachersRequest
from backend.interpret.temporal_request import TemporalRequest
from backend.interpret.traversal_request import TraversalRequest

FILMS = (*FILM_FORMATS, *FIGURE_FORMATS, *TABLE_FORMATS)
CHARTS = (*FIGURE_FORMATS, *TABLE_FORMATS)
LATENTS, SCALES, IMAGINATION = ("has_latents",), ("has_latents", "has_scales"), ("decodes", "imagines")
_FILM_STYLE = ("width", "fps", "upscale", "captions", "loop", "chroma")


@dataclass(frozen=True)
class Kind:
    """One kind of view.

    summary: what its command does. request: its fields. builder: `module:NAME` of the `kinds.Builder` that makes it,
    imported when it is first made. path: of the HTTP route, `/checkpoints/{id}/<path>`. command:
    `diswm <command> CKPT`. formats: of its files, the usual one first. style: the export options that change its files.
    arguments: fields that the command takes without the option's name. words: what the command always says. commanded:
    whether the command is made of its fields, or is one that does more. needs: what
    the model must be able to do, by the names of `models.types.Capabilities`.
    """

    summary: str
    request: type[ViewRequest]
    builder: str
    path: str
    command: str
    formats: tuple[str, ...]
    style: tuple[str, ...]
    needs: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    commanded: bool = True

    @property
    def usual(self) -> str:
        """The format that its command writes unless told otherwise."""
        return self.formats[0]

    @property
    def name(self) -> str:
        """The kind's name in files and exports."""
        return self.request.kind


def _table(
    summary: str,
    request: type[ViewRequest],
    command: str,
    *,
    arguments: tuple[str, ...] = (),
    words: tuple[str, ...] = (),
    commanded: bool = True,
) -> Kind:
    builder, style = f"backend.views.tables:{request.kind.upper()}", ("width", "title")
    return Kind(summary, request, builder, request.kind, command, CHARTS, style, SCALES, arguments, words, commanded)


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "Write a latent traversal as a figure, film, table, page or paper bundle.",
            TraversalRequest,
            "backend.views.traversal:TRAVERSAL",
            "traversal",
            "traverse",
            (*FIGURE_FORMATS, *FILM_FORMATS, *TABLE_FORMATS, "html", "zip"),
            ("width", "fps", "upscale", "pingpong", "captions", "loop", "footprint", "title", "chroma"),
            ("decodes", *LATENTS),
        ),
        Kind(
            "Write what the model imagines after some context, beside what really happened, and optionally a branch.",
            RolloutRequest,
            "backend.views.imagination:ROLLOUT",
            "rollout",
            "rollout",
            FILMS,
            _FILM_STYLE,
            IMAGINATION,
        ),
        Kind(
            "Temporal traversal: hold a dimension from a step on, one row each, and write what the model imagines.",
            TemporalRequest,
            "backend.views.imagination:TEMPORAL",
            "temporal",
            "temporal",
            FILMS,
            _FILM_STYLE,
            (*IMAGINATION, *LATENTS),
        ),
        Kind(
            "Write what several checkpoints imagine for the same part of an episode, side by side step by step.",
            TogetherRequest,
            "backend.views.imagination:TOGETHER",
            "rollouts",
            "rollouts",
            FILMS,
            _FILM_STYLE,
            IMAGINATION,
        ),
        Kind(
            "Change a factor in the simulator and in the model: the true change beside the predicted one.",
            CounterfactualRequest,
            "backend.views.imagination:COUNTERFACTUAL",
            "counterfactual",
            "counterfactual",
            FILMS,
            _FILM_STYLE,
            (*IMAGINATION, *SCALES),
        ),
        Kind(
            "Write a recorded episode, what the policy makes of its start in imagination, and how alike they are.",
            ImitationRequest,
            "backend.views.imagination:IMITATION",
            "imitation",
            "imitation",
            FILMS,
            _FILM_STYLE,
            IMAGINATION,
        ),
        Kind(
            "Write the states of an episode drawn beside frames of other episodes: what the context does.",
            ContextsRequest,
            "backend.views.imagination:CONTEXTS",
            "contexts",
            "contexts",
            FILMS,
            _FILM_STYLE,
            (*IMAGINATION, "sees_context"),
        ),
        Kind(
            "Write how often what came lies in the band that a model imagined, beside other models.",
            CalibrationRequest,
            "backend.views.imagination:CALIBRATION",
            "calibration",
            "calibration",
            FILMS,
            _FILM_STYLE,
            IMAGINATION,
        ),
        Kind(
            "Write how several teachers are weighed along an episode, with what the model sees of it.",
            TeachersRequest,
            "backend.views.imagination:TEACHERS",
            "teachers",
            "teachers",
            FILMS,
            _FILM_STYLE,
            IMAGINATION,
        ),
        Kind(
            "Write which way each pixel of an episode moves, and where the network of flow is confident of it.",
            FlowRequest,
            "backend.views.imagination:FLOW",
            "flow",
            "flow",
            FILMS,
            _FILM_STYLE,
            IMAGINATION,
        ),
        _table("Show which factor each dimension represents.", FactorsRequest, "factors", commanded=False),
        _table(
            "The best factors of each dimension with their intervals.",
            IntervalsRequest,
            "export",
            words=("--kind", "intervals"),
            commanded=False,
        ),
        _table(
            "Names checked both ways by intervention.",
            InterventionsRequest,
            "factors",
            words=("--check",),
            commanded=False,
        ),
        _table(
            "Show how far other dimensions move when the picture of an edit of one is encoded again.",
            LeakageRequest,
            "leakage",
        ),
        _table(
            "Show how far latents move when one factor alone changes, beside what their own noise moves them.",
            InvarianceRequest,
            "invariance",
        ),
        _table(
            "Show how well a life-long agent knew each of its tasks after each of them, and what it has forgotten.",
            ForgettingRequest,
            "forgetting",
        ),
        _table(
            "Show how far reward, value and actions move for one sigma of each dimension.",
            SensitivityRequest,
            "sensitivity",
        ),
        _table(
            "Show what training carried over: matched correlation of each dimension, names kept, lost and gained.",
            TransferRequest,
            "carried",
        ),
        _table(
            "Match the dimensions of two checkpoints, for example of another seed, beta or method.",
            CompareRequest,
            "match",
            arguments=("other",),
        ),
    )
}
BUNDLE = "bundle"
"""A traversal as a zip of everything: an export names it like a kind."""
EXPORT_KINDS = (*KINDS, BUNDLE)
