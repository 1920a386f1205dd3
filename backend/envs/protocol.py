"""What every environment offers: pictures, rewards and the true values of its factors, one step at a time."""

from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from backend.envs.allowed import MUJOCO_V5, allowed
from backend.envs.flow import Shot
from backend.envs.suite import SUITE_TASKS, episode_colours

Look = Literal["fast", "near", "paper"]
IMAGE_SIZE = 64

# Tasks of dm_control whose factors have names of our own; those of the others are named as in their models.
CONTROL_TASKS = (
    "reacher-easy",
    "cheetah-run",
    "finger-spin",
    "walker-walk",
    "hopper-stand",
    "cartpole-swingup",
    "humanoid-walk",
)
DRAWERS = ("drawer-open", "drawer-close")
SQUARE_WORLD = "square-world"
ENVIRONMENTS = (
    *CONTROL_TASKS,
    *("pusher", *DRAWERS, SQUARE_WORLD),
    *(task for task in SUITE_TASKS if task not in CONTROL_TASKS),
    *MUJOCO_V5,
)
CONTROL_STEPS = dict.fromkeys(DRAWERS, 500) | {"pusher": 100, SQUARE_WORLD: 100, "Pusher-v5": 100, "Reacher-v5": 50}
"""Control steps of a whole episode, where they are not 1000."""
DISTRACTIONS = ("none", "set-a", "set-b", "episode", "camera-jitter", "light", "video", "everything")
WITH_EXPERT = ("cartpole-swingup", "reacher-easy")  # see backend.envs.experts
RECOLOURED = ("set-a", "set-b", "episode")  # distractions that are a draw of colours, which can be drawn again

WITH_FILM = ("video", "everything")  # distractions with a film behind the scene


