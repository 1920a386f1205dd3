"""`diswm quality`: does a model see its agent, and does its imagination beat trivial guesses?"""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from backend.cli.views import AsJson, CheckpointName


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(quality)


def quality(
    checkpoint: CheckpointName,
    dataset: Annotated[
        str | None, typer.Option(help="Measure on the last episodes of a data set instead: id, name or folder.")
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Measure again what is kept.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what a model sees: the agent's pixels that it draws right, and imagination against trivial guesses."""
    from backend.cli.checkpoints import load, refusals
    from backend.cli.serve import checked_settings
    from backend.data.catalogue import find_dataset
    from backend.interpret.kept_quality import quality_of

    with refusals():
        loaded = load(checkpoint)
        found = find_dataset(checked_settings().home, dataset, allow_path=True) if dataset is not None else None
        answer = quality_of(loaded, found, refresh=refresh)
    typer.echo(json.dumps(answer) if as_json else table(answer))


def table(quality: Mapping[str, Any]) -> str:
    """The quality line for a terminal: the sentence, then a column a step."""
    steps = [step for step in quality["psnr"]["model"] if quality["psnr"]["model"][step] is not None]
    right = quality["agent_right"]
    lines = [quality["sees"], "", f"{'':<36} {'observed':>8}" + "".join(f"{f'step {step}':>9}" for step in steps)]
    rows = {"agent's pixels right, %": [right["observed"], *(right["imagined"][step] for step in steps)]}
    lines += [_row(name, [_scaled(value, 100) for value in values]) for name, values in rows.items()]
    for place, words in (("psnr", "PSNR"), ("agent_psnr", "PSNR of the agent's pixels")):
        for name, curve in quality[place].items():
            seen = quality["reconstruction"][place].get(name)
            lines.append(_row(f"{words}, {name.replace('_', ' ')}", [seen, *(curve[step] for step in steps)]))
    returns = quality["policy_return"]
    if returns is not None:
        lines += [
            "",
            f"return {_number(returns['mean'])} (std {_number(returns['std'])}, {returns['episodes']} episodes)",
        ]
        lines[-1] += f"; random actions {_number(returns['random'])}"
    where = {"simulator": "masks of the simulator", "moving": "pixels that move", "none": "no agent to be seen"}
    counted = f"{quality['episodes']} episodes, {quality['frames']} frames ({quality['source']})"
    return "\n".join(
        [*lines, "", f"{counted}; {where[quality['mask']]}, {100 * quality['agent_share']:.1f} % of a picture"]
    )


def _row(name: str, values: list[float | None]) -> str:
    first, *others = values
    return f"{name:<36} {_number(first):>8}" + "".join(f"{_number(value):>9}" for value in others)


def _scaled(value: float | None, by: float) -> float | None:
    return None if value is None else by * value


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
