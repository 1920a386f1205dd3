"""Rows about files in the store: which manifest counts for a run, and for things that belong to no run."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, delete, select

from backend.runs.needs import run_of
from backend.runs.states import ACTIVE, RunState
from backend.runs.store import RunStore
from backend.runs.table import PlaceRow, RunRow


class RunFiles(NamedTuple):
    """The manifest of a run's files, and the home that they were copied from."""

    run: str
    files: str
    home: str


class FileRows:
    """Reads and writes of those columns; safe to share between threads."""

    def __init__(self, runs: RunStore) -> None:
        self._runs = runs

    def publish(self, run: str, attempt: int, files: str, home: str) -> bool:
        """Make a manifest the run's; False, and nothing changes, if the attempt is no longer the current one."""
        held = and_(col(RunRow.state) == RunState.RUNNING, col(RunRow.attempt) == attempt)
        return self._set_files(run, held, files, home)

    def adopt(self, run: str, attempt: int, files: str, home: str) -> bool:
        """Make a manifest that of a run without one; False if a worker has taken the run since, or it is gone."""
        untouched = and_(_no_files(), col(RunRow.attempt) == attempt)
        return self._set_files(run, untouched, files, home)

    def without_files(self) -> list[tuple[str, int]]:
        """The id and last attempt of runs that nobody executes and the store does not have, waiting ones first."""
        query = select(RunRow.id, RunRow.attempt).where(_no_files()).order_by(col(RunRow.state) != RunState.QUEUED)
        with self._runs.session() as session:
            return [(run, attempt) for run, attempt in session.exec(query).all()]

    def in_use(self) -> set[str]:
        """The ids of all runs of the table, and of those that a waiting or running one reads."""
        query = select(RunRow.needs).where(col(RunRow.state).in_(ACTIVE))
        with self._runs.session() as session:
            needs = [need for needs in session.exec(query).all() for need in needs or []]
        return self._runs.ids() | {run for need in needs if (run := run_of(need)) is not None}

    def of_run(self, run: str) -> RunFiles | None:
        """The files of a run; None if it has none in the store."""
        row = self._runs.get(run)
        return None if row is None or row.files is None else RunFiles(run, row.files, row.files_home or "")

    def from_other_homes(self, home: str) -> list[RunFiles]:
        """The files of all runs that were copied from another home than this one."""
        query = select(RunRow.id, RunRow.files, RunRow.files_home).where(
            col(RunRow.files).is_not(None), col(RunRow.files_home) != home
        )
        with self._runs.session() as session:
            return [RunFiles(run, str(files), str(of)) for run, files, of in session.exec(query).all()]

    def places(self) -> set[str]:
        """Every place in the store that belongs to no run."""
        with self._runs.session() as session:
            return set(session.exec(select(PlaceRow.place)).all())

    def of_place(self, place: str) -> str | None:
        """The manifest of a place."""
        with self._runs.session() as session:
            row = session.get(PlaceRow, place)
            return None if row is None else row.files

    def set_place(self, place: str, files: str) -> None:
        """Make a manifest that of a place."""
        with self._runs.session() as session:
            try:
                session.add(PlaceRow(place=place, files=files))
                session.commit()
            except IntegrityError:
                session.rollback()
                session.exec(update(PlaceRow).where(col(PlaceRow.place) == place).values(files=files))
                session.commit()

    def remove_places(self, places: Collection[str]) -> None:
        """Forget places."""
        with self._runs.session() as session:
            session.exec(delete(PlaceRow).where(col(PlaceRow.place).in_(places)))
            session.commit()

    def _set_files(self, run: str, where: ColumnElement[bool], files: str, home: str) -> bool:
        with self._runs.session() as session:
            changed = session.exec(
                update(RunRow).where(col(RunRow.id) == run, where).values(files=files, files_home=home)
            ).rowcount
            session.commit()
            return bool(changed)


def _no_files() -> ColumnElement[bool]:
    return and_(col(RunRow.files).is_(None), col(RunRow.state) != RunState.RUNNING)
