"""`diswm tasks`: what `--set environment=NAME` can name."""

import json

import typer

from backend.cli.options import AsJson


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(tasks)


def tasks(as_json: AsJson = False) -> None:
    """List the environments: the factors that are known to be true, and the distractions that each can show."""
    from backend.envs.listing import tasks as listed

    found = listed()
    if as_json:
        items = [
            {"name": task.name, "factors": list(task.factors), "distractions": list(task.distractions)}
            | ({"missing": task.missing} if task.missing else {})
            for task in found
        ]
        typer.echo(json.dumps({"items": items}))
        return
    for task in found:
        known = f"{len(task.factors)} factors" if not task.missing else f"cannot be made: {task.missing}"
        typer.echo(f"{task.name:<26} {known:<12} {', '.join(task.distractions)}")
