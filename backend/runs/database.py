"""Opening the runs' database: durable pragmas for SQLite, and the schema brought up to date."""

import logging
import sqlite3
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, event, make_url
from sqlmodel import create_engine

from backend.runs.locks import hold
from backend.settings import Settings

WAL_RESET_FIXED = ((3, 44, 6), (3, 50, 7), (3, 51, 3))
"""First releases of their branches without the WAL-reset defect, which can lose a committed transaction."""


def open_database(settings: Settings) -> Engine:
    """The engine of the runs' database, with the schema of this version."""
    settings.home.mkdir(parents=True, exist_ok=True)
    engine = connect(settings.url_of_database)
    with hold(settings.home / "locks" / "migrate.lock", wait=True):
        migrate(engine)
    return engine


def connect(url: str) -> Engine:
    """An engine for the URL; SQLite connections write through to the disk before they answer."""
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": 10.0})
    event.listen(engine, "connect", _harden)
    return engine


def migrate(engine: Engine) -> None:
    """Bring the schema up to date; does nothing when it is."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = migrations_config(Path(__file__).parent / "migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def migrations_config(folder: Path) -> Config:
    """Alembic's configuration for a folder of schema changes; in its values `%` begins an interpolation."""
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config


def journal_mode(version: tuple[int, int, int]) -> str:
    """WAL where the library is free of the WAL-reset defect, else the rollback journal."""
    fixed_in_branch = any(version[:2] == fixed[:2] and version >= fixed for fixed in WAL_RESET_FIXED)
    return "WAL" if fixed_in_branch or version >= WAL_RESET_FIXED[-1] else "DELETE"


def _harden(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute(f"PRAGMA journal_mode={journal_mode(sqlite3.sqlite_version_info)}")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
