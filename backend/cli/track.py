"""`diswm track`: metrics that did not reach the tracker while their run went on."""

import json
from pathlib import Path
from typing import Annotated

import typer

from backend.cli.context import EXIT_BAD_INPUT, checked_settings, complain, refuse_missing_tracker
from backend.cli.options import AsJson

Runs = Annotated[list[str] | None, typer.Argument(metavar="[RUN...]", help="Ids or folders; without any, every run.")]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(track)


def track(runs: Runs = None, as_json: AsJson = False) -> None:
    """Send to the tracker (DISWM_TRACKER) what it does not have yet of the metrics of runs."""
    settings = checked_settings()
    refuse_missing_tracker(settings)
    if settings.tracker is None:
        complain("no tracker is set: DISWM_TRACKER names one, such as mlflow:http://HOST:PORT or wandb:offline")
        raise typer.Exit(EXIT_BAD_INPUT)
    told = [_send(folder, settings.tracker) for folder in _folders(settings.home, runs)]
    if as_json:
        typer.echo(json.dumps({"tracker": settings.tracker, "runs": told}))
    if any("problem" in one for one in told):
        raise typer.Exit(1)


def _folders(home: Path, runs: list[str] | None) -> list[Path]:
    from backend.data.run_start import FILE
    from backend.runs.folders import readable_folder

    if not runs:
        return sorted(start.parent for start in (home / "runs").glob(f"*/{FILE}"))
    folders = [Path(run) if (Path(run) / FILE).is_file() else readable_folder(home, run) for run in runs]
    for run, folder in zip(runs, folders, strict=True):
        if not (folder / FILE).is_file():
            complain(f"there is no run {run} in {home}, and no folder of that name holds one")
            raise typer.Exit(EXIT_BAD_INPUT)
    return [folder.resolve() for folder in folders]


def _send(folder: Path, tracker: str) -> dict[str, object]:
    """Sends one run and says so on the error stream; what happened as JSON."""
    from backend.runs.locks import Held
    from backend.runs.tracking.sender import Sender, sending
    from backend.runs.tracking.tracker import NotSent

    try:
        with sending(folder, wait=False):
            sender = Sender(folder, tracker)
            before, over = sender.sent, sender.is_over
            if not over:
                sender.end()
    except Held as error:
        problem = f"process {error.holder.get('pid', 'unknown')} is sending it"
    except (NotSent, OSError) as error:
        problem = str(error)
    else:
        complain(f"{folder.name}: {'everything was there' if over else f'{sender.sent - before} lines sent'}")
        return {"run": folder.name, "lines": sender.sent - before}
    complain(f"{folder.name}: {problem}")
    return {"run": folder.name, "problem": problem}
