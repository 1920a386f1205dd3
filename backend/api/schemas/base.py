"""The base classes of all bodies and answers of the API, and the format of errors."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from backend.http.problems import nearest, short


class Body(BaseModel):
    """A request body: an unknown key is refused with the nearest known one, and no type is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys_only(cls, values: Any) -> Any:
        known = {field.alias or name for name, field in cls.model_fields.items()}
        for key in values if isinstance(values, dict) else ():
            if key not in known:
                near = nearest(key, known)
                hint = f"did you mean {near}?" if near else f"there is {', '.join(sorted(known))}"
                context = {"key": key, "suggestion": near or "", "name": short(key), "hint": hint}
                raise PydanticCustomError("unknown_key", "there is no field {name}; {hint}", context)
        return values


class View(BaseModel):
    """An answer."""

    model_config = ConfigDict(frozen=True)


class FaultView(View):
    """One wrong input."""

    pointer: str = Field(description="`/key/in/body`, `query:name`, `path:name` or `header:Name`.")
    detail: str
    suggestion: str | None = Field(description="A value that was perhaps meant.")


class ProblemView(View):
    """Why a request was refused, and what to do (RFC 9457)."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str
    title: str
    status: int
    detail: str
    errors: list[FaultView]
    remedy: str


class HealthView(View):
    """The process is alive."""

    status: str = "ok"
    version: str


class ReadyView(View):
    """The process can do its work."""

    status: str = "ready"
    checks: dict[str, str]
