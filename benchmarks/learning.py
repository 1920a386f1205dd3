"""Does distillation help? DisWM, its two ablations and DreamerV2 learn cartpole swingup, taught by a video model of
finger spin: 100,000 control steps each, under colours drawn anew each episode and under the flickering ones of set A.

python -m benchmarks.learning --out .diswm/learning            # about 20 minutes of one core a run, DreamerV2 45
python -m benchmarks.learning --out .diswm/learning --report   # what is there so far, without running on

Every arm and seed is a run of its own in a folder of its own; started again, each goes on where it stopped. Curves,
table and figure go to benchmarks/results/learning.{json,md,png,svg}; runs that learning.json has from elsewhere stay in
it, and are not run again once they have finished. No expert teaches or shows anything here.
"""

import argparse
import os
from collections.abc import Sequence
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import torch
from scipy.stats import permutation_test

from backend.data.curves import Curve, RandomReturn, compare_curves
from backend.data.files import write_json
from backend.envs.make import make_environment
from backend.export.curves import render_curves
from backend.pipeline.evaluate import episode_seed
from benchmarks.policy import random_returns
from benchmarks.stages import RESULTS, Run, counted, earlier, evaluations, heading, joined, last_day, seen, spread
from benchmarks.table import processor

ARMS = ("diswm", "diswm-no-distillation", "diswm-no-disentanglement", "dreamerv2")
COLOURS = ("episode", "set-a")
TEACHER = "finger-episode-sight"
ENVIRONMENT, REPEAT, LOOK = "cartpole-swingup", 2, "near"
AGENT_STEPS, EVALUATED = 50_000, 4
ONLINE = {
    "environment": ENVIRONMENT,
    "action_repeat": REPEAT,
    "look": LOOK,
    "teacher": TEACHER,
    "latents": 20,
    "first_channels": 8,
    "stoch": 32,
    "deter": 128,
    "hidden": 128,
    "units": 128,
    "batch": 4,
    "length": 12,
    "horizon": 10,
    "overshooting": 0,
    "seeing": 2_000,
    "settling": 500,
    "first_updates": 2_500,
    "behaviour_after": 2_000,
    "train_every": 5,
    "imagine_every": 3,
    "explore_episodes": 100,
    "demonstrations": 0,
    "advice": 0,
    "agent_steps": AGENT_STEPS,
    "evaluate_every": 2_500,
    "evaluate_episodes": EVALUATED,
    "held_out": 30,
}
RANDOM_EPISODES = 20


