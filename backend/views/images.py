"""Pictures as bytes for browsing: JPEG if speed matters (ten times faster than PNG here), PNG if pixels do."""

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image

MEDIA_TYPES = {"png": "image/png", "webp": "image/webp", "jpeg": "image/jpeg"}


def encode(image: npt.NDArray[np.uint8], format: str) -> bytes:
    """A picture (H, W, 3) or (H, W) as png (exact), webp (small) or jpeg (fast)."""
    options = {
        "png": {"compress_level": 3},
        "webp": {"quality": 90, "method": 0},
        "jpeg": {"quality": 92, "subsampling": 0},
    }[format]
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format, **options)
    return buffer.getvalue()


def data_uri(image: npt.NDArray[np.uint8], format: str = "png") -> str:
    """The picture as text for use inside JSON."""
    return f"data:{MEDIA_TYPES[format]};base64,{base64.b64encode(encode(image, format)).decode()}"


def contact_sheet(rows: list[npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
    """Rows of frames (N, H, W, 3), each perhaps of another N, one below the other; black where a row is short."""
    widest = max(len(row) for row in rows)
    padded = [np.pad(row, ((0, widest - len(row)), (0, 0), (0, 0), (0, 0))) for row in rows]
    return np.concatenate([np.concatenate(list(row), axis=1) for row in padded])
