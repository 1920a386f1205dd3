"""Pictures in any usual layout are distinguished from states and resized to 64x64 by area."""

import numpy as np
import pytest

from backend.data.pixels import Layout, brightest_of, frames_of, layout_of


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((5, 64, 64, 3), Layout(64, 64, 3, False)),
        ((5, 3, 84, 84), Layout(84, 84, 3, True)),
        ((5, 9, 84, 84), Layout(84, 84, 9, True)),
        ((5, 96, 96), Layout(96, 96, 1, False)),
        ((5, 1, 32, 48), Layout(32, 48, 1, True)),
        ((5, 480, 640, 4), Layout(480, 640, 4, False)),
        ((5, 4), None),
        ((5, 3, 3), None),
        ((5, 7, 84, 84), None),
    ],
)
def test_the_layout_of_pictures_is_told_by_their_shape(shape: tuple[int, ...], layout: Layout | None) -> None:
    assert layout_of(shape, np.dtype(np.uint8)) == layout
    assert layout_of(shape, np.dtype(np.int64)) is None


@pytest.mark.parametrize("brightest", [1.0, 255.0])
def test_numbers_are_bytes_of_their_share_of_white(brightest: float) -> None:
    array = np.full((2, 64, 64, 3), brightest * 100 / 255, np.float32)
    array[0, 0, 0] = brightest
    layout = layout_of(array.shape, array.dtype)
    assert layout is not None and brightest_of(array) == brightest
    frames = frames_of(array, layout, "centre", brightest=brightest)
    assert frames[0, 0, 0].tolist() == [255, 255, 255] and frames[1].min() == frames[1].max() == 100


def test_each_frame_is_the_mean_of_the_areas_of_its_pixels_and_crops_as_asked() -> None:
    wide = np.zeros((1, 128, 256, 1), np.uint8)
    wide[:, ::2, :128] = 100
    layout = layout_of(wide.shape, wide.dtype)
    assert layout is not None
    assert frames_of(wide, layout, "start")[0].tolist() == np.full((64, 64, 3), 50).tolist()
    assert not frames_of(wide, layout, "end").any()
    whole = frames_of(wide, layout, "whole")[0, :, :, 0]
    assert not whole[:16].any() and (whole[16:48, :32] == 50).all() and not whole[48:].any()
