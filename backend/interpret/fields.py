"""The kinds of fields that views have: how each is read from text (an address, a shell) or JSON, and written back."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer
from pydantic.config import JsonDict

MAX_INDEX = 10_000_000
_DIM = re.compile(r"[0-9]{1,6}")
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_NUMBER = re.compile(r"-?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,3})?")
_EDIT = re.compile(r"(\d+):([-+]?[0-9.]+(?:e[-+]?\d+)?)@(\d+)(\+?)", re.IGNORECASE)


@dataclass(frozen=True)
class Edit:
    """Sets a dimension to a value at one step; with `hold`, at every step from then on."""

    dim: int
    value: float
    step: int
    hold: bool = False

    def applies(self, step: int) -> bool:
        """Whether the edit is made at this step."""
        return step == self.step or (self.hold and step > self.step)


@dataclass(frozen=True)
class TextForm:
    """Marks a field that is more than one number, word or flag: it is written as one text in addresses and shells."""

    write: Callable[[Any], str]
    longest: int  # characters
    schema: JsonDict | None = None  # what the text looks like
    repeated: bool = False  # whether a shell may give the option several times


@dataclass(frozen=True)
class Named:
    """The field's name outside of Python, if that is a reserved word in Python."""

    name: str


def whole(value: object) -> object:
    """Digits become an integer; 1.5, 1e3, " 1", 1_000 and true do not."""
    if not isinstance(value, str):
        return value
    if not _WHOLE.fullmatch(value):
        raise ValueError(f"must be a whole number, got {_short(value)}")
    return int(value)


def number(value: object) -> object:
    """A finite decimal number; NaN, Infinity and 1e999 are not."""
    if not isinstance(value, str):
        return value
    if not _NUMBER.fullmatch(value) or not math.isfinite(float(value)):
        raise ValueError(f"must be a finite number, got {_short(value)}")
    return float(value)


def flag(value: object) -> object:
    """`true` or `false`."""
    if not isinstance(value, str):
        return value
    if value not in ("true", "false"):
        raise ValueError(f"must be true or false, got {_short(value)}")
    return value == "true"


def as_text(value: object) -> str:
    """A number, word or flag as text: 2.0 -> `2`, True -> `true`; never rounded."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return str(value)


def read_dims(value: object) -> object:
    """`active` -> None, `3,7` -> (3, 7); `all` and other words stay, for the checkpoint to resolve."""
    if value == "active":
        return None
    if isinstance(value, str) and all(_DIM.fullmatch(part) for part in value.split(",")):
        return tuple(int(part) for part in value.split(","))
    return tuple(value) if isinstance(value, list) else value


def read_values(value: object) -> object:
    """`3:1.5,7:-2` -> {3: 1.5, 7: -2.0}; JSON objects have text for keys."""
    if isinstance(value, dict):
        return {_dim(dim) if isinstance(dim, str) else dim: amount for dim, amount in value.items()}
    if not isinstance(value, str):
        return value
    values: dict[int, float] = {}
    for part in value.split(",") if value else ():
        dim_text, colon, amount = part.partition(":")
        if not colon:
            raise ValueError(f"{_short(part)} is not of the form dim:value, such as 3:1.5,7:-2")
        dim = _dim(dim_text)
        if dim in values:
            raise ValueError(f"dimension {dim} is edited twice")
        if not _NUMBER.fullmatch(amount) or not math.isfinite(float(amount)):
            raise ValueError(f"{_short(amount)} is not a finite number")
        values[dim] = float(amount)
    return values


def read_edits(value: object) -> object:
    """`7:1.5@12,3:-2@12+` -> edits; a plus holds the value from that step on."""
    if not isinstance(value, str):
        return value
    edits = []
    for part in filter(None, (part.strip() for part in value.split(","))):
        match = _EDIT.fullmatch(part)
        if match is None:
            raise ValueError(f"{part!r} is not dim:value@step, such as 7:1.5@12 (or 7:1.5@12+ to hold it)")
        dim, amount, step, hold = match.groups()
        try:
            edits.append(Edit(int(dim), float(amount), int(step), bool(hold)))
        except ValueError:
            raise ValueError(f"{amount!r} is not a number") from None
    return tuple(edits)


def read_ids(value: object) -> object:
    """`a,b` -> (a, b)."""
    if isinstance(value, str):
        return tuple(part for part in value.split(",") if part)
    return tuple(value) if isinstance(value, list) else value


def read_rows(value: object) -> object:
    """`0.1,-1;0,0.5` -> rows of numbers."""
    if isinstance(value, str):
        return tuple(tuple(number(part) for part in row.split(",")) for row in value.split(";") if row)
    return tuple(tuple(row) for row in value) if isinstance(value, list) else value


def write_dims(value: Any) -> str:
    """The inverse of `read_dims`."""
    return "active" if value is None else value if isinstance(value, str) else ",".join(map(str, value))


def write_values(value: Any) -> str:
    """The inverse of `read_values`."""
    return ",".join(f"{dim}:{float(amount)!r}" for dim, amount in sorted(value.items()))


def write_edits(value: Any) -> str:
    """The inverse of `read_edits`."""
    return ",".join(f"{edit.dim}:{edit.value!r}@{edit.step}{'+' if edit.hold else ''}" for edit in value)


def write_rows(value: Any) -> str:
    """The inverse of `read_rows`."""
    return ";".join(",".join(as_text(number) for number in row) for row in value)


def _dim(text: str) -> int:
    if not _DIM.fullmatch(text):
        raise ValueError(f"there is no dimension {_short(text)}")
    return int(text)


def _short(text: str, limit: int = 80) -> str:
    shown = repr(text[: limit + 1])
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


Whole = Annotated[int, BeforeValidator(whole), Field(strict=True)]
Seed = Annotated[Whole, Field(ge=0, le=2**63 - 1)]
Index = Annotated[Whole, Field(ge=0, le=MAX_INDEX)]
Number = Annotated[float, BeforeValidator(number), Field(allow_inf_nan=False)]
Flag = Annotated[bool, BeforeValidator(flag), Field(strict=True)]

Dims = Annotated[
    tuple[Annotated[int, Field(strict=True)], ...] | str | None,
    BeforeValidator(read_dims),
    TextForm(write_dims, 2000, {"pattern": r"^(active|all|[0-9]{1,4}(,[0-9]{1,4}){0,255})$"}),
]
Values = Annotated[
    dict[int, Number],
    BeforeValidator(read_values),
    PlainSerializer(lambda value: {str(dim): amount for dim, amount in sorted(value.items())}),
    TextForm(write_values, 4000, {"pattern": r"^$|^[0-9]{1,4}:[^:,]{1,40}(,[0-9]{1,4}:[^:,]{1,40}){0,255}$"}),
]
Edits = Annotated[
    tuple[Edit, ...],
    BeforeValidator(read_edits),
    PlainSerializer(write_edits),
    TextForm(write_edits, 2000, repeated=True),
]
Ids = Annotated[tuple[str, ...], BeforeValidator(read_ids), TextForm(",".join, 2400)]
Rows = Annotated[tuple[tuple[Number, ...], ...], BeforeValidator(read_rows), TextForm(write_rows, 60_000)]
Id = Annotated[str, Field(max_length=200)]
