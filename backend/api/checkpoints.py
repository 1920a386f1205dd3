"""Checkpoints: list, show, download and upload."""

import asyncio
import contextlib
import hashlib
from functools import partial
from pathlib import Path
from typing import Annotated, BinaryIO

from fastapi import APIRouter, Depends, Query, Request, Response

from backend.api.deps import Serving
from backend.api.exception_handlers import incompatible
from backend.api.openapi import files, multipart, refusals
from backend.api.pagination import Cursor, Limit, Search, page
from backend.api.runs import Runs, answering, in_use, refuse_while_needed, run_service_of
from backend.api.schemas import CapabilitiesView, CheckpointDetail, CheckpointList, CheckpointView, ClipView
from backend.api.uploads import say_made, take_in
from backend.data.catalogue import NotFound, has_words
from backend.data.checkpoint import CARD, CheckpointInfo, QualityInBrief
from backend.data.files import aside_of, remove_folder
from backend.data.imports import Imported, import_checkpoint
from backend.data.model_card import without_front_matter
from backend.data.networks import IncompatibleCheckpoint
from backend.data.packing import pack_checkpoint
from backend.http.multipart import Upload, one_file
from backend.http.problems import Fault, Problem
from backend.http.responses import Answer, matches, not_modified, send, send_file
from backend.interpret.counterfactual_request import settable
from backend.interpret.fields import Index
from backend.interpret.request import check_index
from backend.views.checkpoint_cache import CheckpointCache
from backend.views.formats import MEDIA_TYPES, choose_format
from backend.views.images import encode

FRAME_FORMATS = ("png", "webp")
Stage = Annotated[str | None, Query(max_length=100, description="Only checkpoints of this stage.")]

router = APIRouter(tags=["checkpoints"])


async def find_checkpoint(checkpoint: str, request: Request, serving: Serving) -> CheckpointInfo:
    """The checkpoint named in the path: 404 if there is none, 409 if its run has not written one yet."""
    recalled = serving.checkpoints.recall(checkpoint)  # without a thread, because refusals under load must be quick
    if recalled is not None:
        return recalled
    return await asyncio.to_thread(_look_up, checkpoint, request, serving.checkpoints)


Found = Annotated[CheckpointInfo, Depends(find_checkpoint)]


def _look_up(checkpoint: str, request: Request, checkpoints: CheckpointCache) -> CheckpointInfo:
    try:
        return checkpoints.find(checkpoint)
    except NotFound:
        with answering():
            run = run_service_of(request).store.get(checkpoint)
        if run is None:
            raise
    raise Problem(
        409,
        "no-checkpoint-yet",
        f"The run {run.id} is {run.state} and has written no checkpoint yet.",
        remedy=f"Wait for its first checkpoint; GET /api/v1/runs/{run.id} shows its progress.",
        errors=[Fault("path:checkpoint", "no checkpoint yet")],
    )


@router.get("/checkpoints")
def list_checkpoints(
    serving: Serving, limit: Limit = 100, cursor: Cursor = None, search: Search = "", stage: Stage = None
) -> CheckpointList:
    """Checkpoints of runs, imported and shipped, newest first."""

    def one_page() -> tuple[list[CheckpointInfo], str | None]:
        found = [
            info
            for info in serving.checkpoints.list(continues=cursor is not None)
            if stage in (None, info.stage)
            and has_words(search, info.id, info.name, info.stage, info.environment, info.source)
        ]
        return page(found, limit, cursor, lambda info: info.id)

    shown, following = one_page()
    if not serving.checkpoints.all_current(shown):
        shown, following = one_page()
    return CheckpointList(items=[view_of(info, serving.checkpoints) for info in shown], next_cursor=following)


@router.post(
    "/checkpoints",
    status_code=201,
    responses={200: {"model": CheckpointView, "description": "It is already here."}, **refusals(409)},
    openapi_extra=multipart("file", many=False),
)
async def upload_checkpoint(request: Request, serving: Serving, response: Response) -> CheckpointView:
    """Imports the zip that `download` gives: safetensors and JSON only, every size and hash checked."""
    info, known = await take_in(request, serving.home, serving.intake, partial(_take_in, serving.home))
    say_made(response, f"/api/v1/checkpoints/{info.id}", known=known)
    return view_of(info, serving.checkpoints)


