"""Types of settings and how they are described; a form draws titles, groups and symbols from them."""

import difflib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError


class Closed(BaseModel):
    """Settings that are frozen, strictly typed, and refuse names that they do not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


Count = Annotated[int, Field(ge=1, le=100_000_000)]
Weight = Annotated[float, Field(ge=0, le=1e6)]
Rate = Annotated[float, Field(gt=0, le=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]


def one_of(names: Collection[str] | Callable[[], Collection[str]]) -> AfterValidator:
    """Accepts the names (or what a call gives at the time of the check); otherwise suggests the nearest."""

    def check(value: str) -> str:
        known = names() if callable(names) else names
        if value not in known:
            near = difflib.get_close_matches(value, list(known), 1)
            message = f"{value!r} is not known; there is {', '.join(known)}"
            raise PydanticCustomError(
                "unknown", "{message}", {"message": message, "suggestion": near[0] if near else None}
            )
        return value

    return AfterValidator(check)


@dataclass(frozen=True)
class Offered:
    """Names for a form's menu, asked for when the JSON schema is made."""

    names: Callable[[], Collection[str]]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(core) | {"enum": list(self.names())}


@dataclass(frozen=True)
class Withheld:
    """Which names of a menu do not apply, and why, for each environment where some do not: `x-withheld`."""

    environments: Callable[[], Collection[str]]
    reasons: Callable[[str], dict[str, str]]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        found = {name: self.reasons(name) for name in self.environments()}
        return handler(core) | {"x-withheld": {name: reasons for name, reasons in found.items() if reasons}}


def described(
    default: Any, title: str, group: str, description: str = "", symbol: str = "", environments: Collection[str] = ()
) -> Any:
    """A field with its default, and what a form shows of it; `symbol` is the paper's.

    `environments` are those that the setting applies to, if not to all: with any other it keeps its default.
    """
    extra: dict[str, Any] = {"x-group": group}
    extra |= {"x-symbol": symbol} if symbol else {}
    extra |= {"x-environments": list(environments)} if environments else {}
    return Field(default=default, title=title, description=description or None, json_schema_extra=extra)


def conflict(pointer: str, message: str) -> PydanticCustomError:
    """The error that a validator raises; `pointer` is a JSON pointer from the settings with the conflict."""
    return PydanticCustomError("conflict", "{message}", {"message": message, "pointer": pointer})
