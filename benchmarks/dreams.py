"""Does a Gaussian process foresee as well as a GRU, and does it know where it cannot?

python -m benchmarks.dreams --out .diswm/dreams             (about ten minutes of one CPU core)
python -m benchmarks.dreams --out /tmp/few --updates 10     (to see that all of it works)

World models with either learn from recordings of smooth random actions in cartpole; no policy is learned. Over held-out
episodes, and over those of an expert, whom no model has seen: how often do the states that are then seen lie inside the
band of what was imagined, how wrong is the mean, how right are the pictures? Beside both: a linear map of what the
process sees, fitted by ridge regression in its own states. Results go to benchmarks/results/dreams.md.
"""

import argparse
import datetime
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from backend.data.episodes import Episode, read_episodes
from backend.data.replay import Replay
from backend.interpret.foreseen import Measured, measure
from backend.interpret.similarity import psnr
from backend.pipeline.builder import build_settings
from backend.pipeline.finetune import Finetuning
from backend.pipeline.methods.build import build_parts
from backend.pipeline.settings import FinetuneSettings
from benchmarks.stages import RESULTS, stage
from benchmarks.table import processor
from models.process_rssm import ProcessRSSM
from models.types import State, normalise, to_uint8
from models.world_model import WorldModel

TASK, STEPS, HELD_OUT, CONTEXT = "cartpole-swingup", 24, 16, 5
RECORDED = {"smooth": 80, "expert": 16}  # episodes
METHODS = {"gp-dreams": "Gaussian process", "diswm-no-distillation": "GRU"}
SHOWN = (1, 5, 15)  # imagined steps
RIDGE = 1e-2


class Result(NamedTuple):
    """Of one model over one kind of episodes."""

    model: str
    episodes: str
    measured: Measured
    psnr: tuple[float, ...]  # of the mean's pictures at SHOWN
    repeated: tuple[float, ...]  # of the last seen picture


class Learned(NamedTuple):
    """A world model that has learned, and what it took."""

    model: WorldModel
    seconds: float  # per update


def main() -> None:
    """Records, learns, measures, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(".diswm/dreams"))
    parser.add_argument("--updates", type=int, default=800)
    chosen = parser.parse_args()
    recorded = {policy: _recorded(chosen.out, policy) for policy in RECORDED}
    seen, others = (
        recorded["smooth"][HELD_OUT:],
        {"held out": recorded["smooth"][:HELD_OUT], "expert": recorded["expert"]},
    )
    results, facts = [], []
    for method, title in METHODS.items():
        learned = _learned(method, seen, chosen.updates)
        results += [_measured(learned.model, title, kind, episodes) for kind, episodes in others.items()]
        facts.append(f"{title}: {learned.seconds:.2f} s per update.")
        if isinstance(learned.model.rssm, ProcessRSSM):
            facts += _facts(learned.model, seen, others)
    text = _table(results, facts, chosen.updates)
    print(text)
    (RESULTS if chosen.updates >= 100 else chosen.out).joinpath("dreams.md").write_text(text)


def _recorded(out: Path, policy: str) -> list[Episode]:
    """Short episodes in colours of their own."""
    folder = out / policy
    wanted = {"environment": TASK, "distraction": "episode", "policy": policy, "episode_steps": STEPS}
    stage("collect", folder, 1, {**wanted, "episodes": RECORDED[policy]}, preset="tiny")
    return list(read_episodes(folder / "dataset"))


def _learned(method: str, episodes: list[Episode], updates: int) -> Learned:
    """The world model alone, in the sizes of the tiny preset."""
    amounts = {"behaviour_after": updates + 1, "batch": 8, "length": 12, "initialisation": "scaled", "free_nats": 0.1}
    settings = build_settings("finetune", "tiny", {"method": method, **amounts})
    assert isinstance(settings, FinetuneSettings)
    run = Finetuning(settings, build_parts(settings, None, 1, seed=0), 0, "cpu")
    replay = Replay(1, sum(len(episode.image) for episode in episodes))
    replay.extend(episodes)
    began = time.process_time()
    for _ in range(updates):
        run.learn(replay.sample(settings.batch, settings.length, run.randomness.numpy), len(replay))
    run.check()
    return Learned(run.agent.world_model.eval(), (time.process_time() - began) / updates)


def _arrays(episodes: list[Episode]) -> tuple[Tensor, Tensor]:
    """Pictures (E, S, H, W, 3) and actions (E, S, A), as long as the measured steps."""
    length = CONTEXT + max(SHOWN)
    image, action = (np.stack([getattr(each, name)[:length] for each in episodes]) for name in ("image", "action"))
    return torch.from_numpy(image), torch.from_numpy(action)


@torch.no_grad()
def _measured(model: WorldModel, title: str, kind: str, episodes: list[Episode]) -> Result:
    image, action = _arrays(episodes)
    states = _states(model, image, action)
    start = State(states.deter[:, CONTEXT - 1], states.stoch[:, CONTEXT - 1])
    imagined = model.rssm.imagine(start, max(SHOWN), action[:, CONTEXT:])
    drawn, repeated = [], []
    for step in SHOWN:
        at = State(imagined.deter[:, step - 1], imagined.stoch[:, step - 1])
        pictures, truth = to_uint8(model.decode(at.feature)).numpy(), image[:, CONTEXT + step - 1].numpy()
        last = image[:, CONTEXT - 1].numpy()
        drawn.append(float(np.mean([psnr(*pair) for pair in zip(truth, pictures, strict=True)])))
        repeated.append(float(np.mean([psnr(*pair) for pair in zip(truth, last, strict=True)])))
    return Result(title, kind, measure(model, image, action, CONTEXT), tuple(drawn), tuple(repeated))


@torch.no_grad()
def _states(model: WorldModel, image: Tensor, action: Tensor) -> State:
    """Means along episodes, (E, S, .)."""
    return model.observe(model.encode(normalise(image)).mean, action).states


@torch.no_grad()
def _facts(model: WorldModel, seen: list[Episode], others: dict[str, list[Episode]]) -> list[str]:
    """How much of the process's doubt is new where nothing like it was seen, and what a linear map foresees."""
    assert isinstance(model.rssm, ProcessRSSM)
    states = _states(model, *_arrays(seen))
    usual = float(model.rssm.doubt(states.deter[:, 2:]).mean())
    facts = []
    for kind, episodes in others.items():
        found = _states(model, *_arrays(episodes))
        doubt = float(model.rssm.doubt(found.deter[:, 2:]).mean())
        ridge = _ridge(states, found)
        facts.append(
            f"{kind}: the process's doubt along the episodes is {doubt / usual:.2f} times that along those it learned "
            f"from; one step ahead, the error of its mean is {_one_step(model.rssm, found):.2f} of standing still's, "
            f"that of the linear map {ridge:.2f}."
        )
    return facts


