"""Shared by all requests for views: strict parsing, errors by field, and output as JSON or text."""

import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any, ClassVar, Self, TypeVar, dataclass_transform, get_args, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic.fields import FieldInfo

from backend.interpret.fields import Named, TextForm, as_text

MAX_EDIT = 1_000.0
Request = TypeVar("Request", bound="type[ViewRequest]")


class ViewError(ValueError):
    """A view that cannot be made: which field of the request is wrong, and which values it may have."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def view_request(request: Request) -> Request:
    """Makes a class of fields a frozen request; a wrong value raises ViewError with the field's name."""
    made: Any = pydantic_dataclass(frozen=True, config=ConfigDict(extra="forbid"))(request)
    checked: Callable[..., None] = made.__init__

    def __init__(self: Any, *given: Any, **named: Any) -> None:
        try:
            checked(self, *given, **named)
        except ValidationError as error:
            raise _refusal(made, error) from None

    made.__init__ = __init__
    hints = get_type_hints(made, include_extras=True)
    made.hints = {each.name: hints[each.name] for each in fields(made)}
    made.names = {name: _public(name, hint) for name, hint in made.hints.items() if name not in made.hidden}
    made.adapter = TypeAdapter(made)
    return made  # type: ignore[no-any-return]  # pydantic gives the class back


class ViewRequest:
    """One view of a checkpoint. Subclasses are made by `view_request`.

    Every field has one name in addresses, JSON bodies, file metadata and shells, one default and one
    description, all given by the annotations of the class.
    """

    kind: ClassVar[str]
    """The name of this kind in the metadata of files and in exports."""
    hidden: ClassVar[tuple[str, ...]] = ()
    """Fields of the class that is extended which this kind does not take."""
    written: ClassVar[Mapping[str, Any]] = {}
    """Constants that files of this kind contain besides the fields; ignored when the files are read."""

    hints: ClassVar[dict[str, Any]]
    """Attribute -> annotation, with what is said about it; this and the next two are set by `view_request`."""
    names: ClassVar[dict[str, str]]
    """Attribute -> name outside of Python, in the order of the fields."""
    adapter: ClassVar[TypeAdapter[Any]]

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        """The request that JSON or texts describe; missing fields keep their defaults. Raises ViewError."""
        names = {name: field for field, name in cls.names.items()}
        if unknown := sorted(values.keys() - names.keys() - cls.written.keys()):
            raise ViewError(unknown[0], f"is not part of this view; known are {', '.join(sorted(names))}")
        if missing := sorted(name for name in required(cls) if name not in values):
            raise ViewError(missing[0], "is required")
        return cls(**{names[name]: value for name, value in values.items() if name in names})

    def to_json(self) -> dict[str, Any]:
        """The request with the names of the HTTP query, as stored in metadata and bundles."""
        values = self.adapter.dump_python(self, mode="json")
        return {**self.written, **{name: values[field] for field, name in self.names.items()}}

    def to_text(self) -> dict[str, str]:
        """The values that differ from the defaults, as texts: the query of a link, the options of a command."""
        texts = {}
        for field, name in self.names.items():
            value = getattr(self, field)
            if value != default_of(type(self), field):
                form = text_form(type(self), field)
                texts[name] = form.write(value) if form else as_text(value)
        return texts

    def options(self) -> dict[str, str | bool]:
        """The same as options of the command line, where a flag is `--name` or `--no-name`."""
        flags = {name: getattr(self, field) for field, name in self.names.items()}
        return {name: flags[name] if isinstance(flags[name], bool) else text for name, text in self.to_text().items()}


def marks(request: type[ViewRequest], field: str) -> tuple[Any, ...]:
    """The metadata of an annotation besides the type."""
    return tuple(getattr(request.hints[field], "__metadata__", ()))


def text_form(request: type[ViewRequest], field: str) -> TextForm | None:
    """The text form of a field that is not a single number, word or flag."""
    return next((mark for mark in marks(request, field) if isinstance(mark, TextForm)), None)


def described(request: type[ViewRequest], field: str) -> FieldInfo:
    """Description, limits and JSON schema of a field, as pydantic merged them from the annotation."""
    return FieldInfo.from_annotation(request.hints[field])


def default_of(request: type[ViewRequest], field: str) -> Any:
    """The field's default; `...` if it has none."""
    found = next(each for each in fields(request) if each.name == field)  # type: ignore[arg-type]  # as above
    if found.default_factory is not MISSING:
        return found.default_factory()
    return ... if found.default is MISSING else found.default


def non_null_types(annotation: Any) -> list[Any]:
    """The types and literal values that an annotation is made of."""
    inner = get_args(annotation)
    if not inner:
        return [annotation]
    parts = inner[:1] if hasattr(annotation, "__metadata__") else inner
    return [kind for part in parts for kind in non_null_types(part)]


def required(request: type[ViewRequest]) -> list[str]:
    """Names of the fields without a default."""
    return [name for field, name in request.names.items() if default_of(request, field) is ...]


def rows_of(dims: tuple[int, ...] | str | None, latents: int) -> tuple[int, ...] | None:
    """The dimensions of a field of `Dims`, of a model with Z latents; None for the active ones. Raises ViewError."""
    if dims == "all":
        return tuple(range(latents))
    if isinstance(dims, str):
        wrong = next(part for part in dims.split(",") if not re.fullmatch(r"[0-9]{1,6}", part))
        raise ViewError("dims", f"there is no dimension {wrong[:80]!r}; take 0 to {latents - 1}, active or all")
    for dim in dims or ():
        check_index("dims", dim, latents, "dimension")
    return dims


def check_index(field: str, value: object, count: int, kind: str) -> None:
    """Raises ViewError unless the value is an integer of 0..count-1; `kind` says what is counted."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < count:
        raise ViewError(field, f"there is no {kind} {value!r}; take 0 to {count - 1}")


def check_number(field: str, value: object, low: float, high: float, what: str) -> None:
    """Raises ViewError unless the value is a finite number of the interval, which `what` names.

    A number that equals a bound as printed passes, so that following the message never leads to another refusal.
    """
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if not low <= number <= high and f"{number:g}" not in (f"{low:g}", f"{high:g}"):  # both hold for NaN
        raise ViewError(field, f"{what} goes from {low:g} to {high:g}; {value!r} lies outside")


def check_count(field: str, value: object, most: int) -> None:
    """Raises ViewError unless the value is an integer of 1..most."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise ViewError(field, f"{value!r} is not a whole number from 1 to {most}")


def _public(attribute: str, hint: Any) -> str:
    marks = getattr(hint, "__metadata__", ())
    return next((mark.name for mark in marks if isinstance(mark, Named)), attribute)


def _refusal(request: type[ViewRequest], error: ValidationError) -> ViewError:
    first = error.errors(include_url=False)[0]
    place = next(iter(first["loc"]), "view")
    attribute = list(request.hints)[place] if isinstance(place, int) else place  # by position, or by name
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] != "value_error":
        message = f"{message[:1].lower()}{message[1:]}, got {first['input']!r}"
    return ViewError(request.names.get(attribute, attribute), message[:300])
