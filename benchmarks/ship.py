"""Makes a shipped checkpoint of a finished run: its folder, its figures and a model card of its own numbers.

.venv/bin/python benchmarks/ship.py RUN_FOLDER NAME --dataset DATASET --command "diswm pretrain ..."
"""

import argparse
import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from backend.data.catalogue import find_dataset, newest_checkpoint
from backend.data.checkpoint import CARD, QUALITY, Checkpoint, load_checkpoint, read_info, save_checkpoint
from backend.data.episodes import Episode, read_episodes
from backend.data.files import write_json
from backend.data.model_card import front_matter
from backend.data.places import SHIPPED
from backend.data.run_start import RunStart, write_run_start
from backend.export.options import ExportOptions
from backend.export.render import export_traversal
from backend.interpret.latents import encode_frames, statistics_of
from backend.interpret.quality import measure_quality
from backend.interpret.traversal_request import TraversalRequest
from backend.pipeline.publish import clip_of, write_factors
from backend.pipeline.report import METRICS
from backend.settings import get_settings
from benchmarks.policy import compare
from benchmarks.quality import described, policy_returns

GUESSES = (
    "Nobody knows the true factors of a film: these are numbers of the pictures (brightness, colour, where something "
    "moves), and the names are guesses."
)
LINES = 300  # of each phase's metrics that are shipped, about
PAUSE = 600  # seconds without a line of a run that was stopped and continued later
COUNTS = ("time", "updates", "agent_steps", "environment_steps")
CURVES = ("image", "latent", "distillation", "evaluation_return")


def main() -> None:
    """Copies, explains, draws and describes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("--dataset", help="data set that was not learned from; else the run's own held-out episodes")
    parser.add_argument("--command", required=True, help="the command that made the run, for the card")
    parser.add_argument("--note", default="", help="a sentence for the card")
    parser.add_argument("--episodes", type=int, default=20, help="episodes for policy against random")
    parser.add_argument("--drawn", action="store_true", help="the return is that of actions drawn from the policy")
    arguments = parser.parse_args()
    episodes = _held_out(arguments)
    folder = _copy(arguments.run, SHIPPED / arguments.name, episodes)
    checkpoint = load_checkpoint(read_info(folder, arguments.name, "shipped"))
    factors = write_factors(folder, episodes, seed=0)
    lines = [json.loads(line) for line in (arguments.run / "metrics.jsonl").read_text().splitlines()]
    _keep_run(checkpoint, lines, folder)
    _draw_curves(lines, folder / "curves.png")
    _draw_traversal(checkpoint, folder)
    policy = compare(folder, list(range(50_000, 50_000 + arguments.episodes))) if checkpoint.actor_critic else None
    quality = _quality(checkpoint, episodes, policy, drawn=arguments.drawn)
    write_json(folder / QUALITY, quality)
    card = _card(arguments, checkpoint, factors, quality, _minutes(lines), policy)
    info = checkpoint.info
    (folder / CARD).write_text(front_matter(info.stage, info.environment) + card)
    print(card)


def _copy(run: Path, target: Path, episodes: list[Episode]) -> Path:
    """The run's newest checkpoint under the name that it is shipped by, with clip and statistics of `episodes`."""
    source = newest_checkpoint(run)
    assert source is not None, f"{run} has no checkpoint"
    found = load_checkpoint(read_info(source, target.name, "run"))
    shutil.rmtree(target, ignore_errors=True)
    save_checkpoint(
        target,
        model=found.model,
        actor_critic=found.actor_critic,
        config={**found.info.config, "name": target.name},
        clip=clip_of(episodes),
        statistics=statistics_of(encode_frames(found.model, episodes)),
        quality=None,
    )
    for path in target.iterdir():
        path.chmod(0o644)
    return target


