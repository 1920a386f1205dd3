"""Colours of films as a plain screen shows them: the right matrix for YUV, HDR mapped to SDR, wide gamuts to sRGB."""

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from backend.data.decode.sandbox import Decoded

# FFmpeg's numbers of colour properties (libavutil/pixfmt.h)
_BT709, _UNSPECIFIED, _BT601, _BT2020 = 1, 2, 6, 9
_P3_DCI, _P3 = 11, 12  # primaries
_PQ, _HLG = 16, 18  # transfer
_ICTCP, _IPT = 14, 15  # matrices that swscale does not know

_HD = (1280, 720)  # from here on unmarked films are BT.709, below BT.601, as players have it
_WHITE = 203.0  # cd/m2 of diffuse white (BT.2408)
_PEAK = 1000.0  # cd/m2 of an HLG screen
_KNEE = 0.7  # of diffuse white; what is brighter is compressed
_TO_709 = {
    _BT2020: np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]),
    _P3: np.array([[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]]),
}


def matrix_of(frame: VideoFrame) -> int:
    """The number of the frame's YUV matrix as `reformat` takes it; RGB has none."""
    if frame.format.is_rgb or frame.colorspace != _UNSPECIFIED:
        return int(frame.colorspace)
    hd = frame.width >= _HD[0] or frame.height >= _HD[1]
    return _BT709 if hd else _BT601


def is_extended(frame: VideoFrame) -> bool:
    """Whether its colours are HDR or of a wide gamut, so that `to_srgb` is needed."""
    return frame.color_trc in (_PQ, _HLG) or _gamut(frame) in _TO_709


def say_colours(frame: VideoFrame, found: Decoded) -> None:
    """Describes what `to_srgb` does to a frame."""
    if frame.colorspace in (_ICTCP, _IPT):
        found.warn("its colours are coded as ICtCp or IPT (Dolby Vision), which is not read: they are wrong here")
    if frame.color_trc in (_PQ, _HLG):
        kind = "PQ" if frame.color_trc == _PQ else "HLG"
        found.warn(f"HDR ({kind}) was mapped to the colours of a plain screen")
    elif is_extended(frame):
        found.note("wide colours were mapped to sRGB")


def to_srgb(image: NDArray[np.uint16], frame: VideoFrame) -> NDArray[np.uint8]:
    """(H, W, 3) RGB of 16 bits in the frame's colours as sRGB of 8 bits."""
    signal = image.astype(np.float64) / 65535
    if frame.color_trc == _PQ:
        light = _pq(signal) / _WHITE
    elif frame.color_trc == _HLG:
        light = _hlg(signal) / _WHITE
    else:
        light = _srgb_light(signal)
    gamut = _gamut(frame)
    if gamut in _TO_709:
        light = light @ _TO_709[gamut].T
    if frame.color_trc in (_PQ, _HLG):
        light = _compressed(np.maximum(light, 0))
    return np.round(255 * _srgb_signal(np.clip(light, 0, 1))).astype(np.uint8)


def _gamut(frame: VideoFrame) -> int:
    if frame.color_trc in (_PQ, _HLG) and frame.color_primaries == _UNSPECIFIED:
        return _BT2020
    return _P3 if frame.color_primaries == _P3_DCI else int(frame.color_primaries)


def _pq(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """cd/m2 of a PQ signal (SMPTE ST 2084)."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    root = signal ** (1 / m2)
    return 10_000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)


def _hlg(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """cd/m2 of an HLG signal on a screen of 1,000 cd/m2 (BT.2100): inverse OETF, then the OOTF of gamma 1.2."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luminance = scene @ np.array([0.2627, 0.6780, 0.0593])
    light: NDArray[np.float64] = _PEAK * scene * np.maximum(luminance, 1e-9)[..., None] ** 0.2
    return light


def _compressed(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light relative to diffuse white with soft highlights: the hue stays, nothing passes 1."""
    peak = np.maximum(light.max(-1, keepdims=True), 1e-9)
    room = 1 - _KNEE
    soft = _KNEE + room * (1 - np.exp(-(peak - _KNEE) / room))
    return light * np.where(peak > _KNEE, soft / peak, 1)


def _srgb_light(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)


def _srgb_signal(light: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)
