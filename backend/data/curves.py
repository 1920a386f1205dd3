"""Return curves of runs from their folders: grouped by configuration, mean and band over seeds, with the paper's."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backend.data.checkpoint import QUALITY
from backend.data.published import NOTE, STEPS, published_for

SAME = ("environment", "method", "distraction", "distraction_later", "evaluate_distraction", "action_repeat")
EARLIER = ("collect", "pretrain")  # sections of a pipeline before the one that acts
RETURNS = "returns"  # the kind in the metadata of a figure of curves; its view is {"runs": ids}
Floats = NDArray[np.float64]


class NoCurve(ValueError):
    """A folder contains no evaluated run; the message says what it contains instead."""


class RandomReturn(NamedTuple):
    """What random actions earned in the episodes of an evaluation."""

    mean: float
    std: float | None  # over the episodes; None if only the mean is known


@dataclass(frozen=True)
class Curve:
    """Evaluations of one run: mean returns (N,) at numbers of environment (control) steps (N,)."""

    run: str
    seed: int
    settings: dict[str, Any]  # those of fine-tuning; of a pipeline also the others, as collect.episodes
    environment_steps: Floats
    returns: Floats
    random: RandomReturn | None = None  # if it was measured

    def kind(self, names: Sequence[str]) -> tuple[Any, ...]:
        """Runs of one kind differ by their seeds: they make one band."""
        return (self.taught, *(_hashable(self.settings.get(name)) for name in names))

    @property
    def taught(self) -> str:
        """What it learned from besides reward and a video model; no published figure did so."""
        helps = {"an expert's advice": "advice", "demonstrations": "demonstrations"}
        return " and ".join(said for said, name in helps.items() if self.settings.get(name))


def read_curve(folder: Path) -> Curve:
    """The curve of the run in a folder. Raises NoCurve."""
    try:
        described = json.loads((folder / "settings.json").read_bytes())
        stage, settings = described["stage"], described["settings"]
        metrics = folder / "metrics.jsonl"
        lines = [json.loads(line) for line in metrics.read_text().splitlines()] if metrics.exists() else []
        random = _random(folder, lines)
    except FileNotFoundError as error:
        raise NoCurve(f"{folder.name} holds no run ({Path(error.filename).name} is missing)") from None
    except (ValueError, KeyError, TypeError) as error:
        raise NoCurve(f"{folder.name} cannot be read: {error}") from None
    if stage not in ("finetune", "pipeline"):
        raise NoCurve(f"{folder.name} is a run of {stage}: only finetune and pipeline play episodes")
    points = {line["environment_steps"]: line["evaluation_return"] for line in lines if "evaluation_return" in line}
    if not points:
        raise NoCurve(f"{folder.name} has not evaluated yet")
    steps, returns = (np.array(column, np.float64) for column in zip(*sorted(points.items()), strict=True))
    if stage == "pipeline":
        before = {f"{part}.{name}": settings[part][name] for part in EARLIER for name in settings.get(part, {})}
        settings = {**before, **settings["finetune"]}
    return Curve(folder.name, int(described["seed"]), {"method": "diswm", **settings}, steps, returns, random)


def _random(folder: Path, lines: Sequence[Mapping[str, Any]]) -> RandomReturn | None:
    """Random actions in the first evaluation; of a shipped policy's run, those of its quality, a mean alone."""
    for line in lines:
        if "random_return" in line:
            return RandomReturn(line["random_return"], line.get("random_std"))
    if not (folder / QUALITY).exists():
        return None
    mean = (json.loads((folder / QUALITY).read_bytes()).get("policy_return") or {}).get("random")
    return None if mean is None else RandomReturn(mean, None)


def compare_curves(curves: Sequence[Curve], varied: Sequence[str] = ()) -> dict[str, Any]:
    """{"groups", "random", "published", "note"}: mean and band (one standard deviation over runs) of each kind of run.

    `random` has {"environment", "runs", "mean", "low", "high"} of random actions, for environments in which a run
    measured that; its band is one standard deviation over the episodes, None if only the mean is known.

    Runs that differ in a setting of `varied` (with dots into sections, as a sweep names them) are of other kinds.

    A group's steps are those at which every run of it had been evaluated; between evaluations lines are straight.
    """
    names = list(dict.fromkeys([*SAME, *(name.removeprefix("finetune.") for name in varied)]))
    kinds: dict[tuple[Any, ...], list[Curve]] = {}
    for curve in curves:
        kinds.setdefault(curve.kind(names), []).append(curve)
    environments = sorted({str(curve.settings["environment"]) for curve in curves})
    return {
        "groups": [_group(alike, _label(alike[0], list(kinds), names)) for alike in kinds.values()],
        "random": [
            _random_row(name, measured)
            for name in environments
            if (measured := [c.random for c in curves if c.random and c.settings["environment"] == name])
        ],
        "published": [
            {**row._asdict(), "environment_steps": list(STEPS), "returns": list(row.returns)}
            for environment in environments
            for row in published_for(environment)
        ],
        "note": NOTE,
    }


def _random_row(environment: str, measured: Sequence[RandomReturn]) -> dict[str, Any]:
    """The mean over runs; the spread is that within a run, as runs play the same episodes."""
    mean = float(np.mean([random.mean for random in measured]))
    spreads = [random.std for random in measured if random.std is not None]
    low, high = (mean + sign * float(np.mean(spreads)) if spreads else None for sign in (-1, 1))
    return {"environment": environment, "runs": len(measured), "mean": mean, "low": low, "high": high}


def _group(curves: Sequence[Curve], label: str) -> dict[str, Any]:
    first, last = (pick(curve.environment_steps[end] for curve in curves) for pick, end in ((max, 0), (min, -1)))
    every = np.unique(np.concatenate([curve.environment_steps for curve in curves]))
    steps = every[(every >= first) & (every <= last)]
    if not len(steps):  # they do not overlap: each run's last evaluation
        steps = np.array([last])
    returns = np.stack([np.interp(steps, curve.environment_steps, curve.returns) for curve in curves])
    mean, std = returns.mean(0), returns.std(0)
    return {
        "label": label,
        "method": curves[0].settings["method"],
        "environment": curves[0].settings["environment"],
        "runs": [curve.run for curve in curves],
        "seeds": [curve.seed for curve in curves],
        "environment_steps": steps.tolist(),
        "mean": mean.tolist(),
        "low": (mean - std).tolist(),
        "high": (mean + std).tolist(),
    }


def _hashable(value: Any) -> Any:
    return value if isinstance(value, str | int | float | None) else json.dumps(value, sort_keys=True)


def _label(curve: Curve, kinds: Sequence[tuple[Any, ...]], names: Sequence[str]) -> str:
    """The method, what it was taught with, and anything else that distinguishes the groups."""
    parts = [f"{curve.settings['method']}{f' with {curve.taught}' if curve.taught else ''}"]
    for index, name in enumerate(names, 1):
        if name != "method" and len({kind[index] for kind in kinds}) > 1:
            parts.append(f"{name.replace('_', ' ')} {curve.settings.get(name)}")
    return ", ".join(parts)
