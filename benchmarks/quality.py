"""What every shipped checkpoint sees, on fresh episodes of its own environment, as tables in benchmarks/results/.

python -m benchmarks.quality --keep        (about two minutes per checkpoint on two CPU cores)

Episodes are played anew with a seed that no data set used, so that the simulator says where the agent is.
"""

import argparse
import datetime
import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from backend.data.checkpoint import QUALITY, Checkpoint, load_checkpoint, read_info
from backend.data.episodes import Episode, frames_only, read_episodes
from backend.data.files import write_json
from backend.data.places import SHIPPED
from backend.interpret.quality import IMAGINED, MOST_EPISODES, STEPS, measure_quality
from backend.interpret.simulation import distraction_of
from backend.pipeline.collect import collect
from backend.pipeline.report import Reporter
from backend.pipeline.settings import CollectSettings
from benchmarks.policy import compare
from benchmarks.table import RESULTS, processor

Rows = Mapping[str, Sequence[tuple[str, ...]]]  # where the numbers of each row of a table stand in the quality line

SEED = 90_001
FRAMES = 50
NAMES = {
    "model": "model",
    "repeat_last": "last observed frame again",
    "mean_image": "mean image of other episodes",
    "observed_mean": "mean of the observed frames",
}


def main() -> None:
    """Measures, prints and saves the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="*", help="names of shipped checkpoints; all of them if none is given")
    parser.add_argument("--policy-episodes", type=int, default=20)
    parser.add_argument("--keep", action="store_true", help=f"write {QUALITY} beside each checkpoint")
    arguments = parser.parse_args()
    parts = _heading()
    for name in arguments.checkpoints or sorted(path.name for path in SHIPPED.iterdir() if path.is_dir()):
        checkpoint = load_checkpoint(read_info(SHIPPED / name, name, "shipped"))
        quality = measured(checkpoint, fresh_episodes(checkpoint), arguments.policy_episodes)
        if arguments.keep:
            write_json(checkpoint.info.folder / QUALITY, json.loads(json.dumps(quality)))
        parts += [f"## {name}", *described(quality)]
    text = "\n\n".join(parts) + "\n"
    (RESULTS / f"quality-{datetime.date.today().isoformat()}.md").write_text(text)
    print(text)


def fresh_episodes(checkpoint: Checkpoint) -> list[Episode]:
    """Episodes that no model has seen, as `diswm collect` makes them, in the checkpoint's environment and colours.

    A film's are those of the checkpoint's clip, which it has not learned from either.
    """
    settings, environment = checkpoint.info.config["settings"], checkpoint.info.environment
    if environment is None:
        return [frames_only(image) for image in checkpoint.clip.image]
    shown = settings.get("distraction") or distraction_of(checkpoint.clip.factor_names)
    wanted = CollectSettings(
        environment=environment,
        distraction=shown,
        look=checkpoint.info.scene.look,
        action_repeat=checkpoint.info.scene.action_repeat,
        episodes=MOST_EPISODES,
        episode_steps=FRAMES,
        workers=1,
    )
    with tempfile.TemporaryDirectory() as place:
        out = Path(place)
        info = collect(wanted, out, SEED, Reporter(out, quiet=True))
        return list(read_episodes(info.folder))


def measured(checkpoint: Checkpoint, episodes: Sequence[Episode], policy_episodes: int) -> dict[str, Any]:
    """The quality line on these episodes; where there is a policy, with returns of as many episodes as asked for."""
    returns = None
    if checkpoint.actor_critic is not None and policy_episodes:
        returns = policy_returns(compare(checkpoint.info.folder, list(range(50_000, 50_000 + policy_episodes))))
    environment = checkpoint.info.environment
    source = f"{len(episodes)} fresh episodes"
    return measure_quality(checkpoint.model, episodes, environment, source=source, policy_return=returns)


def policy_returns(compared: Mapping[str, Any], *, drawn: bool = False) -> dict[str, Any]:
    """What `benchmarks.policy` found, as the quality line keeps it: of the most likely or of drawn actions."""
    policy = compared["drawn" if drawn else "policy"]
    found = {
        "mean": policy["mean"],
        "std": policy["std"],
        "episodes": compared["episodes"],
        "random": compared["random"]["mean"],
    }
    return found | ({"most_likely": compared["policy"]["mean"]} if drawn else {})


def described(quality: Mapping[str, Any]) -> list[str]:
    """The sentence, two tables with 95 % intervals, the return, and what it was measured on, as Markdown."""
    where = "the simulator's own masks" if quality["mask"] == "simulator" else "pixels that move"
    told = [
        f"**{quality['sees']}**",
        "Agent's pixels that are right (within 40 grey levels of every channel), %:",
        _table(quality, _shares(quality), 100),
        "PSNR, dB:",
        _table(quality, _decibels(quality), 1),
        f"{quality['episodes']} episodes, {quality['frames']:,} frames, {quality['context']} of each observed before "
        f"imagination; the agent by {where}, {100 * quality['agent_share']:.1f} % of the pictures. In brackets 95 % "
        "intervals over episodes.",
    ]
    returns = quality["policy_return"]
    if returns is not None:
        spread = "" if returns["std"] is None else f" (std {returns['std']:.0f})"
        random = "" if returns["random"] is None else f"; random actions: {returns['random']:.0f}"
        likely = returns.get("most_likely")
        how = "most likely action" if likely is None else "actions drawn from the policy"
        other = "" if likely is None else f"; its most likely actions: {likely:.0f}"
        played = f"Return over {returns['episodes']} episodes, {how}"
        told.append(f"{played}: {returns['mean']:.0f}{spread}{other}{random}.")
    return told


def _shares(quality: Mapping[str, Any]) -> Rows:
    """Where the shares of right pixels stand: the model's, those of the agent's parts, and the guesses'."""
    heads: dict[str, tuple[str, ...]] = {"model": ("agent_right",)}
    heads |= {f"model, its {part}": ("parts", part) for part in quality["parts"]}
    heads |= {NAMES[name]: ("guesses_right", name) for name in IMAGINED[1:]}
    steps = _steps(quality)
    return {name: [(*head, "observed"), *((*head, "imagined", step) for step in steps)] for name, head in heads.items()}


