"""One still picture as viewers show it, as a square of 64x64: turned upright, on white, in sRGB, 16 bits made 8."""

import io
import warnings
from typing import IO, NamedTuple

import numpy as np
from PIL import Image, ImageCms, ImageOps

from backend.data.containers import VideoError
from backend.data.decode.sandbox import SIDE, Crop, Decoded, Limits, check_size

FORMATS = ("PNG", "JPEG", "WEBP")  # a JPEG may hold further pictures behind the first (MPO), as phones write
_WIDE = ("I;16", "I;16B", "I;16L", "I", "F")  # grey of more than 8 bits
_TURNED = 0x0112  # EXIF: orientation


class Tones(NamedTuple):
    """The grey values of more than 8 bits that are shown as black and as white."""

    black: float
    white: float


def open_picture(source: IO[bytes], limits: Limits) -> Image.Image:
    """A picture of a size that may be decoded, not yet decoded. Raises VideoError, and what Pillow raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # sizes are checked here
        try:
            picture = Image.open(source, formats=FORMATS)
        except Image.DecompressionBombError:
            message = f"the picture has far too many pixels; at most {limits.max_pixels:,} are taken"
            raise VideoError("too_large", message, "Scale it down first.") from None
    check_size(*picture.size, limits)
    return picture


def is_wide(picture: Image.Image) -> bool:
    """Whether it is grey of more than 8 bits."""
    return picture.mode in _WIDE


def tones_of(picture: Image.Image) -> Tones:
    """The darkest and the brightest value of a wide grey picture."""
    values = np.asarray(picture, np.float64)
    return Tones(float(values.min()), float(values.max()))


def joined(one: Tones | None, other: Tones | None) -> Tones | None:
    """Tones that hold those of both."""
    if one is None or other is None:
        return one or other
    return Tones(min(one.black, other.black), max(one.white, other.white))


def square(picture: Image.Image, crop: Crop, found: Decoded, tones: Tones | None = None) -> bytes:
    """Bytes of a picture as RGB of 64x64; records in `found` what was done. `tones` only apply to 16-bit grey."""
    turned = picture.getexif().get(_TURNED, 1) != 1
    upright = ImageOps.exif_transpose(picture)
    if turned:
        found.note("turned upright as its EXIF says")
    if is_wide(upright):
        upright = _narrow(upright, tones or tones_of(upright))
    if upright.has_transparency_data:
        upright = _on_white(upright, found)
    if upright.mode in ("1", "P"):
        upright = upright.convert("RGB")
    found.width, found.height = upright.size
    return np.asarray(_in_srgb(fitted(upright, crop)), np.uint8).tobytes()


def rehearse() -> None:
    """Read a picture of each kind, so that everything loaded on first use is loaded now."""
    Image.init()
    for content in _samples():
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            for number in range(getattr(picture, "n_frames", 1)):
                picture.seek(number)
                square(picture, "whole", Decoded())


def _samples() -> list[bytes]:
    grey = Image.new("L", (8, 8))
    exif = Image.Exif()
    exif[_TURNED] = 6
    exif[0x010F] = "maker"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    colour = Image.new("RGB", (8, 8))
    return [
        _saved(colour, "PNG", icc_profile=profile, exif=exif),
        _saved(colour, "JPEG", icc_profile=profile, exif=exif),
        _saved(colour, "WEBP", exif=exif),
        _saved(colour, "MPO", save_all=True, append_images=[colour], exif=exif),
        _saved(Image.new("CMYK", (8, 8)), "JPEG"),
        _saved(Image.fromarray(np.zeros((8, 8), np.uint16)), "PNG"),
        _saved(grey.convert("P"), "PNG", transparency=0),
        *(_saved(grey, kind, save_all=True, append_images=[Image.new("L", (8, 8), 9)]) for kind in ("PNG", "WEBP")),
    ]


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def _narrow(picture: Image.Image, tones: Tones) -> Image.Image:
    """Grey of more than 8 bits as grey of 8 bits."""
    span = max(tones.white - tones.black, 1e-9)
    values = (np.asarray(picture, np.float64) - tones.black) / span * 255
    return Image.fromarray(np.clip(np.round(values), 0, 255).astype(np.uint8))


def _on_white(picture: Image.Image, found: Decoded) -> Image.Image:
    layer = picture.convert("RGBA")
    if layer.getchannel("A").getextrema() == (255, 255):
        return layer.convert("RGB")
    found.note("transparent parts are shown white")
    white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, layer).convert("RGB")


def fitted(picture: Image.Image, crop: Crop) -> Image.Image:
    """A picture as a square of 64x64 in its own colours."""
    box = Image.Resampling.BOX
    if crop == "whole":
        return ImageOps.pad(picture, (SIDE, SIDE), box, color=0 if picture.mode != "CMYK" else (0, 0, 0, 255))
    if crop == "stretch":
        return picture.resize((SIDE, SIDE), box)
    return picture.resize((SIDE, SIDE), box, box=crop_box(*picture.size, crop))


def crop_box(width: int, height: int, crop: Crop) -> tuple[int, int, int, int]:
    """The square of a picture that a crop keeps, as (left, upper, right, lower)."""
    side = min(width, height)
    share = {"start": 0.0, "end": 1.0}.get(crop, 0.5)
    left, upper = int((width - side) * share), int((height - side) * share)
    return left, upper, left + side, upper + side


def _in_srgb(picture: Image.Image) -> Image.Image:
    """Colours of an embedded profile as sRGB; where the profile cannot be used, as if there were none."""
    profile = picture.info.get("icc_profile")
    if profile and picture.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass
    return picture.convert("RGB")
