"""One home per database: the files of a run are in DISWM_HOME, so every process must use the same one."""

import uuid
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from backend.runs.table import HomeRow

HOME_ID = "home-id"


class ForeignHome(Exception):
    """The database belongs to another home; the message says what to do."""


def check_home(engine: Engine, home: Path) -> None:
    """The first process that uses a database assigns this home to it; any other home then raises ForeignHome."""
    own = home_id(home)
    with Session(engine) as session:
        if session.get(HomeRow, 1) is None:
            try:
                session.add(HomeRow(place=1, id=own))
                session.commit()
            except IntegrityError:  # another process was faster
                session.rollback()
        row = session.get(HomeRow, 1)
        assert row is not None
        if row.id != own:
            raise ForeignHome(
                f"the runs in this database belong to another DISWM_HOME (id {row.id[:8]}; {home} is {own[:8]}): data "
                "sets, checkpoints and logs of its runs would be missing here. Mount one shared folder as DISWM_HOME "
                "on every machine, or give this home a database of its own (DISWM_DATABASE_URL)."
            )


def home_id(home: Path) -> str:
    """The id of a home, written into the folder by its first process, so that it moves with the folder."""
    path = home / HOME_ID
    if not path.exists():
        aside = home / f".{HOME_ID}-{uuid.uuid4().hex}"
        aside.write_text(uuid.uuid4().hex)
        try:
            path.hardlink_to(aside)  # complete, and only if there is none yet
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    return path.read_text().strip()
