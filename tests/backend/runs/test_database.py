"""SQLite is opened so that an answered write is on the disk, and the schema follows the code."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from backend.runs.database import journal_mode, migrations_config, open_database
from backend.runs.service import Order, RunService
from backend.runs.table import RunRow
from backend.settings import Settings
from tests.support.postgres import Server


@pytest.mark.parametrize("database_url", [None])
def test_writes_go_through_to_the_disk(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA journal_mode")).scalar() in ("delete", "wal")


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 40, 1), "DELETE"),
        ((3, 44, 5), "DELETE"),
        ((3, 44, 6), "WAL"),
        ((3, 45, 0), "DELETE"),
        ((3, 50, 6), "DELETE"),
        ((3, 50, 7), "WAL"),
        ((3, 51, 2), "DELETE"),
        ((3, 51, 3), "WAL"),
        ((3, 52, 0), "WAL"),
    ],
)
def test_wal_is_used_only_where_it_loses_nothing(version: tuple[int, int, int], mode: str) -> None:
    assert journal_mode(version) == mode


def test_the_migrations_make_the_table_that_the_code_expects(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, RunRow.metadata) == []


def test_a_postgres_that_was_made_under_the_locale_c_holds_any_text(tmp_path: Path, postgres: Server) -> None:
    settings = Settings(home=tmp_path, database_url=postgres.database("SQL_ASCII"))
    engine = open_database(settings)
    service = RunService(engine, tmp_path)
    run = service.submit(Order("collect", "tiny", {}, "Läufe 走", 0, None)).row.id
    assert service.get(run).name == "Läufe 走"
    engine.dispose()


def test_opening_twice_changes_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        open_database(Settings(home=tmp_path)).dispose()


@pytest.mark.parametrize("name", ["run%20files", "what?", "a#b", "дом и сад"])
def test_everything_is_written_into_a_home_of_any_name(tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    open_database(Settings(home=home)).dispose()
    assert (home / "diswm.sqlite").stat().st_size > 0
    assert list(tmp_path.iterdir()) == [home]


def test_the_program_may_lie_in_a_folder_with_a_per_cent_sign() -> None:
    assert migrations_config(Path("/srv/run%20files")).get_main_option("script_location") == "/srv/run%20files"
