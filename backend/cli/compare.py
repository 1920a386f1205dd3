"""`diswm compare`: return curves of several runs, next to the published figures."""

import json
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from backend.cli.context import checked_settings, complain, where_looked


class Chosen(NamedTuple):
    """The folders of the runs to compare, and the settings in which they are to be told apart."""

    folders: list[Path]
    varied: tuple[str, ...] = ()


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(compare)


def compare(
    runs: Annotated[list[str] | None, typer.Argument(metavar="RUN...", help="Runs: ids or folders.")] = None,
    sweep: Annotated[str | None, typer.Option(help="All runs of a sweep, by its id.")] = None,
    figure: Annotated[
        list[Path] | None, typer.Option(help="Figure to write: .png, .svg or .pdf; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the table.")] = False,
) -> None:
    """Compare runs: mean return and band over seeds against environment steps, and what the paper reports."""
    from backend.data.curves import NoCurve, compare_curves, read_curve
    from backend.data.files import write_file
    from backend.export.curves import render_curves, table_of_curves

    unknown = [path for path in figure or [] if path.suffix not in (".png", ".svg", ".pdf")]
    if unknown:
        complain(f"{unknown[0]} is not a figure: its name must end in .png, .svg or .pdf")
        raise typer.Exit(2)
    if (sweep is None) == (not runs):
        complain("name the runs to compare, or a sweep by --sweep ID")
        raise typer.Exit(2)
    chosen = Chosen([_folder(run) for run in dict.fromkeys(runs or [])]) if sweep is None else _of_sweep(sweep)
    try:
        comparison = compare_curves([read_curve(folder) for folder in chosen.folders], chosen.varied)
    except NoCurve as error:
        complain(f"{error}. {where_looked()}")
        raise typer.Exit(2) from None
    for path in figure or []:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, render_curves(comparison, path.suffix.removeprefix(".")))
    typer.echo(json.dumps(comparison) if as_json else table_of_curves(comparison))


def _of_sweep(sweep: str) -> Chosen:
    """The runs of a sweep that have evaluated; says which have not."""
    from backend.data.curves import NoCurve, read_curve
    from backend.runs.database import open_database
    from backend.runs.errors import RunNotFound
    from backend.runs.service import RunService
    from backend.runs.sweeps import SweepService

    settings = checked_settings()
    sweeps = SweepService(RunService(open_database(settings), settings.home))
    try:
        found, rows = sweeps.get(sweep), sweeps.members(sweep)
    except RunNotFound as error:
        complain(f"{error.detail} {where_looked()}")
        raise typer.Exit(2) from None
    folders = []
    for row in rows:
        try:
            read_curve(_folder(row.id))
            folders.append(_folder(row.id))
        except NoCurve as error:
            complain(f"left out: {error}")
    return Chosen(folders, found.varied)


def _folder(run: str) -> Path:
    """The folder of a run, by its id or by itself."""
    from backend.runs.folders import readable_folder

    known = readable_folder(checked_settings().home, run)
    return known if known.is_dir() else Path(run)
