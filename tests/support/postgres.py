"""A Postgres server for the tests: its data are in a temporary folder, and it listens on loopback only."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, text

from backend.runs.database import driver_url
from tests.support.waiting import free_port

_NUMBERS = count()


class Server:
    """A running server; every test gets a database of its own."""

    def __init__(self, folder: Path, port: int, programs: Path) -> None:
        self.folder, self.port, self.programs = folder, port, programs

    def database(self, encoding: str = "UTF8") -> str:
        """The URL of a new, empty database."""
        name = f"test{os.getpid()}n{next(_NUMBERS)}"
        engine = create_engine(driver_url(self._url("postgres")), isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            connection.execute(
                text(f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
            )
        return self._url(name)

    def stop(self) -> None:
        """Stop it at once, as if its machine had failed."""
        self.control("stop", "-m", "immediate")

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        self.control("start", "-w", "-l", str(self.folder / "log"), "-o", options)

    def control(self, *command: str) -> None:
        """`pg_ctl` with its data folder."""
        as_owner(self.programs / "pg_ctl", *command, "-D", str(self.folder / "data"), folder=self.folder)

    def _url(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"


@contextmanager
def server() -> Iterator[Server]:
    """A running server. Where Postgres is not installed the test is skipped, but in continuous integration."""
    programs = find_programs()
    if programs is None:
        missing = "Postgres is not installed: scripts/system-packages.sh postgres"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with tempfile.TemporaryDirectory(prefix="diswm-postgres-") as name:  # pytest's own are closed to other users
        folder = Path(name)
        if os.getuid() == 0:  # it refuses to run as root
            shutil.chown(folder, "postgres")
        data = ("-D", folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        as_owner(programs / "initdb", *data, folder=folder)
        running = Server(folder, free_port(), programs)
        running.start()
        try:
            yield running
        finally:
            running.stop()


def as_owner(*command: object, folder: Path) -> None:
    """Run a program of Postgres as a user that is not root."""
    account = pwd.getpwnam("postgres") if os.getuid() == 0 else None
    who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
    with (folder / "said").open("ab") as said:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
            **who,  # type: ignore[call-overload]
        )
    assert done.returncode == 0, (command, (folder / "said").read_text())


def find_programs() -> Path | None:
    """Where initdb and pg_ctl lie: Debian keeps them out of the path."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    in_path = shutil.which("pg_ctl")
    folders += [Path(in_path).parent] if in_path else []
    found = [folder for folder in folders if (folder / "initdb").exists()]
    return found[-1] if found else None
