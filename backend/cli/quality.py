"""`diswm quality`: does a model see its agent, and does its imagination beat trivial guesses?"""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from backend.cli.context import checked_settings, load, refusals
from backend.cli.options import AsJson, CheckpointName

MASKS = {"simulator": "masks of the simulator", "moving": "pixels that move", "none": "nothing moves"}
NAMES = {
    "model": "model",
    "repeat_last": "last frame again",
    "mean_image": "mean image",
    "observed_mean": "mean of observed",
}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(quality)


def quality(
    checkpoint: CheckpointName,
    dataset: Annotated[
        str | None, typer.Option(help="Measure on the last episodes of a data set instead: id, name or folder.")
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Measure again what is stored.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what a model sees: the agent's pixels that it draws right, and imagination against trivial guesses."""
    from backend.data.catalogue import find_dataset
    from backend.interpret.stored_quality import quality_of

    with refusals():
        loaded = load(checkpoint)
        found = find_dataset(checked_settings().home, dataset, allow_path=True) if dataset is not None else None
        answer = quality_of(loaded, found, refresh=refresh)
    typer.echo(json.dumps(answer) if as_json else _table(answer))


def _table(answer: Mapping[str, Any]) -> str:
    """The sentence, then a column for observed frames and one for each imagined step that was measured."""
    steps = [step for step, value in answer["psnr"]["model"].items() if value is not None]
    lines = [answer["sees"], "", _row("", ["observed", *(f"step {step}" for step in steps)])]
    lines.append("agent's pixels right, %")
    shares = {"model": answer["agent_right"], **answer["guesses_right"]}
    for name, label in NAMES.items():
        right = shares[name]
        values = [right.get("observed"), *(right["imagined"][step] for step in steps)]
        lines.append(_row(label, [_number(None if value is None else 100 * value) for value in values]))
    for place, heading in (("psnr", "PSNR, dB"), ("agent_psnr", "PSNR of the agent's pixels, dB")):
        lines.append(heading)
        for name, label in NAMES.items():
            values = [answer["reconstruction"][place].get(name), *(answer[place][name][step] for step in steps)]
            lines.append(_row(label, [_number(value) for value in values]))
    return "\n".join([*lines, "", *_returns(answer["policy_return"]), _measured(answer)])


def _returns(returns: Mapping[str, Any] | None) -> list[str]:
    if returns is None:
        return []
    spread = f"std {_number(returns['std'])}, {returns['episodes'] or '-'} episodes"
    likely = returns.get("most_likely")
    actions = "" if likely is None else f", actions drawn from it; most likely actions {_number(likely)}"
    random = f"; random actions {_number(returns['random'])}"
    return [f"Return of the policy {_number(returns['mean'])} ({spread}){actions}{random}."]


def _measured(answer: Mapping[str, Any]) -> str:
    counted = f"{answer['episodes']} episodes, {answer['frames']} frames ({answer['source']})"
    return f"{counted}; {MASKS[answer['mask']]}, {100 * answer['agent_share']:.1f} % of the pictures."


def _row(label: str, cells: Sequence[str]) -> str:
    return f"  {label:<18}" + "".join(f"{cell:>9}" for cell in cells)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
