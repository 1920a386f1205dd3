"""Distractions: changes in the picture that have nothing to do with the task, with their true values."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from backend.envs.scene import BODY_MATERIALS, FLOOR, Scene

Colour = tuple[float, float, float]
Line = tuple[Colour, Colour]  # the two ends of a line in RGB

BODY_LINE: Line = ((0.95, 0.25, 0.15), (0.15, 0.35, 0.95))
FLOOR_LINE: Line = ((0.80, 0.55, 0.05), (0.05, 0.45, 0.80))
BACKGROUND_LINE: Line = ((0.75, 0.30, 0.70), (0.25, 0.70, 0.30))
LIGHT_RANGE = (0.4, 1.0)  # multiplies every light
EPISODE_FACTORS = ("body_colour", "floor_colour", "background_colour", "light", "camera_angle")

READABLE_MATERIALS = {"self": "body", "effector": "effector", "grid": "floor", "decoration": "decoration"}


class Distraction(Protocol):
    """Changes a scene; `values` are the true factors (in the order of `factor_names`) of what is drawn now."""

    @property
    def factor_names(self) -> tuple[str, ...]: ...

    def reset(self, scene: Scene, random: np.random.Generator) -> None:
        """Draw the values of a new episode."""
        ...

    def advance(self, scene: Scene, random: np.random.Generator, /) -> None:
        """Move on by one control step."""
        ...

    def values(self) -> NDArray[np.float32]: ...


@runtime_checkable
class Recolourable(Protocol):
    """A distraction whose colours can be drawn once more for the same state."""

    def other_colours(self, scene: Scene, random: np.random.Generator) -> AbstractContextManager[None]:
        """While this is open, the scene shows colours, and light where it varies, of another draw; then its own."""
        ...


class NoDistraction:
    """The scene as the task's authors drew it."""

    factor_names: tuple[str, ...] = ()

    def reset(self, scene: Scene, random: np.random.Generator) -> None:
        """Change nothing."""

    def advance(self, scene: Scene, random: np.random.Generator) -> None:
        """Change nothing."""

    def values(self) -> NDArray[np.float32]:
        return np.zeros(0, np.float32)


class FlickeringColours:
    """The paper's distraction: every material's RGB walks inside a box of +-0.2 around a centre.

    Drawn uniformly in the box at reset; each control step adds N(0, 0.2) a channel, clipped to the box.
    """

    half_width = 0.2
    step_std = 0.2

    def __init__(self, scene: Scene, centre: Colour) -> None:
        self._centre = np.array(centre)
        materials = scene.materials()
        self._colours = np.tile(self._centre, (len(materials), 1))  # (materials, 3)
        visible = [name for name in scene.visible_materials() if name != "site"]
        self._reported = [materials.index(name) for name in visible]
        self.factor_names = tuple(
            f"{READABLE_MATERIALS.get(name, name)}_{channel}"
            for name in visible
            for channel in ("red", "green", "blue")
        )

    def reset(self, scene: Scene, random: np.random.Generator) -> None:
        """Draw each material's colour uniformly inside the box."""
        spread = random.uniform(-self.half_width, self.half_width, self._colours.shape)
        self._paint(scene, self._centre + spread)

    def advance(self, scene: Scene, random: np.random.Generator) -> None:
        """Take one step of the walk."""
        self._paint(scene, self._colours + random.normal(0.0, self.step_std, self._colours.shape))

    @contextmanager
    def other_colours(self, scene: Scene, random: np.random.Generator) -> Iterator[None]:
        """Colours drawn as for a new episode."""
        own = self._colours
        self._paint(scene, self._centre + random.uniform(-self.half_width, self.half_width, own.shape))
        try:
            yield
        finally:
            self._paint(scene, own)

    def redraw(self, scene: Scene, factors: Mapping[str, float]) -> None:
        """Give some channels other values until the next step of the walk; raises ValueError for an unknown one."""
        colours = self._colours.copy()
        for name, value in checked(factors, self.factor_names).items():
            row, channel = divmod(self.factor_names.index(name), 3)
            colours[self._reported[row], channel] = value
        self._colours = colours
        scene.set_materials(colours)

    def values(self) -> NDArray[np.float32]:
        """Red, green and blue of each visible material."""
        return self._colours[self._reported].astype(np.float32).ravel()

    def _paint(self, scene: Scene, colours: NDArray[np.float64]) -> None:
        self._colours = np.clip(colours, self._centre - self.half_width, self._centre + self.half_width)
        scene.set_materials(self._colours)


