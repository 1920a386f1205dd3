"""The tables of runs and of the workers that execute them."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index
from sqlmodel import Field, SQLModel


class RunRow(SQLModel, table=True):
    """One run: what was requested, its state, and who may write about it. Times are Unix seconds."""

    __tablename__ = "runs"
    __table_args__ = (
        Index("runs_newest_first", "created_at", "id"),
        Index("runs_by_state", "state"),
        Index("runs_by_sweep", "sweep"),
    )

    id: str = Field(primary_key=True)
    name: str
    stage: str
    preset: str
    seed: int = Field(sa_column=Column(BigInteger, nullable=False))
    device: str
    settings: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    overrides: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    state: str
    created_at: float
    queued_at: float
    started_at: float | None = None
    finished_at: float | None = None

    generation: int = 0
    """How often the run was put into the queue; workflows of earlier generations do nothing."""
    attempt: int = 0
    """Counts claims. Used for fencing: only the holder of the newest attempt may write about the run."""
    worker: str | None = None
    heartbeat_at: float | None = None
    cancel_requested: bool = False
    stalled: int = 0
    """Consecutive attempts that crashed without getting further than any earlier one."""
    furthest: dict[str, float] = Field(sa_column=Column(JSON, nullable=False), default_factory=dict)
    """The most units done in each phase, over all attempts."""

    error: dict[str, Any] | None = Field(sa_column=Column(JSON), default=None)
    result: dict[str, Any] | None = Field(sa_column=Column(JSON), default=None)
    idempotency_key: str | None = Field(default=None, unique=True)
    request_hash: str | None = None
    sweep: str | None = None
    """The sweep that it was queued with."""
    needs: list[str] | None = Field(sa_column=Column(JSON), default=None)
    """What it reads, as places below a home: a worker brings them from the store first."""
    files: str | None = None
    """The manifest in the store that has the run's files. Written under the fence, so only this one counts."""
    files_home: str | None = None
    """The home that they were copied from."""


class WorkerRow(SQLModel, table=True):
    """A worker: the devices of its machine, and when it was last heard from, in Unix seconds.

    `host` and `incarnation` identify the owner of the name: of two processes that want it, one gets it.
    """

    __tablename__ = "workers"

    name: str = Field(primary_key=True)
    devices: list[str] = Field(sa_column=Column(JSON, nullable=False))
    heard_at: float
    host: str = ""
    incarnation: str = ""


class PlaceRow(SQLModel, table=True):
    """A data set or a checkpoint that is in the store and belongs to no run of the table."""

    __tablename__ = "places"

    place: str = Field(primary_key=True)  # below a home: datasets/clips-0123
    files: str  # its manifest in the store


class HomeRow(SQLModel, table=True):
    """The one home (DISWM_HOME) that has the files of these runs, by the id in its file `home-id`; or their store."""

    __tablename__ = "homes"

    place: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})  # 1: the home, 2: the store
    id: str
