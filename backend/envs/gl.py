"""Choosing how to render without a display: EGL where it works, else OSMesa."""

import functools
import logging
import os
import subprocess
import sys

log = logging.getLogger(__name__)

BACKENDS = ("egl", "osmesa")
DEVICE_VARIABLE = "MUJOCO_EGL_DEVICE_ID"
PACKAGES = "apt-get install -y --no-install-recommends libegl1 libgl1 libosmesa6"
_PROBE = """
import mujoco
model = mujoco.MjModel.from_xml_string("<mujoco><worldbody><geom size='1'/></worldbody></mujoco>")
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
with mujoco.Renderer(model, 16, 16) as renderer:
    renderer.update_scene(data)
    assert renderer.render().max() > 0
"""


class NoRenderer(RuntimeError):
    """Neither EGL nor OSMesa can draw here; the message says what to install."""


def choose_backend() -> str:
    """Set and return `MUJOCO_GL`; to be called before MuJoCo or dm_control is imported.

    A value that is set already (by the user, or by the parent process) is kept. Raises NoRenderer, also where EGL
    would draw but for the device that MUJOCO_EGL_DEVICE_ID names.
    """
    chosen = os.environ.get("MUJOCO_GL") or _first_working()
    os.environ["MUJOCO_GL"] = chosen
    if chosen in BACKENDS:
        os.environ["PYOPENGL_PLATFORM"] = chosen  # the two must agree
    return chosen


def draw_on_one_thread() -> None:
    """Call this before drawing: otherwise Mesa's software renderer wakes one thread per core for each picture.

    64 x 64 pixels are a single tile, so further threads only slow down this and other processes.
    """
    os.environ.setdefault("LP_NUM_THREADS", "0")


@functools.cache
def probe(backend: str) -> str | None:
    """Draw one small picture in a child process: None if that worked, else the last line of its error."""
    return _draw(backend, dict(os.environ))


def wrong_device() -> str | None:
    """Where EGL draws, but not on the device that MUJOCO_EGL_DEVICE_ID names: what to do about it; else None."""
    named = os.environ.get(DEVICE_VARIABLE)
    if named is None or probe("egl") is None:
        return None
    others = {name: value for name, value in os.environ.items() if name != DEVICE_VARIABLE}
    if _draw("egl", others) is not None:
        return None
    return (
        f"EGL draws here, but not on device {named}, which {DEVICE_VARIABLE} names. EGL counts devices in its own way: "
        f"in a job that was given one GPU that GPU is 0, whatever its number on the machine. "
        f"Unset {DEVICE_VARIABLE}, or set it to a device that EGL has"
    )


def _draw(backend: str, variables: dict[str, str]) -> str | None:
    environment = variables | {"MUJOCO_GL": backend, "PYOPENGL_PLATFORM": backend}
    command = [sys.executable, "-c", _PROBE]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return "drawing one small picture took more than 60 s"
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit status {done.returncode}"


def _first_working() -> str:
    wrong = wrong_device()
    if wrong is not None:  # else a typo would draw everything in software, many times slower
        raise NoRenderer(f"{wrong} ({probe('egl')})")
    for backend in BACKENDS:
        if probe(backend) is None:
            if backend != BACKENDS[0]:
                log.warning("pictures are drawn in software by %s, since EGL does not work: %s", backend, probe("egl"))
            return backend
    reasons = "; ".join(f"{backend}: {probe(backend)}" for backend in BACKENDS)
    raise NoRenderer(f"no headless renderer works here ({reasons}). Install one: {PACKAGES}")
