"""Reads a run's folder: progress, metrics, log, result and error, as its process wrote them last."""

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from backend.data.places import SHIPPED
from backend.data.run_start import FILE, read_run_start
from backend.runs.metrics import parse_line

MAX_LOG_BYTES = 256 * 1024


class LogText(NamedTuple):
    """A piece of a log, and the byte where the next one starts."""

    text: str
    next: int


def run_folder(home: Path, run_id: str) -> Path:
    """The folder of a run; ids come from the table of runs, never directly from a request."""
    return home / "runs" / run_id


def readable_folder(home: Path, run_id: str) -> Path:
    """Where a run's curves are read: from the home, else from next to the shipped checkpoint with that id."""
    own = run_folder(home, run_id)
    shipped = SHIPPED / run_id
    return shipped if not own.is_dir() and (shipped / FILE).is_file() else own


def read_progress(folder: Path) -> dict[str, Any] | None:
    """{"phase", "done", "total", "done_before", "started", "updated"}, or None before the first report."""
    return _read_object(folder / "progress.json")


def read_result(folder: Path) -> dict[str, Any] | None:
    """The result of a finished stage, or None."""
    return _read_object(folder / "result.json")


def read_error(folder: Path) -> dict[str, Any] | None:
    """{"type", "message", "hint"} of a failed attempt, or None."""
    return _read_object(folder / "error.json")


def is_finished(folder: Path, settings: Mapping[str, Any]) -> bool:
    """Whether the run in a folder has finished with these settings: a result of others is that of less work."""
    if read_result(folder) is None:
        return False
    begun = read_run_start(folder)
    return begun is None or all(begun.settings.get(name) == value for name, value in settings.items())


def forget_outcome(folder: Path) -> None:
    """Remove the end report of an earlier attempt."""
    (folder / "error.json").unlink(missing_ok=True)


def forget_result(folder: Path) -> None:
    """Remove the result of a run that is about to continue."""
    (folder / "result.json").unlink(missing_ok=True)


def last_metrics(folder: Path) -> dict[str, Any]:
    """The newest value of each metric; reads only the end of the file."""
    newest: dict[str, Any] = {}
    for line in _tail(folder / "metrics.jsonl", 16 * 1024).splitlines():
        newest |= parse_line(line) or {}
    return newest


def read_log(folder: Path, since: int) -> LogText:
    """Log text from byte `since` on; a position past the end reads from the start again."""
    try:
        with (folder / "log.txt").open("rb") as file:
            size = file.seek(0, 2)
            start = since if since <= size else 0
            file.seek(start)
            piece = file.read(MAX_LOG_BYTES)
    except FileNotFoundError:
        return LogText("", 0)
    return LogText(piece.decode("utf-8", "replace"), start + len(piece))


def last_log_line(folder: Path) -> str | None:
    """The last line of the log that is not blank."""
    lines = _tail(folder / "log.txt", 4096).decode("utf-8", "replace").splitlines()
    return next((line.strip()[:500] for line in reversed(lines) if line.strip()), None)


def seconds_left(progress: dict[str, Any]) -> float | None:
    """The time that the rest of a phase will take, at the pace since the last start."""
    try:
        done, total = float(progress["done"]), float(progress["total"])
        fresh = done - float(progress.get("done_before", 0))
        spent = float(progress["updated"]) - float(progress["started"])
    except (KeyError, TypeError, ValueError):
        return None
    return round(spent / fresh * (total - done), 1) if fresh > 0 and spent > 0 else None


def set_aside(home: Path, run_id: str) -> Path | None:
    """Move a run's folder away in one step; None when it has none."""
    target = home / "trash" / f"{run_id}-{time.time_ns()}"
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        return run_folder(home, run_id).rename(target)
    except FileNotFoundError:
        return None


def put_back(aside: Path | None, folder: Path) -> None:
    """Undo `set_aside`."""
    if aside is not None:
        aside.rename(folder)


def delete_aside(aside: Path | None) -> None:
    """Delete the files; a later sweep removes what a crash leaves behind."""
    if aside is not None:
        shutil.rmtree(aside, ignore_errors=True)


def sweep_trash(home: Path) -> None:
    """Delete what interrupted removals left behind."""
    shutil.rmtree(home / "trash", ignore_errors=True)


def _read_object(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None if the file is missing or unreadable."""
    try:
        return parse_line(path.read_bytes())
    except OSError:
        return None


def _tail(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - size))
            return file.read()
    except OSError:
        return b""
