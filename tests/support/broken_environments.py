"""Environments that fail, for tests that run them in child processes."""

import errno
import os
import time

import numpy as np
from numpy.typing import NDArray

from backend.envs.protocol import Step


class Counting:
    """Counts its steps; reward and factor are the count, the picture's red is the seed."""

    name = "counting"
    action_size = 2
    factor_names = ("count",)
    episode_steps = 10

    def __init__(self) -> None:
        self._seed = 0
        self._count = 0

    def reset(self, seed: int) -> Step:
        self._seed, self._count = seed, 0
        return self._seen()

    def step(self, action: NDArray[np.float32]) -> Step:
        assert action.shape == (2,)
        self._count += 1
        return self._seen()

    def close(self) -> None:
        """Nothing to free."""

    def _seen(self) -> Step:
        image = np.zeros((64, 64, 3), np.uint8)
        image[..., 0] = self._seed
        count = self._count
        return Step(image, float(count), 1.0, count == 0, count == 10, False, np.array([count], np.float32))


class Dying(Counting):
    """Ends its process at the third step, as a crash in a native library would."""

    def step(self, action: NDArray[np.float32]) -> Step:
        if self._count == 2:
            os._exit(7)
        return super().step(action)


class Hanging(Counting):
    """Hangs at the third step."""

    def step(self, action: NDArray[np.float32]) -> Step:
        if self._count == 2:
            time.sleep(600)
        return super().step(action)


class NotFinite(Counting):
    """Returns a NaN reward at the third step."""

    def step(self, action: NDArray[np.float32]) -> Step:
        step = super().step(action)
        return step._replace(reward=float("nan")) if self._count == 3 else step


class Raising(Counting):
    """Raises at the third step."""

    def step(self, action: NDArray[np.float32]) -> Step:
        if self._count == 2:
            raise ZeroDivisionError("a fault of its own")
        return super().step(action)


class FullDisk(Counting):
    """Finds the disk full at the first step."""

    def step(self, action: NDArray[np.float32]) -> Step:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), f"action of size {len(action)}")


class Unbuildable(Counting):
    """Cannot be made."""

    def __init__(self) -> None:
        raise OSError("no such model")