def episode_frames(environment: str, action_repeat: int) -> int:
    """Frames of a whole episode, the first one counted in, when each action lasts `action_repeat` control steps.

    At most as many, where an environment of gymnasium is one that the administrator allows.
    """
    control_steps = CONTROL_STEPS.get(environment, 1000)
    return -(-control_steps // action_repeat) + 1


def environments() -> tuple[str, ...]:
    """Everything that a run can name: ENVIRONMENTS and what the administrator allows of gymnasium."""
    return (*ENVIRONMENTS, *(name for name in allowed() if name not in ENVIRONMENTS))


def offered_distractions(environment: str) -> tuple[str, ...]:
    """The distractions that an environment can show."""
    withheld = withheld_distractions(environment)
    return tuple(name for name in DISTRACTIONS if name not in withheld)


def withheld_distractions(environment: str) -> dict[str, str]:
    """The distractions that an environment cannot show, each with the reason."""
    if environment not in SUITE_TASKS:
        shown, why = _shown_elsewhere(environment)
        return {name: why for name in DISTRACTIONS if name not in shown}
    parts = set(episode_colours(environment))
    unpainted = "neither its body nor its floor has a colour that can be changed"
    lacking = {
        "set-a": unpainted if not {"body_colour", "floor_colour"} & parts else "",
        "set-b": unpainted if not {"body_colour", "floor_colour"} & parts else "",
        "camera-jitter": "its camera aims at a target and cannot be turned" if "camera_angle" not in parts else "",
        "video": "no sky is seen in its pictures" if "background_colour" not in parts else "",
    }
    return {name: why for name, why in lacking.items() if why}


def _shown_elsewhere(environment: str) -> tuple[tuple[str, ...], str]:
    """What an environment outside dm_control's suite can show, and why it can show nothing else."""
    if environment == SQUARE_WORLD:
        return ("none", "set-a", "episode"), "this drawn world has no camera, light or sky"
    if environment == "pusher":
        return ("none", "set-a", "set-b", "episode"), "its camera and light stay as they are, and it has no sky"
    if environment in DRAWERS or environment in MUJOCO_V5:
        return ("none", "episode"), "its colours can be drawn once per episode only"
    return ("none",), "its pictures come from gymnasium as they are"


def withheld_second_look(environment: str, distraction: str) -> str:
    """Why an environment cannot draw its states in other colours, and their depth; empty where it can."""
    if environment not in SUITE_TASKS:
        return f"only dm_control's tasks can be drawn in other colours and give depth, not {environment}"
    if distraction not in RECOLOURED:
        return f"a state is drawn in other colours under {', '.join(RECOLOURED)} only, not under {distraction!r}"
    return ""


def withheld_flow(environment: str, distraction: str) -> str:
    """Why the true flow of an environment's pictures is not known; empty where it is."""
    if environment not in SUITE_TASKS:
        return f"the true flow is known of dm_control's tasks only, not of {environment}"
    if distraction in WITH_FILM:
        return f"under {distraction!r} a film moves behind the scene, whose true flow is not known"
    return ""


class SecondLook(NamedTuple):
    """The state of a picture once more: with other colours and light, and how near what it shows is."""

    recoloured: NDArray[np.uint8]  # (64, 64, 3)
    nearness: NDArray[np.uint8]  # (64, 64), see `envs.depth`


class Step(NamedTuple):
    """The observation after one agent step (or after a reset)."""

    image: NDArray[np.uint8]  # (64, 64, 3)
    reward: float  # summed over the repeated control steps; 0 at a reset
    discount: float  # 0 only where the task itself ended, else 1
    is_first: bool
    is_last: bool
    is_terminal: bool
    factors: NDArray[np.float32]  # (F,), in the order of `factor_names`
    success: bool | None = None  # whether the task is solved now; None where the task does not say
    action: NDArray[np.float32] | None = None  # what was done (A,), where that is not what was asked: a choice of one
    second: SecondLook | None = None  # where it was asked for


class Environment(Protocol):
    """One task, one picture source, one process.

    A reset with the same seed followed by the same actions gives the same steps, byte for byte.
    """

    @property
    def name(self) -> str: ...

    @property
    def action_size(self) -> int: ...

    @property
    def factor_names(self) -> tuple[str, ...]: ...

    @property
    def episode_steps(self) -> int:
        """Agent steps of a whole episode."""
        ...

    def reset(self, seed: int) -> Step: ...

    def step(self, action: NDArray[np.float32]) -> Step:
        """Take one agent step with an action (A,) in [-1, 1]; raises EnvironmentFailed."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class Masked(Protocol):
    """An environment that knows where its agent is in the picture."""

    def agent_parts(self) -> NDArray[np.uint8]:
        """Which part of the agent each pixel of the present picture shows: (64, 64), 0 for none. No time passes."""
        ...


@runtime_checkable
class Measurable(Protocol):
    """An environment that knows where what it shows is in space."""

    def shot(self) -> Shot:
        """What the present picture shows, and from where. No time passes."""
        ...


def check_action(environment: Environment, action: NDArray[np.float32], *, over: bool) -> None:
    """Raises RuntimeError where the episode is over, ValueError unless the action is finite and of the right size."""
    size = environment.action_size
    if over:
        raise RuntimeError(f"{environment.name}: the episode is over (or was never begun): call reset(seed)")
    if np.shape(action) != (size,) or not np.isfinite(action).all():
        raise ValueError(f"{environment.name}: expected {size} finite actions, got {action!r}")


class MissingExtra(RuntimeError):
    """What an environment needs is not installed; the message says how to install it."""


class EnvironmentFailed(RuntimeError):
    """An environment died, hung, refused to start or gave a number that is not finite.

    `environment` names the task, `kind` is one of "died", "hung", "not_finite", "crashed".
    """

    def __init__(self, environment: str, kind: str, detail: str) -> None:
        super().__init__(f"environment {environment} {kind.replace('_', ' ')}: {detail}")
        self.environment = environment
        self.kind = kind
        self.detail = detail

    def __reduce__(self) -> tuple[type["EnvironmentFailed"], tuple[str, str, str]]:
        return type(self), (self.environment, self.kind, self.detail)
