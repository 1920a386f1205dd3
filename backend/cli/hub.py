"""`diswm push` and `pull`: checkpoints on the Hugging Face hub, or another that speaks its protocol."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from backend.cli.context import EXIT_BAD_INPUT, checked_settings, complain, refusals
from backend.cli.options import AsJson, CheckpointName

Repo = Annotated[str, typer.Argument(metavar="REPO", help="Repository of models, such as user/name.")]


def register(app: typer.Typer) -> None:
    """Adds both commands."""
    app.command()(push)
    app.command()(pull)


def push(
    checkpoint: CheckpointName,
    repo: Repo,
    private: Annotated[bool, typer.Option(help="A repository that is made now is for you alone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a checkpoint on the Hugging Face hub: its folder, with its card, is the repository."""
    from backend.data.catalogue import find_checkpoint
    from backend.data.hub import push_checkpoint

    with refusals(), _hub_refusals():
        info = find_checkpoint(checked_settings().home, checkpoint, allow_path=True)
        pushed = push_checkpoint(info, repo, private=private)
    told = f"Put {info.name} to {pushed.url} as {pushed.revision}."
    typer.echo(json.dumps(pushed._asdict()) if as_json else told)


def pull(
    repo: Repo,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit; the main branch if not given.")] = None,
    name: Annotated[str | None, typer.Option(help="Another name for the checkpoint here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Bring in a checkpoint from the Hugging Face hub; it is checked like an upload."""
    from backend.data.hub import pull_checkpoint

    with refusals(), _hub_refusals():
        info, known = pull_checkpoint(repo, checked_settings().home, revision=revision, name=name)
    answer = {"id": info.id, "name": info.name, "origin": info.config["origin"], "known": known}
    told = f"{info.name} from {answer['origin']} {'was here already' if known else 'is here now'}: {info.id}."
    typer.echo(json.dumps(answer) if as_json else told)


@contextmanager
def _hub_refusals() -> Iterator[None]:
    from backend.data.files import CorruptFile
    from backend.data.hub import HubError

    try:
        yield
    except (HubError, CorruptFile) as error:
        complain(f"{error}.")
        raise typer.Exit(EXIT_BAD_INPUT) from None
