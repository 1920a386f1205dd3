"""Sweeps: one run for every combination of a grid of settings and every seed, queued together."""

import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import func
from sqlmodel import col, select

from backend.pipeline.builder import merged
from backend.pipeline.settings import Problem
from backend.runs.errors import InvalidRun, KeyReused, RunConflict, RunNotFound
from backend.runs.ids import new_run_id
from backend.runs.service import Order, RunService
from backend.runs.states import CANCELLABLE, RESUMABLE
from backend.runs.store import RunStore
from backend.runs.table import RunRow

MOST_RUNS = 1_000
"""Of one sweep."""


class SweepOrder(NamedTuple):
    """A sweep as requested: what all runs share, and what they differ in."""

    stage: str
    preset: str
    overrides: Mapping[str, Any]
    grid: Mapping[str, Sequence[Any]]  # setting, with dots into sections, -> its values
    seeds: Sequence[int]
    name: str | None
    device: str | None


class Sweep(NamedTuple):
    """The present state of a sweep: the number of runs in each state, and the settings in which they differ."""

    id: str
    stage: str
    created_at: float
    states: dict[str, int]
    varied: tuple[str, ...]


class SweepCount(NamedTuple):
    """A sweep: when its first run was queued, and how many of its runs are in each state."""

    sweep: str
    created_at: float
    states: dict[str, int]


class SweepStore:
    """Reads of the table of runs by sweep."""

    def __init__(self, runs: RunStore) -> None:
        self._runs = runs

    def counts(self, *, limit: int = 1, sweep: str | None = None) -> list[SweepCount]:
        """The newest sweeps, or the one of that id if it has runs."""
        begun = func.min(RunRow.created_at)
        newest = select(RunRow.sweep, begun).where(col(RunRow.sweep).is_not(None)).group_by(col(RunRow.sweep))
        if sweep is not None:
            newest = newest.where(RunRow.sweep == sweep)
        with self._runs.session() as session:
            found = session.exec(newest.order_by(begun.desc(), col(RunRow.sweep)).limit(limit)).all()
            states = select(RunRow.sweep, RunRow.state, func.count()).where(
                col(RunRow.sweep).in_([name for name, _ in found])
            )
            counted = session.exec(states.group_by(col(RunRow.sweep), col(RunRow.state))).all()
        return [
            SweepCount(name, created_at, {state: count for of, state, count in counted if of == name})
            for name, created_at in found
            if name is not None
        ]

    def requested(self, sweep: str) -> list[tuple[str, dict[str, Any]]]:
        """Stage and overrides of each run of a sweep."""
        query = select(RunRow.stage, RunRow.overrides).where(RunRow.sweep == sweep).order_by(col(RunRow.created_at))
        with self._runs.session() as session:
            return [(stage, dict(overrides)) for stage, overrides in session.exec(query).all()]

    def of_sweep(self, sweep: str) -> Sequence[RunRow]:
        """The runs of a sweep, in the order in which they were queued."""
        query = select(RunRow).where(RunRow.sweep == sweep).order_by(col(RunRow.created_at), col(RunRow.seed))
        with self._runs.session() as session:
            return session.exec(query).all()


class SweepService:
    """All requests about sweeps. A sweep exists as long as it has runs."""

    def __init__(self, runs: RunService) -> None:
        self.runs = runs
        self._store = SweepStore(runs.store)

    def submit(self, order: SweepOrder, idempotency_key: str | None = None) -> Sweep:
        """Queue every run of a sweep. Raises InvalidRun, IncompatibleSource or KeyReused; nothing is queued then.

        With a key, sending it again queues only what a broken first request had not, and answers alike.
        """
        members = members_of(order)
        for member in members:
            self._check(member, order.grid)
        sweep = _sweep_id(order, idempotency_key)
        if any(not str(row.idempotency_key).endswith(f"/{len(members)}") for row in self._store.of_sweep(sweep)):
            raise KeyReused(
                "This Idempotency-Key came with a sweep of another size before.",
                "Use a new key for a new sweep, or send the body of the first request.",
            )
        for number, member in enumerate(members):
            self.runs.submit(member, f"{sweep}/{number}/{len(members)}", sweep)
        return self.get(sweep)

    def get(self, sweep: str) -> Sweep:
        """Raises RunNotFound."""
        counts = self._store.counts(sweep=sweep)
        if not counts:
            raise RunNotFound(f"There is no sweep {sweep[:80]!r}.", "GET /api/v1/sweeps lists what is available.")
        return self._described(counts[0])

    def newest(self, limit: int) -> list[Sweep]:
        """The latest sweeps, newest first."""
        return [self._described(count) for count in self._store.counts(limit=limit)]

    def members(self, sweep: str) -> Sequence[RunRow]:
        """Its runs in the order of the grid. Raises RunNotFound."""
        rows = self._store.of_sweep(sweep)
        if not rows:
            self.get(sweep)
        return rows

    def cancel(self, sweep: str) -> Sweep:
        """End every run that waits or runs. Raises RunNotFound, or RunConflict if none does."""
        return self._each(sweep, CANCELLABLE, self.runs.store.cancel, "There is nothing to cancel")

    def resume(self, sweep: str) -> Sweep:
        """Queue every run that was stopped again. Raises RunNotFound, or RunConflict if none was."""
        return self._each(sweep, RESUMABLE, self.runs.store.resume, "There is nothing to resume")

    def _check(self, member: Order, grid: Mapping[str, Sequence[Any]]) -> None:
        """Raises InvalidRun, whose places are in the grid where the setting is one of its, or IncompatibleSource."""
        try:
            self.runs.check(member)
        except InvalidRun as error:
            raise InvalidRun([_placed(problem, grid) for problem in error.problems]) from None

    def _each(self, sweep: str, states: Sequence[str], change: Any, nothing: str) -> Sweep:
        changed = [change(row.id) for row in self.members(sweep) if row.state in states]
        if not any(changed):
            raise RunConflict(f"{nothing}: see the states of the sweep's runs.", f"GET /api/v1/sweeps/{sweep}.")
        return self.get(sweep)

    def _described(self, count: SweepCount) -> Sweep:
        requested = self._store.requested(count.sweep)
        varied = varied_in([overrides for _, overrides in requested])
        return Sweep(count.sweep, requested[0][0], count.created_at, count.states, varied)


