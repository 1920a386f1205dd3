"""One home for one database."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from backend.runs.database import open_database
from backend.runs.homes import ForeignHome, check_home, home_id
from backend.settings import Settings


def test_a_database_belongs_to_the_home_that_was_there_first(engine: Engine, tmp_path: Path) -> None:
    check_home(engine, tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(ForeignHome, match="Mount one shared folder as DISWM_HOME"):
        check_home(engine, other)


def test_a_home_that_moves_stays_itself(tmp_path: Path) -> None:
    first, moved = tmp_path / "first", tmp_path / "moved"
    open_database(Settings(home=first)).dispose()
    own = home_id(first)
    first.rename(moved)
    assert home_id(moved) == own
    open_database(Settings(home=moved)).dispose()
