"""An environment of gymnasium that draws itself: pictures of 64 x 64, factors from its state as it declares it.

Actions of several choices become a vector with one entry per choice: the largest is taken, and what was taken
is reported as a one in a row of zeros.
"""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from backend.envs.allowed import MUJOCO_V5, registered_as
from backend.envs.distract import BODY_LINE, LIGHT_RANGE, colour_at
from backend.envs.factors import varying
from backend.envs.gl import choose_backend
from backend.envs.model_factors import TARGETS, model_factors
from backend.envs.protocol import (
    IMAGE_SIZE,
    EnvironmentFailed,
    Look,
    MissingExtra,
    Step,
    check_action,
    episode_frames,
)
from backend.envs.simulator import native

MOST_NUMBERS = 256  # of an observation that is a state; anything larger is taken for a picture


class GymnasiumEnvironment:
    """One environment of gymnasium; follows `backend.envs.protocol.Environment`."""

    def __init__(self, name: str, changing: bool, action_repeat: int, look: Look) -> None:
        """`changing`: colour of the body and light are drawn once per episode (MuJoCo's environments only).

        Raises EnvironmentFailed where it cannot be made, and for actions or pictures of another kind.
        """
        self.name, self._action_repeat = name, action_repeat
        self._environment = _made(name)
        self._body = _Body(name, self._environment, changing, look) if name in MUJOCO_V5 else None
        self._choices, self.action_size = _actions_of(name, self._environment.action_space)
        limit = getattr(self._environment.spec, "max_episode_steps", None)
        self._limit = int(limit or episode_frames(name, 1) - 1)  # control steps
        self.episode_steps = -(-self._limit // action_repeat)
        space = self._environment.observation_space
        self.factor_names = self._body.factor_names if self._body else tuple(_state_names(space, "state"))
        self._steps, self._over = 0, True

    def reset(self, seed: int) -> Step:
        """Start an episode that depends on nothing but the seed (0 <= seed)."""
        physics_seed, scene_seed = (int(part) for part in np.random.SeedSequence(seed).generate_state(2))
        observation, _ = self._environment.reset(seed=physics_seed)
        if self._body:
            self._body.paint(np.random.default_rng(scene_seed))
        self._steps, self._over = 0, False
        return self._seen(observation, 0.0, ended=False)

    def step(self, action: NDArray[np.float32]) -> Step:
        """Apply an action (A,) in [-1, 1] for `action_repeat` control steps; their rewards are summed once."""
        check_action(self, action, over=self._over)
        control, done = self._control(np.clip(action, -1, 1))
        reward, ended, cut = 0.0, False, False
        for _ in range(self._action_repeat):
            observation, earned, ended, cut, _ = self._environment.step(control)
            reward += float(earned)
            self._steps += 1
            cut = bool(cut) or self._steps >= self._limit
            if ended or cut:
                break
        self._over = bool(ended) or cut
        return self._seen(observation, reward, ended=bool(ended))._replace(action=done)

    def close(self) -> None:
        """Free what it draws with."""
        self._environment.close()

    def _control(self, action: NDArray[np.float32]) -> tuple[Any, NDArray[np.float32] | None]:
        """What gymnasium is given, and where it is a choice, that as a one in a row of zeros."""
        space = self._environment.action_space
        if self._choices:
            choice = int(np.argmax(action))
            return int(space.start) + choice, np.eye(self._choices, dtype=np.float32)[choice]
        low = np.where(np.isfinite(space.low), space.low, -1.0)
        high = np.where(np.isfinite(space.high), space.high, 1.0)
        scaled = low + (action.reshape(space.shape) + 1) / 2 * (high - low)
        return scaled.astype(space.dtype), None

    def _seen(self, observation: Any, reward: float, *, ended: bool) -> Step:
        factors = self._body.factors() if self._body else list(_state_values(observation))
        values = np.array(factors, np.float32)
        if not np.isfinite(values).all():
            raise EnvironmentFailed(self.name, "not_finite", "its state has a number that is not finite")
        return Step(
            image=_picture(self.name, self._environment.render()),
            reward=reward,
            discount=0.0 if ended else 1.0,
            is_first=self._steps == 0,
            is_last=self._over,
            is_terminal=ended,
            factors=values,
        )


class _Body:
    """What can be read and changed in a MuJoCo environment of gymnasium."""

    def __init__(self, name: str, environment: Any, changing: bool, look: Look) -> None:
        self._model, data = environment.unwrapped.model, environment.unwrapped.data
        self._read = varying(name, model_factors(self._model, data))
        self._changing = changing
        self.factor_names = (*(factor.name for factor in self._read), *(("body_colour", "light") if changing else ()))
        self._values = (0.0, 1.0)
        moved = np.flatnonzero(self._model.geom_bodyid > 0)
        self._painted = [index for index in moved if not self._model.geom(index).name.startswith(TARGETS)]
        headlight = self._model.vis.headlight
        parts = (self._model.light_diffuse, headlight.ambient, headlight.diffuse, headlight.specular)
        self._lights = [(part, part.copy()) for part in parts]
        viewer = environment.unwrapped.mujoco_renderer._get_viewer("rgb_array")
        if look != "paper":
            for flag in (native().mjtRndFlag.mjRND_SHADOW, native().mjtRndFlag.mjRND_REFLECTION):
                viewer.scn.flags[flag] = 0

    def paint(self, random: np.random.Generator) -> None:
        """Draw the colour of the body and the light of a new episode."""
        if not self._changing:
            return
        self._values = (float(random.uniform()), float(random.uniform(*LIGHT_RANGE)))
        self._model.geom_matid[self._painted] = -1  # a material's colour would hide that of its geom
        self._model.geom_rgba[self._painted, :3] = colour_at(BODY_LINE, self._values[0])
        for part, original in self._lights:
            part[:] = self._values[1] * original

    def factors(self) -> list[float]:
        return [*(factor.read() for factor in self._read), *(self._values if self._changing else ())]


def check_allowed(name: str) -> None:
    """Raises MissingExtra where gymnasium is not installed."""
    if find_spec("gymnasium") is None:
        raise MissingExtra(f"{name} needs gymnasium, which this Python does not have: pip install gymnasium")


def _made(name: str) -> Any:
    check_allowed(name)
    if name in MUJOCO_V5:
        choose_backend()
    import gymnasium

    size: dict[str, Any] = {"width": IMAGE_SIZE, "height": IMAGE_SIZE} if name in MUJOCO_V5 else {}
    try:
        return gymnasium.make(registered_as(name), render_mode="rgb_array", **size)
    except (gymnasium.error.Error, ImportError) as error:
        raise EnvironmentFailed(name, "crashed", f"gymnasium cannot make it: {error}") from error


def _actions_of(name: str, space: Any) -> tuple[int, int]:
    """(choices, size of an action); no choices where the action is a vector."""
    import gymnasium

    if isinstance(space, gymnasium.spaces.Discrete):
        return int(space.n), int(space.n)
    if isinstance(space, gymnasium.spaces.Box) and np.issubdtype(space.dtype, np.floating):
        return 0, int(np.prod(space.shape))
    taught = "only vectors (Box) and one choice (Discrete) can be taught"
    raise EnvironmentFailed(name, "crashed", f"it takes actions of the kind {type(space).__name__}: {taught}")


def _state_names(space: Any, name: str) -> Iterator[str]:
    """Names of the numbers of an observation: `state_3`, of a dictionary `position_0`."""
    parts = getattr(space, "spaces", None)
    if parts is not None:
        named = parts.items() if isinstance(parts, Mapping) else enumerate(parts)
        for key, part in named:
            yield from _state_names(part, key if name == "state" and isinstance(key, str) else f"{name}_{key}")
    elif space.shape == ():
        yield name
    elif space.shape is not None and int(np.prod(space.shape)) <= MOST_NUMBERS:
        yield from (f"{name}_{index}" for index in range(int(np.prod(space.shape))))


def _state_values(observation: Any) -> Iterator[float]:
    """The numbers in the order of `_state_names`."""
    if isinstance(observation, Mapping | tuple):
        for part in observation.values() if isinstance(observation, Mapping) else observation:
            yield from _state_values(part)
        return
    values = np.asarray(observation)
    if values.size <= MOST_NUMBERS:
        yield from values.ravel().astype(float).tolist()


def _picture(name: str, drawn: Any) -> NDArray[np.uint8]:
    """A picture of any size, in the middle of 64 x 64 pixels: nothing is cut off, nothing is stretched."""
    picture = np.asarray(drawn)
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        drawn = f"{picture.dtype} of shape {picture.shape}"
        raise EnvironmentFailed(name, "crashed", f"it draws {drawn}, not pictures in RGB")
    if picture.shape[:2] == (IMAGE_SIZE, IMAGE_SIZE):
        return np.array(picture)
    height, width = picture.shape[:2]
    scale = IMAGE_SIZE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = Image.fromarray(picture).resize(size, Image.Resampling.BOX)
    middle = Image.new("RGB", (IMAGE_SIZE, IMAGE_SIZE))
    middle.paste(small, ((IMAGE_SIZE - size[0]) // 2, (IMAGE_SIZE - size[1]) // 2))
    return np.asarray(middle).copy()
