"""What a model sees, in one sentence for people."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from backend.interpret.agents import MOVING

UNSEEN, DIM = 0.2, 0.6  # shares of correct pixels of the agent: below the first it is not seen
BETTER = 0.05  # more than the mean image's share; otherwise correct pixels may be due to chance
FROM_STEP = 5
GUESSES = {
    "repeat_last": "repeating the last frame",
    "mean_image": "the mean image",
    "observed_mean": "the mean of the observed frames",
}


class Findings(NamedTuple):
    """What the sentence is made of."""

    kind: str  # of masks
    name: str  # the cart and pole
    figures: Mapping[str, Any]  # of `measure_quality`
    beats: Mapping[str, int | None]  # of the guesses that there are
    steps: int  # that were imagined


def sentence(findings: Findings) -> str:
    """One sentence: is the agent drawn, and is imagination worth more than a guess?"""
    return f"{_seen(findings)}; {_imagined(findings)}." if findings.beats else f"{_seen(findings)}."


def _seen(findings: Findings) -> str:
    right, chance = _shares(findings.figures)
    if right is None:
        return "Nothing moves in these episodes, so there is no agent to look for"
    lacking = _lacking(findings.figures["parts"])
    if lacking:
        return lacking
    pixels = "moving pixels" if findings.kind == MOVING else "agent's pixels"
    if not _is_seen(right, chance):
        by_chance = f", the mean image {_percent(chance)}" if right >= UNSEEN else ""
        return f"This model does not see {findings.name}: it draws {_percent(right)} of the {pixels} right{by_chance}"
    if right < DIM:
        return f"This model sees {findings.name} dimly: it draws {_percent(right)} of the {pixels} right"
    return f"Draws {_percent(right)} of the {pixels} right ({findings.name})"


def _lacking(parts: Mapping[str, Mapping[str, Any]]) -> str:
    """The text for an agent of which some parts are seen and others are not; otherwise empty.

    A part that both the model and the mean image draw correctly says nothing: it does not move in the picture.
    """
    shares = {name: part["observed"] for name, part in parts.items() if part["observed"] is not None}
    chance = {name: parts[name]["mean_image"] or 0.0 for name in shares}
    moving = [name for name, share in shares.items() if min(share, chance[name]) < DIM]
    unseen = [name for name in moving if not _is_seen(shares[name], chance[name])]
    if not unseen or len(unseen) == len(shares):
        return ""
    seen = [f"{_percent(share)} of those of the {name}" for name, share in shares.items() if name not in unseen]
    few = " and ".join(_percent(shares[name]) for name in unseen)
    return f"This model does not see the {' and '.join(unseen)}: it draws {few} of its pixels right, {', '.join(seen)}"


def _imagined(findings: Findings) -> str:
    beats, steps = findings.beats, findings.steps
    latest, everything = min(max(FROM_STEP, steps // 2), steps), beats["all"]
    if everything is not None and everything <= latest:
        return f"imagination beats every trivial guess from step {everything} to step {steps}"
    lost = [text for name, text in GUESSES.items() if name in beats and (beats[name] or steps + 1) > latest]
    named = " or ".join(lost) if len(lost) < len(GUESSES) else "any of three trivial guesses"
    return f"imagination of {steps} steps is no better than {named}"


def _shares(figures: Mapping[str, Any]) -> tuple[float | None, float]:
    """Observed shares of the agent's pixels that are right: the model's and the mean image's."""
    chance = figures["guesses_right"].get("mean_image", {}).get("observed")
    return figures["agent_right"]["observed"], chance or 0.0


def _is_seen(right: float, chance: float) -> bool:
    return right >= UNSEEN and right >= chance + BETTER


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share < 0.1 else f"{100 * share:.0f} %"
