"""Pictures for the stand-in API: recorded from a shipped model and changed along its dimensions."""

import base64
import io
from functools import cache

import numpy as np
from PIL import Image

from tests.support.recorded import FOLDER, PICTURES

CELL = 64
FACTORS = ("cart position", "pole angle sin", "body hue", "floor hue", "sky hue", "light", "camera x", "speed")
LATENTS = 20
KL = np.array([2.9, 2.4, 2.1, 1.7, 1.4, 1.1, 0.9, 0.4, *([0.004] * 12)])


def scene(latent: np.ndarray) -> np.ndarray:
    """(Z,) -> (64, 64, 3) uint8: what a latent changes in the recorded pictures of a model, added up by dimension."""
    cells = _cells()
    middle = (cells.shape[1] - 1) // 2
    picture = cells[0, middle].copy()
    for dim in np.flatnonzero(KL > 0.01):
        place = float(np.clip(latent[dim] + middle, 0, cells.shape[1] - 1))
        left = min(int(place), cells.shape[1] - 2)
        here = cells[dim, left] + (cells[dim, left + 1] - cells[dim, left]) * (place - left)
        picture += here - cells[dim, middle]
    return picture.clip(0, 255).astype(np.uint8)


def frame_latent(episode: int, frame: int) -> np.ndarray:
    """The latent of a frame of the clip: smooth in time, another for each episode."""
    phases = np.random.default_rng(episode).uniform(0, 6.28, LATENTS)
    latent = 1.2 * np.sin(phases + 0.12 * frame * (np.arange(LATENTS) < 3))
    return np.where(KL > 0.01, latent, 0.01 * latent)


def data_uri(image: np.ndarray, form: str = "png") -> str:
    """A picture as it travels in JSON."""
    return f"data:image/{form};base64,{base64.b64encode(encode(image, form)).decode()}"


def encode(image: np.ndarray, form: str = "png") -> bytes:
    """(H, W, 3) or (H, W) uint8 -> file bytes."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, form.upper(), **({"quality": 92} if form == "webp" else {}))
    return buffer.getvalue()


def animate(frames: list[np.ndarray], fps: float) -> bytes:
    """A looping GIF of some frames."""
    pictures = [Image.fromarray(frame) for frame in frames]
    buffer = io.BytesIO()
    pictures[0].save(buffer, "GIF", save_all=True, append_images=pictures[1:], duration=1000 / fps, loop=0)
    return buffer.getvalue()


@cache
def _cells() -> np.ndarray:
    """The recorded pictures: (dimensions, columns, 64, 64, 3)."""
    with Image.open(FOLDER / PICTURES) as atlas:
        pixels = np.asarray(atlas.convert("RGB"), np.float32)
    rows, columns = pixels.shape[0] // CELL, pixels.shape[1] // CELL
    return pixels.reshape(rows, CELL, columns, CELL, 3).swapaxes(1, 2)
