"""Setters for what a distraction may change in a loaded dm_control scene: colours, background, light, camera."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from backend.envs.flow import Shot
from backend.envs.protocol import IMAGE_SIZE, Look
from backend.envs.simulator import Physics, common_assets, native, open_camera

FLOOR = "grid"
BODY_MATERIALS = ("self", "self_default", "effector", "effector_default")

SKY_SIZE = 32  # texels on each side of the plain sky
_SKYBOX = "./common/skybox.xml"
_MATERIALS = "./common/materials.xml"
# A plain sky of 32 texels is uploaded in a quarter of a millisecond; the original one takes 70.
_UNIFORM_SKYBOX = (
    b"<mujoco><asset><texture name='skybox' type='skybox' builtin='flat' rgb1='.5 .5 .5' "
    b"width='32' height='32'/></asset></mujoco>"
)
_BLUE_CHECKER = b'rgb1=".1 .2 .3" rgb2=".2 .3 .4" width="300" height="300" mark="edge" markrgb=".2 .3 .4"'
_GREY_CHECKER = b'rgb1=".7 .7 .7" rgb2="1 1 1" width="300" height="300" mark="edge" markrgb="1 1 1"'


@contextmanager
def recolourable_assets() -> Iterator[None]:
    """While this is open, dm_control loads models with a plain sky and a grey floor, which take any colour."""
    assets = common_assets()
    original = dict(assets)
    if _BLUE_CHECKER not in original[_MATERIALS]:
        raise RuntimeError("this dm_control has another floor texture than the one that is recoloured here")
    assets[_SKYBOX] = _UNIFORM_SKYBOX
    assets[_MATERIALS] = original[_MATERIALS].replace(_BLUE_CHECKER, _GREY_CHECKER)
    try:
        yield
    finally:
        assets.update(original)


class Scene:
    """A loaded model, one camera on it, and setters for what can be seen."""

    def __init__(self, physics: Physics, camera: int, look: Look) -> None:
        self.physics = physics
        self.camera = self._camera_id = camera
        self._flags = {"shadow": False, "reflection": False} if look != "paper" else {}
        if look != "paper":
            physics.model._model.vis.quality.offsamples = 0
        self._lights = physics.model.light_diffuse.copy()
        headlight = physics.model._model.vis.headlight
        self._headlight = (headlight.ambient.copy(), headlight.diffuse.copy(), headlight.specular.copy())
        self._camera_rotation = physics.model.cam_mat0[camera].reshape(3, 3).copy()
        self._camera_quaternion = physics.model.cam_quat[camera].copy()
        screen = physics.model._model.vis.global_  # parts beyond the picture need not be kept or wiped
        screen.offwidth = screen.offheight = IMAGE_SIZE
        self._camera = open_camera(physics, camera, IMAGE_SIZE)

    def follow(self, body: str, offset: tuple[float, float, float]) -> None:
        """Move the camera along with a body from here on, at an offset in metres, in the direction that it has."""
        model = self.physics.model
        model.cam_bodyid[self._camera_id] = model.name2id(body, "body")
        model.cam_mode[self._camera_id] = int(native().mjtCamLight.mjCAMLIGHT_TRACK)
        model.cam_pos0[self._camera_id] = offset

    def render(self) -> NDArray[np.uint8]:
        """The picture (64, 64, 3) of the present state."""
        return np.array(self._camera.render(render_flag_overrides=self._flags), dtype=np.uint8)

    def geoms(self) -> NDArray[np.int64]:
        """Which geom each pixel (64, 64) of the picture shows, by its number; -1 where it shows none.

        Shadows and reflections are off while it is drawn: a segmentation does not need them, and they take time.
        """
        with self._flat_light():
            objects = self._camera.render(segmentation=True)  # (64, 64, 2): number and kind of what is seen
        is_geom = objects[..., 1] == int(native().mjtObj.mjOBJ_GEOM)  # compared with the enum itself it takes 3 ms
        return np.where(is_geom, objects[..., 0], -1)

    def depth(self) -> NDArray[np.float32]:
        """Distance (64, 64) of what each pixel shows from the plane of the camera, in metres."""
        with self._flat_light():
            return np.array(self._camera.render(depth=True), np.float32)

    def shot(self) -> Shot:
        """What the present picture shows, and from where."""
        model, data = self.physics.model, self.physics.data
        return Shot(
            self.depth(),
            self.geoms(),
            data.geom_xpos.copy(),
            data.geom_xmat.reshape(-1, 3, 3).copy(),
            data.cam_xpos[self._camera_id].copy(),
            data.cam_xmat[self._camera_id].reshape(3, 3).copy(),
            IMAGE_SIZE / 2 / math.tan(math.radians(float(model.cam_fovy[self._camera_id])) / 2),
        )

    @contextmanager
    def _flat_light(self) -> Iterator[None]:
        """While this is open, nothing casts a shadow nor reflects; with them a depth takes twenty times as long."""
        model = self.physics.model
        original = model.light_castshadow.copy(), model.mat_reflectance.copy()
        model.light_castshadow[:], model.mat_reflectance[:] = False, 0.0
        try:
            yield
        finally:
            model.light_castshadow[:], model.mat_reflectance[:] = original

    def of_body(self) -> NDArray[np.bool_]:
        """Which geoms (geoms,) have one of BODY_MATERIALS."""
        worn = [index for index, name in enumerate(self.materials()) if name in BODY_MATERIALS]
        return np.isin(self.physics.model.geom_matid, worn)

    def materials(self) -> tuple[str, ...]:
        """Names of all materials, in the model's order."""
        model = self.physics.model
        return tuple(model.id2name(index, "material") for index in range(model.nmat))

    def visible_materials(self) -> tuple[str, ...]:
        """Names of the materials that some geom has, in the model's order."""
        worn = set(self.physics.model.geom_matid.tolist())
        return tuple(name for index, name in enumerate(self.materials()) if index in worn)

    def set_material(self, name: str, colour: NDArray[np.float64]) -> None:
        """Give a material the colour (3,) in [0, 1]."""
        self.physics.model.mat_rgba[self.physics.model.name2id(name, "material"), :3] = colour

    def set_materials(self, colours: NDArray[np.float64]) -> None:
        """Give all materials their colours (materials, 3) in [0, 1], in the order of `materials`."""
        self.physics.model.mat_rgba[:, :3] = colours

    def set_background(self, colour: NDArray[np.float64]) -> None:
        """Paint the whole sky in the colour (3,) in [0, 1]; needs a model of `recolourable_assets`."""
        self._paint_sky(np.round(255 * colour).astype(np.uint8))

    def set_background_picture(self, picture: NDArray[np.uint8]) -> None:
        """Paint a picture (SKY_SIZE, SKY_SIZE, 3) on all sides of the sky; needs a model of `recolourable_assets`."""
        self._paint_sky(picture)

    def _paint_sky(self, paint: NDArray[np.uint8]) -> None:
        """One colour (3,), or a picture for each of the six sides."""
        model = self.physics.model
        texture = model.name2id("skybox", "texture")
        size = model.tex_height[texture] * model.tex_width[texture] * 3
        start = model.tex_adr[texture]
        texels = model.tex_data[start : start + size].reshape(-1, SKY_SIZE, SKY_SIZE, 3)
        texels[:] = paint
        contexts = self.physics.contexts
        with contexts.gl.make_current() as context:
            context.call(native().mjr_uploadTexture, model.ptr, contexts.mujoco.ptr, texture)

    def set_light(self, brightness: float) -> None:
        """Multiply all lights of the scene, the headlight among them, by `brightness`."""
        self.physics.model.light_diffuse[:] = brightness * self._lights
        headlight = self.physics.model._model.vis.headlight
        headlight.ambient[:], headlight.diffuse[:], headlight.specular[:] = (
            brightness * part for part in self._headlight
        )

    def set_camera_angle(self, tilt: float, pan: float = 0.0) -> None:
        """Turn the camera up by `tilt` and left by `pan` (radians) from where the task put it, about its own axes."""
        mujoco = native()
        model, data, camera = self.physics.model, self.physics.data, self._camera_id
        up = np.array([np.cos(tilt / 2), np.sin(tilt / 2), 0.0, 0.0])
        left = np.array([np.cos(pan / 2), 0.0, np.sin(pan / 2), 0.0])
        turn, quaternion, matrix = np.zeros(4), np.zeros(4), np.zeros(9)
        mujoco.mju_mulQuat(turn, left, up)
        mujoco.mju_quat2Mat(matrix, turn)
        mujoco.mju_mulQuat(quaternion, self._camera_quaternion, turn)
        model.cam_quat[camera] = quaternion
        model.cam_mat0[camera] = (self._camera_rotation @ matrix.reshape(3, 3)).ravel()
        mujoco.mj_camlight(model.ptr, data.ptr)
