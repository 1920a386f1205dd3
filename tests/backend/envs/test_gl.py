"""Choosing a renderer: what the user set, else EGL, else OSMesa, else a sentence that says what to install."""

import os
import subprocess
import sys

import pytest

from backend.envs import gl

_SAYS = "from backend.envs.gl import choose_backend; print(choose_backend())"


def _choose(**environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in ("MUJOCO_GL", "PYOPENGL_PLATFORM")}
    command = [sys.executable, "-c", _SAYS]
    return subprocess.run(command, env=clean | environment, capture_output=True, text=True, check=False)


def test_the_users_choice_is_kept_unprobed() -> None:
    assert _choose(MUJOCO_GL="glfw").stdout.strip() == "glfw"


def test_egl_without_a_driver_falls_back_to_osmesa_or_says_what_to_install() -> None:
    broken = _choose(__EGL_VENDOR_LIBRARY_DIRS="/nowhere", LIBGL_DRIVERS_PATH="/nowhere")
    if gl.probe("osmesa") is None:
        assert broken.stdout.strip() == "osmesa" and "in software by osmesa" in broken.stderr
    else:
        assert broken.returncode != 0 and "apt-get install" in broken.stderr


def test_the_first_backend_that_draws_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "")
    monkeypatch.setenv("PYOPENGL_PLATFORM", "egl")
    monkeypatch.setattr(gl, "probe", lambda backend: None if backend == "osmesa" else "no such library")
    assert gl.choose_backend() == "osmesa"
    assert os.environ["MUJOCO_GL"] == os.environ["PYOPENGL_PLATFORM"] == "osmesa"


def test_no_backend_at_all_names_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "")
    monkeypatch.setattr(gl, "probe", lambda _: "no such library")
    with pytest.raises(gl.NoRenderer, match=r"libegl1 libgl1 libosmesa6"):
        gl.choose_backend()


def test_a_backend_that_cannot_draw_gives_its_reason() -> None:
    reason = gl.probe("nonsense")
    assert reason is not None and "nonsense" in reason


def test_a_device_that_egl_does_not_have_is_refused_rather_than_drawn_in_software() -> None:
    if gl.probe("egl") is not None:  # no driver here: EGL is no choice with or without the variable
        assert _choose(MUJOCO_EGL_DEVICE_ID="3").returncode == _choose().returncode
        return
    for named in ("99", "gpu1"):
        refused = _choose(MUJOCO_EGL_DEVICE_ID=named)
        assert refused.returncode != 0 and refused.stdout == ""
        assert "Unset MUJOCO_EGL_DEVICE_ID" in refused.stderr and "apt-get" not in refused.stderr
    assert _choose(MUJOCO_EGL_DEVICE_ID="0").stdout.strip() == "egl"
    assert _choose(MUJOCO_EGL_DEVICE_ID="99", MUJOCO_GL="osmesa").stdout.strip() == "osmesa"
