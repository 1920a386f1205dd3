"""The only module that imports dm_control and MuJoCo, which have no types and read `MUJOCO_GL` when first imported."""

import importlib
import sys
from importlib.util import find_spec, module_from_spec
from typing import Any

from backend.envs.gl import choose_backend

MOST_STEPS = 1000  # control steps of an episode, for tasks without an end

Physics = Any  # dm_control.mujoco.engine.Physics
Task = Any  # dm_control.rl.control.Environment
Camera = Any  # dm_control.mujoco.engine.Camera


def load_task(name: str) -> Task:
    """Load a task of dm_control's suite, named like "walker-walk", that reports no observations."""
    domain, task = name.split("-")
    loaded = _part_of_suite(domain).SUITE[task](random=0)  # some models are drawn at random, too
    loaded.task.get_observation = lambda _physics: {}  # only the picture is used
    loaded._step_limit = min(loaded._step_limit, MOST_STEPS)
    return loaded


def common_assets() -> dict[str, bytes]:
    """The files that all tasks of the suite include; a change affects tasks loaded afterwards."""
    assets: dict[str, bytes] = _part_of_suite("common").ASSETS
    return assets


def open_camera(physics: Physics, camera: int, size: int) -> Camera:
    """A camera that renders squares of `size` pixels; opens the rendering context on the calling thread."""
    from dm_control.mujoco import engine

    opener: Any = engine
    return opener.Camera(physics, height=size, width=size, camera_id=camera)


def native() -> Any:
    """MuJoCo's own functions."""
    import mujoco

    return mujoco


def physics_error() -> type[Exception]:
    """What dm_control raises where the simulation has diverged."""
    from dm_control.rl.control import PhysicsError

    error: type[Exception] = PhysicsError
    return error


def _part_of_suite(name: str) -> Any:
    """A module of dm_control's suite without the other domains, whose imports take most of a process's start."""
    choose_backend()
    package = "dm_control.suite"
    if package in sys.modules:
        return importlib.import_module(f"{package}.{name}")
    specification = find_spec(package)
    assert specification is not None, "dm_control has no suite"
    sys.modules[package] = module_from_spec(specification)  # found by the part's own imports, never run
    try:
        return importlib.import_module(f"{package}.{name}")
    finally:
        del sys.modules[package]
