"""Is optical flow that is learned from frames alone right, and does a teacher make it right where something is hidden?

python -m benchmarks.flow --out .diswm/flow              (about two minutes of one CPU core)
python -m benchmarks.flow --out /tmp/few --updates 10    (to see that all of it works)

The network of the method flow learns from pairs of frames of a simulated task without a world model. From one point on
it learns twice, with a teacher and without, from the same seed. The simulator knows the true flow of the episodes that
were held out. Results go to benchmarks/results/flow.md.
"""

import argparse
import copy
import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from backend.data.episodes import Episode, read_episodes
from backend.interpret.flow_errors import Errors, Flow, errors
from backend.pipeline.methods.flow import FlowTeacher, FromHarder, Photometric, drawn_pairs
from benchmarks.stages import RESULTS, stage
from benchmarks.table import processor
from models.flow import FlowNetwork
from models.harder import hidden
from models.types import normalise

TASKS, STEPS, EPISODES, HELD_OUT = ("walker-walk",), 24, 48, 12
UNITS, PAIRS, RATE, SMOOTH = 16, 6, 2e-3, 0.01
REACH, PATCH = 6, 9  # of block matching: pixels each way, and the side of a block


class Result(NamedTuple):
    """Errors of one way of telling the flow: of whole frames, and with a part of the second hidden, by episode."""

    task: str
    name: str
    whole: list[Errors]
    covered: list[float]  # under the hidden part


def main() -> None:
    """Records, learns, measures, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(".diswm/flow"))
    parser.add_argument("--updates", type=int, default=240, help="before there is a teacher; two thirds as many after")
    chosen = parser.parse_args()
    results = [result for task in TASKS for result in _of_task(task, chosen.out, chosen.updates)]
    text = _table(results, chosen.updates)
    print(text)
    (RESULTS if chosen.updates >= 100 else chosen.out).joinpath("flow.md").write_text(text)


def _of_task(task: str, out: Path, updates: int) -> list[Result]:
    wanted = {"environment": task, "distraction": "none", "policy": "smooth", "episode_steps": STEPS}
    stage("collect", out / task, 1, {**wanted, "episodes": EPISODES + HELD_OUT, "true_flow": True}, preset="tiny")
    episodes = list(read_episodes(out / task / "dataset"))
    seen, held_out = episodes[HELD_OUT:], episodes[:HELD_OUT]
    frames = normalise(torch.from_numpy(np.stack([episode.image for episode in seen])))
    torch.manual_seed(0)
    network = FlowNetwork(UNITS)
    _learn(network, frames, updates, taught=False, seed=0)
    alone, taught = copy.deepcopy(network), copy.deepcopy(network)
    for other, by_teacher in ((alone, False), (taught, True)):
        _learn(other, frames, updates * 2 // 3, taught=by_teacher, seed=1)
    ways = {
        "standing still": lambda first, _: torch.zeros(len(first), 2, *first.shape[-2:]),
        "block matching": block_matching,
        "from likeness alone": alone,
        "and from a teacher": taught,
    }
    return [Result(task, name, *_measured(way, held_out)) for name, way in ways.items()]


def _learn(network: FlowNetwork, frames: Tensor, updates: int, *, taught: bool, seed: int) -> None:
    """Updates on pairs of sequences (E, T, C, H, W); the teacher is the network as it is at the start."""
    generator = torch.Generator().manual_seed(seed)
    whole = Photometric(network, PAIRS, 1.0, SMOOTH)
    harder = FromHarder(network, FlowTeacher(network, 0), whole, 1.0)
    optimiser = torch.optim.Adam(network.parameters(), RATE)
    for _ in range(updates):
        first, second = drawn_pairs(frames, PAIRS, generator)
        loss = whole.of_pairs(first, second).mean()
        if taught:
            loss = loss + harder.of_pairs(first, second, generator).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()


def block_matching(first: Tensor, second: Tensor) -> Tensor:
    """The way, up to REACH pixels, after which a block looks most alike: (N, 3, H, W) twice -> (N, 2, H, W)."""
    height, width = first.shape[-2:]
    around = functional.pad(second, (REACH,) * 4, mode="replicate")
    steps = sorted(((right, down) for right in range(-REACH, REACH + 1) for down in range(-REACH, REACH + 1)), key=_far)
    costs = []
    for right, down in steps:
        moved = around[..., REACH + down : REACH + down + height, REACH + right : REACH + right + width]
        difference = (moved - first).abs().mean(1, keepdim=True)
        costs.append(functional.avg_pool2d(difference, PATCH, 1, PATCH // 2, count_include_pad=False))
    best = torch.cat(costs, 1).argmin(1)
    return torch.tensor(steps, dtype=torch.float32)[best].movedim(-1, 1)


def _far(step: tuple[int, int]) -> int:
    return step[0] ** 2 + step[1] ** 2


@torch.no_grad()
def _measured(way: object, episodes: list[Episode]) -> tuple[list[Errors], list[float]]:
    """Errors of whole frames by episode, and under a hidden part of each second frame."""
    assert callable(way)
    generator, whole, covered = torch.Generator().manual_seed(3), [], []
    for episode in episodes:
        assert episode.flow is not None
        frames, true = normalise(torch.from_numpy(episode.image)), episode.flow[:-1]
        first, second = frames[:-1], frames[1:]
        harder = hidden(second, generator)
        part = (harder != second).any(1).numpy()
        whole.append(errors(_as_flow(way(first, second)), true))
        distance = np.linalg.norm(_as_flow(way(first, harder)) - true[..., :2].astype(np.float32), axis=-1)
        covered.append(float(distance[part].mean()))
    return whole, covered


def _as_flow(flow: Tensor) -> Flow:
    return flow.movedim(1, -1).numpy()


def _table(results: list[Result], updates: int) -> str:
    today = datetime.datetime.now(datetime.UTC).date()
    lines = [
        "# Optical flow that is learned from frames alone",
        "",
        f"`python -m benchmarks.flow --updates {updates}`, {today}, {processor()}, one thread, one seed. {EPISODES} "
        f"episodes of {STEPS} frames under smooth random actions, {HELD_OUT} more held out; {updates} updates of "
        f"{PAIRS} pairs, then {updates * 2 // 3} more, with a teacher and without. Mean end-point error in pixels with "
        "95% over episodes: of all pixels, of those that move by more than half a pixel and stay in sight, of those "
        "that are hidden in the next frame, and under a grey rectangle that is laid over 2 to 20% of it. Block "
        f"matching takes the likest block of {PATCH} x {PATCH} within {REACH} pixels, and learns nothing.",
        "",
        "| task | flow | everywhere | moving | hidden | under a rectangle |",
        "|---|---|---|---|---|---|",
    ]
    for task, name, whole, covered in results:
        columns = [*zip(*whole, strict=True), covered]
        lines.append(f"| {task} | {name} | {' | '.join(_with_interval(column) for column in columns)} |")
    return "\n".join(lines) + "\n"


def _with_interval(values: object) -> str:
    numbers = np.asarray(values, np.float64)
    known = numbers[np.isfinite(numbers)]
    return f"{known.mean():.3f} ± {1.96 * known.std(ddof=1) / len(known) ** 0.5:.3f}" if len(known) > 1 else ""


if __name__ == "__main__":
    main()