def members_of(order: SweepOrder) -> list[Order]:
    """One order for every combination and seed, the seed changing fastest. Raises InvalidRun."""
    _check(order)
    combinations = itertools.product(*order.grid.values())
    return [_member(order, dict(zip(order.grid, values, strict=True)), seed)
            for values in combinations for seed in order.seeds]  # fmt: skip


def varied_in(overrides: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The settings, with dots into sections, in whose requested values runs differ."""
    requested = [dict(_flat(values)) for values in overrides]
    names = dict.fromkeys(name for values in requested for name in values)
    return tuple(
        name for name in names if len({json.dumps(values.get(name), sort_keys=True) for values in requested}) > 1
    )


def _check(order: SweepOrder) -> None:
    empty = [name for name, values in order.grid.items() if not values]
    if empty:
        raise InvalidRun([Problem(f"/grid/{empty[0]}", f"{empty[0]} has no value to try")])
    for place, given in (("seeds", order.seeds), *((f"grid/{name}", values) for name, values in order.grid.items())):
        texts = [json.dumps(value, sort_keys=True) for value in given]
        if len(set(texts)) < len(texts):
            twice = next(text for text in texts if texts.count(text) > 1)
            raise InvalidRun([Problem(f"/{place}", f"{twice} is named twice")])
    count = len(order.seeds)
    for values in order.grid.values():
        count *= len(values)
    if not 1 <= count <= MOST_RUNS:
        raise InvalidRun([Problem("/grid", f"these are {count:,} runs; a sweep has 1 to {MOST_RUNS:,}")])


def _member(order: SweepOrder, values: Mapping[str, Any], seed: int) -> Order:
    overrides = dict(order.overrides)
    for name, value in values.items():
        overrides = merged(overrides, _nested(name, value))
    chosen = [f"{name.rpartition('.')[2]} {value}" for name, value in values.items()]
    title = ", ".join([order.name or f"{order.stage} {order.preset}", *chosen, f"seed {seed}"])
    return Order(order.stage, order.preset, overrides, title[:200], seed, order.device)


def _nested(name: str, value: Any) -> dict[str, Any]:
    section, dot, rest = name.partition(".")
    return {section: _nested(rest, value)} if dot else {name: value}


def _placed(problem: Problem, grid: Mapping[str, Sequence[Any]]) -> Problem:
    name = problem.pointer.removeprefix("/settings/").replace("/", ".")
    return Problem(f"/grid/{name}", problem.message, problem.suggestion) if name in grid else problem


def _sweep_id(order: SweepOrder, idempotency_key: str | None) -> str:
    """The name in lower case and twelve characters; the same key gives the same ones."""
    words = re.sub(r"[^a-z0-9]+", "-", (order.name or "sweep").lower()).strip("-")[:40] or "sweep"
    if idempotency_key is None:
        return f"{words}-{new_run_id().removeprefix('run-')}"
    return f"{words}-{hashlib.sha256(idempotency_key.encode()).hexdigest()[:12]}"


def _flat(values: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in values.items():
        pairs += _flat(value, f"{before}{name}.") if isinstance(value, Mapping) else [(f"{before}{name}", value)]
    return pairs
