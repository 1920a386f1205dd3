"""Views of imagination: how they are made from a request."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from backend.data.catalogue import checkpoints_of_run
from backend.data.checkpoint import CheckpointInfo
from backend.export.names import (
    calibration_file_name,
    contexts_file_name,
    counterfactual_file_name,
    flow_file_name,
    imitation_file_name,
    teachers_file_name,
    temporal_file_name,
    together_file_name,
)
from backend.export.options import FILM_FORMATS, ExportOptions
from backend.interpret.calibration import calibration
from backend.interpret.calibration_request import CalibrationRequest
from backend.interpret.contexts import MOST_EPISODES, contexts_timeline
from backend.interpret.contexts_request import ContextsRequest
from backend.interpret.counterfactual import counterfactual
from backend.interpret.counterfactual_request import CounterfactualRequest
from backend.interpret.flow import MOST_EPISODES as MOST_FLOW_EPISODES
from backend.interpret.flow import flow_timeline
from backend.interpret.flow_request import FlowRequest
from backend.interpret.imitation import imitation
from backend.interpret.imitation_request import ImitationRequest
from backend.interpret.request import ViewError
from backend.interpret.rollout import build_rollout
from backend.interpret.rollout_request import MAX_FRAMES, RolloutRequest, TogetherRequest
from backend.interpret.teachers import teachers_timeline
from backend.interpret.teachers_request import TeachersRequest
from backend.interpret.temporal import temporal_traversal
from backend.interpret.temporal_request import MOST_BY_ITSELF, TemporalRequest
from backend.interpret.timeline import Bands, Timeline
from backend.interpret.together import MAX_CHECKPOINTS, bands_together, roll_out_together
from backend.interpret.view import provenance_of
from backend.views.kinds import Budget, Builder, Ingredients, Sources, Store, View, named
from backend.views.serializers import rollout_json, timeline_json

if TYPE_CHECKING:
    from backend.export.render import ExportedFile

MOST_STEPS = 50  # of a clip's episode


def rollout(ingredients: Ingredients, request: RolloutRequest) -> View:
    """A stretch of an episode that is observed, then imagined, with edits if there are any."""
    checkpoint = ingredients.checkpoint

    def to_file(format: str, options: ExportOptions) -> "ExportedFile":
        from backend.export.render import export_rollout  # loads matplotlib, so only when needed

        return export_rollout(checkpoint, request, format, options)

    return View(request.to_json(), lambda: rollout_json(build_rollout(checkpoint, request)), to_file)


def temporal(ingredients: Ingredients, request: TemporalRequest) -> View:
    """Dimensions held from a step on, one row each."""
    found = temporal_traversal(ingredients.checkpoint, request)
    return _of_timeline(ingredients, found.timeline(temporal_file_name(found)))


def together(ingredients: Ingredients, request: TogetherRequest) -> View:
    """One stretch imagined by several checkpoints over the first one's clip."""
    checkpoints = [ingredients.checkpoint, *ingredients.others]
    found = roll_out_together(checkpoints, request)
    timeline = found.timeline(together_file_name(found))
    return _of_timeline(ingredients, timeline, lambda: bands_together(checkpoints, found))


def changed(ingredients: Ingredients, request: CounterfactualRequest) -> View:
    """A factor changed both in the simulator and in the model."""
    found = counterfactual(ingredients.checkpoint, request)
    return _of_timeline(ingredients, found.timeline(counterfactual_file_name(found)))


def imitated(ingredients: Ingredients, request: ImitationRequest) -> View:
    """An expert's episode beside the policy's rollout from its start."""
    found = imitation(ingredients.checkpoint, request)
    return _of_timeline(ingredients, found.timeline(imitation_file_name(found)))


def swapped(ingredients: Ingredients, request: ContextsRequest) -> View:
    """The states of one episode beside frames of others."""
    checkpoint = ingredients.checkpoint
    name = contexts_file_name(provenance_of(checkpoint), request)
    return _of_timeline(ingredients, contexts_timeline(checkpoint, request, name))


