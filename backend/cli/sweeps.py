"""`diswm sweep`: queue a run for every combination of a grid and every seed; workers execute them."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend.cli.context import checked_settings, complain
from backend.cli.options import AsJson

if TYPE_CHECKING:
    from backend.runs.sweeps import SweepOrder

EXIT_BAD_SETTINGS = 2
_AFTERWARDS = {
    "finetune": ("evaluated", "diswm compare --sweep {}"),
    "collect": ("finished", "diswm join-data --sweep {} --name NAME"),
}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(sweep)


def sweep(
    grid: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=A,B,...", help="The values of one setting to try; may be repeated."),
    ] = None,
    seeds: Annotated[str, typer.Option(help="Seeds: 0-4, or 0,1,7.")] = "0",
    stage: Annotated[str, typer.Option(help="collect, pretrain, finetune or pipeline.")] = "finetune",
    preset: Annotated[str, typer.Option(help="tiny, small or paper.")] = "tiny",
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting of all runs; may be repeated.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the sweep; its runs' names begin with it.")] = None,
    device: Annotated[
        str | None,
        typer.Option(help="auto, cpu, cuda or cuda:N, of the worker's machine; cuda@A: of one with the label A."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the runs; queue nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Queue a run for every combination of a grid and every seed; workers execute them (diswm app, diswm worker)."""
    from backend.pipeline.builder import parse_assignments
    from backend.pipeline.settings import SettingsError
    from backend.runs.errors import InvalidRun, RunError
    from backend.runs.sweeps import SweepOrder

    try:
        order = SweepOrder(
            stage, preset, parse_assignments(assignments or []), _grid(grid or []), _seeds(seeds), name, device
        )
        answer = _carry_out(order, dry_run)
    except (InvalidRun, SettingsError) as error:
        for problem in error.problems:
            place = problem.pointer.removeprefix("/settings").removeprefix("/grid").strip("/").replace("/", ".")
            complain(f"{place}: {problem.message}" if place else problem.message)
        raise typer.Exit(EXIT_BAD_SETTINGS) from None
    except RunError as error:
        complain(f"{error.detail} {error.remedy}")
        raise typer.Exit(EXIT_BAD_SETTINGS) from None
    if as_json:
        typer.echo(json.dumps(answer))
        return
    for run in answer["runs"]:
        typer.echo(f"  {run.get('id', '(not queued)'):<17} {run['name']}")
    if not dry_run:
        when, command = _AFTERWARDS.get(stage, _AFTERWARDS["finetune"])
        typer.echo(f"{len(answer['runs'])} runs wait as {answer['id']}. When they have {when}:")
        typer.echo(f"  {command.format(answer['id'])}")


def _carry_out(order: "SweepOrder", dry_run: bool) -> dict[str, Any]:
    from backend.data.store.protocol import StoreError
    from backend.runs.homes import ForeignHome
    from backend.runs.service import open_service
    from backend.runs.sweeps import SweepService, members_of

    if dry_run:
        return {"runs": [{"name": member.name, "seed": member.seed} for member in members_of(order)]}
    settings = checked_settings()
    try:
        sweeps = SweepService(open_service(settings))
        made = sweeps.submit(order)
    except (ForeignHome, StoreError) as error:
        complain(str(error))
        raise typer.Exit(EXIT_BAD_SETTINGS) from None
    rows = sweeps.members(made.id)
    return {
        "id": made.id,
        "stage": made.stage,
        "varied": list(made.varied),
        "states": made.states,
        "runs": [{"id": row.id, "name": row.name, "seed": row.seed, "settings": row.overrides} for row in rows],
    }


def _grid(texts: list[str]) -> dict[str, list[Any]]:
    from backend.pipeline.settings import Problem, SettingsError

    grid: dict[str, list[Any]] = {}
    for text in texts:
        key, equals, values = text.partition("=")
        if not equals or not key or not values:
            raise SettingsError([Problem("/grid", f"{text!r} is not of the form key=a,b,c")])
        if key in grid:
            raise SettingsError([Problem("/grid", f"{key} is named twice: give all its values at once, as {key}=a,b")])
        grid[key] = [_value(value) for value in values.split(",")]
    return grid


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _seeds(text: str) -> list[int]:
    from backend.pipeline.settings import MAX_SEED, Problem, SettingsError
    from backend.runs.sweeps import MOST_RUNS

    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or int(last or first) > MAX_SEED:
            raise SettingsError([Problem("/seeds", f"{part!r} is neither a seed nor a range as 0-4")])
        ends = int(first), int(last or first)
        if not 0 <= ends[1] - ends[0] < MOST_RUNS:
            raise SettingsError([Problem("/seeds", f"{part!r} holds no seed, or more than {MOST_RUNS:,}")])
        seeds += range(ends[0], ends[1] + 1)
    return seeds
