"""`diswm export`: a view again in another format, from a file that was made from it; or the paper bundle."""

import inspect
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from backend.cli.context import Sink, checked_settings, refusals
from backend.cli.options import AsJson, CheckpointName, Out
from backend.cli.store import CommandStore
from backend.cli.views import parameter, style_options, texts_of, write_view
from backend.export.options import ExportOptions
from backend.interpret.request import ViewError
from backend.views.catalogue import BUNDLE, EXPORT_KINDS, KINDS

View = Annotated[
    Path | None, typer.Option(help="File made here (png, gif, svg, npz, bundle) or JSON of a view, to make again.")
]
KindName = Annotated[str | None, typer.Option(help=f"{', '.join(EXPORT_KINDS)}; else what the file shows.")]
Format = Annotated[
    str | None, typer.Option(help="png, svg, pdf, gif, mp4, webm, apng, csv, npz, html or zip (bundle).")
]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(export)


def export(checkpoint: str, **given: Any) -> None:
    """Write a view again in another format, from a file that was made from it; or the paper bundle of a checkpoint."""
    with refusals():
        shown, asked = _view_of(given.pop("view"), given.pop("kind"))
        if shown not in EXPORT_KINDS:
            raise ViewError("kind", f"{shown!r} is not one of {', '.join(EXPORT_KINDS)}")
        format = given.pop("format")
        sink = Sink(given.pop("out"), "zip" if shown == BUNDLE else format, given.pop("as_json"))
        options = ExportOptions.read(texts_of(given))
        kind = KINDS["traversal" if shown == BUNDLE else shown]
        store = CommandStore(checked_settings().home)
        info = store.find(checkpoint)
        view = store.make(kind, info, kind.request.read(asked))
        write_view(kind, view, options, sink, {"checkpoint": info.id, "kind": shown, "request": dict(view.request)})


_PARAMETERS = (
    parameter("checkpoint", CheckpointName, ...),
    parameter("view", View, None),
    parameter("kind", KindName, None),
    parameter("format", Format, None),
    parameter("out", Out, None),
    *style_options(tuple(ExportOptions.names.values())),
    parameter("as_json", AsJson, False),
)
export.__signature__ = inspect.Signature(_PARAMETERS)  # type: ignore[attr-defined]  # what typer reads
export.__annotations__ = {each.name: each.annotation for each in _PARAMETERS}


def _view_of(path: Path | None, kind: str | None) -> tuple[str, dict[str, Any]]:
    """The view that a file shows; the default traversal without a file."""
    from backend.export.reopen import NoSettings, read_settings

    if path is None:
        return kind or "traversal", {}
    content = path.read_bytes()
    if path.suffix == ".json":
        view = json.loads(content)
        return kind or str(view.get("diswm") or "traversal"), dict(view.get("view", view))
    settings = read_settings(content)
    shown = str(settings["diswm"])
    if kind not in (None, shown) and (kind, shown) != (BUNDLE, "traversal"):
        raise NoSettings(f"{path.name} shows a {shown}, not a {kind}; leave out --kind")
    return kind or shown, dict(settings["view"])
