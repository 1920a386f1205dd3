"""A short view that only tests register."""

from typing import Annotated, Any

from pydantic import Field

from backend.export.options import ExportOptions
from backend.export.render import ExportedFile
from backend.interpret.fields import Index
from backend.interpret.request import ViewRequest, check_index, view_request
from backend.views.catalogue import Kind
from backend.views.kinds import Builder, Ingredients, View


@view_request
class BrightnessRequest(ViewRequest):
    """How bright the frames of an episode of the clip are."""

    kind = "brightness"

    episode: Annotated[Index, Field(description="Episode of the clip.")] = 0


def build(ingredients: Ingredients, request: Any) -> View:
    clip = ingredients.checkpoint.clip.image
    check_index("episode", request.episode, len(clip), "episode")
    means = [round(float(frame.mean()), 3) for frame in clip[request.episode]]

    def to_file(format: str, _options: ExportOptions) -> ExportedFile:
        return ExportedFile("\n".join(map(str, means)).encode(), f"diswm_brightness.{format}", "text/csv")

    return View(request.to_json(), lambda: {"brightness": means}, to_file)


TOY = Builder(build, lambda *_: 1)
BRIGHTNESS = Kind(
    "Say how bright frames are.", BrightnessRequest, f"{__name__}:TOY", "brightness", "brightness", ("csv",), (), ()
)
