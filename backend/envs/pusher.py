"""gymnasium's Pusher-v5 seen from above: the colours of table and arm are drawn once per episode."""

from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.envs.gl import choose_backend
from backend.envs.protocol import IMAGE_SIZE, EnvironmentFailed, Look, MissingExtra, Step, check_action
from backend.envs.simulator import native

EPISODE_STEPS = 100  # control steps, as gymnasium has it
HALF_WIDTH = 0.2  # of the box around a set's centre
ANY_COLOUR = (0.5, 0.5, 0.5), 0.4  # centre and half width of the box that `episode` draws from
CAMERA = {"azimuth": 90.0, "elevation": -89.9, "distance": 2.0}
LOOK_AT = (0.25, -0.3, -0.3)
ARM, TABLE = range(1, 18), (0,)  # geoms; the object (18) and the goal (19) keep their colours
CHANNELS = ("red", "green", "blue")

Box = tuple[tuple[float, float, float], float]


class PusherEnvironment:
    """Pusher-v5 through a camera above the table; follows `backend.envs.protocol.Environment`."""

    name = "pusher"
    action_size = 7

    def __init__(self, box: Box | None, action_repeat: int, look: Look) -> None:
        """`box`: where the colours of table and arm are drawn from; None leaves them as they are."""
        self._box, self._action_repeat = box, action_repeat
        self._colours = np.zeros((2, 3))  # of table and arm
        self._steps = EPISODE_STEPS
        self.episode_steps = -(-EPISODE_STEPS // action_repeat)
        painted = [f"{part}_{channel}" for part in ("table", "arm") for channel in CHANNELS]
        self.factor_names = (
            *("tip_x", "tip_y", "object_x", "object_y", "object_to_goal"),
            *(painted if box else ()),
        )
        self._environment = _load()
        self._undistracted = self._environment.unwrapped.model.geom_rgba.copy()
        self._viewer = self._environment.unwrapped.mujoco_renderer._get_viewer("rgb_array")
        if look == "fast":
            self._without_effects()

    def reset(self, seed: int) -> Step:
        """Start an episode that depends on nothing but the seed."""
        physics_seed, colour_seed = np.random.SeedSequence(seed).generate_state(2)
        self._environment.reset(seed=int(physics_seed))
        self._steps = 0
        self._paint(np.random.default_rng(colour_seed))
        return self._seen(0.0)

    def step(self, action: NDArray[np.float32]) -> Step:
        """Apply an action (7,) in [-1, 1] for `action_repeat` control steps; their rewards are summed once."""
        check_action(self, action, over=self._steps >= EPISODE_STEPS)
        limits = self._environment.action_space
        control = (np.clip(action, -1, 1) * limits.high).astype(np.float32)
        reward = 0.0
        for _ in range(min(self._action_repeat, EPISODE_STEPS - self._steps)):
            _, earned, *_ = self._environment.step(control)
            reward += float(earned)
            self._steps += 1
        if not np.isfinite(self._environment.unwrapped.data.qpos).all():
            raise EnvironmentFailed(self.name, "not_finite", "the simulation has diverged")
        return self._seen(reward)

    def close(self) -> None:
        self._environment.close()

    def _paint(self, random: np.random.Generator) -> None:
        rgba = self._environment.unwrapped.model.geom_rgba
        rgba[:] = self._undistracted
        if self._box is None:
            return
        centre, half = self._box
        self._colours = np.array(centre) + random.uniform(-half, half, (2, 3))
        for part, geoms in enumerate((TABLE, ARM)):
            rgba[list(geoms), :3] = self._colours[part]

    def _seen(self, reward: float) -> Step:
        return Step(
            image=np.array(self._environment.render(), np.uint8),
            reward=reward,
            discount=1.0,
            is_first=self._steps == 0,
            is_last=self._steps >= EPISODE_STEPS,
            is_terminal=False,
            factors=self._factors(),
        )

    def _factors(self) -> NDArray[np.float32]:
        body = self._environment.unwrapped.get_body_com
        tip, thing, goal = (body(name) for name in ("tips_arm", "object", "goal"))
        physical = [tip[0], tip[1], thing[0], thing[1], np.linalg.norm(thing - goal)]
        return np.array([*physical, *(self._colours.ravel() if self._box else ())], np.float32)

    def _without_effects(self) -> None:
        flags = native().mjtRndFlag
        for flag in (flags.mjRND_SHADOW, flags.mjRND_REFLECTION):
            self._viewer.scn.flags[flag] = 0


def check_gymnasium(name: str = "pusher") -> None:
    """Raises MissingExtra where gymnasium or what it draws MuJoCo with is not installed."""
    missing = [package for package in ("gymnasium", "mujoco", "imageio", "packaging") if find_spec(package) is None]
    if missing:
        message = f"{name} needs {' and '.join(missing)}, which this Python does not have"
        raise MissingExtra(f"{message}: pip install 'diswm-studio[pusher]'")


def _load() -> Any:
    check_gymnasium()
    choose_backend()
    import gymnasium

    camera = {**CAMERA, "lookat": np.array(LOOK_AT)}
    drawn: dict[str, Any] = {"render_mode": "rgb_array", "width": IMAGE_SIZE, "height": IMAGE_SIZE}
    return gymnasium.make("Pusher-v5", default_camera_config=camera, **drawn)
