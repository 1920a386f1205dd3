"""A command for every kind of view: its options are the view's fields, its files byte for byte those of the page."""

import inspect
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend.cli.context import Sink, checked_settings, refusals
from backend.cli.options import AsJson, CheckpointName, Dataset, Out, Picture
from backend.cli.store import CommandStore
from backend.cli.tables import TELL
from backend.export.options import ExportOptions
from backend.interpret.fields import as_text
from backend.interpret.request import ViewError, ViewRequest, default_of, described, non_null_types, text_form
from backend.views.catalogue import KINDS, Kind

if TYPE_CHECKING:
    from backend.views.kinds import View

_METAVARS = {int: "INTEGER", float: "FLOAT"}


def register(app: typer.Typer) -> None:
    """Adds one command per kind."""
    for kind in KINDS.values():
        if kind.commanded:
            app.command(kind.command)(command_of(kind))


def command_of(kind: Kind) -> Callable[..., None]:
    """`diswm <command> CKPT --field value ... --format gif --out FILE`."""
    extra = {"dataset": Dataset, "picture": Picture} if kind.name == "traversal" else {}

    def run(checkpoint: str, **given: Any) -> None:
        base = {name: given.pop(name) for name in extra}
        sink = Sink(given.pop("out"), given.pop("format"), given.pop("as_json"))
        texts = texts_of(given)
        with refusals():
            store = CommandStore(checked_settings().home)
            info = store.find(checkpoint)
            options = ExportOptions.read({name: texts.pop(name) for name in kind.style if name in texts})
            request = kind.request.read(store.take_base(texts, **base) if extra else texts)
            view = store.make(kind, info, request)
            if kind.name in TELL and not sink.asked:
                tell(kind, view, as_json=sink.as_json)
                return
            write_view(kind, view, options, sink, {"checkpoint": info.id, "request": dict(view.request)})

    run.__doc__ = kind.summary
    parameters = [parameter("checkpoint", CheckpointName, ...)]
    parameters += [
        _option(kind.request, field, name, argument=name in kind.arguments)
        for field, name in kind.request.names.items()
    ]
    parameters += [parameter(name, annotation, None) for name, annotation in extra.items()]
    parameters += style_options(kind.style)
    help = f"{', '.join(kind.formats)}{': write a file instead of printing' if kind.name in TELL else ''}."
    parameters.append(parameter("format", Annotated[str | None, typer.Option(help=help)], None))
    parameters += [parameter("out", Out, None), parameter("as_json", AsJson, False)]
    ordered = sorted(parameters, key=lambda each: each.default is not inspect.Parameter.empty)
    run.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]  # what typer reads
    run.__annotations__ = {each.name: each.annotation for each in ordered}
    return run


def write_view(kind: Kind, view: "View", options: ExportOptions, sink: Sink, told: Mapping[str, Any]) -> None:
    """Writes a view to the sink."""
    options.check()
    format = sink.format_or(kind.usual)
    if format not in kind.formats:
        raise ViewError("format", f"{format!r} is not one of {', '.join(kind.formats)}")
    sink.take(view.to_file(format, options), {"kind": kind.name, **told})


def tell(kind: Kind, view: "View", *, as_json: bool) -> None:
    """Prints a table of numbers."""
    table = view.to_json()
    typer.echo(json.dumps(table) if as_json else TELL[kind.name](table))


def texts_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The given options; those left out keep the defaults of the view's fields."""
    texts = {}
    for name, value in given.items():
        if value is not None and value != []:
            texts[name.removesuffix("_")] = ",".join(value) if isinstance(value, list) else value
    return texts


def style_options(names: tuple[str, ...]) -> list[inspect.Parameter]:
    """Options that say how a file is drawn."""
    return [_option(ExportOptions, name, name) for name in names]


def _option(request: type[ViewRequest], field: str, name: str, *, argument: bool = False) -> inspect.Parameter:
    """A field as an option; it is parsed from the same text as in an address."""
    default, form, help = default_of(request, field), text_form(request, field), described(request, field).description
    if argument:
        return parameter(f"{name}_", Annotated[str, typer.Argument(metavar=name.upper(), help=help)], ...)
    if isinstance(default, bool):
        flags = f"--{name}/--no-{name}" if default else f"--{name}"
        return parameter(f"{name}_", Annotated[bool | None, typer.Option(flags, help=help, show_default=False)], None)
    kinds = [] if form else non_null_types(request.hints[field])
    words = [kind for kind in kinds if isinstance(kind, str)]
    choices = [f"One of {', '.join(words)}."] if words else []
    usual = "" if default is ... else form.write(default) if form else as_text(default) if default else ""
    option = typer.Option(
        f"--{name}",
        help=" ".join([help or "", *choices, *([f"Default: {usual}."] if usual else [])]),
        metavar=next((_METAVARS[kind] for kind in kinds if kind in _METAVARS), "TEXT"),
        show_default=False,
    )
    if default is ...:
        return parameter(f"{name}_", Annotated[str, option], ...)
    several = form is not None and form.repeated
    return parameter(f"{name}_", Annotated[list[str] | None if several else str | None, option], None)


def parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    chosen = inspect.Parameter.empty if default is ... else default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=chosen, annotation=annotation)
