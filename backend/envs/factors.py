"""The true physical factors of each task, read from the simulator by name, and the knobs that set some of them."""

from collections.abc import Callable

import numpy as np

from backend.envs.factor import Factor
from backend.envs.model_factors import model_factors
from backend.envs.simulator import Physics
from backend.envs.suite import known_factors


def physical_factors(environment: str, physics: Physics, camera: int) -> list[Factor]:
    """All factors of a task seen by a camera; angles that may turn round are given as sine and cosine.

    A task without a reader of its own has those of its model that vary, under the names that they have there.
    """
    if environment in _READERS:
        return _READERS[environment](physics)
    return varying(environment, model_factors(physics.model.ptr, physics.data.ptr, camera))


def varying(environment: str, factors: list[Factor]) -> list[Factor]:
    """Without factors that never changed when they were measured; all of them if the task was not measured."""
    known = known_factors().get(environment)
    return [factor for factor in factors if known is None or factor.name in known]


def joints_of(factors: list[Factor]) -> dict[str, str]:
    """knob -> joint: what can be set. The sine and the cosine of an angle have one knob, the angle in radians."""
    return {factor.knob: factor.joint for factor in factors if factor.knob}


def _cartpole(physics: Physics) -> list[Factor]:
    return [
        _position(physics, "slider", "cart_position"),
        *_turn(physics, "hinge_1", "pole_angle"),
        _velocity(physics, "slider", "cart_velocity"),
        _velocity(physics, "hinge_1", "pole_velocity"),
    ]


def _reacher(physics: Physics) -> list[Factor]:
    finger = physics.named.data.geom_xpos
    target = physics.named.model.geom_pos
    return [
        *_turn(physics, "shoulder", "shoulder"),
        *_turn(physics, "wrist", "wrist"),
        Factor("finger_x", lambda: float(finger["finger", "x"])),
        Factor("finger_y", lambda: float(finger["finger", "y"])),
        Factor("target_x", lambda: float(target["target", "x"])),
        Factor("target_y", lambda: float(target["target", "y"])),
        _velocity(physics, "shoulder", "shoulder_velocity"),
        _velocity(physics, "wrist", "wrist_velocity"),
    ]


def _cheetah(physics: Physics) -> list[Factor]:
    parts = {"b": "back", "f": "front"}
    joints = [
        _position(physics, f"{side}{part}", f"{word}_{part}")
        for side, word in parts.items()
        for part in ("thigh", "shin", "foot")
    ]
    return [
        _height(physics, "torso", "torso_height"),
        *_turn(physics, "rooty", "torso_angle"),
        *joints,
        _velocity(physics, "rootx", "forward_velocity"),
        _velocity(physics, "rooty", "torso_turning"),
    ]


def _finger(physics: Physics) -> list[Factor]:
    return [
        _position(physics, "proximal", "proximal"),
        _position(physics, "distal", "distal"),
        *_turn(physics, "hinge", "spinner_angle"),
        _velocity(physics, "proximal", "proximal_velocity"),
        _velocity(physics, "distal", "distal_velocity"),
        _velocity(physics, "hinge", "spinner_velocity"),
    ]


def _walker(physics: Physics) -> list[Factor]:
    joints = [
        _position(physics, f"{side}_{joint}", f"{side}_{joint}")
        for side in ("right", "left")
        for joint in ("hip", "knee", "ankle")
    ]
    return [
        _height(physics, "torso", "torso_height"),
        *_turn(physics, "rooty", "torso_angle"),
        *joints,
        _velocity(physics, "rootx", "forward_velocity"),
        _velocity(physics, "rooty", "torso_turning"),
    ]


def _hopper(physics: Physics) -> list[Factor]:
    return [
        _height(physics, "torso", "torso_height"),
        *_turn(physics, "rooty", "torso_angle"),
        *[_position(physics, joint, joint) for joint in ("waist", "hip", "knee", "ankle")],
        _velocity(physics, "rootx", "forward_velocity"),
        _velocity(physics, "rooty", "torso_turning"),
    ]


def _humanoid(physics: Physics) -> list[Factor]:
    upright = physics.named.data.xmat
    joints = ("right_hip_y", "left_hip_y", "right_knee", "left_knee", "right_elbow", "left_elbow")
    return [
        _height(physics, "head", "head_height"),
        Factor("torso_upright", lambda: float(upright["torso", "zz"])),
        Factor("torso_heading_cos", lambda: float(upright["torso", "xx"])),
        Factor("torso_heading_sin", lambda: float(upright["torso", "yx"])),
        *[_position(physics, joint, joint) for joint in joints],
        Factor("forward_velocity", lambda: float(physics.named.data.sensordata["torso_subtreelinvel"][0])),
    ]


_READERS: dict[str, Callable[[Physics], list[Factor]]] = {
    "cartpole-swingup": _cartpole,
    "reacher-easy": _reacher,
    "cheetah-run": _cheetah,
    "finger-spin": _finger,
    "walker-walk": _walker,
    "hopper-stand": _hopper,
    "humanoid-walk": _humanoid,
}


def _position(physics: Physics, joint: str, name: str) -> Factor:
    qpos = physics.named.data.qpos
    return Factor(name, lambda: float(qpos[joint][0]), name, joint)


def _velocity(physics: Physics, joint: str, name: str) -> Factor:
    qvel = physics.named.data.qvel
    return Factor(name, lambda: float(qvel[joint][0]))


def _turn(physics: Physics, joint: str, name: str) -> list[Factor]:
    qpos = physics.named.data.qpos
    return [
        Factor(f"{name}_sin", lambda: float(np.sin(qpos[joint][0])), name, joint),
        Factor(f"{name}_cos", lambda: float(np.cos(qpos[joint][0])), name, joint),
    ]


def _height(physics: Physics, body: str, name: str) -> Factor:
    place = physics.named.data.xpos
    return Factor(name, lambda: float(place[body, "z"]))
