"""Building an environment from its name."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext

import numpy as np
from numpy.typing import NDArray

from backend.envs.allowed import MUJOCO_V5, allowed
from backend.envs.distract import Distraction, EpisodeFactors, FlickeringColours, NoDistraction
from backend.envs.dmc import ControlEnvironment
from backend.envs.drawerworld import DrawerEnvironment, metaworld_python
from backend.envs.gl import draw_on_one_thread
from backend.envs.gym import GymnasiumEnvironment, check_allowed
from backend.envs.moving import (
    BackgroundVideo,
    CameraJitter,
    Together,
    WanderingLight,
    procedural_clips,
    sky_clips,
)
from backend.envs.protocol import (
    DISTRACTIONS,
    DRAWERS,
    SQUARE_WORLD,
    Environment,
    Look,
    environments,
    offered_distractions,
    withheld_second_look,
)
from backend.envs.pusher import ANY_COLOUR, HALF_WIDTH, PusherEnvironment, check_gymnasium
from backend.envs.scene import Scene, recolourable_assets
from backend.envs.simulator import load_task
from backend.envs.square_world import SquareWorld
from backend.envs.suite import SUITE_TASKS, episode_colours

CAMERA = 0
PAINTED_SKY = ("episode", "video", "everything")  # need a sky and a floor that take any colour
EVERYTHING = ("set-a", "camera-jitter", "light", "video")
SET_A = (0.7, 0.3, 0.5)
SET_B = (0.5, 0.7, 0.3)
FOLLOWED = {"cartpole-swingup": ("cart", (0.0, -2.8, 0.0))}  # near: the body, and the camera's place from it in metres
CAMERA_RANGE = 0.05  # radians: about a fourteenth of the picture's height to either side
PUSHER_COLOURS = {
    "none": None,
    "set-a": (SET_A, HALF_WIDTH),
    "set-b": (SET_B, HALF_WIDTH),
    "episode": ANY_COLOUR,
}  # a box that the colours of table and arm are drawn from once per episode


def make_environment(
    name: str,
    *,
    distraction: str,
    action_repeat: int = 2,
    look: Look = "fast",
    random_pose: bool = False,
    films: Sequence[NDArray[np.uint8]] = (),
    second_look: bool = False,
) -> Environment:
    """Load a task of `environments()` with a distraction of `DISTRACTIONS`.

    `films` (T, 64, 64, 3) play behind the scene where the distraction shows a video; without them procedural ones do.
    `second_look`: each step also holds its state in other colours, and its depth.
    One environment a process: its rendering context belongs to the thread that makes it. Raises ValueError
    for an unknown name, NoRenderer where nothing can draw, MissingExtra where something is to be installed first.
    """
    if name not in environments():
        raise ValueError(f"unknown environment {name!r}: choose one of {', '.join(environments())}")
    if distraction not in DISTRACTIONS:
        raise ValueError(f"unknown distraction {distraction!r}: choose one of {', '.join(DISTRACTIONS)}")
    if distraction not in offered_distractions(name):
        raise ValueError(f"{name} cannot show {distraction!r}: choose one of {', '.join(offered_distractions(name))}")
    if second_look and (why := withheld_second_look(name, distraction)):
        raise ValueError(why)
    if action_repeat < 1:
        raise ValueError(f"action_repeat must be at least 1, got {action_repeat}")
    if name == SQUARE_WORLD:
        return SquareWorld(distraction, action_repeat)
    if look != "paper":  # shadows are drawn larger, and gain from threads
        draw_on_one_thread()
    if name in DRAWERS:
        return DrawerEnvironment(name, distraction == "episode", action_repeat, look)
    if name == "pusher":
        return PusherEnvironment(PUSHER_COLOURS[distraction], action_repeat, look)
    if name not in SUITE_TASKS:
        return GymnasiumEnvironment(name, distraction == "episode", action_repeat, look)
    with recolourable_assets() if distraction in PAINTED_SKY else nullcontext():
        task = load_task(name)
    scene = Scene(task.physics, CAMERA, look)
    if look == "near" and name in FOLLOWED:
        scene.follow(*FOLLOWED[name])
    made = _make_distraction(name, distraction, scene, films)
    return ControlEnvironment(name, task, scene, made, action_repeat, random_pose, second_look)


def check_installed(name: str) -> None:
    """Raises MissingExtra, saying what to install, where an environment needs what is not here."""
    if name in DRAWERS:
        metaworld_python()
    if name == "pusher" or name in MUJOCO_V5:
        check_gymnasium(name)
    elif name in allowed():
        check_allowed(name)


def _make_distraction(name: str, distraction: str, scene: Scene, films: Sequence[NDArray[np.uint8]]) -> Distraction:
    def everything() -> Distraction:
        shown = [part for part in EVERYTHING if part in offered_distractions(name)]
        return Together([_make_distraction(name, part, scene, films) for part in shown])

    makers: dict[str, Callable[[], Distraction]] = {
        "none": NoDistraction,
        "set-a": lambda: FlickeringColours(scene, SET_A),
        "set-b": lambda: FlickeringColours(scene, SET_B),
        "episode": lambda: EpisodeFactors(CAMERA_RANGE, episode_colours(name)),
        "camera-jitter": CameraJitter,
        "light": WanderingLight,
        "video": lambda: BackgroundVideo(sky_clips(films) or procedural_clips()),
        "everything": everything,
    }
    return makers[distraction]()
