"""Choosing how to render without a display: EGL where it works, else OSMesa."""

import functools
import os
import subprocess
import sys

BACKENDS = ("egl", "osmesa")
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

    A value that is set already (by the user, or by the parent process) is kept. Raises NoRenderer.
    """
    chosen = os.environ.get("MUJOCO_GL") or _first_working()
    os.environ["MUJOCO_GL"] = chosen
    if chosen in BACKENDS:
        os.environ["PYOPENGL_PLATFORM"] = chosen  # the two must agree
    return chosen


def draw_on_one_thread() -> None:
    """To be called before anything is drawn: Mesa's software renderer else wakes a thread a core for every picture.

    64 x 64 pixels are one tile of its work, so the others only get in the way, of other processes most of all.
    """
    os.environ.setdefault("LP_NUM_THREADS", "0")


@functools.cache
def probe(backend: str) -> str | None:
    """Draw one small picture in a child process: None if that worked, else the last line of its error."""
    environment = {**os.environ, "MUJOCO_GL": backend, "PYOPENGL_PLATFORM": backend}
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
    for backend in BACKENDS:
        if probe(backend) is None:
            return backend
    reasons = "; ".join(f"{backend}: {probe(backend)}" for backend in BACKENDS)
    remedy = "apt-get install -y --no-install-recommends libegl1 libgl1 libosmesa6"
    raise NoRenderer(f"no headless renderer works here ({reasons}). Install one: {remedy}")
