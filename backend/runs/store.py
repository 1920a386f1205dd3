"""Rows of runs: each state change is one statement, so no two processes can make the same change."""

import os
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Engine, and_, case, func, or_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, delete, select

from backend.runs.database import DatabaseClock
from backend.runs.states import CANCELLABLE, CONTINUABLE, RESUMABLE, SILENT_S, RunState
from backend.runs.table import RunRow, WorkerRow

Clock = Callable[[], float]
_BEGAN = time.time_ns()


class Orders(NamedTuple):
    """The answer to the holder of an attempt when it checks."""

    current: bool
    cancel: bool


class Owner(NamedTuple):
    """The process that owns a worker's name: its machine, and a mark unique to the process."""

    host: str
    incarnation: str


def this_process(home: str | None = None) -> Owner:
    """This process as an owner; on machines with several homes, the home's id is a part of the host."""
    host = socket.gethostname()
    return Owner(host if home is None else f"{host}/{home}", f"{os.getpid()}.{_BEGAN}")


class RunStore:
    """All reads and writes of the table of runs; safe to share between threads."""

    def __init__(self, engine: Engine, clock: Clock | None = None, owner: Owner | None = None) -> None:
        self._engine = engine
        self._clock = clock or DatabaseClock(engine)
        self._owner = owner or this_process()

    def now(self) -> float:
        """Unix seconds by the clock used in the rows."""
        return self._clock()

    # Requests

    def insert(self, row: RunRow) -> RunRow | None:
        """Add a queued run; None when its idempotency key is taken."""
        with self.session() as session:
            session.add(row)
            try:
                session.commit()
            except IntegrityError:
                return None
            return row

    def get(self, run_id: str) -> RunRow | None:
        """The run of that id."""
        with self.session() as session:
            return session.get(RunRow, run_id)

    def ids(self) -> set[str]:
        """The ids of all runs."""
        with self.session() as session:
            return set(session.exec(select(RunRow.id)).all())

    def find_by_key(self, idempotency_key: str) -> RunRow | None:
        """The run created by a request with this key."""
        with self.session() as session:
            return session.exec(select(RunRow).where(RunRow.idempotency_key == idempotency_key)).first()

    def newest(
        self,
        *,
        limit: int,
        before: tuple[float, str] | None = None,
        states: Sequence[str] = (),
        stages: Sequence[str] = (),
        search: str = "",
    ) -> Sequence[RunRow]:
        """Runs, newest first; `before` is the (created_at, id) of the last one already seen.

        `search`: words that must all occur in the id, name, stage, preset, state or sweep.
        """
        query = select(RunRow).order_by(col(RunRow.created_at).desc(), col(RunRow.id).desc()).limit(limit)
        if before is not None:
            created_at, run_id = before
            same_time = and_(col(RunRow.created_at) == created_at, col(RunRow.id) < run_id)
            query = query.where(or_(col(RunRow.created_at) < created_at, same_time))
        if states:
            query = query.where(col(RunRow.state).in_(states))
        if stages:
            query = query.where(col(RunRow.stage).in_(stages))
        columns = (RunRow.id, RunRow.name, RunRow.stage, RunRow.preset, RunRow.state, RunRow.sweep)
        for word in search.lower().split():
            query = query.where(
                or_(*(func.lower(func.coalesce(col(column), "")).contains(word, autoescape=True) for column in columns))
            )
        with self.session() as session:
            return session.exec(query).all()

    def cancel(self, run_id: str) -> RunRow | None:
        """End a waiting run, or ask the worker to end a running one; None if it is neither.

        A run of a silent worker ends at once: if that worker is alive after all, it is fenced.
        """
        now = self._clock()
        heard = func.coalesce(col(RunRow.heartbeat_at), 0.0) >= now - SILENT_S
        running = and_(col(RunRow.state) == RunState.RUNNING, heard)
        return self._change(
            and_(col(RunRow.id) == run_id, col(RunRow.state).in_(CANCELLABLE)),
            state=case((running, RunState.RUNNING), else_=RunState.CANCELLED),
            cancel_requested=running,
            finished_at=case((running, None), else_=now),
        )

    def resume(self, run_id: str, **edited: Any) -> RunRow | None:
        """Put a stopped run back into the queue, with other `settings`, `overrides` and `needs` if given.

        None if its state forbids it: a finished run needs other settings.
        """
        states = CONTINUABLE if edited else RESUMABLE
        return self._change(
            and_(col(RunRow.id) == run_id, col(RunRow.state).in_(states)),
            **self._queued_again(),
            **edited,
            stalled=0,
        )

    def remove(self, run_id: str) -> bool:
        """Delete the row of a run that neither runs nor waits."""
        inactive = col(RunRow.state).not_in([RunState.QUEUED, RunState.RUNNING])
        with self.session() as session:
            result = session.exec(delete(RunRow).where(col(RunRow.id) == run_id, inactive))
            session.commit()
            return bool(result.rowcount)

    # The worker

    def waited_s(self, row: RunRow) -> float:
        """How long a queued run has waited, in seconds."""
        return self._clock() - row.queued_at

    def waiting(self) -> Sequence[RunRow]:
        """Queued runs, longest waiting first."""
        query = select(RunRow).where(RunRow.state == RunState.QUEUED).order_by(col(RunRow.queued_at))
        with self.session() as session:
            return session.exec(query).all()

    def paused_by(self, error_type: str, *, for_s: float) -> Sequence[RunRow]:
        """Runs paused by an error of that type at least that many seconds ago."""
        long_ago = col(RunRow.finished_at) <= self._clock() - for_s
        with self.session() as session:
            rows = session.exec(select(RunRow).where(RunRow.state == RunState.PAUSED, long_ago)).all()
        return [row for row in rows if (row.error or {}).get("type") == error_type]

    def claim(self, run_id: str, generation: int, worker: str) -> RunRow | None:
        """Take a queued run of this generation for a worker; None if another worker did, or it is not queued."""
        now = self._clock()
        return self._change(
            and_(
                col(RunRow.id) == run_id,
                col(RunRow.state) == RunState.QUEUED,
                col(RunRow.generation) == generation,
            ),
            state=RunState.RUNNING,
            attempt=col(RunRow.attempt) + 1,
            worker=worker,
            started_at=func.coalesce(col(RunRow.started_at), now),
            heartbeat_at=now,
        )

    def pass_over(self, run_id: str, generation: int) -> None:
        """Begin a new generation of a waiting run, which invalidates its old place in the queue."""
        waits = and_(col(RunRow.state) == RunState.QUEUED, col(RunRow.generation) == generation)
        self._change(and_(col(RunRow.id) == run_id, waits), generation=generation + 1)

    def orders(self, run_id: str, attempt: int) -> Orders:
        """Whether this attempt is still the run's current one, and whether it should end."""
        row = self.get(run_id)
        current = row is not None and row.state == RunState.RUNNING and row.attempt == attempt
        return Orders(current, cancel=row is not None and row.cancel_requested)

    def beat(self, run_id: str, attempt: int) -> bool:
        """Record that the attempt is alive; False if it is no longer the current one."""
        return self._change(_held(run_id, attempt), heartbeat_at=self._clock()) is not None

    def finish(
        self,
        run_id: str,
        attempt: int,
        state: RunState,
        *,
        error: dict[str, Any] | None = None,
        result: dict[str, Any] | None = None,
        furthest: dict[str, float] | None = None,
    ) -> RunRow | None:
        """End an attempt in a state that is final until a user acts; None when it is no longer the current one."""
        known = {} if furthest is None else {"furthest": furthest}
        return self._change(
            _held(run_id, attempt), state=state, finished_at=self._clock(), error=error, result=result, **known
        )

    def requeue(
        self,
        run_id: str,
        attempt: int,
        *,
        stalled: int,
        furthest: dict[str, float],
        error: dict[str, Any] | None = None,
    ) -> RunRow | None:
        """Put a run back into the queue: at the end after an error, at its old place after an interruption.

        None if the attempt is no longer the current one, or a cancel was requested meanwhile.
        """
        place = col(RunRow.queued_at) if error is None else self._clock()
        values = self._queued_again() | {"error": error, "queued_at": place}
        unasked = and_(_held(run_id, attempt), col(RunRow.cancel_requested).is_(False))
        return self._change(unasked, **values, stalled=stalled, furthest=furthest)

    def running_on(self, worker: str) -> Sequence[RunRow]:
        """Runs that this worker held when it last wrote."""
        query = select(RunRow).where(RunRow.state == RunState.RUNNING, RunRow.worker == worker)
        with self.session() as session:
            return session.exec(query).all()

    def release_silent(self, worker: str) -> list[str]:
        """Queue the runs of other workers that fell silent, or end them if that was requested; returns their ids.

        A worker that was only frozen is fenced: its attempt is no longer the current one.
        """
        now = self._clock()
        silent = and_(
            col(RunRow.state) == RunState.RUNNING,
            col(RunRow.worker) != worker,
            col(RunRow.heartbeat_at) < now - SILENT_S,
        )
        asked = col(RunRow.cancel_requested)
        values = self._queued_again() | {
            "state": case((asked, RunState.CANCELLED), else_=RunState.QUEUED),
            "finished_at": case((asked, now), else_=None),
            "queued_at": col(RunRow.queued_at),
        }
        with self.session() as session:
            if session.exec(select(RunRow.id).where(silent)).first() is None:
                return []  # checked often: a read takes no write lock
            released = session.exec(update(RunRow).where(silent).values(**values).returning(col(RunRow.id)))
            ids = list(released.scalars())
            session.commit()
            return ids

    def take_name(self, worker: str, devices: Sequence[str], owner: Owner | None = None) -> WorkerRow | None:
        """Become the worker with this name; if another that may still live has it, returns that one's row.

        A name is free if no worker used it recently, or if its owner was a process of the same host: the caller
        holds the name's lock file, so that process is gone.
        """
        owner = owner or self._owner
        row = WorkerRow(name=worker, devices=list(devices), heard_at=self._clock(), **owner._asdict())
        with self.session() as session:
            session.add(row)
            try:
                session.commit()
                return None
            except IntegrityError:
                session.rollback()
            free = or_(col(WorkerRow.heard_at) < self._clock() - SILENT_S, col(WorkerRow.host) == owner.host)
            values = {"devices": list(devices), "heard_at": self._clock(), **owner._asdict()}
            taken = update(WorkerRow).where(col(WorkerRow.name) == worker, free).values(**values)
            changed = session.exec(taken).rowcount
            session.commit()
            return None if changed else session.get(WorkerRow, worker)

    def announce(self, worker: str, devices: Sequence[str], owner: Owner | None = None) -> bool:
        """Record that a worker is alive, and its machine's devices; False if another process has the name now."""
        owner = owner or self._owner
        with self.session() as session:
            told = update(WorkerRow).where(_named(worker, owner)).values(devices=list(devices), heard_at=self._clock())
            changed = session.exec(told).rowcount
            session.commit()
        return bool(changed) or self.take_name(worker, devices, owner) is None

    def withdraw(self, worker: str, owner: Owner | None = None) -> None:
        """Record that a worker takes no more runs."""
        with self.session() as session:
            session.exec(delete(WorkerRow).where(_named(worker, owner or self._owner)))
            session.commit()

    def workers(self) -> dict[str, list[str]]:
        """The devices of each worker that was heard from recently, on any machine."""
        heard = col(WorkerRow.heard_at) >= self._clock() - SILENT_S
        with self.session() as session:
            return {row.name: row.devices for row in session.exec(select(WorkerRow).where(heard)).all()}

    def counts(self) -> dict[str, int]:
        """The number of runs in each state that has any."""
        query = select(RunRow.state, func.count()).group_by(col(RunRow.state))
        with self.session() as session:
            return {state: count for state, count in session.exec(query).all()}

    def _queued_again(self) -> dict[str, Any]:
        return {
            "state": RunState.QUEUED,
            "generation": col(RunRow.generation) + 1,
            "queued_at": self._clock(),
            "finished_at": None,
            "cancel_requested": False,
            "error": None,
            "result": None,
        }

    def _change(self, where: ColumnElement[bool], **values: Any) -> RunRow | None:
        """One UPDATE ... RETURNING: the changed row, or None if no row met the condition."""
        with self.session() as session:
            changed = session.exec(update(RunRow).where(where).values(**values).returning(RunRow))
            row = changed.scalars().first()
            session.commit()
            return row

    def session(self) -> Session:
        """A session whose rows can be read after it ended."""
        return Session(self._engine, expire_on_commit=False)


def _named(worker: str, owner: Owner) -> ColumnElement[bool]:
    return and_(
        col(WorkerRow.name) == worker,
        col(WorkerRow.host) == owner.host,
        col(WorkerRow.incarnation) == owner.incarnation,
    )


def _held(run_id: str, attempt: int) -> ColumnElement[bool]:
    return and_(col(RunRow.id) == run_id, col(RunRow.state) == RunState.RUNNING, col(RunRow.attempt) == attempt)
