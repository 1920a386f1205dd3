"""Models of other projects by their layout: those that are known here, and the import of one."""

from pathlib import Path
from typing import NamedTuple

from backend.data.adapters.registry import BUILT_IN, layouts
from backend.data.checkpoint import CheckpointInfo
from backend.data.official import OfficialError
from backend.pipeline.foreign_models import Source, import_model
from backend.pipeline.official import ABOUT, NAME, import_as_checkpoint, is_official
from models.adapters.adapter import LayoutError


class KnownLayout(NamedTuple):
    """A layout of files that models can come in."""

    name: str
    about: str
    built_in: bool


def known_layouts() -> list[KnownLayout]:
    """Every layout, the built-in ones first. Raises LayoutError where an installed one cannot be loaded."""
    built_in = {layout.name for layout in BUILT_IN}
    found = [KnownLayout(one.name, one.about, one.name in built_in) for one in layouts().values()]
    return [KnownLayout(NAME, ABOUT, True), *found]


def import_foreign(source: Source, name: str, home: Path, dataset: str | None = None) -> CheckpointInfo:
    """Imports a model of any known layout into `home/checkpoints`, completely or not at all.

    Raises LayoutError with one sentence, or NotFound.
    """
    if source.layout != NAME and (source.layout is not None or not is_official(source.path)):
        return import_model(source, name, home, dataset)
    try:
        return import_as_checkpoint(source.path, name, home, dataset)
    except OfficialError as error:
        raise LayoutError(str(error)) from error
