"""What all commands share: settings, a checkpoint by name, error messages, and where a file goes."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from pydantic import ValidationError

from backend.settings import Settings, TokenFileError, get_settings

if TYPE_CHECKING:
    from backend.data.checkpoint import Checkpoint
    from backend.export.render import ExportedFile
    from backend.interpret.charts import Chart

EXIT_BAD_INPUT = 2
EXIT_TAKEN = 75
"""EX_TEMPFAIL of sysexits.h: another process holds the store."""
EXIT_REFUSED = 78
"""EX_CONFIG of sysexits.h: the configuration would give access to anyone."""


def checked_settings() -> Settings:
    """The settings, or an exit that says which variable is wrong."""
    try:
        settings = get_settings()
        settings.read_token()
    except ValidationError as error:
        for problem in error.errors():
            name = "_".join(str(part) for part in problem["loc"]).upper()
            complain(f"DISWM_{name}: {problem['msg']} (got {without_credentials(problem['input'])!r})")
        raise typer.Exit(EXIT_REFUSED) from None
    except TokenFileError as error:
        complain(str(error))
        raise typer.Exit(EXIT_REFUSED) from None
    return settings


def without_credentials(value: object) -> object:
    """A value of the environment as it may be shown: user, password and query of an address are left out."""
    if not isinstance(value, str):
        return value
    return re.sub(r"//[^/]*@", "//...@", value).partition("?")[0]


def refuse_missing_tracker(settings: Settings) -> None:
    """Exit if the package that DISWM_TRACKER needs is not installed."""
    from backend.runs.tracking.tracker import why_unusable

    if why := why_unusable(settings.tracker):
        complain(why)
        raise typer.Exit(EXIT_REFUSED)


def where_looked() -> str:
    """The home that was searched: a home in another folder is the most likely reason for something missing."""
    return f"Looked in {checked_settings().home}; DISWM_HOME names another home."


def load(reference: str) -> "Checkpoint":
    """The checkpoint by id, name or folder, loaded."""
    from backend.data.catalogue import find_checkpoint
    from backend.data.checkpoint import load_checkpoint

    return load_checkpoint(find_checkpoint(checked_settings().home, reference, allow_path=True))


@contextmanager
def refusals() -> Iterator[None]:
    """Ends with exit code 2 and a sentence if the input is wrong, and with 1 if a file cannot be written."""
    from backend.data.archive import UNREADABLE_ZIP
    from backend.data.catalogue import NotFound
    from backend.data.containers import VideoError
    from backend.data.episodes import EpisodeError
    from backend.data.networks import CheckpointError
    from backend.export.reopen import NoSettings
    from backend.interpret.request import ViewError

    try:
        yield
    except NotFound as error:
        complain(f"{error}. {where_looked()}")
        raise typer.Exit(EXIT_BAD_INPUT) from None
    except (CheckpointError, EpisodeError, VideoError, ViewError, NoSettings, FileNotFoundError) as error:
        complain(str(error))
        raise typer.Exit(EXIT_BAD_INPUT) from None
    except (*UNREADABLE_ZIP, ValueError) as error:
        complain(f"the file cannot be read: {error}")
        raise typer.Exit(EXIT_BAD_INPUT) from None
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}" if error.strerror else str(error))
        raise typer.Exit(1) from None


@contextmanager
def progress_bar(hidden: bool) -> Iterator[Callable[[float, str], None]]:
    """A bar on the terminal, from 0 to 1."""
    from tqdm import tqdm

    with tqdm(total=100, disable=hidden or not sys.stderr.isatty(), unit="%", leave=False) as bar:

        def report(done: float, phase: str) -> None:
            bar.set_description(phase)
            bar.update(round(100 * done) - bar.n)

        yield report


def write(path: Path, content: bytes) -> None:
    """Writes the complete file or nothing."""
    from backend.data.files import write_file

    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, content)


@dataclass(frozen=True)
class Sink:
    """Where a file is written and how that is reported."""

    out: Path | None
    format: str | None
    as_json: bool

    @property
    def asked(self) -> bool:
        """Whether a file is requested."""
        return self.format is not None or self.out is not None

    def format_or(self, default: str) -> str:
        """The requested format, else that of the file name, else the default."""
        suffix = self.out.suffix.removeprefix(".").lower() if self.out is not None and not self.out.is_dir() else ""
        return self.format or suffix or default

    def take(self, file: "ExportedFile", told: dict[str, Any]) -> None:
        """Writes the file and says so."""

        folder = self.out is None or self.out.is_dir() or not self.out.suffix
        target = (self.out or Path()) / file.file_name if folder else self.out
        assert target is not None
        write(target, file.content)
        answer = {"file": str(target), "bytes": len(file.content), **told}
        if file.warning:
            complain(f"{target}: {file.warning}")
            answer["warning"] = file.warning
        typer.echo(json.dumps(answer) if self.as_json else f"wrote {target} ({len(file.content):,} bytes)")


def wrote(chart: "Chart", sink: Sink, width: float, title: bool) -> bool:
    """Writes the chart if a file is requested; returns whether one was. Raises ViewError."""
    if not sink.asked:
        return False
    from backend.export.options import ExportOptions
    from backend.export.render import export_chart

    sink.take(
        export_chart(chart, sink.format_or("png"), ExportOptions(width=width, title=title)), json.loads(chart.settings)
    )
    return True


def complain(sentence: str) -> None:
    """Writes one sentence to the error stream, if possible: it may be a log on a full disk."""
    with suppress(OSError):
        typer.echo(f"diswm: {sentence}", err=True)
