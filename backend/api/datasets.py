"""Data sets: collected by runs, or made from uploaded films, pictures and episodes after a preview."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter

from backend.api.dataset_frames import SHEET_EPISODES, SHEET_FRAMES, Found
from backend.api.deps import Serving, decimal_number, whole_number
from backend.api.importing import Made, waited
from backend.api.openapi import multipart, refusals
from backend.api.pagination import Cursor, Limit, Search, Several, page, several
from backend.api.runs import Runs
from backend.api.schemas import DatasetBody, DatasetList, DatasetView, ImportPreview, ImportView, JoinBody
from backend.api.uploads import hold
from backend.data.catalogue import find_dataset, has_words
from backend.data.catalogue import list_datasets as list_in_catalogue
from backend.data.clips import (
    MAX_FPS,
    MAX_SPLIT,
    MAX_STRIDE,
    MIN_FPS,
    MIN_SPLIT,
    UserFile,
    import_clips,
    preview_clips,
)
from backend.data.containers import VideoError
from backend.data.decode.sandbox import CROPS, Options
from backend.data.episodes import DATASET, DatasetInfo, read_dataset_info, write_dataset_info
from backend.data.files import remove_folder
from backend.data.formats.names import FORMATS
from backend.data.joining import join
from backend.http.multipart import Upload, display_name, only_fields
from backend.http.problems import Fault, Problem, invalid, nearest, short
from backend.runs.references import run_that_uses
from backend.views.images import contact_sheet, data_uri

FIELDS = {"name", "crop", "fps", "stride", "split", "format"}
_FORM = multipart(
    "files",
    many=True,
    fields={
        "name": {"type": "string"},
        "crop": {"type": "string", "enum": list(CROPS), "default": "centre"},
        "fps": {"type": "string", "description": f"Frames a second, {MIN_FPS:g} to {MAX_FPS:g}; as recorded if empty."},
        "stride": {"type": "integer", "minimum": 1, "maximum": MAX_STRIDE, "default": 1},
        "split": {"type": "integer", "default": 64, "description": "Frames per episode; 0: one episode per clip."},
        "format": {"type": "string", "description": f"{', '.join(FORMATS)}; what the files say if empty."},
    },
)
_LATER: dict[int | str, dict[str, Any]] = {
    202: {"model": ImportView, "description": "For `Prefer: respond-async`: ask at Location."}
}

_MADE: TypeAdapter[Made] = TypeAdapter(Made)

router = APIRouter(tags=["datasets"])


@router.get("/datasets")
def list_datasets(
    serving: Serving, actions: Several = "", limit: Limit = 100, cursor: Cursor = None, search: Search = ""
) -> DatasetList:
    """Data sets, newest first; `actions` keeps only those with that number of actions."""
    wanted = several(actions)
    found = [
        info
        for info in list_in_catalogue(serving.home)
        if (not wanted or str(info.action_size) in wanted)
        and has_words(search, info.id, info.name, info.kind, info.environment)
    ]
    shown, following = page(found, limit, cursor, lambda info: info.id)
    return DatasetList(items=[view_dataset(info) for info in shown], next_cursor=following)


@router.post(
    "/datasets",
    status_code=201,
    responses={200: {"model": DatasetView, "description": "These files are already here."}, **_LATER},
    openapi_extra=_FORM,
)
async def upload_dataset(request: Request, serving: Serving, response: Response) -> DatasetView | ImportView:
    """Films, pictures, npz episodes or the data set of another project as a data set, decoded in a limited process.

    `crop`, `fps`, `stride` and `split` choose the part of films and pictures to use; `POST /datasets/preview` shows it.
    """
    upload, release = await hold(request, serving.home)
    try:
        options = _options(upload)
        id = _id_of(upload, options)
        target = serving.home / "datasets" / id
        under_way = serving.imports.find(id)
        if target.exists() and (under_way is None or under_way.done()):
            response.headers["Location"] = f"/api/v1/datasets/{id}"
            response.status_code = 200
            return view_dataset(read_dataset_info(target))
    except BaseException:
        await release()
        raise
    made = await _made(id, partial(_import, upload, options, target), release, request, serving, response)
    if isinstance(made, DatasetView):
        response.headers["Location"] = f"/api/v1/datasets/{id}"
        response.status_code = 201
    assert not isinstance(made, ImportPreview)
    return made


@router.post("/datasets/preview", responses=_LATER, openapi_extra=_FORM)
async def preview_dataset(request: Request, serving: Serving, response: Response) -> ImportPreview | ImportView:
    """The data set that an upload would become, with some of its frames; nothing is stored."""
    upload, release = await hold(request, serving.home)
    try:
        options = _options(upload)
        id = _id_of(upload, options)
    except BaseException:
        await release()
        raise
    make = partial(_preview, upload, options, id, serving.home)
    made = await _made(f"preview-{id}", make, release, request, serving, response)
    assert not isinstance(made, DatasetView)
    return made


@router.post("/datasets/join", status_code=201, responses=refusals(404))
def join_datasets(body: JoinBody, serving: Serving, response: Response) -> DatasetView:
    """Join data sets of one kind into one: shards of a collection, or uploads. The existing one if that was done."""
    parts = [find_dataset(serving.home, reference) for reference in body.datasets]
    try:
        joined = join(parts, serving.home, display_name(body.name))
    except VideoError as error:
        fault = Fault("/datasets", str(error))
        raise Problem(422, "datasets-differ", str(error), remedy=error.remedy, errors=[fault]) from None
    response.headers["Location"] = f"/api/v1/datasets/{joined.id}"
    return view_dataset(joined)


@router.get("/imports/{id}", responses={**_LATER, **refusals(404)})
async def get_import(id: str, request: Request, serving: Serving, response: Response) -> Made | ImportView:
    """The result of an upload once it is read; refused in the same cases as the upload itself."""
    task = serving.imports.find(id)
    made: Made | None = None
    if task is None:
        outcome = await serving.imports.elsewhere(id, request)
        if outcome is not None and outcome.problem is not None:
            raise outcome.problem
        made = None if outcome is None else _MADE.validate_python(outcome.answer)
    elif task.done() or "prefer" in request.headers:
        made = await waited(task, request)
    if made is None:
        response.status_code = 202
        return ImportView(id=id, url=f"/api/v1/imports/{id}")
    return made


@router.get("/datasets/{dataset}")
def get_dataset(info: Found) -> DatasetView:
    """One data set."""
    return view_dataset(info)


@router.patch("/datasets/{dataset}", responses=refusals(409))
def rename_dataset(info: Found, body: DatasetBody, serving: Serving, runs: Runs) -> DatasetView:
    """Give a data set another name; refused while a run that is not over uses it."""
    run = run_that_uses(runs.store, {info.id, info.name, str(info.folder)})
    if run is not None:
        detail = f"The run {run.name} ({run.id}) uses {info.name} and is {run.state}."
        raise Problem(409, "dataset-in-use", detail, remedy="Cancel the run, or wait for its end.")
    if not (info.folder / DATASET).is_file():
        detail = f"{info.name} is a plain folder of episodes, which goes by the name of the folder."
        raise Problem(409, "dataset-in-use", detail, remedy="Rename the folder.")
    renamed = replace(info, name=display_name(body.name))
    with serving.writing:
        write_dataset_info(renamed)
    return view_dataset(renamed)


@router.delete("/datasets/{dataset}", status_code=204, responses=refusals(409))
def delete_dataset(info: Found, serving: Serving, runs: Runs) -> None:
    """Remove an uploaded data set; refused while a run uses it, and for a data set that a run collected."""
    if info.folder.parent != serving.home / "datasets":
        detail = f"{info.name} was collected by a run and is deleted with that run."
        raise Problem(409, "dataset-in-use", detail, remedy="Remove the run.")
    run = run_that_uses(runs.store, {info.id, info.name, str(info.folder)})
    if run is not None:
        detail = f"The run {run.name} ({run.id}) uses {info.name} and is {run.state}."
        raise Problem(409, "dataset-in-use", detail, remedy="Cancel the run, or wait for its end.")
    remove_folder(info.folder)
    if runs.shared is not None:
        runs.shared.forget_place(f"datasets/{info.folder.name}")


def view_dataset(info: DatasetInfo) -> DatasetView:
    """The data set as the API shows it; its folder stays here."""
    values = asdict(info)
    del values["folder"]
    return DatasetView(**{name: list(value) if isinstance(value, tuple) else value for name, value in values.items()})


async def _made(
    id: str,
    make: Callable[[], Made],
    release: Callable[[], Awaitable[None]],
    request: Request,
    serving: Serving,
    response: Response,
) -> Made | ImportView:
    """The result of an upload, shared with an equal upload in progress; or where to ask for it."""
    task = serving.imports.find(id)
    if task is not None and not task.done():
        await release()
    else:
        task = serving.imports.start(id, make, release)
    made = await waited(task, request)
    if made is not None:
        return made
    response.status_code = 202
    response.headers["Location"] = f"/api/v1/imports/{id}"
    return ImportView(id=id, url=f"/api/v1/imports/{id}")


def _import(upload: Upload, options: Options, target: Path) -> DatasetView:
    try:
        info = import_clips(_clips(upload), target, _name(upload), options=options)
    except FileExistsError:
        info = read_dataset_info(target)  # another process made it in the meantime
    return view_dataset(info)


def _preview(upload: Upload, options: Options, id: str, home: Path) -> ImportPreview:
    info, rows = preview_clips(_clips(upload), _name(upload), options, episodes=SHEET_EPISODES, frames=SHEET_FRAMES)
    view = view_dataset(info).model_dump(exclude={"id", "created_at"})
    known = id if (home / "datasets" / id).exists() else None
    return ImportPreview(**view, known_as=known, sheet=data_uri(contact_sheet(rows), "webp"))


def _clips(upload: Upload) -> list[UserFile]:
    return [UserFile(file.name, file.path, file.sha256) for file in upload.files]


def _name(upload: Upload) -> str:
    given = upload.fields.get("name", "").strip()
    return display_name(given) if given else upload.files[0].name if upload.files else "unnamed"


def _id_of(upload: Upload, options: Options) -> str:
    """The id of a data set depends on the bytes of its files and on the chosen parts of them."""
    chosen = [f"{name}={value}" for name, value in asdict(options).items()]
    digest = hashlib.sha256("\n".join([*(file.sha256 for file in upload.files), *chosen]).encode())
    return f"clips-{digest.hexdigest()[:16]}"


def _options(upload: Upload) -> Options:
    """The options of a form; raises Problem 422 with a pointer to the field."""
    only_fields(upload, FIELDS)
    given = {name: value.strip() for name, value in upload.fields.items() if value.strip()}
    crop = given.get("crop", "centre")
    if crop not in CROPS:
        detail = f"there is no crop {short(crop)}; there is {', '.join(CROPS)}"
        raise invalid("/crop", detail, remedy="Choose one of them.", suggestion=nearest(crop, CROPS))
    fps = decimal_number(given["fps"], "/fps", MIN_FPS, MAX_FPS) if "fps" in given else None
    stride = whole_number(given.get("stride", "1"), "/stride", 1, MAX_STRIDE)
    split = whole_number(given.get("split", "64"), "/split", 0, MAX_SPLIT)
    if 0 < split < MIN_SPLIT:
        raise invalid("/split", f"must be 0, or {MIN_SPLIT} to {MAX_SPLIT}", remedy="0 makes one episode per clip.")
    format = given.get("format")
    if format is not None and format not in FORMATS:
        detail = f"there is no format {short(format)}; there is {', '.join(FORMATS)}"
        raise invalid("/format", detail, remedy="Choose one of them, or none.", suggestion=nearest(format, FORMATS))
    return Options(crop=crop, fps=fps, stride=stride, split=split, format=format)
