"""The service that submits, lists, cancels, resumes, clones and removes runs; independent of HTTP."""

import base64
import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine

from backend.data.catalogue import has_words
from backend.data.crash import crash_point
from backend.data.store.opening import open_store
from backend.data.store.protocol import Objects
from backend.pipeline.builder import build_settings, merged
from backend.pipeline.checks import check_references
from backend.pipeline.continuing import amount_of, check_continuation, check_same_references
from backend.pipeline.settings import CollectSettings, Problem, SettingsError, StageSettings
from backend.runs.database import open_database
from backend.runs.devices import why_not
from backend.runs.errors import IncompatibleSource, InvalidRun, KeyReused, RunConflict, RunNotFound
from backend.runs.file_rows import FileRows
from backend.runs.folders import delete_aside, forget_result, put_back, run_folder, set_aside
from backend.runs.found import FoundRun, Run, find_run, found_runs
from backend.runs.ids import new_run_id
from backend.runs.locks import folder_lock, holder
from backend.runs.needs import needs_of
from backend.runs.shared import SharedFiles
from backend.runs.states import ACTIVE, CONTINUABLE, RunState
from backend.runs.store import RunStore
from backend.runs.table import RunRow
from backend.settings import Settings


class Order(NamedTuple):
    """A run as requested."""

    stage: str
    preset: str
    overrides: Mapping[str, Any]
    name: str | None
    seed: int
    device: str | None


class Submitted(NamedTuple):
    """The run of an order; `new` is False if an earlier request with the same key created it."""

    row: RunRow
    new: bool


class Page(NamedTuple):
    """One page of runs, newest first, and the cursor of the next page."""

    rows: Sequence[Run]
    next_cursor: str | None


