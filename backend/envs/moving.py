"""Distractions that change within an episode: camera, light, a video behind the scene; or several of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from backend.envs.distract import LIGHT_RANGE, Distraction
from backend.envs.scene import SKY_SIZE, Scene

JITTER = 0.05  # radians: about a fourteenth of the picture's height to either side
STEP = 0.15  # std per step, in halves of the range
CLIPS, CLIP_FRAMES = 8, 50


class Wandering:
    """Values drawn uniformly from a range, then a random walk: each control step adds N(0, STEP), clipped."""

    def __init__(self, low: float, high: float, count: int) -> None:
        self._middle, self._half = (low + high) / 2, (high - low) / 2
        self._places = np.zeros(count)

    def reset(self, random: np.random.Generator) -> NDArray[np.float64]:
        """The first values (count,)."""
        self._places = random.uniform(-1, 1, len(self._places))
        return self.values()

    def advance(self, random: np.random.Generator) -> NDArray[np.float64]:
        """The next values (count,)."""
        self._places = np.clip(self._places + random.normal(0, STEP, len(self._places)), -1, 1)
        return self.values()

    def values(self) -> NDArray[np.float64]:
        """The present values (count,)."""
        return self._middle + self._half * self._places


class CameraJitter:
    """The camera's tilt and pan (radians) wander."""

    factor_names = ("camera_tilt", "camera_pan")

    def __init__(self, extent: float = JITTER) -> None:
        self._walk = Wandering(-extent, extent, 2)

    def reset(self, scene: Scene, random: np.random.Generator) -> None:
        """Draw both angles."""
        scene.set_camera_angle(*self._walk.reset(random))

    def advance(self, scene: Scene, random: np.random.Generator) -> None:
        """Turn the camera by one random step."""
        scene.set_camera_angle(*self._walk.advance(random))

    def values(self) -> NDArray[np.float32]:
        return self._walk.values().astype(np.float32)


class WanderingLight:
    """The brightness of all lights wanders."""

    factor_names = ("light",)

    def __init__(self) -> None:
        self._walk = Wandering(*LIGHT_RANGE, 1)

    def reset(self, scene: Scene, random: np.random.Generator) -> None:
        """Draw the brightness."""
        scene.set_light(float(self._walk.reset(random)[0]))

    def advance(self, scene: Scene, random: np.random.Generator) -> None:
        """Change the brightness by one random step."""
        scene.set_light(float(self._walk.advance(random)[0]))

    def values(self) -> NDArray[np.float32]:
        return self._walk.values().astype(np.float32)


class BackgroundVideo:
    """A clip plays in the sky, one frame per control step, and starts over at its end; both are drawn at reset.

    Factors: which clip, how far it is (0 to 1), and the mean colour of the frame that is shown.
    """

    factor_names = ("video_clip", "video_position", "video_red", "video_green", "video_blue")

    def __init__(self, clips: Sequence[NDArray[np.uint8]]) -> None:
        """`clips`: each (T, SKY_SIZE, SKY_SIZE, 3), at least one of at least one frame."""
        self._clips = list(clips)
        self._clip, self._frame = 0, 0

    def reset(self, scene: Scene, random: np.random.Generator) -> None:
        """Draw a clip and a frame to begin with."""
        self._clip = int(random.integers(len(self._clips)))
        self._frame = int(random.integers(len(self._clips[self._clip])))
        scene.set_background_picture(self._picture())

    def advance(self, scene: Scene, _random: np.random.Generator) -> None:
        """Show the next frame."""
        self._frame = (self._frame + 1) % len(self._clips[self._clip])
        scene.set_background_picture(self._picture())

    def values(self) -> NDArray[np.float32]:
        colour = self._picture().reshape(-1, 3).mean(0) / 255
        position = self._frame / len(self._clips[self._clip])
        return np.array([self._clip, position, *colour], np.float32)

    def _picture(self) -> NDArray[np.uint8]:
        picture: NDArray[np.uint8] = self._clips[self._clip][self._frame]
        return picture


class Together:
    """Several distractions together, each with its own random generator, so that none depends on another's draws."""

    def __init__(self, parts: Sequence[Distraction]) -> None:
        self._parts = list(parts)
        self._random: list[np.random.Generator] = []
        self.factor_names = tuple(name for part in parts for name in part.factor_names)

    def reset(self, scene: Scene, random: np.random.Generator) -> None:
        """Draw the values of all of them."""
        self._random = [np.random.default_rng(random.integers(2**63)) for _ in self._parts]
        for part, own in zip(self._parts, self._random, strict=True):
            part.reset(scene, own)

    def advance(self, scene: Scene, _random: np.random.Generator) -> None:
        """Advance all of them by one control step."""
        for part, own in zip(self._parts, self._random, strict=True):
            part.advance(scene, own)

    def values(self) -> NDArray[np.float32]:
        return np.concatenate([part.values() for part in self._parts])


def procedural_clips(count: int = CLIPS, frames: int = CLIP_FRAMES) -> list[NDArray[np.uint8]]:
    """Clips of drifting coloured waves, the same ones every time: each (frames, SKY_SIZE, SKY_SIZE, 3)."""
    across = np.linspace(0, 1, SKY_SIZE, endpoint=False)
    y, x, time = np.meshgrid(across, across, np.linspace(0, 1, frames, endpoint=False), indexing="ij")
    clips = []
    for clip in range(count):
        random = np.random.default_rng(clip)
        colour, (fx, fy) = random.uniform(0.25, 0.75, 3), random.integers(1, 4, 2)
        breath = 1 + 0.3 * np.sin(2 * np.pi * (time + random.uniform()))
        wave = 0.15 * np.sin(2 * np.pi * (fx * x + fy * y + random.choice([-2, -1, 1, 2]) * time))
        picture = np.clip(breath[..., None] * colour + wave[..., None], 0, 1)
        clips.append(np.round(255 * picture).astype(np.uint8).transpose(2, 0, 1, 3))
    return clips


def sky_clips(films: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """Films (T, 64, 64, 3) as clips for the sky: squares of four pixels become one."""
    shape = (SKY_SIZE, 64 // SKY_SIZE)
    return [
        np.round(film.reshape(len(film), *shape, *shape, 3).mean((2, 4))).astype(np.uint8) for film in films
    ]  # fmt: skip
