"""A state of the simulator drawn several times, with one factor at another value each time and all else equal."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from backend.envs.dmc import ControlEnvironment
from backend.envs.make import make_environment
from backend.envs.process import SILENCE_LIMIT, Beat, Child, Handler
from backend.envs.protocol import Look


class Sweeper:
    """A task in its own process that draws its states with other values of a factor; close it, or use it as a context.

    Raises EnvironmentFailed where it cannot start, dies or hangs.
    """

    def __init__(self, name: str, *, distraction: str, look: Look = "fast", limit: float = SILENCE_LIMIT) -> None:
        self._child = Child(name, _serve, name, distraction, look, limit=limit)
        self._child.request("knobs")
        self.knobs: tuple[str, ...] = self._child.answer()

    def draw(self, seed: int, knob: str, values: Sequence[float]) -> NDArray[np.uint8]:
        """The state that the seed resets to, with a knob at each value: (V, 64, 64, 3). Raises ValueError."""
        if knob not in self.knobs:
            raise ValueError(f"{knob!r} cannot be set here; there is {', '.join(self.knobs)}")
        self._child.request((seed, knob, tuple(values)))
        images: NDArray[np.uint8] = self._child.answer()
        return images

    def at_rest(self, seed: int) -> NDArray[np.uint8]:
        """The state that the seed resets to, as it is: (64, 64, 3)."""
        self._child.request(seed)
        image: NDArray[np.uint8] = self._child.answer()
        return image

    def close(self) -> None:
        """End the process."""
        self._child.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _serve(name: str, distraction: str, look: Look) -> Handler:
    environment = make_environment(name, distraction=distraction, look=look, random_pose=True)
    if not isinstance(environment, ControlEnvironment):
        raise TypeError(f"{name}: its factors cannot be set")

    def handle(request: str | int | tuple[int, str, tuple[float, ...]], _: Beat) -> tuple[str, ...] | NDArray[np.uint8]:
        if isinstance(request, str):
            return environment.knobs
        if isinstance(request, int):
            return environment.reset(request).image
        seed, knob, values = request
        environment.reset(seed)
        return np.stack([environment.redraw({knob: value}).image for value in values])

    return handle
