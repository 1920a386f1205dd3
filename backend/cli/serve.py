"""`diswm serve`, `worker` and `ui`: each of the three processes alone; `diswm app`: all of them together."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from backend.cli.context import EXIT_REFUSED, EXIT_TAKEN, checked_settings, complain, refuse_missing_tracker
from backend.pipeline.malloc import keep_freed_memory
from backend.runs.locks import Held, Lock, api_lock, hold
from backend.runs.processes import end_with_parent
from backend.settings import Settings, is_loopback

SWITCH_S = 0.0005
"""How long a computing thread may hold the interpreter while the event loop waits; the default is ten times that."""
PAGE = Path(__file__).resolve().parents[2] / "frontend" / "server.py"


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("app")(start_app)
    app.command()(serve)
    app.command()(worker)
    app.command()(ui)


def start_app() -> None:
    """Start API, worker and page together; one Ctrl-C stops all three."""
    from backend.cli.supervisor import run_together

    settings = checked_settings()
    refuse_open_address(settings.host, settings)
    refuse_open_address(settings.page_host, settings)
    refuse_missing_tracker(settings)
    raise typer.Exit(run_together(settings))


def serve() -> None:
    """Start the API alone (DISWM_HOST, DISWM_PORT)."""
    settings = checked_settings()
    refuse_open_address(settings.host, settings)
    end_with_parent()
    keep_freed_memory()
    sys.setswitchinterval(SWITCH_S)
    with held(api_lock(settings.home, settings.replica), "API"):
        import uvicorn

        refuse_foreign_home(settings)

        from backend.http.shutdown import DeadlineProtocol, ShutdownGuard
        from backend.main import create_app

        uvicorn.run(
            ShutdownGuard(create_app(settings)),
            http=DeadlineProtocol,
            host=settings.host,
            port=settings.port,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )


def worker(
    until_idle: Annotated[
        float | None, typer.Option(min=0, help="End after so many seconds without a run to carry out.")
    ] = None,
    max_minutes: Annotated[
        float | None,
        typer.Option(
            min=0, help="End after so many minutes; the run under way is saved and waits for the next worker."
        ),
    ] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Labels that runs may ask for: --device cuda@A.")
    ] = None,
) -> None:
    """Start a worker alone: it trains what is in the queue (DISWM_WORKER, DISWM_DEVICE, DISWM_LABELS).

    With a limit it is a job for a cluster: start as many as there is room for, on one shared DISWM_HOME.
    """
    if labels is not None:
        os.environ["DISWM_LABELS"] = labels
    settings = checked_settings()
    refuse_missing_tracker(settings)
    end_with_parent()
    from backend.data.store.protocol import StoreError
    from backend.runs.homes import ForeignHome
    from backend.runs.names import NameTaken
    from backend.runs.worker import Limits, work

    logging.basicConfig(level=logging.INFO, format="%(asctime)s worker: %(message)s", stream=sys.stderr)
    try:
        work(settings, Limits(until_idle, None if max_minutes is None else 60 * max_minutes))
    except (ForeignHome, StoreError) as error:
        complain(str(error))
        raise typer.Exit(EXIT_REFUSED) from None
    except NameTaken as error:
        complain(str(error))
        raise typer.Exit(EXIT_TAKEN) from None


def ui() -> None:
    """Start the page alone (DISWM_PAGE_HOST, DISWM_PAGE_PORT, DISWM_PAGE_PATH; DISWM_API_URL says where the API is)."""
    settings = checked_settings()
    refuse_open_address(settings.page_host, settings)
    end_with_parent()
    os.environ["DISWM_HOME"] = str(settings.home)
    os.environ["DISWM_API_URL"] = settings.url_of_api
    os.execv(sys.executable, command_of_page(settings))


def command_of_page(settings: Settings) -> list[str]:
    """Streamlit's command line; its protection against cross-site requests stays on."""
    return [
        *(sys.executable, "-m", "streamlit", "run", str(PAGE)),
        *("--server.address", settings.page_host, "--server.port", str(settings.page_port)),
        *("--server.baseUrlPath", settings.page_path.strip("/")),
        *("--server.headless", "true", "--server.fileWatcherType", "none"),
        *("--browser.gatherUsageStats", "false", "--logger.level", "warning"),
    ]


def refuse_open_address(host: str, settings: Settings) -> None:
    """Exit unless the address is local to this machine or a token is set."""
    if is_loopback(host) or settings.read_token() is not None:
        return
    complain(
        f"refusing to listen on {host} without a token: others could reach it. "
        "Set DISWM_TOKEN (or write it to DISWM_HOME/token with mode 0600), or listen on 127.0.0.1."
    )
    raise typer.Exit(EXIT_REFUSED)


def refuse_foreign_home(settings: Settings) -> None:
    """Exit if the database holds another home's runs, or the store cannot be opened; if the database does not answer,
    the first request checks again.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from backend.data.store.opening import open_store
    from backend.data.store.protocol import StoreError
    from backend.runs.database import open_database
    from backend.runs.homes import ForeignHome

    try:
        open_store(settings.store)
        with suppress(SQLAlchemyError):
            open_database(settings).dispose()
    except (ForeignHome, StoreError) as error:
        complain(str(error))
        raise typer.Exit(EXIT_REFUSED) from None


@contextmanager
def held(path: Path, what: str) -> Iterator[Lock]:
    """Hold a lock of the store, or exit and name the process that has it."""
    try:
        with hold(path) as lock:
            yield lock
    except Held as error:
        complain(
            f"another {what} is running on {path.parents[1]} (process {error.holder.get('pid', 'unknown')}). "
            "Stop it first, or set DISWM_HOME to another folder."
        )
        raise typer.Exit(EXIT_TAKEN) from None
