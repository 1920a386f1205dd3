"""Does the state leave to a context what does not move? Pictures beside another episode's frame, against the truth.

python -m benchmarks.contexts --out .diswm/contexts            (about 25 minutes of one CPU core)
python -m benchmarks.contexts --out /tmp/few --updates 20      (to see that all of it works)

Two video models learn from the same recordings of finger-spin, where each episode has its own colours, light and
camera: one whose decoder sees the state alone, one whose decoder sees a frame of the clip too. Then the simulator
plays each test episode twice, the second time under the other episode's look. Measured: PSNR of the model's picture
beside the other episode's first frame against that true picture; how far still pixels follow the frame and the state;
and how well look and pose are read linearly from the states. Results go to benchmarks/results/contexts.md.
"""

import argparse
import datetime
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from backend.data.checkpoint import Checkpoint, load_checkpoint, read_info
from backend.envs.intervene import Change, Simulation
from backend.interpret.contexts import drawn_beside, over_clip, read_from_states, states_of, still_pixels
from backend.interpret.similarity import psnr
from benchmarks.stages import RESULTS, stage
from benchmarks.table import processor

TASK, STEPS, PAIRS, HELD_OUT = "finger-spin", 24, 16, 24
LOOK = ("body_colour", "floor_colour", "background_colour", "light", "camera_angle")
POSE = ("proximal", "distal", "spinner_angle_sin", "spinner_angle_cos")
ARMS = {"state alone": "vae", "beside a frame": "context-vae"}


class Test(NamedTuple):
    """Simulated episodes, and each under the look of the next: (E, S, 64, 64, 3), with what the model needs."""

    image: NDArray[np.uint8]
    swapped: NDArray[np.uint8]
    action: NDArray[np.float32]


def main() -> None:
    """Records, pretrains both, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(".diswm/contexts"))
    parser.add_argument("--updates", type=int, default=3_000)
    parser.add_argument("--episodes", type=int, default=400)
    parser.add_argument("--seeds", nargs="+", type=int, default=(0,))
    chosen = parser.parse_args()
    wanted = {"environment": TASK, "distraction": "episode", "episodes": chosen.episodes, "episode_steps": STEPS}
    frames = stage("collect", chosen.out / "frames", 0, wanted, preset="tiny")
    test, rows = _simulated(), []
    for seed in chosen.seeds:
        for arm, vision in ARMS.items():
            checkpoint = _pretrained(chosen.out / f"{vision}-{seed}", frames, vision, chosen.updates, seed)
            rows.append(f"| {arm} | {seed} | {_measured(checkpoint, test)} |")
            text = _table(rows, chosen.updates, chosen.episodes)
            (RESULTS if chosen.updates >= 500 else chosen.out).joinpath("contexts.md").write_text(text)
    print(text)


def _pretrained(out: Path, frames: Path, vision: str, updates: int, seed: int) -> Checkpoint:
    settings = {
        "dataset": str(frames / "dataset"),
        "vision": vision,
        "updates": updates,
        "checkpoint_every": updates,
        "held_out": HELD_OUT,
        "length": 6,
        "initialisation": "scaled",
    }
    folder = stage("pretrain", out, seed, settings, preset="tiny") / "checkpoints"
    return load_checkpoint(read_info(max(folder.glob("update-*")), "c", "run"))


def _simulated() -> Test:
    """Episodes of smooth random actions, and the same under the next one's look."""
    rng = np.random.default_rng(0)
    action = np.clip(np.cumsum(0.4 * rng.normal(size=(PAIRS, STEPS, 2)), 1), -1, 1).astype(np.float32)
    with Simulation(TASK, distraction="episode", look="fast", random_pose=True) as world:
        lives = [world.live(1_000 + place, action[place]) for place in range(PAIRS)]
        swapped = []
        for place in range(PAIRS):
            other = lives[(place + 1) % PAIRS]
            look = {name: float(other.factors[0, other.factor_names.index(name)]) for name in LOOK}
            swapped.append(world.live(1_000 + place, action[place], Change(0, look)).image)
    return Test(np.stack([life.image for life in lives]), np.stack(swapped), action)


@torch.inference_mode()
def _measured(checkpoint: Checkpoint, test: Test) -> str:
    """The cells of a row."""
    read = {
        row["factor"]: row["r2"] for row in read_from_states(states_of(checkpoint).feature.numpy(), checkpoint.clip)
    }
    there = _with(checkpoint, test)
    states = states_of(there)
    own = [psnr(test.image[place], drawn_beside(there, states, place, place)) for place in range(PAIRS)]
    other = [
        psnr(test.swapped[place], drawn_beside(there, states, place, (place + 1) % PAIRS)) for place in range(PAIRS)
    ]
    shares = over_clip(there, states, still_pixels(there.clip))
    look, pose = (np.mean([max(read.get(name, 0.0), 0.0) for name in names]) for names in (LOOK, POSE))
    error = np.std(other) / np.sqrt(PAIRS)
    return (
        f"{np.mean(own):.1f} | {np.mean(other):.1f} ± {error:.1f} | {shares.frame:.2f} | {shares.state:.2f} | "
        f"{max(shares.motion, 0):.2f} | {look:.2f} | {pose:.2f}"
    )


def _with(checkpoint: Checkpoint, test: Test) -> Checkpoint:
    """The checkpoint with the test episodes as its clip."""
    empty = np.zeros((*test.image.shape[:2], 0), np.float32)
    clip = replace(
        checkpoint.clip, image=test.image, action=test.action, reward=empty.sum(-1), factors=empty, factor_names=()
    )
    return replace(checkpoint, clip=replace(clip, agent=None, agent_part=None))


def _table(rows: list[str], updates: int, episodes: int) -> str:
    today = datetime.datetime.now(datetime.UTC).date()
    return "\n".join(
        [
            "# What a context takes from the state",
            "",
            f"`python -m benchmarks.contexts --updates {updates} --episodes {episodes}`, {today}, {processor()}, one "
            f"thread. {TASK}, each episode in its own look, {updates} updates of 8 sequences of 6 frames; {PAIRS} test "
            "episodes. PSNR in dB: own, beside the own first frame; swapped, beside another episode's first frame "
            "against the simulator's picture of that (± standard error over episodes). Shares, 0 to 1: how "
            "far still pixels follow an exchanged frame and an exchanged state, and how much of the motion is drawn "
            "beside another frame. R²: mean over the factors, negative ones counted as 0.",
            "",
            "| decoder | seed | PSNR own | swapped | still: frame | still: state | motion | R² of look | R² of pose |",
            "|---|---|---|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    main()
