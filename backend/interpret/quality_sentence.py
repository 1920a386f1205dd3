"""What a model sees, in one sentence for people."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from backend.interpret.agents import MOVING, Agent

UNSEEN, DIM = 0.2, 0.6  # shares of the agent's pixels that are right: below the first it is not seen
BETTER = 0.05  # than the mean image's share; else what is right is so by chance
FROM_STEP = 5
GUESSES = {
    "repeat_last": "repeating the last frame",
    "mean_image": "the mean image",
    "observed_mean": "the mean of the observed frames",
}


class Findings(NamedTuple):
    """What the sentence is made of; shares as in `measure_quality`."""

    agent: Agent
    right: Mapping[str, Any]
    guesses: Mapping[str, Any]
    beats: Mapping[str, int | None]
    steps: int  # that were imagined


def sentence(findings: Findings) -> str:
    """One sentence: is the agent drawn, and is imagination worth more than a guess?"""
    return f"{_seen(findings)}; {_imagined(findings)}." if findings.beats else f"{_seen(findings)}."


def _seen(findings: Findings) -> str:
    right, part = findings.right["observed"], findings.agent.part
    if right is None:
        return "Nothing moves in these episodes, so there is no agent to look for"
    pixels = "moving pixels" if findings.agent.kind == MOVING else "agent's pixels"
    chance = findings.guesses.get("mean_image", {}).get("observed") or 0.0
    if right < UNSEEN or right < chance + BETTER:
        by_chance = f", the mean image {_percent(chance)}" if right >= UNSEEN else ""
        return f"This model does not see {part}: it draws {_percent(right)} of the {pixels} right{by_chance}"
    if right < DIM:
        return f"This model sees {part} dimly: it draws {_percent(right)} of the {pixels} right"
    return f"Draws {_percent(right)} of the {pixels} right ({part})"


def _imagined(findings: Findings) -> str:
    beats, steps = findings.beats, findings.steps
    latest, everything = max(FROM_STEP, steps // 2), beats["all"]
    if everything is not None and everything <= latest:
        return f"imagination beats every trivial guess from step {everything} to step {steps}"
    lost = [text for name, text in GUESSES.items() if name in beats and (beats[name] or steps) > latest]
    return f"imagination of {steps} steps is no better than {' and '.join(lost)}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share < 0.1 else f"{100 * share:.0f} %"
