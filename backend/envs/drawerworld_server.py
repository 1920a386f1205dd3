"""Meta-World's drawer tasks, served over stdin and stdout to `backend.envs.drawerworld`.

Runs in the virtual environment of `make metaworld`, whose MuJoCo is another than ours: it imports nothing of this
project. A request is a line of JSON; an answer is a line of JSON, followed by the bytes of the picture.
"""

import json
import os
import sys
from typing import Any, BinaryIO

import mujoco as untyped
import numpy as np

mujoco: Any = untyped
SIZE, EPISODE_STEPS = 64, 500
CAMERA = "corner2"
CLOSE = (0.75, 0.075, 0.7)  # nearer than Meta-World puts it: the drawer fills the picture
TEXTURES = ("grid", "wood", "metal")


class Drawer:
    """One of the two tasks, with one of three textures on the table."""

    def __init__(self, task: str, changing: bool, fast: bool) -> None:
        from metaworld.env_dict import ALL_V3_ENVIRONMENTS

        size = {"width": SIZE, "height": SIZE}
        self._task = ALL_V3_ENVIRONMENTS[f"{task}-v3"](render_mode="rgb_array", camera_name=CAMERA, **size)
        self._task._freeze_rand_vec, self._task._set_task_called = False, True
        self._task.seeded_rand_vec = True
        self._changing, self._texture = changing, TEXTURES.index("wood")
        camera = self._task.model.camera(CAMERA).id
        self._task.model.cam_pos[camera] = CLOSE
        if fast:
            self._task.model.vis.quality.offsamples = 0
        self._task.reset()
        self._viewer = self._task.mujoco_renderer._get_viewer("rgb_array")
        self._paints = self._table_paints()
        if fast:
            self._leave_out_effects()
        self._steps, self._success = EPISODE_STEPS, False

    def reset(self, seed: int) -> dict[str, Any]:
        """A new episode: place of the drawer and texture of the table come from the seed."""
        task_seed, texture_seed = (int(value) for value in np.random.SeedSequence(seed).generate_state(2))
        self._task.seed(task_seed)
        self._task.reset()
        if self._changing:
            self._wear(int(np.random.default_rng(texture_seed).integers(len(TEXTURES))))
        self._steps, self._success = 0, False
        return self._seen(0.0)

    def step(self, action: list[float], repeat: int) -> dict[str, Any]:
        """The same action for `repeat` control steps, their rewards summed."""
        reward = 0.0
        for _ in range(min(repeat, EPISODE_STEPS - self._steps)):
            self._task.max_path_length = EPISODE_STEPS + 1
            _, earned, _, _, about = self._task.step(np.array(action))
            self._steps += 1
            reward += float(earned)
            self._success = self._success or bool(about["success"])
        return self._seen(reward)

    def picture(self) -> bytes:
        """The picture (SIZE, SIZE, 3) uint8; Meta-World's camera is upside down."""
        return np.ascontiguousarray(self._task.render()[::-1], np.uint8).tobytes()

    def _seen(self, reward: float) -> dict[str, Any]:
        hand, handle = self._task.get_endeff_pos(), self._task._get_pos_objects()
        factors = [*hand, *handle, *([self._texture] if self._changing else [])]
        return {
            "reward": reward,
            "success": self._success,
            "first": self._steps == 0,
            "last": self._steps >= EPISODE_STEPS,
            "factors": [float(value) for value in factors],
        }

    def _wear(self, texture: int) -> None:
        """Writes a texture over the table's and hands it to the renderer."""
        self._texture = texture
        table = self._id("T_table")
        self._texels(table)[:] = self._paints[texture]
        self._viewer.make_context_current()
        mujoco.mjr_uploadTexture(self._task.model, self._viewer.con, table)

    def _table_paints(self) -> list[Any]:
        """The three textures in the size of the table's: a drawn grid, the original wood, the wall's metal."""
        wood, metal = self._texels(self._id("T_table")).copy(), self._texels(self._id("T_wallmetal"))
        height, width, _ = wood.shape
        y, x = np.mgrid[:height, :width]
        lines = (8 * y % height < height // 8) | (8 * x % width < width // 8)
        grid = np.where(lines[..., None], np.uint8(30), np.uint8(225)).repeat(3, -1)
        rows, columns = y * metal.shape[0] // height, x * metal.shape[1] // width
        return [grid, wood, metal[rows, columns].copy()]

    def _texels(self, texture: int) -> Any:
        model = self._task.model
        height, width, start = model.tex_height[texture], model.tex_width[texture], model.tex_adr[texture]
        return model.tex_data[start : start + 3 * height * width].reshape(height, width, 3)

    def _id(self, texture: str) -> int:
        return int(mujoco.mj_name2id(self._task.model, mujoco.mjtObj.mjOBJ_TEXTURE, texture))

    def _leave_out_effects(self) -> None:
        for flag in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION):
            self._viewer.scn.flags[flag] = 0


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answers requests until there are no more: the first one says which task, then resets and steps."""
    first = json.loads(requests.readline())
    drawer = Drawer(first["task"], first["changing"], first["fast"])
    answers.write(b"{}\n")
    answers.flush()
    for line in requests:
        request = json.loads(line)
        resets = "seed" in request
        seen = drawer.reset(request["seed"]) if resets else drawer.step(request["action"], request["repeat"])
        answers.write(json.dumps(seen).encode() + b"\n" + drawer.picture())
        answers.flush()


if __name__ == "__main__":
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output of libraries must not mix with the answers
    serve(sys.stdin.buffer, out)
    out.flush()
    os._exit(0)  # the renderer complains when it is taken down in order
