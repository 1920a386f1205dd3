"""Opening the runs' database: durable pragmas for SQLite, the schema of this version, its clock."""

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, event, make_url, text
from sqlmodel import create_engine

from backend.runs.homes import check_home
from backend.runs.locks import hold
from backend.settings import Settings

WAL_RESET_FIXED = ((3, 44, 6), (3, 50, 7), (3, 51, 3))
"""First releases of their branches without the WAL-reset defect, which can lose a committed transaction."""
SCHEMA_LOCK = 0x4449_5357_4D01
"""Postgres advisory lock for changing the schema, across all machines."""
SCHEMA_LOOK_S = 0.1
CLOCK_READ_EVERY_S = 30.0
_migrating = threading.Lock()  # Alembic keeps what it works on in the module


def open_database(settings: Settings) -> Engine:
    """The engine of the runs' database, with the schema of this version. Raises ForeignHome."""
    settings.home.mkdir(parents=True, exist_ok=True)
    engine = connect(settings.url_of_database)
    with hold(settings.home / "locks" / "migrate.lock", wait=True), one_at_a_time(engine):
        migrate(engine)
    check_home(engine, settings.home, settings.store)
    return engine


def connect(url: str) -> Engine:
    """An engine for the URL; SQLite connections write to disk before a commit returns."""
    if not url.startswith("sqlite"):
        return create_engine(driver_url(url), pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": 10.0})
    event.listen(engine, "connect", _harden)
    return engine


def driver_url(url: str) -> str:
    """The URL with the driver that is installed: `postgres://` and `postgresql://` use psycopg.

    Text is exchanged as UTF-8: a database that was made under the locale C would otherwise answer in bytes.
    """
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            url = f"postgresql+psycopg://{url.removeprefix(prefix)}"
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql" and "client_encoding" not in parsed.query:
        parsed = parsed.update_query_dict({"client_encoding": "utf8"})
    return parsed.render_as_string(hide_password=False)


@contextmanager
def one_at_a_time(engine: Engine) -> Iterator[None]:
    """Only one process on any machine changes the schema at a time; for SQLite the home's file lock ensures that."""
    if engine.dialect.name != "postgresql":
        yield
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # Not the blocking call: DBOS builds indexes concurrently, and those wait for every running statement.
        while not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": SCHEMA_LOCK}).scalar_one():
            time.sleep(SCHEMA_LOOK_S)
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": SCHEMA_LOCK})


class DatabaseClock:
    """Unix seconds by the clock of the database's machine, so that clocks of other machines need not agree.

    It is read now and then; between two readings this machine only measures how much time passed.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._read: tuple[float, float] | None = None  # (its time, our monotonic one)

    def __call__(self) -> float:
        """Raises SQLAlchemyError if it was never read and cannot be read now."""
        if self._engine.dialect.name != "postgresql":
            return time.time()
        with self._lock:
            if self._read is None or time.monotonic() - self._read[1] > CLOCK_READ_EVERY_S:
                self._read = self._look()
            told, at = self._read
        return told + time.monotonic() - at

    def _look(self) -> tuple[float, float]:
        before = time.monotonic()
        with self._engine.connect() as connection:
            told = float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
        return told, (before + time.monotonic()) / 2


def migrate(engine: Engine) -> None:
    """Bring the schema up to date; does nothing if it already is."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = migrations_config(Path(__file__).parent / "migrations")
    with _migrating, engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def migrations_config(folder: Path) -> Config:
    """Alembic's configuration for a folder of schema changes; `%` starts an interpolation in its values."""
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config


def journal_mode(version: tuple[int, int, int]) -> str:
    """WAL if the library does not have the WAL-reset defect, else the rollback journal."""
    fixed_in_branch = any(version[:2] == fixed[:2] and version >= fixed for fixed in WAL_RESET_FIXED)
    return "WAL" if fixed_in_branch or version >= WAL_RESET_FIXED[-1] else "DELETE"


def _harden(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute(f"PRAGMA journal_mode={journal_mode(sqlite3.sqlite_version_info)}")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
