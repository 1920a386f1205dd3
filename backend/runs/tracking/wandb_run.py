"""A run of Weights & Biases, through its own client, which keeps what it was given in the run's folder."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backend.runs.tracking.lines import Line, Positions
from backend.runs.tracking.tracker import NAME, Ending, NotSent, TrackedRun

INIT_S = 30.0


class WandbRun:
    """Implements Tracker. The number of a line is its step: W&B drops a step that it has already."""

    def __init__(self, folder: Path, *, offline: bool) -> None:
        self._folder = folder
        self._offline = offline
        self._run: Any = None
        self._axes: set[str] = set()

    def begin(self, run: TrackedRun) -> None:
        """In the project of WANDB_PROJECT; no name of this machine, packages or code are sent."""
        import wandb

        quiet = wandb.Settings(
            silent=True,
            console="off",
            disable_git=True,
            save_code=False,
            init_timeout=INIT_S,
            x_disable_stats=True,
            x_disable_meta=True,
            x_disable_machine_info=True,
            x_save_requirements=False,
            host=NAME,
        )
        try:
            self._run = wandb.init(
                mode="offline" if self._offline else "online",
                dir=str(self._folder),
                project=os.environ.get("WANDB_PROJECT") or NAME,
                id=run.key,
                name=run.name,
                config=run.settings,
                resume="allow",
                settings=quiet,
            )
        except (wandb.Error, OSError) as error:
            raise NotSent(f"W&B cannot be reached ({_first_line(error)})") from None

    def send(self, lines: Sequence[Line], before: int, positions: Positions) -> None:  # noqa: ARG002 - its steps say it
        """Each line as one step of the history, drawn over agent steps, or over updates if it has none."""
        for number, line in enumerate(lines, before):
            if line.phase not in self._axes:
                self._axes.add(line.phase)
                self._run.define_metric(f"{line.phase}/*", step_metric=f"{line.phase}/{line.axis}")
            self._run.log({**line.named(), "_timestamp": line.time}, step=number)

    def end(self, ending: Ending) -> None:
        """Facts into the summary; waits until the client has put away or sent everything."""
        self._run.summary.update({**ending.facts, "status": ending.status})
        self._run.finish(exit_code=0 if ending.status == "finished" else 1)
        self._run = None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
