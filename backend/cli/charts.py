"""`diswm leakage`, `sensitivity`, `carried` and `match`: tables of numbers, on the terminal or as figures and files."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend.cli.context import Sink, checked_settings, load, of_the_same_run, refusals, wrote
from backend.cli.options import AsJson, CheckpointName, Out, Title, Width

if TYPE_CHECKING:
    from backend.data.checkpoint import Checkpoint
    from backend.interpret.charts import Chart

Format = Annotated[str | None, typer.Option(help="png, svg, pdf, csv or npz: write a file instead of printing.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (leakage, sensitivity, carried, match):
        app.command()(command)


def leakage(
    checkpoint: CheckpointName,
    format: Format = None,
    out: Out = None,
    width: Width = 5.5,
    title: Title = True,
    as_json: AsJson = False,
) -> None:
    """Say how far other dimensions move when the picture of an edit of one is encoded again."""

    with refusals():
        table, chart = made("leakage", load(checkpoint), {})
        if wrote(chart, Sink(out, format, as_json), width, title):
            return
    lines = [f"diagonal share {table['diagonal_share']:.2f}; sigmas that each dimension moves for an edit of the row's"]
    active = table["active"]
    lines.append(" " * 7 + "".join(f"{dim:>6}" for dim in active))
    for dim in active:
        lines.append(f"dim {dim:<3}" + "".join(f"{table['matrix'][dim][other]:>6.2f}" for other in active))
    typer.echo(json.dumps(table) if as_json else "\n".join(lines))


def sensitivity(
    checkpoint: CheckpointName,
    dataset: Annotated[
        str | None, typer.Option(help="Data set to ask instead of the checkpoint's own frames: id, name or folder.")
    ] = None,
    format: Format = None,
    out: Out = None,
    width: Width = 5.5,
    title: Title = True,
    as_json: AsJson = False,
) -> None:
    """Say how far reward, value and actions move for one sigma of each dimension: does the policy heed a distractor?"""

    with refusals():
        table, chart = made("sensitivity", load(checkpoint), {"dataset": dataset})
        if wrote(chart, Sink(out, format, as_json), width, title):
            return
    if as_json:
        typer.echo(json.dumps(table))
        return
    typer.echo(f"{'dimension':<28}" + "".join(f"{outcome:>26}" for outcome in table["outcomes"]))
    for row in table["dimensions"]:
        cells = (row["outcomes"][outcome] for outcome in table["outcomes"])
        told = (f"{cell['share']:.2f} of SD, {cell['mean']:+.3g}" for cell in cells)
        typer.echo(f"{row['dim']:>3} {row['name']:<24}" + "".join(f"{text:>26}" for text in told))
    typer.echo(f"{table['frames']:,} frames of {table['episodes']} episodes")


def carried(
    checkpoint: CheckpointName,
    reference: Annotated[
        str | None, typer.Option(help="Whose dimensions are followed; the run's video model if not given.")
    ] = None,
    format: Format = None,
    out: Out = None,
    width: Width = 5.5,
    title: Title = True,
    as_json: AsJson = False,
) -> None:
    """Say what training carried over: matched correlation of each dimension, names kept, lost and gained."""

    with refusals():
        table, chart = made("carried", load(checkpoint), {"reference": reference})
        if wrote(chart, Sink(out, format, as_json), width, title):
            return
    if as_json:
        typer.echo(json.dumps(table))
        return
    typer.echo(f"dimensions of {table['reference']['name']}, matched over {table['frames']} frames")
    for entry in table["checkpoints"]:
        mean = f"{entry['mean_correlation']:.2f}, by chance {entry['mean_null']:.2f}"
        typer.echo(f"{entry['steps']:>9,}  correlation {mean}  {_fate(entry)}")


def match(
    first: CheckpointName,
    second: Annotated[str, typer.Argument(metavar="OTHER", help="Checkpoint: id, name or folder.")],
    format: Format = None,
    out: Out = None,
    width: Width = 5.5,
    title: Title = True,
    as_json: AsJson = False,
) -> None:
    """Say which dimension of one checkpoint is which of another, of another seed, beta or method."""

    with refusals():
        table, chart = made("compare", load(first), {"other": second})
        if wrote(chart, Sink(out, format, as_json), width, title):
            return
    if as_json:
        typer.echo(json.dumps(table))
        return
    for row in table["matches"]:
        if row["first_active"] or row["second_active"]:
            names = [f"dim {row[side]} {row[f'{side}_name'] or ''}".strip() for side in ("first", "second")]
            turned = "" if row["sign"] > 0 else "  reversed"
            low, high = row["interval"]
            around = f"({low:.2f} to {high:.2f}), by chance {row['null']:.2f}"
            typer.echo(f"{names[0]:<28} {names[1]:<28} {row['correlation']:.2f} {around}{turned}")
    low, high = table["mean_interval"]
    mean = f"{table['mean_correlation']:.2f} ({low:.2f} to {high:.2f}), by chance {table['mean_null']:.2f}"
    typer.echo(f"mean correlation {mean}; {_fate(table)}")


def made(kind: str, loaded: "Checkpoint", asked: Mapping[str, Any]) -> "tuple[dict[str, Any], Chart]":
    """A table of one of the kinds of `backend.interpret.charts`, and its chart. Raises ViewError, NotFound."""
    from backend.data.catalogue import find_dataset
    from backend.interpret import cards, carried, charts, checks, factors, leakage, matching, sensitivity

    of_itself: dict[str, tuple[Callable[[Checkpoint], dict[str, Any]], Callable[..., Chart]]] = {
        "factors": (cards.factors_of, charts.factors_chart),
        "intervals": (lambda one: factors.intervals_of(cards.factors_of(one)), charts.intervals_chart),
        "interventions": (checks.checked, charts.interventions_chart),
        "leakage": (leakage.leakage_of, charts.leakage_chart),
    }
    if kind in of_itself:
        find, draw = of_itself[kind]
        table = find(loaded)
        return table, draw(loaded, table)
    if kind == "sensitivity":
        name = asked.get("dataset")
        table = sensitivity.sensitivity_of(
            loaded, find_dataset(checked_settings().home, name, allow_path=True) if name else None
        )
        return table, charts.sensitivity_chart(loaded, table)
    if kind == "compare":
        other = load(str(asked.get("other", "")))
        table = matching.compare_checkpoints(loaded, other)
        return table, charts.matches_chart(loaded, other, table)
    table = carried.carried_over(*_followed(loaded, asked.get("reference")))
    return table, charts.carried_chart(loaded, table)


def _followed(loaded: "Checkpoint", reference: str | None) -> "tuple[Checkpoint, list[Checkpoint]]":
    """Whose dimensions are followed, and through which checkpoints."""

    others = of_the_same_run(loaded)
    stage = [*(other for other in others if other.info.stage == loaded.info.stage), loaded]
    pretrained = [other for other in others if other.info.stage == "pretrain"]
    first = load(reference) if reference else (pretrained or stage)[-1 if pretrained else 0]
    return first, sorted(stage, key=lambda each: each.info.steps)


def _fate(entry: dict[str, Any]) -> str:
    if entry["kept"] is None:
        return "no name can be kept or lost: the environments differ"
    return "; ".join(f"{word} {', '.join(entry[word]) or 'none'}" for word in ("kept", "lost", "gained"))