def _keep_run(checkpoint: Checkpoint, lines: list[dict[str, Any]], folder: Path) -> None:
    """Settings and metrics beside the checkpoint, which Runs and Returns show as a finished run."""
    config = checkpoint.info.config
    write_run_start(folder, RunStart(config["stage"], config["seed"], config["settings"], config["name"], "small"))
    stages = {phase: [line for line in lines if line["phase"] == phase] for phase in dict.fromkeys(map(_phase, lines))}
    selected = [line for of_phase in stages.values() for line in of_phase[:: max(len(of_phase) // LINES, 1)]]
    selected.sort(key=lambda line: float(line["time"]))
    (folder / METRICS).write_text("".join(json.dumps(_rounded(line)) + "\n" for line in selected))


def _phase(line: dict[str, Any]) -> str:
    return str(line["phase"])


def _rounded(line: dict[str, Any]) -> dict[str, Any]:
    return {
        key: float(f"{value:.5g}") if key not in COUNTS and isinstance(value, float) else value
        for key, value in line.items()
    }


def _held_out(arguments: argparse.Namespace) -> list[Episode]:
    """Episodes that the run has not learned from: all of a data set that was collected for it, else the run's own."""
    if arguments.dataset:
        return list(read_episodes(find_dataset(get_settings().home, arguments.dataset, allow_path=True).folder))
    return list(read_episodes(arguments.run / "held-out" / "dataset"))


def _quality(
    checkpoint: Checkpoint, episodes: list[Episode], policy: dict[str, Any] | None, *, drawn: bool
) -> dict[str, Any]:
    """What the model sees of held-out episodes, and what its policy earns."""
    returns = None if policy is None else policy_returns(policy, drawn=drawn)
    environment = checkpoint.info.environment
    measured = measure_quality(
        checkpoint.model,
        episodes,
        environment,
        source="fresh episodes",
        policy_return=returns,
        most=len(episodes),
    )
    selected: dict[str, Any] = json.loads(json.dumps(measured))
    return selected


def _draw_curves(lines: list[dict[str, Any]], path: Path) -> None:
    shown = [name for name in CURVES if any(name in line for line in lines)]
    figure = Figure(figsize=(2.6 * len(shown), 2.2), layout="constrained")
    for axes, name in zip(np.atleast_1d(figure.subplots(1, len(shown))), shown, strict=True):
        points = [(line["agent_steps"] or line["updates"], line[name]) for line in lines if name in line]
        axes.plot(*zip(*points, strict=True), linewidth=1)
        axes.set_title(name.replace("_", " "), fontsize=8)
        axes.set_xlabel("agent steps" if lines[-1]["agent_steps"] else "updates", fontsize=7)
        axes.tick_params(labelsize=7)
        if name == "image":
            axes.set_yscale("log")
    figure.savefig(path, dpi=110)


def _draw_traversal(checkpoint: Checkpoint, folder: Path) -> None:
    request = TraversalRequest(columns=7, history=False)  # what the latent alone draws
    options = ExportOptions(upscale=2)
    for format in ("png", "gif"):
        (folder / f"traversal.{format}").write_bytes(export_traversal(checkpoint, request, format, options).content)


def _minutes(lines: list[dict[str, Any]]) -> float:
    """Minutes that the run worked: a longer pause between two of its lines is one in which it had been stopped."""
    times = [float(line["time"]) for line in lines]
    steps = (later - earlier for earlier, later in pairwise(times))
    return sum(step for step in steps if step < PAUSE) / 60


def _card(
    arguments: argparse.Namespace,
    checkpoint: Checkpoint,
    factors: dict[str, Any],
    quality: dict[str, Any],
    minutes: float,
    policy: dict[str, Any] | None,
) -> str:
    info, metrics = checkpoint.info, factors["metrics"]
    named = [dimension for dimension in factors["dimensions"] if dimension["status"] == "named"]
    kind, unit = ("world model with a policy", "agent steps") if policy else ("video model", "updates")
    changing = info.config["settings"].get("distraction", "episode") == "episode"
    look = "colours, light and camera angle drawn anew each episode" if changing else "the task's own colours"
    place = f"{info.environment}, {look}" if info.environment else "a film"
    versions = f"torch {info.config['versions']['torch']}"
    parts = [
        f"# {arguments.name}",
        f"A {kind}, really trained on {place}. {arguments.note}".strip(),
        "![Traversal](traversal.gif)",
        "Drawn from one frame, without the history that the recurrent state would add.",
        f"## Training\n```\n{arguments.command}\n```",
        f"Seed {info.config['seed']}, {info.steps:,} {unit}, {minutes:.0f} minutes on one thread of a busy CPU, "
        f"{versions}. Settings: [config.json](config.json).",
        "![Curves](curves.png)",
        "## What it sees",
        *described(quality),
        "## What the dimensions mean",
        f"{len(named)} of {info.latents} dimensions are named: the normalised mutual information with the best factor "
        "clears a shifted null and leads the next factor by 0.1. "
        f"Measured on {factors['frames']:,} held-out frames of {factors['episodes']} episodes; 95 % intervals resample "
        f"episodes. MIG {metrics['mig']:.2f}, DCI {metrics['dci']:.2f}, SAP {metrics['sap']:.2f}. "
        "Dimensions that are not listed are inactive." + ("" if info.environment else f" {GUESSES}"),
        _table(factors),
    ]
    if policy:
        ours, drawn, random = policy["policy"], policy["drawn"], policy["random"]
        parts += [
            "## Policy",
            f"Return over {policy['episodes']} episodes, most likely action: **{ours['mean']:.0f}** "
            f"(std {ours['std']:.0f}); actions drawn from the policy, as while it learned: **{drawn['mean']:.0f}** "
            f"(std {drawn['std']:.0f}); uniformly random actions on the same episodes: {random['mean']:.0f} "
            f"(std {random['std']:.0f}). `benchmarks/policy.py` measures it.",
        ]
    parts += [
        "## Limits",
        "A short run on a CPU, far from the paper's length: something to look at and to try tools on, not a result to "
        "compare with.",
        "Made by `benchmarks/ship.py` from the run's own numbers.",
    ]
    return "\n\n".join(parts) + "\n"


def _table(factors: dict[str, Any]) -> str:
    head = "| dim | KL (nats) | status | best factor | NMI | lead | null |\n|---|---|---|---|---|---|---|"
    rows = [
        f"| {d['dim']} | {d['kl']:.2f} | {d['status']} | {d['factor'] or '-'} | {d['nmi']:.2f} "
        f"[{d['interval'][0]:.2f}, {d['interval'][1]:.2f}] | {d['margin']:.2f} | {d['null']:.2f} |"
        for d in sorted(factors["dimensions"], key=lambda d: -float(d["kl"]))
        if d["status"] != "inactive"
    ]
    return "\n".join([head, *rows])


if __name__ == "__main__":
    main()