def main() -> None:
    """Runs what is missing, then reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(".diswm/learning"))
    parser.add_argument("--colours", nargs="+", default=COLOURS, choices=COLOURS)
    parser.add_argument("--arms", nargs="+", default=ARMS, choices=ARMS)
    parser.add_argument("--seeds", nargs="+", type=int, default=(0, 1, 2))
    parser.add_argument("--report", action="store_true", help="only report what is there")
    parser.add_argument("--smoke", action="store_true", help="a few updates, to see that all of it works")
    chosen = parser.parse_args()
    folder = chosen.out if chosen.smoke else RESULTS
    if not chosen.report:
        there = {run["run"] for run in earlier(folder / "learning.json") if run["finished"]}
        for colours, seed, arm in product(chosen.colours, chosen.seeds, chosen.arms):
            name = f"{colours}-{arm}-seed{seed}"
            if name not in there:
                settings = {**ONLINE, "distraction": colours, "method": arm}
                counted("finetune", chosen.out / name, seed, settings, chosen.smoke, preset="small")
    report(chosen.out, folder)


def report(out: Path, folder: Path) -> None:
    """Writes curves, table and figure of those runs that have been evaluated, whatever the result."""
    file = folder / "learning.json"
    learned = [
        _learned(run, colours, arm, int(run.name.rpartition("seed")[2]))
        for colours, arm in product(COLOURS, ARMS)
        for run in out.glob(f"{colours}-{arm}-seed*")
    ]
    runs = joined(earlier(file), [run for run in learned if run], ("colours", "method", "seed"))
    if not runs:
        return
    runs.sort(key=lambda run: (COLOURS.index(run["colours"]), ARMS.index(run["method"]), run["seed"]))
    random = {colours: random_return(colours) for colours in COLOURS if any(run["colours"] == colours for run in runs)}
    folder.mkdir(parents=True, exist_ok=True)
    described = {colours: returns._asdict() for colours, returns in random.items()}
    write_json(file, {"settings": {"online": ONLINE}, "random": described, "runs": runs})
    text = _table(runs, random)
    (folder / "learning.md").write_text(text)
    comparison = compare_curves([_curve(run, random[run["colours"]]) for run in runs])
    comparison["published"] = []  # theirs begin at 200,000 steps
    for format in ("png", "svg"):
        (folder / f"learning.{format}").write_bytes(render_curves(comparison, format))
    print(text)


def random_return(colours: str) -> RandomReturn:
    """Mean and spread over episodes of the returns of uniformly random actions."""
    seeds = [episode_seed(1_000, "benchmark", index) for index in range(RANDOM_EPISODES)]
    factory = partial(make_environment, ENVIRONMENT, distraction=colours, action_repeat=REPEAT, look=LOOK)
    returns = random_returns(ENVIRONMENT, factory, seeds)
    return RandomReturn(float(np.mean(returns)), float(np.std(returns)))


def _learned(run: Path, colours: str, arm: str, seed: int) -> Run:
    """Returns at each evaluation of a run, and what its world model sees; {} before any update."""
    curve = [
        {name: line[name] for name in ("environment_steps", "updates", "evaluation_return")}
        for line in evaluations(run)
    ]
    if not any(at["updates"] for at in curve):
        return {}
    made = {
        "date": last_day(run),
        "processor": processor(),
        "cores": os.cpu_count(),
        "torch": torch.__version__,
    }
    sight = seen(run) or {"run": run.name, "finished": False, "parts": {}, "cpu_seconds": None}
    return {"colours": colours, "method": arm, "seed": seed, "evaluations": curve, **made, **sight}


def _curve(run: Run, random: RandomReturn | None = None) -> Curve:
    steps = np.array([at["environment_steps"] for at in run["evaluations"]], float)
    returns = np.array([at["evaluation_return"] for at in run["evaluations"]], float)
    settings = {**ONLINE, "distraction": run["colours"], "method": run["method"]}
    return Curve(run["run"], run["seed"], settings, steps, returns, random)


def _area(run: Run) -> float:
    """Mean height of the curve of returns, by trapezoids over control steps."""
    curve = _curve(run)
    steps = curve.environment_steps
    if len(steps) == 1:
        return float(curve.returns[0])
    return float(np.trapezoid(curve.returns, steps) / (steps[-1] - steps[0]))


def _table(runs: Sequence[Run], random: dict[str, RandomReturn]) -> str:
    machines = ", ".join(sorted({f"{run['processor']}, {run['cores']} cores, torch {run['torch']}" for run in runs}))
    guesses = ", ".join(f"{mean:.0f} (std {std:.0f}) under {colours}" for colours, (mean, std) in random.items())
    missing = [
        f"{colours}-{arm}"
        for colours, arm in product(COLOURS, ARMS)
        if not any((run["colours"], run["method"]) == (colours, arm) for run in runs)
    ]
    return "\n".join(
        [
            heading("Learning", (run["date"] for run in runs)),
            "",
            f"`python -m benchmarks.learning` on {machines}. {ENVIRONMENT} with the shipped video model {TEACHER} as "
            f"teacher, no expert's help, {REPEAT * AGENT_STEPS:,} control steps; {EVALUATED} episodes per evaluation. "
            f"Random actions return {guesses} ({RANDOM_EPISODES} episodes). Area: mean height of the curve of returns "
            "over control steps. Pole: its pixels within 40 grey levels at the last checkpoint, observed and after 15 "
            f"imagined steps; of the mean image of other episodes in observed frames {_guessed(runs)}. Under set-a "
            "all colours walk at random around one centre, so that imagination cannot know them.",
            "",
            "Per method, runs that have finished: mean over seeds [least, most]. p: exact two-sided permutation test "
            "of the areas; with three seeds of each it is at least 0.1. Parameters: of the world model. DisWM's image "
            "networks are narrowed by `first_channels`; those of DreamerV2 are its paper's, wider, with no small "
            "latent between them.",
            "",
            "| method | seeds | area | last | pole, observed | pole, imagined | parameters | p against DisWM |",
            "|" + "---|" * 8,
            *(_summary(colours, arm, runs) for colours, arm in product(random, ARMS)),
            "",
            "| run | control steps | updates | area | last | best | pole, observed | pole, imagined | core minutes |",
            "|" + "---|" * 9,
            *map(_line, runs),
            "",
            f"{_verdict(runs)} Not run yet: {', '.join(missing) or 'nothing'}.",
            "",
            "![Curves of returns](learning.png)",
            "",
        ]
    )


def _line(run: Run) -> str:
    last, best = run["evaluations"][-1], max(at["evaluation_return"] for at in run["evaluations"])
    cells = [
        run["run"] + ("" if run["finished"] else " (unfinished)"),
        f"{last['environment_steps']:,}",
        f"{last['updates']:,}",
        f"{_area(run):.0f}",
        f"{last['evaluation_return']:.0f}",
        f"{best:.0f}",
        *("-" if value is None else f"{value:.1%}" for value in _right(run)),
        "-" if run["cpu_seconds"] is None else f"{run['cpu_seconds'] / 60:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def _summary(colours: str, arm: str, runs: Sequence[Run]) -> str:
    own, others = _finished(colours, arm, runs), _finished(colours, ARMS[0], runs)
    if not own:
        return f"| {colours}-{arm} | none |" + "  |" * 6
    right = [_right(run) for run in own]
    cells = [
        f"{colours}-{arm}",
        str(len(own)),
        spread([_area(run) for run in own], "{:.0f}"),
        spread([run["evaluations"][-1]["evaluation_return"] for run in own], "{:.0f}"),
        spread([observed for observed, _ in right], "{:.1%}"),
        spread([imagined for _, imagined in right], "{:.1%}"),
        " to ".join(sorted({f"{run['parameters'] / 1e6:.1f} M" for run in own if run.get("parameters")})) or "-",
        "-" if arm == ARMS[0] or min(len(own), len(others)) < 2 else f"{_chance(own, others):.2g}",
    ]
    return f"| {' | '.join(cells)} |"


def _chance(some: Sequence[Run], others: Sequence[Run]) -> float:
    """How often areas dealt out anew have means as far apart as those of these runs."""
    areas = [list(map(_area, runs)) for runs in (some, others)]
    return float(permutation_test(areas, lambda one, other: np.mean(one) - np.mean(other), n_resamples=np.inf).pvalue)


def _finished(colours: str, arm: str, runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if run["finished"] and (run["colours"], run["method"]) == (colours, arm)]


def _right(run: Run) -> tuple[float | None, float | None]:
    """Share of the pole's pixels that are right, observed and after 15 imagined steps; None where not measured."""
    pole = run["parts"].get("pole") or {"observed": None, "imagined": {"15": None}}
    return pole["observed"], pole["imagined"]["15"]


def _guessed(runs: Sequence[Run]) -> str:
    """Shares of the pole's pixels that the mean image has right, by the colours shown."""
    shares = {
        colours: [run["parts"].get("pole", {}).get("mean_image") for run in runs if run["colours"] == colours]
        for colours in COLOURS
    }
    return ", ".join(f"{spread(values, '{:.1%}')} under {colours}" for colours, values in shares.items() if values)


def _verdict(runs: Sequence[Run]) -> str:
    """Whether seeds suffice to tell methods apart."""
    finished = [(run["colours"], run["method"]) for run in runs if run["finished"]]
    seeds = [finished.count(kind) for kind in dict.fromkeys(finished)]
    if len(seeds) > 1 and min(seeds) >= 3:
        return f"At least {min(seeds)} seeds of each method."
    return "Fewer than three seeds of a method have finished: differences between methods may be chance."


if __name__ == "__main__":
    main()
