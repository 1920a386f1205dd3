"""`diswm import-data`, `export-data` and `join-data`: data sets from and for other projects, and several as one."""

import json
from pathlib import Path
from typing import Annotated

import typer

from backend.cli.context import EXIT_BAD_INPUT, checked_settings, complain, refusals, where_looked
from backend.cli.options import AsJson


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("import-data")(import_data)
    app.command("export-data")(export_data)
    app.command("join-data")(join_data)


def import_data(
    path: Annotated[Path, typer.Argument(help="File or folder; above 1 GiB it is read in place, without a copy.")],
    name: Annotated[str, typer.Option(help="Name of the data set.")],
    format: Annotated[
        str | None, typer.Option(help="Its format, if the files do not show it; see docs/uploads.md.")
    ] = None,
    crop: Annotated[
        str, typer.Option(help="Of pictures that are not square: centre, start, end, whole or stretch.")
    ] = "centre",
    split: Annotated[
        int,
        typer.Option(
            min=0, max=10_000, help="Frames of each episode that films are cut into; 0: one episode per film."
        ),
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Import a data set: LeRobot, Minari, D4RL, stable-worldmodel, zarr, npz, pictures, films."""
    from backend.data.clips import MIN_SPLIT
    from backend.data.dataset_import import format_of
    from backend.data.dataset_import import import_data as bring
    from backend.data.decode.sandbox import CROPS

    chosen = next((known for known in CROPS if known == crop), None)
    if chosen is None:
        raise typer.BadParameter(f"there is no crop {crop!r}; there is {', '.join(CROPS)}")
    name = "".join(letter for letter in name if letter.isprintable()).strip()[:120]
    if not name:
        raise typer.BadParameter("the name is empty; choose one that you will recognise")
    if 0 < split < MIN_SPLIT:
        raise typer.BadParameter(f"an episode has at least {MIN_SPLIT} frames; --split 0 makes one episode per film")
    with refusals():
        info = bring(path, checked_settings().home, name, format=format, crop=chosen, split=split)
    for warning in info.warnings:
        complain(warning)
    if as_json:
        answer = {
            "id": info.id,
            "name": info.name,
            "episodes": info.episodes,
            "lengths": list(info.lengths),
            "format": format_of(info),
            "warnings": list(info.warnings),
        }
        typer.echo(json.dumps(answer))
        return
    typer.echo(
        f"Imported {info.name} as {info.id}: {format_of(info)}, {info.episodes} episodes, {info.frames:,} frames."
    )


def export_data(
    dataset: Annotated[str, typer.Argument(help="Data set: id, name or folder.")],
    out: Annotated[Path, typer.Option(help="Folder to write; it must not exist yet.")],
    format: Annotated[str, typer.Option(help="lerobot-v3 or npz.")] = "lerobot-v3",
    fps: Annotated[int, typer.Option(min=1, max=1000, help="Frames per second, which LeRobot requires.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Write a data set for other projects: as a LeRobotDataset v3, or as npz episodes."""
    from backend.data.catalogue import find_dataset
    from backend.data.formats.writing import write_lerobot, write_npz

    with refusals():
        info = find_dataset(checked_settings().home, dataset, allow_path=True)
        if format not in ("lerobot-v3", "npz"):
            raise typer.BadParameter(f"there is no format {format!r}; there is lerobot-v3 and npz")
        if out.exists():
            raise typer.BadParameter(f"{out} exists already; choose a new folder")
        if format == "npz":
            write_npz(info, out)
        else:
            write_lerobot(info, out, fps)
    answer = {"folder": str(out), "format": format, "episodes": info.episodes, "frames": info.frames}
    typer.echo(json.dumps(answer) if as_json else f"Wrote {info.episodes} episodes of {info.name} to {out}.")


def join_data(
    datasets: Annotated[list[str] | None, typer.Argument(help="Data sets: ids, names or folders.")] = None,
    name: Annotated[str, typer.Option(help="Name of the new data set.")] = "",
    sweep: Annotated[str | None, typer.Option(help="Join what the runs of this sweep collected.")] = None,
    as_json: AsJson = False,
) -> None:
    """Join data sets into one: shards of a collection, or uploads of one kind."""
    from backend.data.catalogue import find_dataset
    from backend.data.joining import join

    home = checked_settings().home
    with refusals():
        name = "".join(letter for letter in name if letter.isprintable()).strip()[:120]
        if not name:
            raise typer.BadParameter("the joined data set needs a name: --name NAME")
        references = [*(datasets or []), *(_of_sweep(sweep) if sweep else [])]
        info = join([find_dataset(home, reference, allow_path=True) for reference in references], home, name)
    answer = {"id": info.id, "name": info.name, "episodes": info.episodes, "frames": info.frames}
    text = f"Joined {len(references)} data sets as {info.id}: {info.episodes} episodes, {info.frames:,} frames."
    typer.echo(json.dumps(answer) if as_json else text)


def _of_sweep(sweep: str) -> list[str]:
    """The runs of a sweep, whose ids are those of the data sets that they collected."""
    from backend.runs.database import open_database
    from backend.runs.errors import RunNotFound
    from backend.runs.service import RunService
    from backend.runs.states import RunState
    from backend.runs.sweeps import SweepService

    settings = checked_settings()
    try:
        rows = SweepService(RunService(open_database(settings), settings.home)).members(sweep)
    except RunNotFound as error:
        complain(f"{error.detail} {where_looked()}")
        raise typer.Exit(EXIT_BAD_INPUT) from None
    waiting = [row.name for row in rows if row.state != RunState.SUCCEEDED]
    if waiting:
        complain(f"{len(waiting)} of {len(rows)} runs of {sweep} have not finished: {', '.join(waiting[:5])}")
        raise typer.Exit(EXIT_BAD_INPUT)
    return [row.id for row in rows]
