"""The factors of any MuJoCo model, read by name: its joints, its targets, and its sensors of place and motion.

Left out is what no picture shows: forces, touches, accelerations, and where a camera that travels along stands.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from backend.envs.factor import Factor
from backend.envs.simulator import native

Array = Any  # a view on the simulator's memory, shape (N,) or (N, 3)
TARGETS = ("target", "goal")
TRACKING = (1, 2)  # camera modes that travel along with a body
UNSEEN = (
    *("TOUCH", "ACCELEROMETER", "FORCE", "TORQUE", "RANGEFINDER", "MAGNETOMETER", "CLOCK", "PLUGIN", "USER"),
    *("ACTUATORFRC", "JOINTACTFRC", "JOINTLIMITFRC", "TENDONACTFRC", "TENDONLIMITFRC", "CONTACT"),
    *("E_POTENTIAL", "E_KINETIC", "JOINTPOS", "JOINTVEL", "TACTILE"),  # joints are read as joints
)
QUATERNION = ("qw", "qx", "qy", "qz")


def model_factors(model: Any, data: Any, camera: int | None = None) -> list[Factor]:
    """All factors of a model (MjModel, MjData), in its own order; what is turned freely as sine and cosine.

    `camera`: the number of the camera that looks on; None for one outside the model.
    """
    travelling = camera is not None and int(model.cam_mode[camera]) in TRACKING
    found = [*_joints(model, data, travelling), *_targets(model, data), *_sensors(model, data)]
    twice = {name for name, count in Counter(factor.name for _, factor in found).items() if count > 1}
    return [_renamed(factor, f"{kind}_{factor.name}") if factor.name in twice else factor for kind, factor in found]


def _renamed(factor: Factor, name: str) -> Factor:
    return factor._replace(name=name, knob=factor.knob and name)


def _joints(model: Any, data: Any, travelling: bool) -> Iterator[tuple[str, Factor]]:
    kinds = native().mjtJoint
    for index in range(model.njnt):
        name, kind = model.joint(index).name or f"joint_{index}", model.jnt_type[index]
        place, speed = int(model.jnt_qposadr[index]), int(model.jnt_dofadr[index])
        if kind == kinds.mjJNT_HINGE:
            factors = _hinge(data, name, place, speed, limited=bool(model.jnt_limited[index]))
        elif kind == kinds.mjJNT_SLIDE:
            unseen = travelling and _carries_all(model, index)
            factors = [
                *([] if unseen else [Factor(name, _entry(data.qpos, place), name, name)]),
                Factor(f"{name}_velocity", _entry(data.qvel, speed)),
            ]
        elif kind == kinds.mjJNT_BALL:
            factors = [*_named(data.qpos, name, place, QUATERNION), *_named(data.qvel, f"{name}_turning", speed, "xyz")]
        else:
            factors = _free(data, name, place, speed, travelling)
        yield from (("joint", factor) for factor in factors)


def _hinge(data: Any, name: str, place: int, speed: int, *, limited: bool) -> list[Factor]:
    velocity = Factor(f"{name}_velocity", _entry(data.qvel, speed))
    if limited:
        return [Factor(name, _entry(data.qpos, place), name, name), velocity]
    angle = _entry(data.qpos, place)
    return [
        Factor(f"{name}_sin", lambda: float(np.sin(angle())), name, name),
        Factor(f"{name}_cos", lambda: float(np.cos(angle())), name, name),
        velocity,
    ]


def _free(data: Any, name: str, place: int, speed: int, travelling: bool) -> list[Factor]:
    """A free body: only its height if the camera follows it."""
    axes = _named(data.qpos, name, place, "xyz")
    return [
        *(axes[2:] if travelling and place == 0 else axes),
        *_named(data.qpos, name, place + 3, QUATERNION),
        *_named(data.qvel, f"{name}_velocity", speed, "xyz"),
        *_named(data.qvel, f"{name}_turning", speed + 3, "xyz"),
    ]


def _carries_all(model: Any, joint: int) -> bool:
    """Whether a joint moves the whole agent sideways: one of the first moving body, its axis not upright."""
    return bool(model.jnt_bodyid[joint] == model.jnt_bodyid[0] and abs(model.jnt_axis[joint][2]) < 0.5)


def _targets(model: Any, data: Any) -> Iterator[tuple[str, Factor]]:
    """The positions of all geoms, sites and bodies named target or goal, in metres."""
    kinds = (
        ("geom", model.ngeom, model.geom, data.geom_xpos),
        ("site", model.nsite, model.site, data.site_xpos),
        ("body", model.nbody, model.body, data.xpos),
    )
    seen = set()
    for kind, count, named, places in kinds:
        for index in range(count):
            name = named(index).name
            if name.startswith(TARGETS) and name not in seen:
                seen.add(name)
                yield from ((kind, factor) for factor in _named(places[index], name, 0, "xyz"))


def _sensors(model: Any, data: Any) -> Iterator[tuple[str, Factor]]:
    unseen = {getattr(native().mjtSensor, f"mjSENS_{kind}", None) for kind in UNSEEN}
    for index in range(model.nsensor):
        if model.sensor_type[index] in unseen:
            continue
        name, size = model.sensor(index).name or f"sensor_{index}", int(model.sensor_dim[index])
        parts = "xyz" if size == 3 else QUATERNION if size == 4 else tuple(map(str, range(size)))
        start = int(model.sensor_adr[index])
        if size == 1:
            yield "sensor", Factor(name, _entry(data.sensordata, start))
            continue
        yield from (("sensor", factor) for factor in _named(data.sensordata, name, start, parts))


def _named(values: Array, name: str, start: int, parts: tuple[str, ...] | str) -> list[Factor]:
    return [Factor(f"{name}_{part}", _entry(values, start + index)) for index, part in enumerate(parts)]


def _entry(values: Array, index: int) -> Callable[[], float]:
    return partial(_read, values, index)


def _read(values: Array, index: int) -> float:
    return float(values[index])
