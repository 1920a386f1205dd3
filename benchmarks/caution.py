"""Does the fine of cmil keep imagination where the model is right? With the fine for disagreement, and without.

python -m benchmarks.caution --out .diswm/caution             (about ten minutes of one CPU core)
python -m benchmarks.caution --out /tmp/few --updates 10      (to see that all of it works)

An ensemble learns the dynamics of cartpole from recordings of an expert and of smooth random actions; in it, policies
learn to imitate the expert. Each policy then imagines its own future from the first frames of episodes, and its actions
are taken in the simulator from the same frames: how wrong was what it imagined? Results go to
benchmarks/results/caution.md.
"""

import argparse
import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from backend.data.episodes import Episode, read_episodes
from backend.data.replay import Replay
from backend.envs.make import make_environment
from backend.envs.protocol import Environment
from backend.interpret.similarity import psnr
from backend.pipeline.builder import build_settings
from backend.pipeline.methods.build import build_parts
from backend.pipeline.offline import OfflineLearning, expert_distance
from backend.pipeline.settings import OfflineSettings
from benchmarks.stages import RESULTS, stage
from benchmarks.table import processor
from models.agent import Agent
from models.ensemble import EnsembleRSSM
from models.types import normalise, to_uint8

TASK, STEPS, HELD_OUT = "cartpole-swingup", 24, 4
RECORDED = {"expert": 20, "smooth": 60}  # episodes
CONTEXT, HORIZON, STARTS = 5, 15, 8
FINES = (10.0, 0.0)


class Result(NamedTuple):
    """Of one policy: PSNR of its imagined pictures, and of the last seen one repeated, against the simulator's."""

    fine: float
    imagined: float
    repeated: float
    disagreement: float
    distance: float


def main() -> None:
    """Records, learns, replays, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(".diswm/caution"))
    parser.add_argument("--updates", type=int, default=400, help="of the world model; half as many of each policy")
    chosen = parser.parse_args()
    recorded = {policy: _recorded(chosen.out, policy) for policy in RECORDED}
    results = [_policy(fine, recorded, chosen.updates) for fine in FINES]
    text = _table(results, chosen.updates)
    print(text)
    (RESULTS if chosen.updates >= 100 else chosen.out).joinpath("caution.md").write_text(text)


def _recorded(out: Path, policy: str) -> list[Episode]:
    """Short episodes in colours of their own."""
    folder = out / policy
    wanted = {"environment": TASK, "distraction": "episode", "policy": policy, "episode_steps": STEPS}
    stage("collect", folder, 1, {**wanted, "episodes": RECORDED[policy]}, preset="tiny")
    return list(read_episodes(folder / "dataset"))


def _policy(fine: float, recorded: dict[str, list[Episode]], updates: int) -> Result:
    """The same world model, learned again from the same seed, and a policy in it."""
    changes = {"method": "cmil", "disagreement_fine": fine, "demonstrations": "expert", "initialisation": "scaled"}
    amounts = {"behaviour_after": updates, "updates": updates + updates // 2}
    settings = build_settings("offline", "tiny", {**changes, **amounts})
    assert isinstance(settings, OfflineSettings)
    expert, held_out = recorded["expert"][HELD_OUT:], recorded["expert"][:HELD_OUT]
    run = OfflineLearning(settings, build_parts(settings, None, 1, seed=0), 0, "cpu")
    everything, demonstrations = _replay(expert + recorded["smooth"]), _replay(expert)
    for update in range(settings.updates):
        replay = demonstrations if run.imitates else everything
        run.learn(replay.sample(settings.batch, settings.length, run.randomness.numpy), update)
    run.check()
    agent = run.agent.eval()
    environment = make_environment(TASK, distraction="episode")
    found = np.mean([_replayed(agent, environment, 1_000 + start) for start in range(STARTS)], 0)
    environment.close()
    return Result(fine, *found.tolist(), expert_distance(agent, held_out, "cpu")["latent_distance_5"])


def _replay(episodes: list[Episode]) -> Replay:
    replay = Replay(1, sum(len(episode.image) for episode in episodes))
    replay.extend(episodes)
    return replay


@torch.no_grad()
def _replayed(agent: Agent, environment: Environment, seed: int) -> tuple[float, float, float]:
    """PSNR of what the policy imagined and of the last seen frame repeated, and the mean disagreement."""
    model, memory = agent.world_model, agent.begin(1)
    image = environment.reset(seed).image
    for _ in range(CONTEXT):
        _, memory = agent.act(torch.from_numpy(image)[None], memory)
        memory = memory._replace(action=torch.zeros_like(memory.action))
        image = environment.step(np.zeros(1, np.float32)).image
    latent = model.encode(normalise(torch.from_numpy(image))[None]).mean
    state = model.observe(latent[:, None], memory.action[:, None], state=memory.state).states.at(0)
    assert isinstance(model.rssm, EnsembleRSSM)
    seen, scores = image, []
    for _ in range(HORIZON):
        action = agent.actor_critic.policy(state.feature).mode
        state = model.rssm.imagine_step(state, action)
        truth = environment.step(action[0].numpy()).image
        pictured = to_uint8(model.decode(state.feature))[0].numpy()
        doubt = float(model.rssm.prior(state.deter).disagreement)
        scores.append((psnr(truth, pictured), psnr(truth, seen), doubt))
    imagined, repeated, doubt = np.mean(scores, 0).tolist()
    return imagined, repeated, doubt


def _table(results: list[Result], updates: int) -> str:
    today = datetime.datetime.now(datetime.UTC).date()
    lines = [
        "# What the fine of cmil does to imagination",
        "",
        f"`python -m benchmarks.caution --updates {updates}`, {today}, {processor()}, one thread, one seed. {TASK}, "
        f"{RECORDED['expert']} demonstrations of {STEPS} frames ({HELD_OUT} held out) and {RECORDED['smooth']} other "
        f"recordings; {updates} updates of the world model, then {updates // 2} of each policy. PSNR over {HORIZON} "
        f"steps from {STARTS} starts, against the simulator under the same actions; distance after 5 steps.",
        "",
        "| fine | PSNR of what was imagined | of the last seen frame | disagreement | distance to the expert |",
        "|---|---|---|---|---|",
    ]
    for result in results:
        numbers = f"{result.imagined:.2f} dB | {result.repeated:.2f} dB | {result.disagreement:.4f}"
        lines.append(f"| {result.fine:g} | {numbers} | {result.distance:.3f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
