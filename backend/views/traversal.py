"""Traversals: how they are made from a request."""

from typing import TYPE_CHECKING

from backend.data.checkpoint import CheckpointInfo
from backend.export.options import ExportOptions
from backend.interpret.fields import MAX_INDEX
from backend.interpret.traversal_request import MAX_CELLS, TraversalRequest
from backend.interpret.view import build_view
from backend.views.kinds import Budget, Builder, Ingredients, Sources, Store, View
from backend.views.serializers import traversal_json

if TYPE_CHECKING:
    from backend.export.render import ExportedFile


def build(ingredients: Ingredients, request: TraversalRequest) -> View:
    """A traversal around a frame of the clip, or of what the request names; raises ViewError."""
    checkpoint, frames = ingredients.checkpoint, ingredients.store.frames(request)

    def to_file(format: str, options: ExportOptions) -> "ExportedFile":
        from backend.export.render import export_traversal  # loads matplotlib, so only when needed

        return export_traversal(checkpoint, request, format, options, frames)

    return View(request.to_json(), lambda: traversal_json(checkpoint, build_view(checkpoint, request, frames)), to_file)


def cells(info: CheckpointInfo, request: TraversalRequest) -> Budget:
    """The most cells that it can have, and the limit."""
    return Budget(request.cells(info.latents), MAX_CELLS, "columns", "cells")


def check(info: CheckpointInfo, request: TraversalRequest, _store: Store) -> None:
    """The checks that do not need the clip; raises ViewError."""
    request.check(info.latents, MAX_INDEX + 1, MAX_INDEX + 1)


def _cost(info: CheckpointInfo, request: TraversalRequest, _sources: Sources) -> float:
    return request.cells(info.latents)


TRAVERSAL = Builder(build, _cost, cells, check)
