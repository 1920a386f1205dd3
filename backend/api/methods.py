"""Lists the methods, with the form's text about each."""

from fastapi import APIRouter

from backend.api.schemas import View
from backend.pipeline.methods.catalogue import CATALOGUE, Kind

router = APIRouter(tags=["presets"])


class NeedView(View):
    """A checkpoint that a method starts from: the setting that names it (a JSON pointer), and its required kind."""

    setting: str
    kind: Kind
    required: bool


class MethodView(View):
    """One method; `view` is the page that suits its checkpoints best, `differs` one sentence."""

    name: str
    title: str
    paper: str
    stage: str
    needs: list[NeedView]
    view: str
    differs: str


class MethodList(View):
    """All methods, the default first."""

    items: list[MethodView]
    next_cursor: str | None = None


@router.get("/methods")
def list_methods() -> MethodList:
    """Every method that a run can name, with its paper and what it starts from."""
    return MethodList(items=[MethodView.model_validate(entry.described(name)) for name, entry in CATALOGUE.items()])
