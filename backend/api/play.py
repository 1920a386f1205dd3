"""Playing a world model by hand or by its policy, one step per request, next to the simulator."""

import asyncio
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request, Response

from backend.api.checkpoints import Found
from backend.api.datasets import view_dataset
from backend.api.deps import Serving
from backend.api.openapi import files, refusals
from backend.api.plays import Plays
from backend.api.schemas import DatasetView, DimensionView, MomentView, PlayBody, PlayDatasetBody, PlayView, StepBody
from backend.data.episodes import DATASET, DatasetInfo, encode_dataset_info, encode_episode, now
from backend.data.files import write_folder
from backend.export.names import play_file_name
from backend.export.options import FIGURE_FORMATS, FILM_FORMATS, TABLE_FORMATS, ExportOptions
from backend.http.multipart import display_name
from backend.http.problems import Fault, Problem, invalid
from backend.http.responses import Answer, send
from backend.interpret.encoded import INACTIVE_KL
from backend.interpret.names import dimension_names
from backend.interpret.play import MOST_STEPS, Moment, Play, can_play
from backend.interpret.request import ViewError
from backend.interpret.timeline import difference
from backend.interpret.view import provenance_of
from backend.views.formats import MEDIA_TYPES, choose_format
from backend.views.images import data_uri

FORMATS = (*FILM_FORMATS, *FIGURE_FORMATS, *TABLE_FORMATS)
Result = TypeVar("Result")

router = APIRouter(tags=["play"])


@router.post("/checkpoints/{checkpoint}/plays", status_code=201, responses=refusals(404, 409, 503))
async def begin_play(info: Found, serving: Serving, body: PlayBody) -> PlayView:
    """Open a play: the simulator starts an episode of this seed, and the model sees its first picture.

    `steps` are taken at once.
    """

    def begin() -> PlayView:
        checkpoint = serving.checkpoints.load(info)
        reason = can_play(checkpoint)
        if reason:
            remedy = "Choose the checkpoint of an agent that was fine-tuned here."
            raise Problem(
                409, "cannot-be-played", f"{reason}.", remedy=remedy, errors=[Fault("path:checkpoint", reason)]
            )
        id, (first, dimensions) = serving.plays.open(checkpoint, lambda play: (_begun(play, body), _dimensions(play)))
        return PlayView(
            id=id,
            checkpoint=info.id,
            environment=str(info.environment),
            action_size=checkpoint.model.config.action_size,
            policy=first.policy is not None and len(first.policy) == checkpoint.model.config.action_size,
            dimensions=dimensions,
            most=MOST_STEPS,
            moment=first,
        )

    try:
        return await asyncio.to_thread(begin)
    except ViewError as error:
        raise _wrong(error) from error


@router.post("/plays/{id}/steps", responses=refusals(404, 409, 503))
async def take_step(id: str, serving: Serving, body: StepBody) -> MomentView:
    """Take one step in the simulator and in the model."""
    return await _with(serving.plays, id, lambda play: _view(_taken(play, body)))


@router.post("/plays/{id}/restart", responses=refusals(404, 503))
async def restart(id: str, serving: Serving, body: PlayBody) -> MomentView:
    """Start another episode of the same play."""
    return await _with(serving.plays, id, lambda play: _begun(play, body))


@router.get("/plays/{id}/film", responses={**files(*(MEDIA_TYPES[name] for name in FORMATS)), **refusals(404, 406)})
async def get_film(
    id: str,
    request: Request,
    serving: Serving,
    format: Annotated[str | None, Query(max_length=10, description=f"One of {', '.join(FORMATS)}.")] = None,
) -> Response:
    """The play so far, the simulator above the model, as a film, figure or table."""
    chosen = choose_format(format, request.headers.get("accept"), FORMATS)

    def make(play: Play) -> Answer:
        from backend.export.render import export_timeline  # loads matplotlib, so not before it is needed

        name = play_file_name(provenance_of(play.checkpoint), play.seed, len(play.moments) - 1)
        file = export_timeline(play.timeline(name), chosen, ExportOptions(fps=20.0))
        return Answer(file.content, file.media_type, file.file_name, file.warning)

    return send(request, await _with(serving.plays, id, make))