@router.get("/checkpoints/{checkpoint}", responses=refusals(409))
def get_checkpoint(info: Found, serving: Serving) -> CheckpointDetail:
    """One checkpoint: settings, clip, statistics of its latents, model card."""
    loaded = serving.checkpoints.load(info)
    episodes, length = loaded.clip.image.shape[:2]
    return CheckpointDetail(
        **view_of(info, serving.checkpoints).model_dump(),
        config=info.config,
        clip=ClipView(episodes=episodes, length=length, factor_names=list(loaded.clip.factor_names)),
        statistics=loaded.statistics.to_json(),
        capabilities=CapabilitiesView(**info.capabilities._asdict()),
        policy=loaded.actor_critic is not None,
        actions=loaded.model.config.action_size,
        settable=list(settable(loaded)),
        quality=serving.checkpoints.quality(info),
        card=_card(info.folder),
    )


@router.delete("/checkpoints/{checkpoint}", status_code=204, responses=refusals(409))
def delete_checkpoint(info: Found, serving: Serving, service: Runs) -> None:
    """Delete a checkpoint and everything measured about it; refused for a shipped one, and while a run needs it."""
    if info.source == "shipped":
        raise in_use(f"{info.name} comes with the program.", "To remove the names that you gave it, DELETE its labels.")
    with answering():
        refuse_while_needed(service, serving.home, info.folder, {info.id, info.name}, info.name)
    with contextlib.suppress(FileNotFoundError):  # another request was faster
        remove_folder(info.folder)
    if service.shared is not None and info.folder.parent == serving.home / "checkpoints":
        service.shared.forget_place(f"checkpoints/{info.folder.name}")
    serving.checkpoints.forget()


@router.get("/checkpoints/{checkpoint}/download", responses={**files("application/zip"), **refusals(409)})
def download_checkpoint(info: Found, request: Request, serving: Serving) -> Response:
    """The whole checkpoint as a zip, to be imported elsewhere."""
    etag = f'"{hashlib.sha256(repr(serving.checkpoints.version(info)).encode()).hexdigest()[:32]}"'
    if matches(request.headers.get("if-none-match"), etag):
        return not_modified(etag)
    return send_file(_packed(info, serving.home), MEDIA_TYPES["zip"], f"diswm_{info.name}.zip", etag)


@router.get(
    "/checkpoints/{checkpoint}/frame",
    responses={**files("image/png", "image/webp", description="The frame."), **refusals(406, 409)},
    response_class=Response,
)
async def get_frame(
    info: Found,
    request: Request,
    serving: Serving,
    episode: Annotated[Index, Query()] = 0,
    frame: Annotated[Index, Query()] = 0,
    format: Annotated[str | None, Query(max_length=20, json_schema_extra={"enum": list(FRAME_FORMATS)})] = None,
) -> Response:
    """A frame of the checkpoint's clip as it was recorded."""
    chosen = choose_format(format, request.headers.get("accept"), FRAME_FORMATS)

    def make() -> Answer:
        clip = serving.checkpoints.load(info).clip.image
        check_index("episode", episode, clip.shape[0], "episode")
        check_index("frame", frame, clip.shape[1], "frame")
        return Answer(encode(clip[episode, frame], chosen), MEDIA_TYPES[chosen])

    key = ("frame", serving.checkpoints.version(info), episode, frame, chosen)
    return send(request, await serving.executor.answer(key, 1, make))


def _take_in(home: Path, upload: Upload) -> Imported:
    try:
        return import_checkpoint(one_file(upload).path, home)
    except IncompatibleCheckpoint as error:
        raise incompatible(error, "/file/model.safetensors") from error


def view_of(info: CheckpointInfo, checkpoints: CheckpointCache) -> CheckpointView:
    """A checkpoint as shown in lists."""
    quality = checkpoints.quality_in_brief(info) or QualityInBrief()
    sizes = info.config["networks"].get("world_model")
    return CheckpointView(
        id=info.id,
        name=info.name,
        stage=info.stage,
        source=info.source,
        created_at=info.created_at,
        run=info.run,
        environment=info.environment,
        steps=info.steps,
        latents=info.latents,
        state=None if sizes is None else [sizes["stoch"], sizes["deter"]],
        named=checkpoints.named(info),
        agent_right=quality.agent_right.observed,
        sees=quality.sees,
    )


def _card(folder: Path) -> str | None:
    path = folder / CARD
    return without_front_matter(path.read_text("utf-8", "replace")) if path.is_file() else None


def _packed(info: CheckpointInfo, home: Path) -> BinaryIO:
    """The open zip of a checkpoint; it has no name on disk any more, and a sweep removes what a kill leaves behind."""
    archive = aside_of(home / "download")
    try:
        pack_checkpoint(info, archive)
        return archive.open("rb")
    finally:
        archive.unlink(missing_ok=True)
