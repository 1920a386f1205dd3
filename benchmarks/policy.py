"""Does a trained policy beat a random one? Returns of both on the same episodes, as one JSON object.

.venv/bin/python benchmarks/policy.py CKPT --episodes 10
"""

import argparse
import json
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from backend.data.catalogue import find_checkpoint
from backend.data.checkpoint import load_checkpoint
from backend.envs.make import make_environment
from backend.envs.protocol import Environment
from backend.envs.vector import ProcessEnvironment
from backend.pipeline.environments import PaddedActions
from backend.pipeline.evaluate import episode_seed, evaluate
from backend.settings import get_settings
from models.agent import Agent, Drawing
from models.world_model import WorldModel


def main() -> None:
    """Plays the episodes and prints the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", help="id, name or folder")
    parser.add_argument("--episodes", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1_000)
    arguments = parser.parse_args()
    info = find_checkpoint(get_settings().home, arguments.checkpoint, allow_path=True)
    seeds = [episode_seed(arguments.seed, "benchmark", index) for index in range(arguments.episodes)]
    print(json.dumps(compare(info.folder, seeds)))


def compare(folder: Path, seeds: list[int]) -> dict[str, Any]:
    """Returns on the episodes of these seeds: of the policy's most likely actions, of drawn and of random ones."""
    loaded = load_checkpoint(find_checkpoint(folder, str(folder), allow_path=True))
    assert isinstance(loaded.model, WorldModel) and loaded.actor_critic is not None, "this checkpoint has no policy"
    settings = loaded.info.config["settings"]
    agent = Agent(loaded.model, loaded.actor_critic)
    factory = partial(
        make_environment,
        settings["environment"],
        distraction=settings["distraction"],
        action_repeat=settings["action_repeat"],
        look=settings["look"],
    )
    with closing(ProcessEnvironment(settings["environment"], factory)) as environment:
        padded = [PaddedActions(environment, environment.action_size)]
        policy, drawn = evaluate(agent, padded, seeds).returns, evaluate(Drawing(agent, 0), padded, seeds).returns
        random = _random(environment, seeds)
    return {
        "environment": settings["environment"],
        "distraction": settings["distraction"],
        "episodes": len(seeds),
        "policy": {"mean": float(np.mean(policy)), "std": float(np.std(policy)), "returns": policy},
        "drawn": {"mean": float(np.mean(drawn)), "std": float(np.std(drawn)), "returns": drawn},
        "random": {"mean": float(np.mean(random)), "std": float(np.std(random)), "returns": random},
        "torch": torch.__version__,
    }


def random_returns(name: str, factory: Callable[[], Environment], seeds: list[int]) -> tuple[float, ...]:
    """Returns of uniformly random actions on the episodes of these seeds."""
    with closing(ProcessEnvironment(name, factory)) as environment:
        return _random(environment, seeds)


def _random(environment: Environment, seeds: list[int]) -> tuple[float, ...]:
    rng, size = np.random.default_rng(0), environment.action_size
    return tuple(_play(environment, seed, lambda: rng.uniform(-1, 1, size).astype(np.float32)) for seed in seeds)


def _play(environment: Environment, seed: int, choose: Callable[[], np.ndarray[Any, np.dtype[np.float32]]]) -> float:
    step, score = environment.reset(seed), 0.0
    while not step.is_last:
        step = environment.step(choose())
        score += step.reward
    return score


if __name__ == "__main__":
    main()
