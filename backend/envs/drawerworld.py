"""Meta-World's drawer open and close, in a process of another virtual environment: it needs another MuJoCo."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.envs.gl import choose_backend
from backend.envs.protocol import IMAGE_SIZE, EnvironmentFailed, Look, MissingExtra, Step, check_action

EPISODE_STEPS = 500  # control steps
PYTHON = "METAWORLD_PYTHON"
_ROOT = Path(__file__).resolve().parents[2]
_SERVER = Path(__file__).with_name("drawerworld_server.py")
_BYTES = IMAGE_SIZE * IMAGE_SIZE * 3


class DrawerEnvironment:
    """A drawer task through the camera at the table's corner; follows `backend.envs.protocol.Environment`."""

    action_size = 4

    def __init__(self, name: str, changing: bool, action_repeat: int, look: Look) -> None:
        """`changing`: the table's texture (0 grid, 1 wood, 2 metal) is drawn once per episode."""
        self.name, self._action_repeat = name, action_repeat
        self.episode_steps = -(-EPISODE_STEPS // action_repeat)
        places = [f"{part}_{axis}" for part in ("hand", "handle") for axis in "xyz"]
        self.factor_names = (*places, *(("table_texture",) if changing else ()))
        self._over = True
        environment = {**os.environ, "MUJOCO_GL": choose_backend()}
        self._process = subprocess.Popen(
            [str(metaworld_python()), "-I", "-W", "ignore", str(_SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        self._send({"task": name, "changing": changing, "fast": look == "fast"})
        self._line()

    def reset(self, seed: int) -> Step:
        """Start an episode that depends on nothing but the seed."""
        return self._asked({"seed": seed})

    def step(self, action: NDArray[np.float32]) -> Step:
        """Apply an action (4,) in [-1, 1] for `action_repeat` control steps; their rewards are summed once."""
        check_action(self, action, over=self._over)
        pushed = np.clip(action, -1, 1).astype(float).tolist()
        return self._asked({"action": pushed, "repeat": self._action_repeat})

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def _asked(self, request: dict[str, Any]) -> Step:
        self._send(request)
        seen = json.loads(self._line())
        assert self._process.stdout is not None
        picture = self._process.stdout.read(_BYTES)
        if len(picture) < _BYTES:
            raise self._died()
        self._over = bool(seen["last"])
        return Step(
            image=np.frombuffer(picture, np.uint8).reshape(IMAGE_SIZE, IMAGE_SIZE, 3).copy(),
            reward=float(seen["reward"]),
            discount=1.0,
            is_first=bool(seen["first"]),
            is_last=self._over,
            is_terminal=False,
            factors=np.array(seen["factors"], np.float32),
            success=bool(seen["success"]),
        )

    def _send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._died() from None

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._died()
        return line

    def _died(self) -> EnvironmentFailed:
        self._process.kill()
        status = self._process.wait()
        return EnvironmentFailed(self.name, "died", f"Meta-World's process ended with exit status {status}")


def metaworld_python() -> Path:
    """The Python that Meta-World is installed for; raises MissingExtra with the command that installs it."""
    chosen = Path(os.environ.get(PYTHON) or _ROOT / ".metaworld" / "bin" / "python")
    if not chosen.is_file():
        message = f"the drawer tasks need Meta-World in a virtual environment of its own, and {chosen} is not there"
        raise MissingExtra(f"{message}: run `make metaworld`")
    return chosen
