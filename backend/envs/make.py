"""Building an environment from its name."""

from contextlib import nullcontext

from backend.envs.distract import Distraction, EpisodeFactors, FlickeringColours, NoDistraction
from backend.envs.dmc import ControlEnvironment
from backend.envs.protocol import DISTRACTIONS, ENVIRONMENTS, Environment, Look
from backend.envs.scene import Scene, recolourable_assets
from backend.envs.simulator import load_task

__all__ = ["DISTRACTIONS", "ENVIRONMENTS", "make_environment"]

CAMERA = 0
SET_A = (0.7, 0.3, 0.5)
SET_B = (0.5, 0.7, 0.3)
SKY_HIDDEN = ("reacher-easy", "humanoid-walk")  # no sky in the picture: its colour is no factor there
CAMERA_RANGE = 0.05  # radians: about a fourteenth of the picture's height to either side


def make_environment(
    name: str,
    *,
    distraction: str,
    action_repeat: int = 2,
    look: Look = "fast",
    random_pose: bool = False,
) -> Environment:
    """Load a task of `ENVIRONMENTS` with a distraction of `DISTRACTIONS`.

    One environment a process: its rendering context belongs to the thread that makes it. Raises ValueError
    for an unknown name, NoRenderer where nothing can draw.
    """
    if name not in ENVIRONMENTS:
        raise ValueError(f"unknown environment {name!r}: choose one of {', '.join(ENVIRONMENTS)}")
    if distraction not in DISTRACTIONS:
        raise ValueError(f"unknown distraction {distraction!r}: choose one of {', '.join(DISTRACTIONS)}")
    if action_repeat < 1:
        raise ValueError(f"action_repeat must be at least 1, got {action_repeat}")
    with recolourable_assets() if distraction == "episode" else nullcontext():
        task = load_task(name)
    scene = Scene(task.physics, CAMERA, look)
    return ControlEnvironment(
        name, task, scene, _make_distraction(name, distraction, scene), action_repeat, random_pose
    )


def _make_distraction(name: str, distraction: str, scene: Scene) -> Distraction:
    if distraction == "set-a":
        return FlickeringColours(scene, SET_A)
    if distraction == "set-b":
        return FlickeringColours(scene, SET_B)
    if distraction == "episode":
        return EpisodeFactors(camera_range=CAMERA_RANGE, background=name not in SKY_HIDDEN)
    return NoDistraction()
