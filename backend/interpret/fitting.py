"""Frames in the size that a model takes."""

import numpy as np
import numpy.typing as npt
from PIL import Image

Frames = npt.NDArray[np.uint8]


def fit_frames(image: Frames, size: tuple[int, int]) -> Frames:
    """Frames (..., h, w, 3) as (..., H, W, 3): means over areas where they shrink, smooth where they grow."""
    if image.shape[-3:-1] == size:
        return image
    flat = image.reshape(-1, *image.shape[-3:])
    height, width = size
    shrinks = height <= flat.shape[1]
    filter = Image.Resampling.BOX if shrinks else Image.Resampling.BICUBIC
    fitted = [np.asarray(Image.fromarray(frame).resize((width, height), filter)) for frame in flat]
    return np.stack(fitted).reshape(*image.shape[:-3], height, width, 3)
