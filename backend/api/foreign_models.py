"""Models of other projects over HTTP: the supported layouts, and the upload of weights."""

from functools import partial
from pathlib import Path

from fastapi import APIRouter, Request, Response

from backend.api.checkpoints import view_of
from backend.api.deps import Serving
from backend.api.openapi import multipart, refusals
from backend.api.schemas import CheckpointView, View
from backend.api.uploads import say_made, take_in
from backend.data.catalogue import find_dataset
from backend.data.checkpoint import CheckpointInfo
from backend.http.multipart import Upload, only_fields
from backend.http.problems import invalid, nearest, short
from backend.pipeline.foreign_import import import_foreign, known_layouts
from backend.pipeline.foreign_models import Source
from backend.pipeline.official import is_official
from models.adapters.adapter import LayoutError

WEIGHTS = (".pt", ".pth", ".safetensors")
SETTINGS = (".json", ".yaml", ".yml")
MOST_FILES = 8
FIELDS = {"name", "layout", "dataset"}
_REMEDY = "Send the file of weights, and the settings of its run if there are any; GET /api/v1/adapters lists layouts."
_FORM = multipart(
    "files",
    many=True,
    required_name=True,
    fields={
        "layout": {"type": "string", "description": "Whose files these are; found out from them if empty."},
        "dataset": {"type": "string", "description": "Data set whose frames it is looked at with; else it draws some."},
    },
)

router = APIRouter(tags=["checkpoints"])


class LayoutView(View):
    """A layout of files that models can come in; `built_in` is false for one of an installed package."""

    name: str
    about: str
    built_in: bool


class LayoutList(View):
    """All layouts, the built-in ones first."""

    items: list[LayoutView]
    next_cursor: str | None = None


@router.get("/adapters")
def list_adapters() -> LayoutList:
    """The supported layouts of other projects' models."""
    return LayoutList(items=[LayoutView.model_validate(one._asdict()) for one in known_layouts()])


@router.post("/models", status_code=201, responses=refusals(404), openapi_extra=_FORM)
async def upload_model(request: Request, serving: Serving, response: Response) -> CheckpointView:
    """A checkpoint from another project's weights: plain tensors, read in a process with limited memory and time."""
    info = await take_in(request, serving.home, serving.intake, partial(_import, serving.home))
    say_made(response, f"/api/v1/checkpoints/{info.id}", known=False)
    serving.checkpoints.forget()
    return view_of(info, serving.checkpoints)


def _import(home: Path, upload: Upload) -> CheckpointInfo:
    """Raises Problem 422 with one sentence, or NotFound for a data set."""
    only_fields(upload, FIELDS)
    given = {name: value.strip() for name, value in upload.fields.items() if value.strip()}
    if "name" not in given:
        raise invalid("/name", "a model needs a name", remedy="Send a field `name`.")
    layout = given.get("layout")
    names = [one.name for one in known_layouts()]
    if layout is not None and layout not in names:
        detail = f"there is no layout {short(layout)}; there is {', '.join(names)}"
        raise invalid("/layout", detail, remedy="Choose one of them, or none.", suggestion=nearest(layout, names))
    dataset = str(find_dataset(home, given["dataset"]).folder) if "dataset" in given else None
    weights, settings = _named(upload)
    try:
        return import_foreign(Source(weights, layout, settings), given["name"], home, dataset)
    except LayoutError as error:
        raise invalid("/files", f"The files cannot be imported: {error}.", remedy=_REMEDY) from error


def _named(upload: Upload) -> tuple[Path, Path | None]:
    """The weights (a file, or the folder of several) and the settings of an upload, under their original names."""
    if not 1 <= len(upload.files) <= MOST_FILES:
        raise invalid("/files", f"1 to {MOST_FILES} files are taken, got {len(upload.files)}", remedy=_REMEDY)
    folder = upload.files[0].path.parent / "named"
    folder.mkdir()
    weights: list[Path] = []
    settings: list[Path] = []
    for file in upload.files:
        target, suffix = folder / file.name, Path(file.name).suffix.lower()
        if suffix not in WEIGHTS + SETTINGS:
            detail = f"{short(file.name)} is neither weights ({', '.join(WEIGHTS)}) nor settings"
            raise invalid("/files", detail, remedy=_REMEDY)
        if target.exists():
            raise invalid("/files", f"{short(file.name)} was sent twice", remedy=_REMEDY)
        file.path.rename(target)
        (weights if suffix in WEIGHTS else settings).append(target)
    several = len(weights) > 1 and not is_official(folder)
    if not weights or several or len(settings) > 1:
        detail = f"got {len(weights)} files of weights and {len(settings)} of settings"
        raise invalid("/files", detail, remedy=_REMEDY)
    return weights[0] if len(weights) == 1 else folder, next(iter(settings), None)