def _decibels(quality: Mapping[str, Any]) -> Rows:
    """Where PSNR stands."""
    steps = _steps(quality)
    return {
        NAMES[name]: [("reconstruction", "psnr", name), *(("psnr", name, step) for step in steps)] for name in IMAGINED
    }


def _steps(quality: Mapping[str, Any]) -> list[str]:
    return [str(step) for step in STEPS if quality["psnr"]["model"][str(step)] is not None]


def _table(quality: Mapping[str, Any], rows: Rows, scale: float) -> str:
    steps = _steps(quality)
    lines = [f"| | observed | {' | '.join(f'step {step}' for step in steps)} |", "|" + "---|" * (len(steps) + 2)]
    for name, places in rows.items():
        lines.append(f"| {name} | {' | '.join(_cell(quality, place, scale) for place in places)} |")
    return "\n".join(lines)


def _cell(quality: Mapping[str, Any], place: tuple[str, ...], scale: float) -> str:
    value, interval = _at(quality, place), _at(quality["intervals"], place)
    if value is None:
        return "-"
    return f"{scale * value:.1f}" + (f" [{scale * interval[0]:.1f}, {scale * interval[1]:.1f}]" if interval else "")


def _at(tree: Any, place: tuple[str, ...]) -> Any:
    for name in place:
        tree = tree.get(name) if tree is not None else None
    return tree


def made_with() -> str:
    """Commit, torch and processor of a measurement, for its heading."""
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    capability = torch.backends.cpu.get_cpu_capability()
    return f"at {head.stdout.strip()}, torch {torch.__version__}, {capability}, on {processor()}."


def _heading() -> list[str]:
    return [
        f"# What the shipped checkpoints see, {datetime.date.today().isoformat()}",
        f"`python -m benchmarks.quality` {made_with()} Episodes of seed {SEED}, which are in no data set.",
    ]


if __name__ == "__main__":
    main()
