"""A view in a JSON body: the same fields as in an address, but typed, and pointed at by `/view/...`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from backend.http.problems import Fault, Problem, nearest, of_validation, short
from backend.interpret.request import ViewError
from backend.views.params import refused_view

PLACE = "/view/"
TEXTS = frozenset(
    {"dims", "edits", "edit", "mode", "base", "source", "actions", "format"}
    | {"hold", "with", "factor", "dataset", "reference", "other", "chroma"}
)

Query = TypeVar("Query", bound=BaseModel)


def query_of(model: type[Query], values: Mapping[str, Any]) -> Query:
    """The query that a body describes; raises Problem 422 with pointers into the body.

    `dims` may be a list and `edits` an object, as files made here carry them.
    """
    known = {field.alias or name for name, field in model.model_fields.items()}
    faults = [
        Fault(f"{PLACE}{key}", f"there is no field {short(key)}", nearest(key, known))
        for key in values
        if key not in known
    ]
    faults += [
        Fault(f"{PLACE}{key}", f"must not be text, got {short(value)}")
        for key, value in values.items()
        if key in known - TEXTS and isinstance(value, str)
    ]
    if faults:
        raise _refused(faults)
    try:
        return model.model_validate({key: _flat(key, value) for key, value in values.items()})
    except ValidationError as error:
        found = of_validation([{**item, "loc": ("query", *item["loc"])} for item in error.errors()])
        raise _refused([_moved(fault) for fault in found.errors]) from None


@contextmanager
def pointing_into_the_body() -> Iterator[None]:
    """Refusals of a query, with pointers into the body that it came from."""
    try:
        yield
    except ViewError as error:
        raise refused_view(error, PLACE) from error
    except Problem as problem:
        problem.errors = tuple(_moved(fault) for fault in problem.errors)
        raise


def _flat(key: str, value: object) -> object:
    if key == "dims" and value is None:
        return "active"
    if key == "dims" and isinstance(value, list):
        return ",".join(_plain(item) for item in value)
    if key == "with" and isinstance(value, list):
        return ",".join(str(item) for item in value)
    if key in ("edits", "hold") and isinstance(value, dict):
        return ",".join(f"{dim}:{_plain(amount)}" for dim, amount in value.items())
    return value


def _plain(value: object) -> str:
    """A number as an address has it; anything else stays recognisably wrong."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else short(value)


def _moved(fault: Fault) -> Fault:
    return replace(fault, pointer=fault.pointer.replace("query:", PLACE, 1))


def _refused(faults: list[Fault]) -> Problem:
    first = faults[0]
    return Problem(
        422,
        "invalid-input",
        f"{first.pointer}: {first.detail}",
        remedy="Correct what errors lists; the query of the view says at /docs what each field takes.",
        errors=faults,
    )
