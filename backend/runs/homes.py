"""One home per database, unless a store has the files of its runs: then every process must use that store."""

import uuid
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from backend.data.store.opening import HOME_ALONE
from backend.runs.table import HomeRow

HOME_ID = "home-id"
_HOME, _STORE = 1, 2


class ForeignHome(Exception):
    """The database belongs to another home or store; the message says what to do."""


def check_home(engine: Engine, home: Path, store: str = HOME_ALONE) -> None:
    """Raises ForeignHome if the files of these runs are in another home, or in another store.

    Without a store, the first process assigns its home to the database; the first one with a store assigns the store.
    """
    used = _first(engine, _STORE, store if store != HOME_ALONE else None)
    if used is not None and used != store:
        raise ForeignHome(
            f"the files of this database's runs are in the store {used}, and DISWM_STORE is {store}. "
            f"Set DISWM_STORE={used}, or give this home a database of its own (DISWM_DATABASE_URL)."
        )
    own = home_id(home)
    first = _first(engine, _HOME, own)
    if used is None and first != own:
        raise ForeignHome(
            f"the runs in this database belong to another DISWM_HOME (id {str(first)[:8]}; {home} is {own[:8]}): data "
            "sets, checkpoints and logs of its runs would be missing here. Mount one shared folder as DISWM_HOME "
            "on every machine, set DISWM_STORE on all of them, or give this home a database of its own "
            "(DISWM_DATABASE_URL)."
        )


def _first(engine: Engine, place: int, value: str | None) -> str | None:
    """What the first process wrote in this place: this one, if it has a value and is the first."""
    with Session(engine) as session:
        row = session.get(HomeRow, place)
        if row is None and value is not None:
            try:
                session.add(HomeRow(place=place, id=value))
                session.commit()
            except IntegrityError:  # another process was faster
                session.rollback()
            row = session.get(HomeRow, place)
        return None if row is None else row.id


def home_id(home: Path) -> str:
    """The id of a home, written into the folder by its first process, so that it moves with the folder."""
    home.mkdir(parents=True, exist_ok=True)
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
