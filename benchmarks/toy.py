"""Does the learner learn? Every method in the drawn world whose best return is known (`backend/envs/square_world.py`).

python -m benchmarks.toy --out .diswm/toy                      # all methods, one seed
python -m benchmarks.toy --out .diswm/toy --methods diswm      # one of them
python -m benchmarks.toy --out .diswm/toy --report             # what is there so far, without running on

The bar: 95 % of the best return within ten minutes of two cores, with the square's place and colour named. Every run
has a folder of its own; started again, each goes on where it stopped. Results go to benchmarks/results/toy.{json,md};
runs that toy.json has from elsewhere stay in it, and are not run again once they have finished.
"""

import argparse
import datetime
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from backend.data.files import write_json
from backend.envs.square_world import SquareWorld, best_return, mean_best_return
from backend.interpret.resample import interval_of_mean
from backend.pipeline.evaluate import episode_seed
from benchmarks.stages import RESULTS, Run, counted, earlier, evaluations, heading, joined, last_day, seen
from benchmarks.table import processor

METHODS = ("diswm", "diswm-no-distillation", "diswm-no-disentanglement", "dreamerv2", "dv2-finetune", "apv")
FROM_VIDEOS = ("dv2-finetune", "apv")  # start from a video model with DreamerV2's image networks
BAR = 0.95
WORLD = {"environment": "square-world", "distraction": "episode"}
NETWORKS = {"latents": 8, "stoch": 16, "deter": 64, "hidden": 64, "first_channels": 8}
SCHEDULE = {"initialisation": "scaled", "learning_rate": 1e-3, "seeing_length": 4, "log_every": 50}
VIDEOS = {**WORLD, "episodes": 400, "episode_steps": 20, "workers": 1}
VIDEO_MODEL = {
    **NETWORKS,
    **SCHEDULE,
    "batch": 16,
    "length": 4,
    "learning_rate": 2e-3,
    "updates": 3_000,
    "seeing": 500,
    "settling": 1_500,
    "beta": 1.0,
    "dynamics_weight": 0.3,
    "cooling": 0.4,
    "held_out": 40,
    "checkpoint_every": 1_000,
}
ONLINE = {
    **WORLD,
    **NETWORKS,
    **SCHEDULE,
    "units": 64,
    "batch": 8,
    "length": 8,
    "seeing": 200,
    "settling": 200,
    "beta": 0.1,
    "dynamics_weight": 0.5,
    "reward_scale": 20,
    "actor_rate": 3e-4,
    "critic_rate": 1e-3,
    "entropy": 0.03,
    "normalise_returns": True,
    "gamma": 0.9,
    "horizon": 6,
    "behaviour_after": 500,
    "slow_critic_every": 50,
    "explore_episodes": 60,
    "explore_steps": 20,
    "prefill": 1_200,
    "first_updates": 700,
    "train_every": 3,
    "agent_steps": 6_000,
    "evaluate_every": 400,
    "evaluate_episodes": 8,
    "held_out": 40,
    "held_out_steps": 20,
    "checkpoint_every": 1_000,
}