def calibrated(ingredients: Ingredients, request: CalibrationRequest) -> View:
    """Whether what comes lies in the band that a model imagines, beside other models."""
    checkpoint = ingredients.checkpoint
    name = calibration_file_name(provenance_of(checkpoint), request)
    return _of_timeline(ingredients, calibration(checkpoint, ingredients.others, request, name))


def weighed(ingredients: Ingredients, request: TeachersRequest) -> View:
    """How several teachers are weighed along an episode."""
    checkpoint = ingredients.checkpoint
    name = teachers_file_name(provenance_of(checkpoint), request)
    return _of_timeline(ingredients, teachers_timeline(checkpoint, request, name))


def moved(ingredients: Ingredients, request: FlowRequest) -> View:
    """Which way each pixel of an episode moves."""
    checkpoint = ingredients.checkpoint
    name = flow_file_name(provenance_of(checkpoint), request)
    return _of_timeline(ingredients, flow_timeline(checkpoint, request, name))


def beside(info: CheckpointInfo, request: TogetherRequest, store: Store) -> Sources:
    """The further checkpoints that a request names, or those of the same run if it names none. Raises ViewError."""
    if len(request.others) > MAX_CHECKPOINTS:
        raise ViewError("with", f"{len(request.others)} checkpoints are more than {MAX_CHECKPOINTS}")
    if request.others:
        return Sources(tuple(named(store, "with", name) for name in request.others))
    history = checkpoints_of_run(store.home, info)
    return Sources(tuple(entry for entry in history if entry.id != info.id)[-MAX_CHECKPOINTS + 1 :])


def _measured_beside(_info: CheckpointInfo, request: CalibrationRequest, store: Store) -> Sources:
    """The further checkpoints that a request names. Raises ViewError."""
    return Sources(tuple(named(store, "with", name) for name in request.others))


def _of_timeline(
    ingredients: Ingredients, timeline: Timeline, measure: Callable[[], Bands | None] = lambda: None
) -> View:
    """`measure`: the bands over episodes, which figures and tables show."""

    def to_file(format: str, options: ExportOptions) -> "ExportedFile":
        from backend.export.render import export_timeline  # loads matplotlib, so only when needed

        shown = timeline if format in FILM_FORMATS else replace(timeline, bands=measure())
        return export_timeline(shown, format, options)

    fields = json.loads(timeline.settings)["view"]
    return View(fields, lambda: {"checkpoint": ingredients.checkpoint.info.id, **timeline_json(timeline)}, to_file)


def _frames(_info: CheckpointInfo, request: Any) -> Budget:
    rows = getattr(request, "samples", 0) + 2
    return Budget(request.steps * rows, MAX_FRAMES, "horizon", "frames")


def _rows(info: CheckpointInfo, request: TemporalRequest, _sources: Sources) -> float:
    count = len(request.hold) or MOST_BY_ITSELF
    if request.dims is not None:
        count = info.latents if isinstance(request.dims, str) else len(request.dims) + len(request.hold)
    return request.steps * (count + 2)


def _check(info: CheckpointInfo, request: CounterfactualRequest, store: Store) -> None:
    request.check(store.load(info))


def _check_dims(info: CheckpointInfo, request: TemporalRequest, _store: Store) -> None:
    request.check_dims(info.latents)


ROLLOUT = Builder(rollout, lambda _, request, __: request.steps * (request.samples + 2), _frames)
TEMPORAL = Builder(temporal, _rows, _frames, _check_dims)
TOGETHER = Builder(
    together, lambda _, request, sources: request.steps * (len(sources.checkpoints) + 2), _frames, sources=beside
)
IMITATION = Builder(imitated, lambda _, request, __: request.steps * 6, _frames)
CONTEXTS = Builder(swapped, lambda _, request, __: MOST_STEPS * 3 * (request.count + MOST_EPISODES))
CALIBRATION = Builder(
    calibrated,
    lambda _, request, sources: request.steps * (10 + 4 * len(sources.checkpoints)),
    sources=_measured_beside,
)
TEACHERS = Builder(weighed, lambda *_: MOST_STEPS)
FLOW = Builder(moved, lambda *_: MOST_STEPS * 2 * (MOST_FLOW_EPISODES + 2))
COUNTERFACTUAL = Builder(changed, lambda *_: 2000, check=_check, loads=True, long=lambda *_: True)
