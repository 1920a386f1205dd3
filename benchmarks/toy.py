"""Does the learner learn? Every method in the drawn world whose best return is known (`backend/envs/square_world.py`).

python -m benchmarks.toy --out .diswm/toy                      # all methods, one seed
python -m benchmarks.toy --out .diswm/toy --methods diswm      # one of them
python -m benchmarks.toy --out .diswm/toy --report             # what is there so far, without running on

The bar: 95 % of the best return within ten minutes of two cores, with the square's place and colour named. Every run
has a folder of its own; started again, each goes on where it stopped. Results go to benchmarks/results/toy.{json,md}.
"""

import argparse
import datetime
import json
import os
import resource
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from backend.envs.square_world import SquareWorld, best_return, mean_best_return
from backend.pipeline.evaluate import episode_seed
from backend.pipeline.report import METRICS
from benchmarks.learning import RESULTS, stage
from benchmarks.table import processor

METHODS = ("diswm", "diswm-no-distillation", "diswm-no-disentanglement", "dreamerv2", "dv2-finetune", "apv")
FROM_VIDEOS = ("dv2-finetune", "apv")  # start from a video model with DreamerV2's image networks
BAR = 0.95
CPU_SECONDS = "cpu-seconds.json"
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
    if not chosen.report:
        for method in chosen.methods:
            teacher = video_model(chosen.out, "conv" if method in FROM_VIDEOS else "vae", chosen.smoke)
            for seed in chosen.seeds:
                settings = {**ONLINE, "method": method, "teacher": str(teacher)}
                counted("finetune", chosen.out / f"{method}-seed{seed}", seed, settings, chosen.smoke)
    report(chosen.out, chosen.seeds, chosen.out if chosen.smoke else RESULTS)


def video_model(out: Path, vision: str, smoke: bool) -> Path:
    """The video model that methods start from or distil."""
    counted("collect", out / "videos", 0, VIDEOS, smoke)
    settings = {**VIDEO_MODEL, "vision": vision, "dataset": str(out / "videos")}
    return counted("pretrain", out / f"video-model-{vision}", 0, settings, smoke)


def counted(name: str, out: Path, seed: int, settings: dict[str, Any], smoke: bool) -> Path:
    """Runs a stage or goes on with it, and adds the processor time that it took to what its folder says."""
    before = _spent()
    stage(name, out, seed, settings, smoke, preset="tiny")
    counter = out / CPU_SECONDS
    taken = _spent() - before + (json.loads(counter.read_text()) if counter.exists() else 0)
    counter.write_text(json.dumps(round(taken, 1)))
    return out


def report(out: Path, seeds: Sequence[int], folder: Path) -> None:
    """Writes what every method has reached, whatever the result."""
    models = [_named(out / f"video-model-{vision}") for vision in ("vae", "conv")]
    learned = [_learned(out, method, seed) for method in METHODS for seed in seeds]
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
        "runs": [run for run in learned if run],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "toy.json").write_text(json.dumps(about, indent=1) + "\n")
    text = _table(about, [method for method in METHODS if not any(run["method"] == method for run in about["runs"])])
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


def _learned(out: Path, method: str, seed: int) -> dict[str, Any]:
    """Shares of the best return at each evaluation of a run, and what its world model names; {} before any update."""
    run, count = out / f"{method}-seed{seed}", ONLINE["evaluate_episodes"]
    evaluations = [line for line in _metrics(run) if "evaluation_return" in line]
    curve = []
    for index, line in enumerate(evaluations):
        seeds = [episode_seed(seed, "evaluate", count * index + episode) for episode in range(count)]
        best = float(np.mean([_best_of(seed) for seed in seeds]))
        curve.append({name: line[name] for name in ("agent_steps", "updates")})
        curve[-1] |= {"return": line["evaluation_return"], "best": best, "share": line["evaluation_return"] / best}
    learned = any(at["updates"] for at in curve)
    return {"method": method, "seed": seed, "evaluations": curve, **_named(run)} if learned else {}


def _best_of(seed: int) -> float:
    world = SquareWorld("none", 1)
    world.reset(seed)
    return best_return(world.place)


def _named(run: Path) -> dict[str, Any]:
    """Factors that dimensions are named by at a run's last explained checkpoint, what it sees, and processor time."""
    explained = sorted((run / "checkpoints").glob("update-*/factors.json"))
    if not explained:
        return {}
    checkpoint, counter = explained[-1].parent, run / CPU_SECONDS
    dimensions = json.loads(explained[-1].read_text())["dimensions"]
    quality = json.loads((checkpoint / "statistics.json").read_text()).get("quality", {})
    return {
        "run": run.name,
        "checkpoint": checkpoint.name,
        "finished": (run / "result.json").exists(),
        "named": sorted({entry["factor"] for entry in dimensions if entry["status"] == "named"}),
        "sees": quality.get("sees"),
        "agent_right": quality.get("agent_right"),
        "cpu_seconds": json.loads(counter.read_text()) if counter.exists() else None,
    }


def _metrics(run: Path) -> list[dict[str, Any]]:
    path = run / METRICS
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _table(about: dict[str, Any], missing: list[str]) -> str:
    lines = [
        f"# A world whose best return is known, {about['date']}",
        "",
        f"`python -m benchmarks.toy` on {about['processor']}, {about['cores']} cores shared with other work, "
        f"torch {about['torch']}. Best return {about['best_return']:.2f} on average over starts, in closed form; "
        f"evenly drawn actions get {about['random_share']:.0%} of it. Shares are of the best return of the very "
        f"episodes that were played; the bar is {about['bar']:.0%} and ten minutes of two cores.",
        "",
        "| run | share of the best return | best evaluation | agent steps | updates | minutes of a core | named |",
        "|" + "---|" * 7,
    ]
    for model in about["video_models"]:
        updates = int(model["checkpoint"].removeprefix("update-"))
        lines.append(f"| {_title(model)} |  |  |  | {updates:,} | {_minutes(model)} | {_names(model)} |")
    for run in about["runs"]:
        last, best = run["evaluations"][-1], max(at["share"] for at in run["evaluations"])
        counts = f"{last['agent_steps']:,} | {last['updates']:,} | {_minutes(run)}"
        lines.append(f"| {_title(run)} | {last['share']:.1%} | {best:.1%} | {counts} | {_names(run)} |")
    if missing:
        lines += ["", f"Not run here: {', '.join(missing)}."]
    return "\n".join(lines) + "\n"


def _title(run: dict[str, Any]) -> str:
    name = run.get("run", f"{run.get('method')}-seed{run.get('seed')}")
    return name if run.get("finished") else f"{name} (unfinished)"


def _names(run: dict[str, Any]) -> str:
    return ", ".join(run.get("named", ()))


def _minutes(run: dict[str, Any]) -> str:
    seconds = run.get("cpu_seconds")
    return "" if seconds is None else f"{seconds / 60:.1f}"


def _spent() -> float:
    """Processor seconds of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