def main() -> None:
    """Runs what is missing, then reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(".diswm/toy"))
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--seeds", nargs="+", type=int, default=(0,))
    parser.add_argument("--report", action="store_true", help="only report what is there")
    parser.add_argument("--smoke", action="store_true", help="a few updates, to see that all of it works")
    chosen = parser.parse_args()
    folder = chosen.out if chosen.smoke else RESULTS
    if not chosen.report:
        there = {(run["method"], run["seed"]) for run in earlier(folder / "toy.json") if run.get("finished")}
        for method in chosen.methods:
            missing = [seed for seed in chosen.seeds if (method, seed) not in there]
            if missing:
                teacher = video_model(chosen.out, "conv" if method in FROM_VIDEOS else "vae", chosen.smoke)
                for seed in missing:
                    settings = {**ONLINE, "method": method, "teacher": str(teacher)}
                    run = chosen.out / f"{method}-seed{seed}"
                    counted("finetune", run, seed, settings, chosen.smoke, preset="tiny")
    report(chosen.out, folder)


def video_model(out: Path, vision: str, smoke: bool) -> Path:
    """The video model that methods start from or distil."""
    counted("collect", out / "videos", 0, VIDEOS, smoke, preset="tiny")
    settings = {**VIDEO_MODEL, "vision": vision, "dataset": str(out / "videos")}
    return counted("pretrain", out / f"video-model-{vision}", 0, settings, smoke, preset="tiny")


def report(out: Path, folder: Path) -> None:
    """Writes what every method has reached, whatever the result."""
    file = folder / "toy.json"
    models = [seen(out / f"video-model-{vision}") for vision in ("vae", "conv")]
    learned = [
        _learned(run, method, int(run.name.removeprefix(f"{method}-seed")))
        for method in METHODS
        for run in out.glob(f"{method}-seed*")
    ]
    runs = joined(earlier(file), [run for run in learned if run], ("method", "seed"))
    about = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "best_return": mean_best_return(),
        "random_share": random_share(),
        "bar": BAR,
        "settings": {"videos": VIDEOS, "video_model": VIDEO_MODEL, "online": ONLINE},
        "video_models": [model for model in models if model],
        "runs": sorted(runs, key=lambda run: (METHODS.index(run["method"]), run["seed"])),
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_json(file, about)
    text = _table(about)
    (folder / "toy.md").write_text(text)
    print(text)


def random_share(episodes: int = 200) -> float:
    """What uniformly random actions get, as a share of the best return."""
    world, random = SquareWorld("none", 2), np.random.default_rng(0)
    shares = []
    for seed in range(episodes):
        step, score = world.reset(seed), 0.0
        best = best_return(world.place)
        while not step.is_last:
            step = world.step(random.uniform(-1, 1, 2).astype(np.float32))
            score += step.reward
        shares.append(score / best)
    return float(np.mean(shares))


def _learned(run: Path, method: str, seed: int) -> Run:
    """Shares of the best return at each evaluation of a run, and what its world model names; {} before any update."""
    count = ONLINE["evaluate_episodes"]
    curve = []
    for index, line in enumerate(evaluations(run)):
        seeds = [episode_seed(seed, "evaluate", count * index + episode) for episode in range(count)]
        best = float(np.mean([_best_of(seed) for seed in seeds]))
        curve.append({name: line[name] for name in ("agent_steps", "updates")})
        curve[-1] |= {"return": line["evaluation_return"], "best": best, "share": line["evaluation_return"] / best}
    if not any(at["updates"] for at in curve):
        return {}
    made = {"processor": processor(), "date": last_day(run)}
    return {"method": method, "seed": seed, "evaluations": curve, "finished": False, **made, **seen(run)}


def _best_of(seed: int) -> float:
    world = SquareWorld("none", 1)
    world.reset(seed)
    return best_return(world.place)


def _table(about: Run) -> str:
    runs = about["runs"]
    finished = [run for run in runs if run.get("finished")]
    processors = ", ".join(sorted({run.get("processor", about["processor"]) for run in runs}))
    lines = [
        heading("A world whose best return is known", (run.get("date", about["date"]) for run in runs)),
        "",
        f"`python -m benchmarks.toy` on {processors}, {about['cores']} cores shared with other work, "
        f"torch {about['torch']}. Best return {about['best_return']:.2f} on average over starts, in closed form; "
        f"evenly drawn actions get {about['random_share']:.0%} of it. Shares are of the best return of the very "
        f"episodes that were played; the bar is {about['bar']:.0%} and ten minutes of two cores.",
        "",
        "Per method, runs that have finished; in brackets 95 % intervals over seeds. Last: the last evaluation. Mean: "
        "over all evaluations after the first update, so that a method that learns late has less. Right: pixels of "
        "the square within 40 grey levels, observed and five imagined steps on.",
        "",
        "| method | seeds | last | least | mean | right, observed | right, 5 imagined | x, y named | a colour named |",
        "|" + "---|" * 9,
        *(_summary(method, [run for run in finished if run["method"] == method]) for method in METHODS),
        "",
        "| run | share of the best return | best evaluation | agent steps | updates | minutes of a core | named |",
        "|" + "---|" * 7,
    ]
    for model in about["video_models"]:
        updates = int(model["checkpoint"].removeprefix("update-"))
        lines.append(f"| {_title(model)} |  |  |  | {updates:,} | {_minutes(model)} | {_names(model)} |")
    for run in runs:
        last, best = run["evaluations"][-1], max(at["share"] for at in run["evaluations"])
        counts = f"{last['agent_steps']:,} | {last['updates']:,} | {_minutes(run)}"
        lines.append(f"| {_title(run)} | {last['share']:.1%} | {best:.1%} | {counts} | {_names(run)} |")
    return "\n".join(lines) + "\n"


def _summary(method: str, runs: Sequence[Run]) -> str:
    if not runs:
        return f"| {method} | none |" + "  |" * 7
    last = [run["evaluations"][-1]["share"] for run in runs]
    means = [np.mean([at["share"] for at in run["evaluations"] if at["updates"]]) for run in runs]
    right = [run["agent_right"] for run in runs]
    shares = (means, [at["observed"] for at in right], [at["imagined"]["5"] for at in right])
    both = sum({"square_x", "square_y"} <= set(run["named"]) for run in runs)
    colours = sum(any(name.endswith("_colour") for name in run["named"]) for run in runs)
    cells = [method, len(runs), _mean(last), f"{min(last):.1%}", *map(_mean, shares), both, colours]
    return f"| {' | '.join(map(str, cells))} |"


def _mean(values: Sequence[float | None]) -> str:
    """Mean over seeds, with its interval from three seeds on; "-" where nothing was measured."""
    known = np.array([value for value in values if value is not None])
    if not len(known):
        return "-"
    low, high = interval_of_mean(known)
    return f"{known.mean():.1%}" + (f" [{low:.1%}, {high:.1%}]" if len(known) >= 3 else "")


def _title(run: Run) -> str:
    name = run.get("run", f"{run.get('method')}-seed{run.get('seed')}")
    return name if run.get("finished") else f"{name} (unfinished)"


def _names(run: Run) -> str:
    return ", ".join(run.get("named", ()))


def _minutes(run: Run) -> str:
    seconds = run.get("cpu_seconds")
    return "" if seconds is None else f"{seconds / 60:.1f}"


if __name__ == "__main__":
    main()
