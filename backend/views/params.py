"""A request for a view from an address or a JSON body; both are derived from the kind's fields and take the same."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, create_model

from backend.export.options import ExportOptions
from backend.http.problems import Fault, Problem, nearest, short
from backend.interpret.fields import Flag
from backend.interpret.request import (
    ViewError,
    ViewRequest,
    default_of,
    described,
    non_null_types,
    text_form,
)
from backend.views.catalogue import Kind

PLACE = "/view/"


class Asked(NamedTuple):
    """A request for a view, and for a file of it: how it is drawn, and its format if one is named."""

    request: Any
    options: ExportOptions
    format: str | None


def query_model(
    request: type[ViewRequest], formats: tuple[str, ...], *, styled: bool = True, waits: bool = False
) -> type[BaseModel]:
    """The query of a view's route: its fields, the options of an export, and the format."""
    known: dict[str, Any] = {}
    for declared in (request, *((ExportOptions,) if styled else ())):
        for field, name in declared.names.items():
            known[name] = _parameter(declared, field)
    known["format"] = (
        Annotated[str | None, Field(max_length=20, json_schema_extra={"enum": list(formats)})],
        Field(None, description="Else `Accept` decides."),
    )
    if waits:
        known["wait"] = (Flag, Field(False, description="Wait until it is computed (up to a minute)."))
    name = f"{request.__name__.removesuffix('Request')}Query"
    return create_model(name, __config__=ConfigDict(frozen=True), __doc__=request.__doc__, **known)


def of_query(request: type[ViewRequest], query: BaseModel) -> Asked:
    """The request in a query; raises ViewError."""
    given = {name: getattr(query, name) for name in query.model_fields_set}
    return _asked(request, given)


def of_body(kind: Kind, values: Mapping[str, Any]) -> Asked:
    """The request in a JSON body: the same fields, typed as in files or as texts. Raises Problem, ViewError."""
    known = {
        name: (declared, field) for declared in (kind.request, ExportOptions) for field, name in declared.names.items()
    }
    faults = [
        Fault(f"{PLACE}{key}", f"there is no field {short(key)}", nearest(key, [*known, "format"]))
        for key in values
        if key not in known and key != "format" and key not in kind.request.written
    ]
    faults += [
        Fault(f"{PLACE}{key}", f"must not be text, got {short(value)}")
        for key, value in values.items()
        if isinstance(value, str) and key in known and not _takes_text(*known[key])
    ]
    if faults:
        raise Problem(
            422,
            "invalid-input",
            f"{faults[0].pointer}: {faults[0].detail}",
            remedy="Correct the fields that errors lists; the query of the view says at /docs what each field takes.",
            errors=faults,
        )
    return _asked(kind.request, values)


def view_schema(kind: Kind) -> dict[str, Any]:
    """JSON schema of a view's fields, with what the page needs to make links, files and commands from it."""
    schema = query_model(kind.request, kind.formats).model_json_schema()
    own = set(kind.request.names.values())
    return {
        **schema,
        "properties": {name: value for name, value in schema["properties"].items() if name in own},
        "x-kind": kind.name,
        "x-path": kind.path,
        "x-command": kind.command,
        "x-words": list(kind.words),
        "x-arguments": list(kind.arguments),
        "x-formats": list(kind.formats),
        "x-style": {name: schema["properties"][name] for name in kind.style},
    }


@contextmanager
def pointing_into_the_body() -> Iterator[None]:
    """Refusals of a query, with pointers into the body that it came from."""
    try:
        yield
    except ViewError as error:
        raise refused_view(error, PLACE) from error
    except Problem as problem:
        problem.errors = tuple(
            replace(fault, pointer=fault.pointer.replace("query:", PLACE, 1)) for fault in problem.errors
        )
        raise


def refused_view(error: ViewError, place: str = "query:") -> Problem:
    """422 for a view that cannot be made; `place` comes before the field's name."""
    return Problem(
        422,
        "invalid-view",
        f"{error.field}: {error.message}",
        remedy="Choose a value that the message allows; GET /api/v1/checkpoints/{id} shows dimensions and clip.",
        errors=[Fault(f"{place}{error.field}", error.message)],
    )


def _asked(request: type[ViewRequest], given: Mapping[str, Any]) -> Asked:
    options = {name: given[name] for name in ExportOptions.names.values() if name in given}
    rest = {name: value for name, value in given.items() if name not in options and name not in ("format", "wait")}
    chosen = ExportOptions.read(options)
    chosen.check()
    return Asked(request.read(rest), chosen, given.get("format"))


def _parameter(request: type[ViewRequest], field: str) -> tuple[Any, Any]:
    """Type and default of a field as a query parameter, where lists and pairs stand as one text."""
    default, form = default_of(request, field), text_form(request, field)
    found = described(request, field)
    if form is None:
        return request.hints[field], Field(default)
    text: Any = Field(
        default if default is ... else form.write(default),
        description=found.description,
        max_length=form.longest,
        json_schema_extra=form.schema,
    )
    return str, text


def _takes_text(request: type[ViewRequest], field: str) -> bool:
    if text_form(request, field) is not None:
        return True
    return any(kind is str or isinstance(kind, str) for kind in non_null_types(request.hints[field]))
