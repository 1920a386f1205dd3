"""A tiny environment of gymnasium with pictures that are not square: a needle that turns to the left or the right."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete

PLACES = 16


class Dial(gymnasium.Env[Any, Any]):
    """The needle is at one of PLACES places; it ends, with reward 1, at the last one."""

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012
    action_space = Discrete(3, start=5)  # left, stay, right
    observation_space = Dict({"needle": Box(0, PLACES, (1,)), "turned": Discrete(PLACES)})

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode, self.needle, self.turned = render_mode, 0, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed, options=options)
        self.needle, self.turned = int(self.np_random.integers(2, 6)), 0
        return self._state(), {}

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert action in (5, 6, 7)
        self.needle = int(np.clip(self.needle + action - 6, 0, PLACES - 1))
        self.turned += int(action != 6)
        ended = self.needle == PLACES - 1
        return self._state(), float(ended), ended, False, {"noise": 3.0}

    def render(self) -> Any:
        picture = np.full((100, 200, 3), 40, np.uint8)
        picture[:, 200 * self.needle // PLACES : 200 * (self.needle + 1) // PLACES] = (250, 200, 50)
        return picture

    def _state(self) -> dict[str, Any]:
        return {"needle": np.array([self.needle], np.float32), "turned": self.turned}


class Levers(Dial):
    """Takes two discrete choices at once, which is not supported."""

    action_space = MultiDiscrete([2, 3])


for name, kind in (("Dial-v0", Dial), ("Levers-v0", Levers)):
    gymnasium.register(name, entry_point=kind, max_episode_steps=20, disable_env_checker=True)
