"""Pictures for the stand-in API: a little scene of twelve factors, drawn with numpy, no model."""

import base64
import colorsys
import io

import numpy as np
from PIL import Image

CELL = 64
FACTORS = ("cart position", "pole angle sin", "body hue", "floor hue", "sky hue", "light", "camera x", "speed")
LATENTS = 20
KL = np.array([2.9, 2.4, 2.1, 1.7, 1.4, 1.1, 0.9, 0.4, *([0.004] * 12)])


def scene(latent: np.ndarray) -> np.ndarray:
    """(Z,) -> (64, 64, 3) uint8: the picture that a latent stands for."""
    z = np.tanh(latent / 3.0)
    y, x = np.mgrid[0:CELL, 0:CELL].astype(float)
    x = x - 8 * z[6]
    light = 0.8 + 0.25 * z[5]
    image = np.empty((CELL, CELL, 3))
    image[:] = _colour(0.58 + 0.2 * z[4], 0.45, 0.85)
    floor = y > 44
    check = ((x // 8 + y // 8) % 2) * 0.12
    image[floor] = (_colour(0.1 + 0.3 * z[3], 0.5, 0.6) + check[..., None])[floor]
    cart = 32 + 20 * z[0]
    image[(abs(x - cart) < 8) & (abs(y - 42) < 4)] = _colour(0.0, 0.1, 0.25)
    angle = 2.2 * z[1]
    along = (x - cart) * np.sin(angle) - (y - 40) * np.cos(angle)
    across = (x - cart) * np.cos(angle) + (y - 40) * np.sin(angle)
    image[(along > 0) & (along < 26) & (abs(across) < 2.5)] = _colour(0.9 + 0.35 * z[2], 0.85, 0.9)
    trail = (along > 26) & (along < 27 + 5 * abs(z[7])) & (abs(across) < 1.5)
    image[trail] = 1.0
    return (np.clip(image * light, 0, 1) * 255).astype(np.uint8)


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


def _colour(hue: float, saturation: float, value: float) -> np.ndarray:
    return np.array(colorsys.hsv_to_rgb(hue % 1.0, saturation, value))