class EpisodeFactors:
    """Up to five independent numbers per episode: three colours, the light and the angle of the camera.

    A colour t in [0, 1] is a point on a line in RGB, so that a single latent can represent it.
    Needs a scene loaded under `recolourable_assets`.
    """

    def __init__(self, camera_range: float, shown: Sequence[str] = EPISODE_FACTORS) -> None:
        """`camera_range`: largest tilt in radians; `shown`: those of EPISODE_FACTORS that the pictures can show."""
        self._ranges = {"light": LIGHT_RANGE, "camera_angle": (-camera_range, camera_range)}
        self.factor_names = tuple(name for name in EPISODE_FACTORS if name in shown)
        self._values = np.zeros(len(self.factor_names), np.float32)

    def reset(self, scene: Scene, random: np.random.Generator) -> None:
        """Draw all values uniformly and apply them."""
        self._values = self._drawn(random)
        self.apply(scene, self._named())

    def advance(self, scene: Scene, random: np.random.Generator) -> None:
        """Nothing moves within an episode."""

    def values(self) -> NDArray[np.float32]:
        return self._values.copy()

    def redraw(self, scene: Scene, factors: Mapping[str, float]) -> None:
        """Give some factors other values; the others stay as they are. Raises ValueError for an unknown one."""
        self.apply(scene, self._named() | dict(checked(factors, self.factor_names)))

    @contextmanager
    def other_colours(self, scene: Scene, random: np.random.Generator) -> Iterator[None]:
        """Colours and light of another draw; the camera stays where it is."""
        own = self._named()
        drawn = dict(zip(self.factor_names, self._drawn(random).tolist(), strict=True))
        self.apply(scene, drawn | {name: own[name] for name in own if name == "camera_angle"})
        try:
            yield
        finally:
            self.apply(scene, own)

    def apply(self, scene: Scene, factors: Mapping[str, float]) -> None:
        """Draw the scene with the given values of all factors from here on."""
        for name, value in factors.items():
            _SETTERS[name](scene, value)
        self._values = np.array([factors[name] for name in self.factor_names], np.float32)

    def _drawn(self, random: np.random.Generator) -> NDArray[np.float32]:
        low, high = zip(*(self._ranges.get(name, (0.0, 1.0)) for name in self.factor_names), strict=True)
        return random.uniform(low, high).astype(np.float32)

    def _named(self) -> dict[str, float]:
        return dict(zip(self.factor_names, self._values.tolist(), strict=True))


def checked(factors: Mapping[str, float], known: Sequence[str]) -> Mapping[str, float]:
    """The same; raises ValueError where one is not known or not finite."""
    for name, value in factors.items():
        if name not in known:
            raise ValueError(f"{name!r} cannot be set here; there is {', '.join(known)}")
        if not np.isfinite(value):
            raise ValueError(f"{name} must be a finite number, got {value!r}")
    return factors


def _paint_body(scene: Scene, t: float) -> None:
    for material in BODY_MATERIALS:
        scene.set_material(material, colour_at(BODY_LINE, t))


_SETTERS: Mapping[str, Callable[[Scene, float], None]] = {
    "body_colour": _paint_body,
    "floor_colour": lambda scene, t: scene.set_material(FLOOR, colour_at(FLOOR_LINE, t)),
    "background_colour": lambda scene, t: scene.set_background(colour_at(BACKGROUND_LINE, t)),
    "light": Scene.set_light,
    "camera_angle": Scene.set_camera_angle,
}


def colour_at(line: Line, t: float) -> NDArray[np.float64]:
    """The colour (3,) at t in [0, 1] between the two ends of a line."""
    start, end = np.array(line)
    colour: NDArray[np.float64] = start + t * (end - start)
    return colour
