"""The same episode run twice, once with a factor changed on the way: the truth for a counterfactual."""

from collections.abc import Mapping
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from backend.envs.dmc import ControlEnvironment
from backend.envs.make import make_environment
from backend.envs.process import SILENCE_LIMIT, Beat, Child, Handler
from backend.envs.protocol import Look


class Change(NamedTuple):
    """Factors that get other values on reaching a step, and keep them."""

    step: int
    factors: Mapping[str, float]


class Life(NamedTuple):
    """S steps of an episode, the reset first."""

    image: NDArray[np.uint8]  # (S, 64, 64, 3)
    reward: NDArray[np.float32]  # (S,)
    factors: NDArray[np.float32]  # (S, F)
    factor_names: tuple[str, ...]


class Simulation:
    """An environment in its own process that runs given actions; close it, or use it as a context manager."""

    def __init__(
        self,
        name: str,
        *,
        distraction: str,
        action_repeat: int = 2,
        look: Look = "fast",
        random_pose: bool = False,
        limit: float = SILENCE_LIMIT,
    ) -> None:
        self._child = Child(name, _serve, name, distraction, action_repeat, look, random_pose, limit=limit)

    def live(self, seed: int, action: NDArray[np.float32], change: Change | None = None) -> Life:
        """An episode of actions (S, A), of which the first is not taken: `action[t]` leads to step t.

        Before the change it equals the episode without the change, byte for byte. Raises EnvironmentFailed, and
        ValueError for a factor that cannot be set.
        """
        self._child.request((seed, action, change))
        answer = self._child.answer()
        if isinstance(answer, ValueError):
            raise answer
        life: Life = answer
        return life

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.close()


def _serve(name: str, distraction: str, action_repeat: int, look: Look, random_pose: bool) -> Handler:
    environment = make_environment(
        name, distraction=distraction, action_repeat=action_repeat, look=look, random_pose=random_pose
    )
    if not isinstance(environment, ControlEnvironment):
        raise TypeError(f"{name}: its factors cannot be set")

    def handle(request: tuple[int, NDArray[np.float32], Change | None], beat: Beat) -> Life | ValueError:
        seed, action, change = request
        steps = []
        for moment, chosen in enumerate(action):
            step = environment.step(chosen) if moment else environment.reset(seed)
            if change is not None and moment == change.step:
                try:
                    step = environment.redraw(change.factors)._replace(reward=step.reward)
                except ValueError as error:
                    return error
            steps.append(step)
            beat()
            if step.is_last:
                break
        return Life(
            np.stack([step.image for step in steps]),
            np.array([step.reward for step in steps], np.float32),
            np.stack([step.factors for step in steps]),
            environment.factor_names,
        )

    return handle
