"""`diswm methods`: what `--set method=NAME` can name."""

import json

import typer

from backend.cli.options import AsJson


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(methods)


def methods(as_json: AsJson = False) -> None:
    """List the methods: what each is, what it starts from, how it differs from its paper."""
    from backend.pipeline.methods.catalogue import CATALOGUE

    if as_json:
        typer.echo(json.dumps({"items": [entry.described(name) for name, entry in CATALOGUE.items()]}))
        return
    for name, entry in CATALOGUE.items():
        typer.echo(f"{name:<26} {entry.stage:<9} {entry.title}. {entry.paper}")
        for need in entry.needs:
            must = "needs" if need.required else "may have"
            typer.echo(f"{'':<36} {must} {need.setting.strip('/').replace('/', '.')}: {_KINDS[need.kind]}")
        typer.echo(f"{'':<36} {entry.differs}")


_KINDS = {
    "latents": "a checkpoint with as many latents",
    "video model": "the checkpoint of an action-free video model",
    "context model": "the checkpoint of a video model that was pretrained with vision=context",
    "context model with latents": "the checkpoint of a video model that was pretrained with vision=context-vae",
    "world models": "at least two checkpoints of world models with actions, separated by commas",
    "earlier chapter": "the checkpoint that lifelong left after the tasks before; without one, this is the first",
    "demonstrations": "a data set of an expert's episodes, with actions",
    "recorded episodes": "a data set of anyone's episodes, with actions",
    "second look": "set-a, set-b or episode, in a task of dm_control: its states are drawn in two colours",
}
