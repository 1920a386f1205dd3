"""The one door to dm_control and MuJoCo, which carry no types and read `MUJOCO_GL` when first imported."""

from typing import Any

from backend.envs.gl import choose_backend

Physics = Any  # dm_control.mujoco.engine.Physics
Task = Any  # dm_control.rl.control.Environment
Camera = Any  # dm_control.mujoco.engine.Camera


def load_task(name: str) -> Task:
    """Load a task of dm_control's suite, named like "walker-walk"."""
    choose_backend()
    from dm_control import suite

    loader: Any = suite
    return loader.load(*name.split("-"))


def common_assets() -> dict[str, bytes]:
    """The files that all tasks of the suite include; a change holds for tasks loaded afterwards."""
    choose_backend()
    from dm_control.suite import common

    assets: dict[str, bytes] = common.ASSETS
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
