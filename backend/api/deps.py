"""What the routes depend on: settings, loaded checkpoints, the executor, and checks of every query."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

from backend.api.importing import Imports
from backend.api.plays import Plays
from backend.http.problems import Fault, Problem, invalid, nearest, short
from backend.runs.locks import hold, writing_lock
from backend.settings import Settings
from backend.views.checkpoint_cache import CheckpointCache
from backend.views.executor import LongJobs, ViewExecutor


@dataclass(frozen=True)
class Services:
    """What one API process owns."""

    settings: Settings
    checkpoints: CheckpointCache
    executor: ViewExecutor
    long_jobs: LongJobs
    intake: ThreadPoolExecutor  # uploads are read here
    imports: Imports  # imports of uploads in progress
    plays: Plays

    @classmethod
    def of(cls, settings: Settings) -> "Services":
        """Fresh services; `close` ends their threads."""
        intake = ThreadPoolExecutor(2, "intake")
        checkpoints = CheckpointCache(settings.home)
        plays = Plays(settings.home, lambda id: checkpoints.load(checkpoints.find(id)))
        return cls(settings, checkpoints, ViewExecutor(), LongJobs(), intake, Imports(intake, settings.home), plays)

    @property
    def writing(self) -> AbstractContextManager[object]:
        """Held while people's words (labels, notes, the gallery) are changed, by any process of the API."""
        return hold(writing_lock(self.home), wait=True)

    @property
    def home(self) -> Path:
        """The folder of all state."""
        return self.settings.home

    def close(self) -> None:
        """Ends the threads, and the simulators of plays."""
        self.plays.close_all()
        self.executor.close()
        self.long_jobs.close()
        self.intake.shutdown(wait=False, cancel_futures=True)


async def _services(request: Request) -> Services:
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


Serving = Annotated[Services, Depends(_services)]


async def refuse_unknown_parameters(request: Request) -> None:
    """422 for a query parameter that the route does not have, or that appears twice; for NUL, 404 in the path."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    if "\0" in request.scope["path"]:  # no name contains it, and Postgres rejects text with it
        raise Problem(
            404, "not-found", "There is nothing under this path.", remedy="See /docs for the paths there are."
        )
    known = _query_names(route.dependant)
    given = [name for name, _ in request.query_params.multi_items()]
    for name, value in request.query_params.multi_items():
        if "\0" in value:
            raise invalid(f"query:{name[:80]}", "holds the character NUL", remedy="Leave that character out.")
    faults = [
        Fault(f"query:{name[:80]}", "there is no such parameter here", nearest(name, known))
        for name in dict.fromkeys(given)
        if name not in known
    ]
    faults += [
        Fault(f"query:{name}", "appears twice")
        for name in dict.fromkeys(given)
        if name in known and given.count(name) > 1
    ]
    if faults:
        names = ", ".join(sorted(known)) or "none"
        raise Problem(
            422,
            "invalid-input",
            f"{faults[0].pointer}: {faults[0].detail}",
            remedy=f"The parameters of this path are: {names}.",
            errors=faults,
        )


def whole_number(text: str, pointer: str, low: int, high: int) -> int:
    """A plain decimal integer in a path or query; raises Problem 422 naming the range."""
    if text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() and len(text) <= 12:
        value = int(text)
        if low <= value <= high:
            return value
    raise Problem(
        422,
        "invalid-input",
        f"{pointer}: must be a whole number from {low} to {high}, got {short(text)}",
        remedy=f"Use a number from {low} to {high}.",
        errors=[Fault(pointer, f"must be a whole number from {low} to {high}")],
    )


def decimal_number(text: str, pointer: str, low: float, high: float) -> float:
    """A plain decimal number; raises Problem 422 naming the range."""
    digits = text.replace(".", "", 1)
    if digits.isascii() and digits.isdecimal() and len(text) <= 12 and low <= float(text) <= high:
        return float(text)
    detail = f"must be a number from {low:g} to {high:g}"
    raise Problem(
        422,
        "invalid-input",
        f"{pointer}: {detail}, got {short(text)}",
        remedy=f"Use a number from {low:g} to {high:g}.",
        errors=[Fault(pointer, detail)],
    )


def _query_names(dependant: Dependant) -> set[str]:
    """The query parameters that a route and its dependencies declare, one by one or as a model."""
    names: set[str] = set()
    for parameter in dependant.query_params:
        model = parameter.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            names |= {field.alias or name for name, field in model.model_fields.items()}
        else:
            names.add(parameter.alias)
    return names.union(*(_query_names(inner) for inner in dependant.dependencies))