def _one_step(rssm: ProcessRSSM, states: State) -> float:
    """Root mean square error of the process's next z, of standing still's; steps with two states before them."""
    return _of_still(rssm.prior(states.deter[:, 2:]).mean, states)


def _ridge(learned: State, states: State) -> float:
    """The same for a linear map of what the process sees, fitted to other episodes."""
    inputs, outputs = learned.deter[:, 2:].flatten(0, 1), (learned.stoch[:, 2:] - learned.stoch[:, 1:-1]).flatten(0, 1)
    square = inputs.T @ inputs + RIDGE * len(inputs) * torch.eye(inputs.shape[-1])
    weights = torch.linalg.solve(square, inputs.T @ outputs)
    return _of_still(states.stoch[:, 1:-1] + states.deter[:, 2:] @ weights, states)


def _of_still(guess: Tensor, states: State) -> float:
    """Root mean square error of a guess of each z from the third on, of that of the z before it."""
    true, before = states.stoch[:, 2:], states.stoch[:, 1:-1]
    return float(((guess - true).square().mean() / (before - true).square().mean()).sqrt())


def _table(results: list[Result], facts: list[str], updates: int) -> str:
    today = datetime.datetime.now(datetime.UTC).date()
    lines = [
        "# A Gaussian process and a GRU",
        "",
        f"`python -m benchmarks.dreams --updates {updates}`, {today}, {processor()}, one thread, one seed. {TASK}, "
        f"{RECORDED['smooth'] - HELD_OUT} episodes of {STEPS} frames under smooth random actions, in the sizes of the "
        f"tiny preset; {updates} updates of the world model, no policy. {CONTEXT} frames seen; measured over "
        f"{HELD_OUT} held-out episodes and {RECORDED['expert']} of an expert, whom no model has seen.",
        "",
        "Inside: share of the numbers of z inside the 90% band, with 95% over episodes; error of the mean and width of "
        "the band as shares of standing still's, each in the model's own states.",
        "",
        "| dynamics | episodes | step | inside | error | width | PSNR of the picture | of the last seen one |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        found = result.measured
        for place, step in enumerate(SHOWN):
            low, high = found.interval[step - 1]
            share, error, width = (float(each[:, step - 1].mean()) for each in (found.inside, found.error, found.width))
            numbers = f"{share:.2f} ({low:.2f} to {high:.2f}) | {error:.2f} | {width:.2f}"
            pictures = f"{result.psnr[place]:.1f} dB | {result.repeated[place]:.1f} dB"
            lines.append(f"| {result.model} | {result.episodes} | {step} | {numbers} | {pictures} |")
    return "\n".join([*lines, "", *(f"- {fact}" for fact in facts)]) + "\n"


if __name__ == "__main__":
    main()
