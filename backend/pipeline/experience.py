"""The agent's own experience: it acts in one environment, and finished episodes are kept on disk and in the replay."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from backend.data.episodes import episode_of, read_episode, write_episode
from backend.data.replay import Replay
from backend.envs.protocol import Step
from backend.pipeline.environments import EnvironmentPool
from backend.pipeline.evaluate import done_instead, episode_seed
from models.agent import Agent, Memory
from models.types import State


class Experience:
    """Acts step by step; `state_dict` holds the current episode as its seed and actions, from which it can be replayed.

    Beginning and finishing a step are separate calls, so that an update can run while the environment takes it.
    """

    def __init__(
        self,
        agent: Agent,
        environments: EnvironmentPool,
        replay: Replay,
        folder: Path,
        seed: int,
        device: str,
        agent_steps: int = 0,
    ) -> None:
        """`agent_steps` counts the steps of episodes that were put into the replay beforehand."""
        self.agent, self.environments, self.replay = agent, environments, replay
        self.agent_steps = agent_steps  # begun
        self._folder, self._seed, self._device = folder, seed, device
        self._episodes = 0  # finished
        self._begun_at = 0  # agent steps when the current episode began
        self._steps: list[Step] = []
        self._actions: list[np.ndarray[Any, np.dtype[np.float32]]] = []
        self._memory = agent.begin(1)
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def between_episodes(self) -> bool:
        """Whether the next step is the first of an episode."""
        return len(self._actions) == 1

    def begin(self) -> None:
        """Starts the next training episode."""
        self._begin_at(self.agent_steps)

    def _begin_at(self, agent_steps: int) -> None:
        self._begun_at = agent_steps
        self.environment = self.environments.training(agent_steps)
        self.environment.begin_reset(episode_seed(self._seed, "train", self._episodes))
        self._steps = [self.environment.finish()]
        self._actions = [np.zeros(self.agent.world_model.config.action_size, np.float32)]
        self._memory = self.agent.begin(1)

    def begin_step(self, rng: np.random.Generator, noise: torch.Generator | None) -> None:
        """Begin an agent step, at random without `noise`, else drawn from the policy; does not wait for it."""
        image = torch.from_numpy(self._steps[-1].image[None].copy()).to(self._device)
        drawn, memory = self.agent.act(image, self._memory, noise)
        if noise is None:
            chosen = rng.uniform(-1, 1, drawn.shape[-1]).astype(np.float32)
            memory = Memory(memory.state, torch.from_numpy(chosen[None]).to(self._device))
        else:
            chosen = drawn[0].cpu().numpy()
        self._memory = memory
        self._ask(chosen)
        self.agent_steps += 1

    def finish_step(self) -> float | None:
        """Wait for the step that was begun; gives the return of an episode that ends with it."""
        step = self.environment.finish()
        self._steps.append(step)
        if step.action is not None:
            self._was_done(step.action)
        return self._end_episode() if step.is_last else None

    def state_dict(self) -> dict[str, Any]:
        """Counters, the actions of the current episode and the agent's memory in it; not between begin and finish."""
        assert len(self._steps) == len(self._actions), "a step that was begun is not finished"
        state, action = self._memory
        return {
            "agent_steps": self.agent_steps,
            "episodes": self._episodes,
            "begun_at": self._begun_at,
            "actions": torch.from_numpy(np.stack(self._actions)),
            "memory": [state.deter, state.stoch, action],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from what `state_dict` gave: finished episodes are read, the current one is played again."""
        self.agent_steps, self._episodes = state["agent_steps"], state["episodes"]
        for stale in self._paths()[self._episodes :]:
            stale.unlink()
        self.replay.extend(read_episode(path) for path in self._paths())
        self._begin_at(state["begun_at"])
        for action in state["actions"][1:].numpy():
            self._ask(action)
            self._steps.append(self.environment.finish())
        deter, stoch, action = (part.to(self._device) for part in state["memory"])
        self._memory = Memory(State(deter, stoch), action)

    def _was_done(self, action: np.ndarray[Any, np.dtype[np.float32]]) -> None:
        """Remember what the environment did instead of what it was asked."""
        self._memory = done_instead(self._memory, 0, action)
        self._actions[-1] = self._memory.action[0].cpu().numpy()

    def _ask(self, action: np.ndarray[Any, np.dtype[np.float32]]) -> None:
        self.environment.begin_step(action)
        self._actions.append(action)

    def _end_episode(self) -> float:
        episode = episode_of(self._steps, self._actions, self.environment.factor_names)
        write_episode(self._folder / f"episode-{self._episodes:06d}.npz", episode)
        self.replay.add(episode)
        self._episodes += 1
        score = float(episode.reward.sum())
        self.begin()
        return score

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("episode-*.npz"))
