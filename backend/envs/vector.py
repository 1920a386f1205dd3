"""Environments in child processes: one (`ProcessEnvironment`) or several in parallel (`VectorEnvironment`)."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from backend.envs.make import make_environment
from backend.envs.process import SILENCE_LIMIT, Beat, Child, Handler
from backend.envs.protocol import Environment, EnvironmentFailed, Look, Step

Factory = Callable[[], Environment]


class ProcessEnvironment:
    """An environment in a spawned process; follows `backend.envs.protocol.Environment`.

    Death, a silence of `limit` seconds and numbers that are not finite raise EnvironmentFailed; the next
    `reset` begins with a fresh process.
    """

    def __init__(self, name: str, factory: Factory, limit: float = SILENCE_LIMIT, about: "About | None" = None) -> None:
        """With `about`, the description from another one of this kind, it returns while its process starts."""
        self.name = name
        self._factory = factory
        self._limit = limit
        self._child: Child | None = self._start()
        self._about = about or self._ask_about()
        self.action_size, self.factor_names, self.episode_steps = self._about

    def another(self) -> "ProcessEnvironment":
        """One more of the same kind; returns while its process starts."""
        return ProcessEnvironment(self.name, self._factory, self._limit, self._about)

    @property
    def pid(self) -> int | None:
        """Process id while the process lives."""
        return self._child.pid if self._child else None

    def reset(self, seed: int) -> Step:
        self.begin_reset(seed)
        return self.finish()

    def step(self, action: NDArray[np.float32]) -> Step:
        self.begin_step(action)
        return self.finish()

    def begin_reset(self, seed: int) -> None:
        """Ask for a reset without waiting; `finish` gives its step."""
        self._ask(("reset", seed))

    def begin_step(self, action: NDArray[np.float32]) -> None:
        """Request a step without waiting; `finish` returns it."""
        if self._child is None:
            raise EnvironmentFailed(self.name, "died", "it failed before: reset it first")
        self._ask(("step", action))

    def finish(self) -> Step:
        """Wait for the requested step."""
        step: Step = self._receive()
        if not np.isfinite(step.reward) or not np.isfinite(step.factors).all():
            self.kill()
            raise EnvironmentFailed(self.name, "not_finite", f"reward {step.reward}, factors {step.factors}")
        return step

    def close(self) -> None:
        """End the process; a later `reset` starts another."""
        if self._child is not None:
            self._child.close()
            self._child = None

    def kill(self) -> None:
        """End the process at once."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def _start(self) -> Child:
        return Child(self.name, _serve, self._factory, limit=self._limit)

    def _ask_about(self) -> "About":
        self._ask(("about", None))
        about: About = self._receive()
        return about

    def _ask(self, request: tuple[str, Any]) -> None:
        self._child = self._child or self._start()
        try:
            self._child.request(request)
        except (EnvironmentFailed, OSError):
            self._child = None
            raise

    def _receive(self) -> Any:
        assert self._child is not None, "nothing was asked for"
        try:
            return self._child.answer()
        except (EnvironmentFailed, OSError):
            self._child = None
            raise


class VectorEnvironment:
    """`count` environments of one kind in parallel, each in a process; closes with its `with` block."""

    def __init__(
        self,
        name: str,
        *,
        count: int = 1,
        distraction: str = "none",
        action_repeat: int = 2,
        look: Look = "fast",
        limit: float = SILENCE_LIMIT,
        factory: Factory | None = None,
    ) -> None:
        """`factory` (importable by name) replaces `make_environment` with the other arguments."""
        if count < 1:
            raise ValueError(f"at least one environment is needed, got {count}")
        make = factory or process_factory(name, distraction=distraction, action_repeat=action_repeat, look=look)
        self.name = name
        self._environments: list[ProcessEnvironment] = []
        try:
            self._environments.append(ProcessEnvironment(name, make, limit))
            for _ in range(count - 1):
                self._environments.append(self._environments[0].another())
        except (EnvironmentFailed, OSError):
            self.close()
            raise
        first = self._environments[0]
        self.action_size, self.factor_names = first.action_size, first.factor_names
        self.episode_steps = first.episode_steps

    def __len__(self) -> int:
        return len(self._environments)

    @property
    def pids(self) -> list[int | None]:
        """Process ids of the living ones."""
        return [environment.pid for environment in self._environments]

    def reset(self, seeds: Sequence[int]) -> list[Step]:
        """Reset each environment with its seed; those that failed before get fresh processes."""
        self._check(len(seeds), "seeds")
        return self._together(ProcessEnvironment.begin_reset, seeds)

    def step(self, actions: NDArray[np.float32]) -> list[Step]:
        """Take one agent step in each, actions (count, A) in [-1, 1]; raises EnvironmentFailed."""
        self._check(len(actions), "actions")
        return self._together(ProcessEnvironment.begin_step, actions)

    def close(self) -> None:
        """End all processes."""
        for environment in self._environments:
            environment.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _together(self, begin: Callable[[ProcessEnvironment, Any], None], values: Iterable[Any]) -> list[Step]:
        try:
            for environment, value in zip(self._environments, values, strict=True):
                begin(environment, value)
            return [environment.finish() for environment in self._environments]
        except (EnvironmentFailed, OSError):
            for environment in self._environments:
                environment.kill()  # the others have pending answers that nobody will read
            raise

    def _check(self, given: int, what: str) -> None:
        if given != len(self):
            raise ValueError(f"{len(self)} environments need {len(self)} {what}, got {given}")


def process_factory(
    name: str, *, distraction: str, action_repeat: int, look: Look, random_pose: bool = False
) -> Factory:
    """A factory that can be sent to another process."""
    return partial(
        make_environment,
        name,
        distraction=distraction,
        action_repeat=action_repeat,
        look=look,
        random_pose=random_pose,
    )


class About(NamedTuple):
    """An environment's description of itself."""

    action_size: int
    factor_names: tuple[str, ...]
    episode_steps: int


def _serve(factory: Factory) -> Handler:
    environment = factory()

    def handle(request: tuple[Literal["about", "reset", "step"], Any], _: Beat) -> About | Step:
        verb, value = request
        if verb == "about":
            return About(environment.action_size, environment.factor_names, environment.episode_steps)
        return environment.reset(value) if verb == "reset" else environment.step(value)

    return handle
