"""Draws a film like one from a real camera, for a shipped model of it: `python -m benchmarks.drawn_film FILM.mp4`.

A camera that stands still looks at a pendulum, a ball that bounces between two walls, and daylight that comes and
goes. Each moves by a law that can be foreseen, but for a push now and then; no two stretches are alike.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SIDE, RATE, SMOOTH = 256, 25, 2  # pixels, frames a second, drawn so many times as large and made smaller
SUBSTEPS = 10
WALL, SKY, FLOOR = (196, 178, 150), (120, 160, 205), (105, 78, 58)
GRAVITY = 9.81


class Scene(NamedTuple):
    """What moves: radians, and metres from the middle of the floor."""

    angle: float
    turning: float
    x: float
    y: float
    across: float
    up: float
    light: float
    brightening: float


def main() -> None:
    """Draws and writes the frames one by one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("film", type=Path)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    random = np.random.default_rng(asked.seed)
    scene = Scene(1.0, 0.0, 0.3, 1.0, 1.1, 0.0, 0.5, 0.0)
    with iio.imopen(asked.film, "w", plugin="pyav") as film:
        film.init_video_stream("libx264", fps=RATE)
        for _ in range(asked.seconds * RATE):
            scene = later(scene, random)
            film.write_frame(picture(scene))


def later(scene: Scene, random: np.random.Generator) -> Scene:
    """The scene one frame later; a push comes every few seconds, and the light wanders."""
    angle, turning, x, y, across, up, light, brightening = scene
    step = 1 / (RATE * SUBSTEPS)
    for _ in range(SUBSTEPS):
        turning -= step * (GRAVITY / 0.9 * np.sin(angle) + 0.05 * turning)
        angle += step * turning
        up -= step * GRAVITY * 0.5
        x, y = x + step * across, y + step * up
        if y < 0.0:
            y, up = -y, 0.97 * abs(up)
        if abs(x) > 1.0:
            x, across = np.sign(x) * (2.0 - abs(x)), -across
    if random.uniform() < 1 / (4 * RATE):
        turning += random.normal(0.0, 1.5)
        turning = float(np.clip(turning, -4.0, 4.0))
    if y < 0.15 and random.uniform() < 0.05:
        up, across = random.uniform(2.2, 3.6), random.choice((-1.0, 1.0)) * random.uniform(0.6, 1.5)
    brightening = 0.985 * brightening - 0.002 * (light - 0.5) + random.normal(0.0, 0.0015)
    light = float(np.clip(light + brightening, 0.0, 1.0))
    return Scene(float(angle), float(turning), float(x), float(y), float(across), float(up), light, float(brightening))


def picture(scene: Scene) -> NDArray[np.uint8]:
    """The frame (SIDE, SIDE, 3): a wall with a window, a pendulum from the ceiling, a ball on the floor."""
    side = SIDE * SMOOTH
    image = Image.new("RGB", (side, side), WALL)
    draw = ImageDraw.Draw(image)
    floor = 0.86 * side
    draw.rectangle(
        (0.62 * side, 0.08 * side, 0.94 * side, 0.38 * side), fill=SKY, outline=(90, 70, 55), width=side // 60
    )
    draw.rectangle((0, floor, side, side), fill=FLOOR)
    top = np.array([0.33, 0.05]) * side
    bob = top + 0.42 * side * np.array([np.sin(scene.angle), np.cos(scene.angle)])
    draw.line((*top, *bob), fill=(60, 55, 50), width=side // 45)
    _disc(draw, bob, 0.075 * side, (40, 90, 120))
    ball = np.array([(0.5 + 0.42 * scene.x) * side, floor - 0.06 * side - 0.4 * scene.y * side])
    _disc(draw, ball, 0.06 * side, (200, 60, 45))
    small = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
    return np.round(small * (0.35 + 0.65 * scene.light)).astype(np.uint8)


def _disc(draw: ImageDraw.ImageDraw, middle: NDArray[np.float64], radius: float, colour: tuple[int, int, int]) -> None:
    draw.ellipse((*(middle - radius), *(middle + radius)), fill=colour)


if __name__ == "__main__":
    main()
