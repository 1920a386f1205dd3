"""Forgetting: how well a life-long agent knew each of its tasks after each chapter, and what it has lost since.

Forgetting of a task is what it was right after its own chapter less what it is now, over the same episodes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from backend.data.checkpoint import Checkpoint
from backend.interpret.encoded import Floats
from backend.interpret.request import ViewError
from backend.interpret.resample import interval_of_mean

FEW_EPISODES = 5  # fewer are too few for an interval


class Measure(NamedTuple):
    """What is measured of a task."""

    title: str
    unit: str
    sign: int  # 1: more is better
    worse: str  # what a loss and a gain are called
    better: str


MEASURES = {
    "return": Measure("Return", "return of an episode", 1, "lost", "gained"),
    "psnr": Measure("Pictures", "PSNR of decoded states, dB", 1, "dB lost", "dB gained"),
    "reward_error": Measure("Rewards", "error of the reward head", -1, "more error", "less error"),
}


def forgetting_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """The matrices of every measure, averages after each chapter, and forgetting. Raises ViewError.

    {"tasks": names, "measures": [{"name", "title", "unit", "higher_is_better", "rows": [{"after", "cells": a cell per
    task, "average": cell}], "forgotten": a cell per task but the last, "average_forgotten": cell}], "says"}; a cell is
    {"mean", "interval": 95% over episodes or null, "episodes"} or null. The first row of returns is that of random
    actions.
    """
    found = checkpoint.forgetting
    if found is None:
        raise ViewError(
            "checkpoint", f"{checkpoint.info.name} is not the end of a chapter of lifelong, so there is no such matrix"
        )
    names = task_names(found["tasks"])
    measures = [_measured(name, measure, found, names) for name, measure in MEASURES.items()]
    return {"tasks": names, "measures": measures, "says": says(names, measures)}


def task_names(tasks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Number and environment of each task, with its distraction where an environment comes twice."""
    environments = [task["environment"] for task in tasks]
    return [
        f"{place} {task['environment']}"
        + (f", {task['distraction']}" if environments.count(task["environment"]) > 1 else "")
        for place, task in enumerate(tasks, 1)
    ]


def says(names: Sequence[str], measures: Sequence[Mapping[str, Any]]) -> str:
    """What the returns are now, and what was lost of each measure."""
    if len(names) == 1:
        return "One task has been learned, so nothing can have been forgotten yet: the next run goes on from this one."
    returned, *others = measures
    sentences = [
        f"After {len(names)} tasks the agent returns {returned['rows'][-1]['average']['mean']:.3g} on average over "
        "them."
    ]
    for measure in (returned, *others):
        cell = measure["average_forgotten"]
        if cell is None:
            sentences.append(f"{measure['title']}: an earlier chapter was not measured, so forgetting is unknown.")
            continue
        about = MEASURES[measure["name"]]
        lost = f"{measure['title']}: {abs(cell['mean']):.3g} {about.worse if cell['mean'] > 0 else about.better}"
        since = (
            "since the first task was learned" if len(names) == 2 else "per task, since each earlier one was learned"
        )
        sentences.append(f"{lost} {since}{_certainty(cell)}.")
    return " ".join(sentences)


def _certainty(cell: Mapping[str, Any]) -> str:
    if cell["interval"] is None:
        return (
            f" ({cell['episodes']} {'episode is' if cell['episodes'] == 1 else 'episodes are'} too few for an interval)"
        )
    low, high = cell["interval"] if cell["mean"] > 0 else [-end for end in reversed(cell["interval"])]
    around = f" (95% {low:.3g} to {high:.3g})"
    return f"{around}: not told from nothing" if low <= 0 <= high else around


def _measured(name: str, measure: Measure, found: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """One matrix: a row after each chapter, a column for each task, values over episodes."""
    values = [None if row is None else [np.array(each, np.float64) for each in row[name]] for row in found["rows"]]
    rows = [_row(f"after {names[place]}", row, len(names)) for place, row in enumerate(values)]
    if name == "return":
        random = [None if each is None else np.array(each, np.float64) for each in found["random"]]
        rows.insert(0, {"after": "random actions", "cells": [_cell(each) for each in random], "average": None})
    lost = [_lost(values, place, measure.sign) for place in range(len(names) - 1)]
    known = [each for each in lost if each is not None]
    whole = len(known) == len(lost) and known
    return {
        "name": name,
        "title": measure.title,
        "unit": measure.unit,
        "higher_is_better": measure.sign > 0,
        "rows": rows,
        "forgotten": [_cell(each) for each in lost],
        "average_forgotten": _cell(_together(known)) if whole else None,
    }


def _row(after: str, values: Sequence[Floats] | None, tasks: int) -> dict[str, Any]:
    cells = [] if values is None else [_cell(each) for each in values]
    average = None if values is None else _cell(_together(values))
    return {"after": after, "cells": [*cells, *[None] * (tasks - len(cells))], "average": average}


def _lost(values: Sequence[Sequence[Floats] | None], task: int, sign: int) -> Floats | None:
    """What a task lost from the end of its chapter to the end of the last, per episode; None if either is unknown."""
    then, now = values[task], values[-1]
    if then is None or now is None:
        return None
    both = min(len(then[task]), len(now[task]))
    return np.asarray(sign * (then[task][:both] - now[task][:both]))


def _together(values: Sequence[Floats]) -> Floats:
    """The mean over tasks, one value per episode: (E,) each -> (E,)."""
    episodes = min(map(len, values))
    return np.asarray(np.mean([each[:episodes] for each in values], axis=0))


def _cell(values: Floats | None) -> dict[str, Any] | None:
    if values is None:
        return None
    around = [round(float(end), 4) for end in interval_of_mean(values)] if len(values) >= FEW_EPISODES else None
    return {"mean": round(float(values.mean()), 4), "interval": around, "episodes": len(values)}
