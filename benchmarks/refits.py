"""Is the model of adept more right where its policy goes, if refitted to it? With importance weights, and without.

python -m benchmarks.refits --out .diswm/refits             (about five minutes of one CPU core)
python -m benchmarks.refits --out /tmp/few --updates 10     (to see that all of it works)

A world model and a diffusion model of its next states learn from smooth random actions in cartpole. From that point on,
a policy learns in it twice, from the same seed. Each policy then plays in the simulator: how wrong is the diffusion
model about the states that it reaches, one step ahead? Results go to benchmarks/results/refits.md.
"""

import argparse
import copy
import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from backend.data.episodes import Episode, read_episodes
from backend.data.replay import Replay
from backend.envs.make import make_environment
from backend.pipeline.builder import build_settings
from backend.pipeline.methods.adept import Refitted
from backend.pipeline.methods.build import build_parts
from backend.pipeline.offline import OfflineLearning, watched
from backend.pipeline.settings import OfflineSettings
from benchmarks.stages import RESULTS, stage
from benchmarks.table import processor
from models.agent import Agent
from models.denoiser import DiffusedDream

TASK, STEPS, EPISODES, HELD_OUT, STARTS = "cartpole-swingup", 24, 60, 12, 12
POWERS = (1.0, 0.0)


class Result(NamedTuple):
    """Of one policy: the model's error where it goes and on recordings, beside that of the Gaussian prior."""

    power: float
    visited: tuple[float, float]  # mean over episodes, and half the width of its 95% interval
    gaussian: float
    recorded: float
    effective: float
    reward: float


def main() -> None:
    """Records, learns, plays, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(".diswm/refits"))
    parser.add_argument("--updates", type=int, default=300, help="of the world model; half as many of each policy")
    chosen = parser.parse_args()
    episodes = _recorded(chosen.out)
    seen, held_out = episodes[HELD_OUT:], episodes[:HELD_OUT]
    replay = Replay(1, sum(len(episode.image) for episode in seen))
    replay.extend(seen)
    start = _run(1.0, chosen.updates)
    _learn(start, replay, chosen.updates)
    state = copy.deepcopy(start.state_dict())
    results = []
    for power in POWERS:
        run = _run(power, chosen.updates)
        run.load_state_dict(copy.deepcopy(state))
        _learn(run, replay, run.settings.updates)
        results.append(_measured(run, power, held_out))
    text = _table(results, chosen.updates)
    print(text)
    (RESULTS if chosen.updates >= 100 else chosen.out).joinpath("refits.md").write_text(text)


def _recorded(out: Path) -> list[Episode]:
    """Short episodes in colours of their own."""
    wanted = {"environment": TASK, "distraction": "episode", "policy": "smooth", "episode_steps": STEPS}
    stage("collect", out / "smooth", 1, {**wanted, "episodes": EPISODES}, preset="tiny")
    return list(read_episodes(out / "smooth" / "dataset"))


def _run(power: float, updates: int) -> OfflineLearning:
    """Everything that learns, its weights drawn from one seed."""
    changes = {"method": "adept", "importance": power, "demonstrations": "smooth", "initialisation": "scaled"}
    amounts = {"behaviour_after": updates, "updates": updates + updates // 2, "denoiser_rate": 1e-3}
    settings = build_settings("offline", "tiny", {**changes, **amounts})
    assert isinstance(settings, OfflineSettings)
    return OfflineLearning(settings, build_parts(settings, None, 1, seed=0), 0, "cpu")


def _learn(run: OfflineLearning, replay: Replay, until: int) -> None:
    settings = run.settings
    while run.updates < until:
        run.learn(replay.sample(settings.batch, settings.length, run.randomness.numpy), run.updates)
    run.check()


def _measured(run: OfflineLearning, power: float, held_out: list[Episode]) -> Result:
    agent, dream = run.agent.eval(), run.parts.behaviour.dream
    assert isinstance(dream, DiffusedDream) and isinstance(run.parts.behaviour.judge, Refitted)
    played, reward = _played(agent)
    wrong, gaussian = _errors(agent, dream, *played)
    images, actions = (
        torch.from_numpy(np.stack([getattr(each, name) for each in held_out])) for name in ("image", "action")
    )
    recorded, _ = _errors(agent, dream, images, actions)
    half = 1.96 * float(wrong.std(ddof=1)) / len(wrong) ** 0.5
    effective = run.parts.notes().get("effective_share", float("nan"))
    return Result(power, (float(wrong.mean()), half), float(gaussian.mean()), float(recorded.mean()), effective, reward)


@torch.no_grad()
def _played(agent: Agent) -> tuple[tuple[Tensor, Tensor], float]:
    """Pictures (E, S, H, W, 3) and actions (E, S, 1) of episodes that the policy plays, and their mean reward."""
    environment = make_environment(TASK, distraction="episode")
    images, actions, rewards = [], [], []
    for start in range(STARTS):
        step, memory = environment.reset(1_000 + start), agent.begin(1)
        frames, done = [step.image], [np.zeros(1, np.float32)]
        for _ in range(STEPS - 1):
            action, memory = agent.act(torch.from_numpy(step.image)[None], memory)
            done.append(action[0].numpy())
            step = environment.step(done[-1])
            frames.append(step.image)
            rewards.append(step.reward)
        images.append(np.stack(frames))
        actions.append(np.stack(done))
    environment.close()
    return (torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(actions))), float(np.mean(rewards))


@torch.no_grad()
def _errors(agent: Agent, dream: DiffusedDream, image: Tensor, action: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Root mean square error about the next z, of the denoiser's mean and of the Gaussian's, by episode: (E,) each."""
    seen = watched(agent, image, action)
    deter, true = seen.states.deter[:, 1:], seen.posterior.mean[:, 1:]
    guesses = dream.prior(deter).mean, dream.dynamics.prior(deter).mean
    wrong, gaussian = ((guess - true).square().mean((1, 2)).sqrt().double().numpy() for guess in guesses)
    return wrong, gaussian


def _table(results: list[Result], updates: int) -> str:
    today = datetime.datetime.now(datetime.UTC).date()
    lines = [
        "# What refits to the policy do to the model of adept",
        "",
        f"`python -m benchmarks.refits --updates {updates}`, {today}, {processor()}, one thread, one seed. {TASK}, "
        f"{EPISODES - HELD_OUT} recordings of {STEPS} frames under smooth random actions ({HELD_OUT} more held out); "
        f"{updates} updates of the world model, shared by both, then {updates // 2} of each policy. Error of the "
        f"denoiser's mean about the next z, root mean square, in the {STARTS} episodes that each policy plays in the "
        "simulator, with 95% over episodes; the Gaussian is the world model's own prior there.",
        "",
        "| importance | error where the policy goes | of the Gaussian there | error on recordings | effective share "
        "at the end | reward per step |",
        "|---|---|---|---|---|---|",
    ]
    for result in results:
        mean, half = result.visited
        numbers = f"{mean:.4f} ± {half:.4f} | {result.gaussian:.4f} | {result.recorded:.4f}"
        lines.append(f"| {result.power:g} | {numbers} | {result.effective:.2f} | {result.reward:.3f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
