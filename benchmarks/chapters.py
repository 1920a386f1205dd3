"""Does rehearsal with invented episodes keep an agent from forgetting its first task?

python -m benchmarks.chapters --out .diswm/chapters               (about eight minutes of one CPU core)
python -m benchmarks.chapters --out /tmp/few --steps 460          (to see that all of it works)

One agent of `lifelong` learns the square world; two go on from it in the world of the pusher, one with rehearsal and
one without. What each still knows of the square world, as the view of forgetting measures it, goes to
benchmarks/results/chapters.md.
"""

import argparse
import datetime
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backend.data.catalogue import newest_checkpoint
from backend.data.checkpoint import load_checkpoint, read_info
from backend.interpret.forgetting import forgetting_of
from benchmarks.stages import RESULTS, stage
from benchmarks.table import processor

FIRST, SECOND = "square-world", "pusher"
ARMS = {"rehearsed": 1.0, "not rehearsed": 0.0}  # invented sequences for each real one
PREFILL = 400
SETTINGS = {
    **{"method": "lifelong", "distraction": "none", "most_tasks": 2, "first_channels": 8, "initialisation": "scaled"},
    **{"prefill": PREFILL, "first_updates": 100, "train_every": 1, "beta": 0.02, "free_nats": 0.1, "reward_scale": 10},
    **{"actor_rate": 1e-3, "critic_rate": 1e-3, "normalise_returns": True, "gamma": 0.9, "horizon": 6},
    **{"slow_critic_every": 50, "evaluate_every": 100_000, "evaluate_episodes": 10, "checkpoint_every": 100_000},
    **{"held_out": 4, "replay_capacity": 10_000},
}


def main() -> None:
    """Runs the chapters that are missing, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(".diswm/chapters"))
    parser.add_argument("--steps", type=int, default=900, help="agent steps of a chapter; an update each after 400")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    first = _chapter(chosen.out / "first", {"environment": FIRST}, chosen.steps, chosen.seed)
    found = {}
    for arm, rehearsed in ARMS.items():
        more = {"environment": SECOND, "teacher": str(first), "rehearsed": rehearsed}
        second = _chapter(chosen.out / arm.replace(" ", "-"), more, chosen.steps, chosen.seed)
        found[arm] = forgetting_of(load_checkpoint(read_info(second, second.name, "run")))
    text = _table(found, chosen.steps, chosen.seed)
    print(text)
    (RESULTS if chosen.steps >= 900 else chosen.out).joinpath("chapters.md").write_text(text)


def _chapter(out: Path, more: Mapping[str, Any], steps: int, seed: int) -> Path:
    """A task learned; its last checkpoint."""
    folder = stage("finetune", out.absolute(), seed, {**SETTINGS, **more, "agent_steps": steps}, preset="tiny")
    last = newest_checkpoint(folder)
    assert last is not None, "the stage has ended"
    return last


def _table(found: Mapping[str, Mapping[str, Any]], steps: int, seed: int) -> str:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    today = datetime.datetime.now(datetime.UTC).date()
    lines = [
        "# Forgetting with rehearsal and without",
        "",
        f"`python -m benchmarks.chapters --steps {steps} --seed {seed}`, {today}, {processor()}, one thread, "
        f"{(used.ru_utime + used.ru_stime) / 60:.0f} minutes of it. {FIRST}, then {SECOND}, {steps - PREFILL + 100} "
        "updates each in the sizes of the tiny preset: far fewer than a task takes. One seed; brackets are 95% over "
        f"{SETTINGS['evaluate_episodes']} episodes that are played, or 12 that are drawn. Lost: right after its own "
        "chapter less now; of an error, now less then.",
        "",
        f"| measure | arm | {FIRST}, after its chapter | after {SECOND} | lost | {SECOND} |",
        "|---|---|---|---|---|---|",
    ]
    for place, measure in enumerate(next(iter(found.values()))["measures"]):
        for arm, table in found.items():
            told = table["measures"][place]
            before, after = told["rows"][-2:]
            cells = (before["cells"][0], after["cells"][0], told["forgotten"][0], after["cells"][1])
            lines.append(f"| {measure['unit']} | {arm} | {' | '.join(map(_cell, cells))} |")
    random = next(iter(found.values()))["measures"][0]["rows"][0]["cells"]
    lines += ["", f"Returns of random actions: {FIRST} {_cell(random[0])}, {SECOND} {_cell(random[1])}."]
    return "\n".join(lines) + "\n"


def _cell(cell: Mapping[str, Any]) -> str:
    if cell["interval"] is None:
        return f"{cell['mean']:.3g}"
    low, high = cell["interval"]
    return f"{cell['mean']:.3g} ({low:.3g} to {high:.3g})"


if __name__ == "__main__":
    main()
