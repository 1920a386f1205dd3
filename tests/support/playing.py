"""Environments for tests: one of this process with the interface of a child's, and some that wait for the test."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.envs.protocol import Step

PATIENCE = 60.0  # seconds until an environment that waits in vain gives up


class AtHand:
    """An environment of this process with the interface of one in a child process: `finish` answers the request."""

    def __init__(self, environment: Any) -> None:
        self.environment, self.factor_names = environment, environment.factor_names
        self.others: list[AtHand] = []
        self.closed = False
        self._asked: tuple[str, Any] | None = None

    def begin_reset(self, seed: int) -> None:
        assert self._asked is None, "asked twice"
        self._asked = "reset", seed

    def begin_step(self, action: NDArray[np.float32]) -> None:
        assert self._asked is None, "asked twice"
        self._asked = "step", action

    def finish(self) -> Step:
        assert self._asked is not None, "nothing was asked for"
        (verb, value), self._asked = self._asked, None
        step: Step = getattr(self.environment, verb)(value)
        return step

    def idle(self) -> None:
        """Fails while an answer is owed."""
        assert self._asked is None, f"{self._asked} is still to be answered"

    def another(self) -> "AtHand":
        other = AtHand(type(self.environment)())
        self.others.append(other)
        return other

    def close(self) -> None:
        self.closed = True


class Slider:
    """A square that the action pushes; the reward is how far right it is. Twenty steps per episode."""

    name, action_size, factor_names, episode_steps = "slider", 1, ("square_x",), 20

    def __init__(self) -> None:
        self.seeds: list[int] = []
        self._x, self._steps = 0.0, 0

    def reset(self, seed: int) -> Step:
        self.seeds.append(seed)
        self._x, self._steps = float(np.random.default_rng(seed).uniform(4, 40)), 0
        return self._seen(0.0)

    def step(self, action: NDArray[np.float32]) -> Step:
        self._x, self._steps = float(np.clip(self._x + 6 * action[0], 0, 48)), self._steps + 1
        return self._seen(self._x / 48)

    def close(self) -> None:
        """Nothing to free."""

    def _seen(self, reward: float) -> Step:
        image = np.zeros((64, 64, 3), np.uint8)
        image[24:40, int(self._x) : int(self._x) + 16] = 200
        last = self._steps == self.episode_steps
        return Step(image, reward, 1.0, self._steps == 0, last, False, np.array([self._x], np.float32))


class Attentive(Slider):
    """Answers some steps only once a file shows that an update was made meanwhile."""

    def __init__(self, folder: Path, awaited: range, fault: int | None = None) -> None:
        """`awaited`: the steps, counted over all episodes; at step `fault` the process dies, after that wait."""
        super().__init__()
        self._folder, self._awaited, self._fault, self._taken = folder, awaited, fault, 0

    def step(self, action: NDArray[np.float32]) -> Step:
        self._taken += 1
        if self._taken in self._awaited:
            wait_for((self._folder / f"learned-{self._taken}").exists)
        if self._taken == self._fault:
            raise SystemExit(9)
        return super().step(action)


class Sociable(Slider):
    """Answers its steps only once `company` episodes have begun; episodes have 5 to 9 steps, depending on the seed."""

    def __init__(self, folder: Path, company: int) -> None:
        super().__init__()
        self._folder, self._company = folder, company

    def reset(self, seed: int) -> Step:
        self.episode_steps = 5 + seed % 5
        (self._folder / f"begun-{seed}").touch()
        return super().reset(seed)

    def step(self, action: NDArray[np.float32]) -> Step:
        wait_for(lambda: len(list(self._folder.glob("begun-*"))) >= self._company)
        return super().step(action)


def wait_for(condition: Callable[[], bool]) -> None:
    """Returns when the condition holds; raises TimeoutError after a minute."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("waited in vain")
        time.sleep(0.002)