class RunService:
    """All requests about runs; safe to share between threads."""

    def __init__(self, engine: Engine, home: Path, objects: Objects | None = None) -> None:
        """`objects` is the store that has the files of runs, if machines do not share a home."""
        self.store = RunStore(engine)
        self.home = home
        self.shared = None if objects is None else SharedFiles(objects, FileRows(self.store), home)

    def check(self, order: Order) -> None:
        """Raises InvalidRun or IncompatibleSource where `submit` would."""
        self._checked(order, order.device or "auto")

    def submit(self, order: Order, idempotency_key: str | None = None, sweep: str | None = None) -> Submitted:
        """Queue a run, as one of a sweep if named.

        Raises InvalidRun, IncompatibleSource or KeyReused; nothing changes in that case.
        """
        digest = _digest(order)
        if idempotency_key is not None:
            earlier = self._earlier(idempotency_key, digest)
            if earlier is not None:
                return Submitted(earlier, new=False)
        row = self.store.insert(self._new_row(order, idempotency_key, digest, sweep))
        if row is not None:
            crash_point("run-inserted")
            return Submitted(row, new=True)
        earlier = self._earlier(idempotency_key or "", digest)
        assert earlier is not None, "only a taken idempotency key refuses a new id"
        return Submitted(earlier, new=False)

    def get(self, run_id: str) -> Run:
        """A run of the queue, of the shell or shipped. Raises RunNotFound."""
        row = self.store.get(run_id) or find_run(self.home, run_id)
        if row is None:
            raise RunNotFound(f"There is no run {run_id[:80]!r}.", "GET /api/v1/runs lists what is available.")
        return row

    def page(
        self, limit: int, cursor: str | None, states: Sequence[RunState], stages: Sequence[str], search: str = ""
    ) -> Page:
        """Runs of the queue, of the shell and shipped. Raises InvalidRun for a cursor that we did not hand out."""
        before = None if cursor is None else _decode(cursor)
        rows: list[Run] = list(
            self.store.newest(limit=limit + 1, before=before, states=states, stages=stages, search=search)
        )
        rows += [
            run
            for run in found_runs(self.home, self.store.ids())
            if (before is None or (run.created_at, run.id) < before)
            and (not states or run.state in states)
            and (not stages or run.stage in stages)
            and has_words(search, run.id, run.name, run.stage, run.preset, run.state)
        ]
        rows.sort(key=lambda run: (run.created_at, run.id), reverse=True)
        more = len(rows) > limit
        shown = rows[:limit]
        return Page(shown, _encode(shown[-1]) if more else None)

    def cancel(self, run_id: str) -> RunRow:
        """End a run, at once when it waits, within seconds when it runs. Raises RunConflict when it is over."""
        row = self.store.cancel(run_id)
        if row is None:
            state = self._queued(run_id).state
            raise RunConflict(f"The run is {state}: there is nothing to cancel.", "Remove it if it is in the way.")
        return row

    def resume(self, run_id: str, edits: Mapping[str, Any] | None = None) -> RunRow:
        """Queue a stopped run again; it continues from its last save, with `edits` of its settings. A finished run
        continues if the edits give it more to do. Raises RunConflict, InvalidRun,
        IncompatibleSource.
        """
        row = self._queued(run_id)
        if row.state not in CONTINUABLE:
            raise _not_resumed(row)
        settings = self._continued(row, edits).model_dump(mode="json") if edits else row.settings
        if row.state == RunState.SUCCEEDED:
            setting, value = amount_of(row.stage, settings)
            if value <= amount_of(row.stage, row.settings).value:
                raise RunConflict(
                    f"The run is finished: it has done its {value:,} {_words(setting)}.",
                    f"Give it more to do: send settings with a larger number for {setting}.",
                )
            forget_result(run_folder(self.home, run_id))  # else the worker would take it for done
        edited: dict[str, Any] = {}
        if edits:
            overrides, needs = merged(row.overrides, edits), self._needs(settings)
            edited = {"settings": settings, "overrides": overrides, "needs": needs}
        resumed = self.store.resume(run_id, **edited)
        if resumed is None:
            raise _not_resumed(self._queued(run_id))
        return resumed

    def clone(self, run_id: str, edits: Mapping[str, Any]) -> Submitted:
        """Queue a copy of this run with some edits (settings, name, seed, preset, device)."""
        row = self.get(run_id)
        preset = edits.get("preset") or row.preset
        order = Order(
            stage=row.stage,
            preset=preset,
            overrides=merged(row.overrides, edits.get("settings") or {}),
            name=edits.get("name") or f"{row.name} (copy)"[:200],
            seed=row.seed if edits.get("seed") is None else edits["seed"],
            device=edits.get("device") or row.device,
        )
        return self.submit(order)

    def remove(self, run_id: str) -> None:
        """Delete a run and its folder. Raises RunConflict while it waits, runs or is written by hand."""
        row = self.get(run_id)
        folder = run_folder(self.home, run_id)
        if isinstance(row, FoundRun) and row.source == "shipped":
            raise RunConflict("The run comes with the program.", "It takes no room that could be freed.")
        writer = holder(folder_lock(folder))
        if writer is not None and writer.get("copies"):
            raise RunConflict("The run's files are being brought here from the store.", "Try again in a few seconds.")
        if writer is not None:
            raise RunConflict("A command writes into the run's folder.", "Stop that command first.")
        if row.state in ACTIVE:
            raise RunConflict(f"The run is {row.state}: it cannot be removed.", "Cancel it first.")
        aside = set_aside(self.home, run_id)
        if isinstance(row, RunRow) and not self.store.remove(run_id):
            put_back(aside, folder)
            raise RunConflict("The run has been resumed in the meantime.", "Cancel it first.")
        delete_aside(aside)
        if self.shared is not None:
            self.shared.forget_run(run_id)
            if isinstance(row, RunRow):  # another home's shell may have run something of the same name
                self.shared.drop_copies(run_id)

    def _needs(self, settings: Mapping[str, Any]) -> list[str] | None:
        """What a run with these settings reads, put into the store; None without one. Raises StoreError, Unsteady."""
        if self.shared is None:
            return None
        needs = needs_of(settings, self.home)
        self.shared.put_needed(needs)
        return needs

    def _queued(self, run_id: str) -> RunRow:
        """A run that workers execute. Raises RunNotFound, or RunConflict for any other run."""
        row = self.get(run_id)
        if isinstance(row, RunRow):
            return row
        if row.source == "shipped":
            raise RunConflict("The run comes with the program.", "Clone it to run it here.")
        where = f"diswm {row.stage} --resume --out {row.folder}"
        raise RunConflict("The run belongs to the shell.", f"Stop it there with Ctrl-C; resume it there: {where}.")

    def _earlier(self, key: str, digest: str) -> RunRow | None:
        row = self.store.find_by_key(key)
        if row is not None and row.request_hash != digest:
            raise KeyReused(
                "This Idempotency-Key came with another body before.",
                "Use a new key for a new run, or send the body of the first request.",
            )
        return row

    def _new_row(self, order: Order, idempotency_key: str | None, digest: str, sweep: str | None) -> RunRow:
        device = order.device or "auto"
        settings = self._checked(order, device)
        dumped = settings.model_dump(mode="json")
        now = self.store.now()
        return RunRow(
            id=new_run_id(),
            name=order.name or _default_name(order, settings),
            stage=order.stage,
            preset=order.preset,
            seed=order.seed,
            device=device,
            settings=dumped,
            needs=self._needs(dumped),
            overrides=dict(order.overrides),
            state=RunState.QUEUED,
            created_at=now,
            queued_at=now,
            idempotency_key=idempotency_key,
            request_hash=digest,
            sweep=sweep,
        )

    def _continued(self, row: RunRow, edits: Mapping[str, Any]) -> StageSettings:
        """The settings with which a run is to go on."""
        with _refusing():
            settings = build_settings(row.stage, None, merged(row.settings, edits))
            check_continuation(row.stage, row.settings, settings, run_folder(self.home, row.id))
        _check_references(settings, self.home)
        with _refusing():
            check_same_references(row.stage, row.settings, settings, self.home)
        return settings

    def _checked(self, order: Order, device: str) -> StageSettings:
        """The settings of an order that can be run here. Raises InvalidRun or IncompatibleSource."""
        with _refusing():
            settings = build_settings(order.stage, order.preset, order.overrides)
        missing = why_not(device, self.store.workers())
        if missing is not None:
            raise InvalidRun([Problem("/device", missing)])
        _check_references(settings, self.home)
        return settings


