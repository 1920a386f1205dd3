"""`diswm bench NAME`: how long one piece of work takes on this machine."""

import json
import platform
import resource
from enum import StrEnum
from typing import Annotated

import typer


class Name(StrEnum):
    """The workloads that can be measured."""

    update = "update"
    pretrain = "pretrain"
    imagine = "imagine"
    act = "act"
    traversal = "traversal"
    atlas = "atlas"
    rollout = "rollout"
    gif = "gif"
    collect = "collect"
    reference_update = "reference-update"
    reference_pretrain = "reference-pretrain"
    reference_traversal = "reference-traversal"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("bench")(bench)


def bench(
    name: Annotated[Name, typer.Argument(help="What to measure.")],
    batch: Annotated[int, typer.Option(min=1)] = 16,
    length: Annotated[int, typer.Option(min=2)] = 16,
    rows: Annotated[int, typer.Option(min=1, max=20)] = 20,
    columns: Annotated[int, typer.Option(min=1, help="Odd.")] = 7,
    episodes: Annotated[int, typer.Option(min=1)] = 4,
    steps: Annotated[int, typer.Option(min=2, max=500, help="Of a collected episode, or imagined.")] = 50,
    workers: Annotated[int, typer.Option(min=1, help="Processes that collect.")] = 1,
    repeats: Annotated[int, typer.Option(min=1, help="Timed runs after the warm-up.")] = 5,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads of torch.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure one piece of work: the median of several runs after a warm-up."""
    import torch

    from backend.bench.workloads import Sizes, measure
    from backend.pipeline.checks import choose_device

    if columns % 2 == 0:
        raise typer.BadParameter("columns must be odd: the centre column is the frame itself")
    if threads is not None:
        torch.set_num_threads(threads)
    sizes = Sizes(batch, length, rows, columns, episodes, steps, workers)
    chosen = choose_device(device)
    outcome = measure(name.value, sizes, chosen, repeats)
    report = {
        "name": name.value,
        "value": outcome.value,
        "unit": outcome.unit,
        "sizes": vars(sizes),
        "device": torch.cuda.get_device_name() if chosen.startswith("cuda") else f"cpu ({platform.machine()})",
        "threads": torch.get_num_threads(),
        "repeats": outcome.repeats,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "torch": torch.__version__,
        **outcome.detail,
    }
    typer.echo(json.dumps(report) if as_json else f"{name.value}: {outcome.value:.4g} {outcome.unit} (median)")
