"""A store of runs in a folder of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from backend.runs.database import open_database
from backend.runs.states import RunState
from backend.runs.store import RunStore
from backend.runs.table import RunRow
from backend.settings import Settings
from tests.support.machines import close_engines
from tests.support.noise import write_noise


class Clock:
    """A time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """Both databases: None for the SQLite file of the home, else an empty database of the server."""
    return None if request.param == "sqlite" else request.getfixturevalue("postgres").database()


@pytest.fixture
def settings(tmp_path: Path, database_url: str | None) -> Settings:
    return Settings(home=tmp_path, database_url=database_url)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    opened = open_database(settings)
    yield opened
    opened.dispose()


@pytest.fixture
def store(engine: Engine, clock: Clock) -> RunStore:
    return RunStore(engine, clock)


@pytest.fixture
def add(store: RunStore, clock: Clock) -> Callable[..., RunRow]:
    """Adds a queued run, one second after the one before."""

    def add_run(run_id: str, **values: Any) -> RunRow:
        clock.now += 1.0
        given = {"settings": {}, "overrides": {}, "device": "cpu", "state": RunState.QUEUED} | values
        row = RunRow(
            id=run_id,
            name=run_id,
            stage="collect",
            preset="tiny",
            seed=0,
            created_at=clock.now,
            queued_at=clock.now,
            **given,
        )
        added = store.insert(row)
        assert added is not None
        return added

    return add_run


@pytest.fixture
def dataset(tmp_path: Path) -> str:
    """The id of a small data set in the store's home: 6 episodes of 12 frames of noise."""
    write_noise(tmp_path / "datasets" / "noise")
    return "noise"


@pytest.fixture
def here(tmp_path: Path, database_url: str | None) -> Iterator[Settings]:
    """The settings of the API's machine."""
    url = database_url or f"sqlite:///{tmp_path}/shared.sqlite"
    yield Settings(home=tmp_path / "here", database_url=url, store=f"file://{tmp_path}/store")
    close_engines()


@pytest.fixture
def there(here: Settings, tmp_path: Path) -> Settings:
    """Those of another machine."""
    return here.model_copy(update={"home": tmp_path / "there"})