def open_service(settings: Settings) -> RunService:
    """The service of these settings, its database opened. Raises ForeignHome, StoreError."""
    objects = open_store(settings.store)
    return RunService(open_database(settings), settings.home, objects)


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn settings that cannot be run into a refusal of the request."""
    try:
        yield
    except SettingsError as error:
        raise InvalidRun([_placed(problem) for problem in error.problems]) from None


def _check_references(settings: StageSettings, home: Path) -> None:
    """Raises InvalidRun, or IncompatibleSource where the video model is of another size."""
    try:
        check_references(settings, home)
    except SettingsError as error:
        problem = error.problems[0]
        if problem.pointer == "/latents":
            raise IncompatibleSource(problem.message, "Set the same sizes, or choose another one.") from None
        raise InvalidRun([_placed(problem) for problem in error.problems]) from None


def _default_name(order: Order, settings: StageSettings) -> str:
    """The name of a run that was given none; a collection is named after its data set, which takes the run's name."""
    if isinstance(settings, CollectSettings):
        return f"{settings.environment}-{settings.distraction}"
    return f"{order.stage} {order.preset}"


def _not_resumed(row: RunRow) -> RunConflict:
    remedy = "Clone it with a smaller learning rate." if row.state == RunState.DIVERGED else "Wait, or cancel it."
    return RunConflict(f"The run is {row.state}: it cannot be resumed.", remedy)


def _words(setting: str) -> str:
    """ "finetune.agent_steps" -> "agent steps"."""
    return setting.rpartition(".")[2].replace("_", " ")


def _placed(problem: Problem) -> Problem:
    """A pointer into the settings as a pointer into the request."""
    if problem.pointer in ("/stage", "/preset", "/device"):
        return problem
    return Problem(f"/settings{problem.pointer}", problem.message, problem.suggestion)


def _digest(order: Order) -> str:
    text = json.dumps(order._asdict(), sort_keys=True, default=dict)
    return hashlib.sha256(text.encode()).hexdigest()


def _encode(row: Run) -> str:
    return base64.urlsafe_b64encode(json.dumps([row.created_at, row.id]).encode()).decode().rstrip("=")


def _decode(cursor: str) -> tuple[float, str]:
    try:
        created_at, run_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        run_id.encode()  # a lone surrogate is not valid text
        if not math.isfinite(float(created_at)) or "\0" in run_id:
            raise ValueError(cursor)
        return float(created_at), run_id
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise InvalidRun([Problem("query:cursor", "is not a cursor that this API handed out")]) from None
