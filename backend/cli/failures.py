"""Explains a failure of a stage to the person who started it."""

import errno
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from backend.pipeline.out_of_memory import is_out_of_memory


@dataclass(frozen=True)
class Failure:
    """A failure: its type, a sentence and a remedy; unexpected ones include their traceback."""

    type: str
    message: str
    hint: str
    unexpected: bool = False


def describe(error: Exception, out: Path) -> Failure:
    """The failure that an exception of a stage stands for."""
    from backend.envs.protocol import EnvironmentFailed
    from backend.pipeline.parallel import ProcessLost
    from backend.pipeline.report import Diverged

    if isinstance(error, ProcessLost):
        return Failure("process_lost", str(error), "Resume the run; it goes on from its last save.")
    if isinstance(error, Diverged):
        return Failure("diverged", str(error), "Use a smaller learning rate; the last finite checkpoint is kept.")
    if is_out_of_memory(error):
        hint = f"Use a smaller batch or length{_sizes(out)}."
        return Failure("out_of_memory", f"out of memory: {_first_line(error)}", hint)
    if _is_full_disk(error):
        free = shutil.disk_usage(out).free // 2**20
        return Failure(
            "disk_full", f"the disk is full ({free} MiB free)", "Free some space; the run resumes from its last save."
        )
    if isinstance(error, EnvironmentFailed):
        return Failure("environment_failed", str(error), "Resume the run; diswm doctor checks the renderer.")
    return Failure("error", f"{type(error).__name__}: {_first_line(error)}", "The log has the traceback.", True)


def _is_full_disk(error: Exception) -> bool:
    """Torch reports a failed write as a RuntimeError of its archive writer, without the error number."""
    if isinstance(error, RuntimeError):
        return "inline_container" in str(error) or "PytorchStreamWriter" in str(error)
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _sizes(out: Path) -> str:
    """ " (now 50 x 50)", if the run's settings contain it."""
    try:
        settings = json.loads((out / "settings.json").read_bytes())["settings"]
        return f" (now {settings['batch']} x {settings['length']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else "no message"