@router.post("/plays/{id}/dataset", status_code=201, responses=refusals(404, 409))
async def keep_as_dataset(id: str, serving: Serving, body: PlayDatasetBody) -> DatasetView:
    """Save the simulator's frames so far as a data set of one episode with actions, rewards and factors."""
    return await _with(serving.plays, id, lambda play: view_dataset(_write(play, body.name, serving.home)))


@router.delete("/plays/{id}", status_code=204)
async def end_play(id: str, serving: Serving) -> None:
    """End a play; its simulator stops. A play that has already ended is no error."""
    await asyncio.to_thread(serving.plays.close, id)


async def _with(plays: Plays, id: str, act: Callable[[Play], Result]) -> Result:
    """The result of an action on a play, run in a thread; raises Problem."""

    def alone() -> Result:
        with plays.of(id) as play:
            return act(play)

    try:
        return await asyncio.to_thread(alone)
    except ViewError as error:
        raise _wrong(error) from error


def _wrong(error: ViewError) -> Problem:
    return invalid(f"/{error.field}", error.message, remedy="See the moment that was sent last.")


def _begun(play: Play, body: PlayBody) -> MomentView:
    """Where an episode stands after the steps that are asked for with it."""
    moment = play.begin(body.seed)
    for step in body.steps:
        moment = _taken(play, step)
    return _view(moment)


def _taken(play: Play, step: StepBody) -> Moment:
    edits = {int(dim): value for dim, value in step.edits.items()}
    return play.go(step.action, looks=step.looks, edits=edits)


def _view(moment: Moment) -> MomentView:
    return MomentView(
        step=moment.step,
        real=data_uri(moment.real),
        model=data_uri(moment.model),
        looked=moment.looked,
        over=moment.over,
        action=_numbers(moment.action),
        latent=None if moment.latent is None else _numbers(moment.latent),
        policy=None if moment.policy is None else _numbers(moment.policy),
        reward=round(moment.reward, 6),
        predicted_reward=moment.predicted_reward,
        value=moment.value,
        difference=round(float(difference(moment.real, moment.model).mean()), 4),
    )


def _numbers(values: Any) -> list[float]:
    return [round(float(value), 6) for value in values]


def _dimensions(play: Play) -> list[DimensionView]:
    """The active dimensions, or all if none is, by descending KL."""
    checkpoint = play.checkpoint
    if not checkpoint.model.capabilities.has_latents:
        return []
    statistics = checkpoint.statistics
    names = dimension_names(checkpoint)
    ordered = [int(dim) for dim in statistics.kl.argsort()[::-1]]
    shown = [dim for dim in ordered if statistics.kl[dim] >= INACTIVE_KL] or ordered
    return [
        DimensionView(
            dim=dim,
            name=names[dim].text,
            mean=round(float(statistics.mean[dim]), 6),
            std=round(float(statistics.std[dim]), 6),
        )
        for dim in shown
    ]


def _write(play: Play, name: str, home: Path) -> DatasetInfo:
    if len(play.moments) < 2:
        raise Problem(409, "nothing-played", "Nothing was played yet.", remedy="Take some steps first.")
    info, episode = play.checkpoint.info, play.episode()
    folder = home / "datasets" / f"play-{secrets.token_hex(6)}"
    frames = len(episode.image)
    dataset = DatasetInfo(
        id=folder.name,
        name=display_name(name.strip() or f"play of {info.name}"),
        kind="collected",
        folder=folder,
        environment=info.environment,
        episodes=1,
        frames=frames,
        lengths=(frames,),
        action_size=episode.action.shape[1],
        factor_names=episode.factor_names,
        guessed_factors=False,
        created_at=now(),
        settings={"played": info.id, "seed": play.seed, **info.scene._asdict()},
        warnings=(),
    )
    write_folder(folder, {"000000.npz": encode_episode(episode), DATASET: encode_dataset_info(dataset)})
    return dataset
