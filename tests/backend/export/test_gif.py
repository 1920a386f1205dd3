"""GIFs are decoded again: their speed, frames, colours and comment are what was asked for."""

import io
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from backend.export.animation import columns_for, film_of, render_animation
from backend.export.film import ping_pong, write_text
from backend.export.gif import encode_gif
from backend.export.options import ExportOptions
from backend.interpret.request import ViewError
from backend.interpret.view import TraversalView

Views = Callable[..., TraversalView]


def decoded(content: bytes) -> list[np.ndarray]:
    return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(Image.open(io.BytesIO(content)))]


def delays(content: bytes) -> list[int]:
    """Centiseconds of each graphic control extension."""
    parts = content.split(b"\x21\xf9\x04")[1:]
    return [struct.unpack("<H", part[1:3])[0] for part in parts]


@pytest.mark.parametrize(
    ("fps", "centiseconds"), [(5, 20), (10, 10), (12.5, 8), (20, 5), (25, 4), (33.3, 3), (50, 2), (7, 14), (40, 2)]
)
def test_delays_are_the_speed_that_was_asked_for(bright: Views, fps: float, centiseconds: int) -> None:
    options = ExportOptions(fps=fps)
    content = render_animation(bright(1, 3), "gif", options)
    assert set(delays(content)) == {centiseconds}
    assert options.effective_fps == pytest.approx(100 / centiseconds)
    assert {frame.info["duration"] for frame in ImageSequence.Iterator(Image.open(io.BytesIO(content)))} == {
        10 * centiseconds
    }


def test_frames_go_forth_and_back_without_a_double_at_the_ends(bright: Views) -> None:
    view = bright(2, 7)
    assert len(decoded(render_animation(view, "gif"))) == 12
    assert len(decoded(render_animation(view, "gif", ExportOptions(pingpong=False)))) == 7
    assert ping_pong(4, True) == (0, 1, 2, 3, 2, 1)
    assert ping_pong(1, True) == (0,)


def test_frames_that_are_equal_are_kept(bright: Views) -> None:
    view = bright(1, 5)
    still = replace(view, images=np.repeat(view.images[:, :1], 5, axis=1))
    assert len(delays(render_animation(still, "gif", ExportOptions(captions=False)))) == 8


def test_colours_are_near_and_hold_still_where_nothing_moves(bright: Views) -> None:
    film = film_of(bright(2, 7), ExportOptions())
    frames = decoded(encode_gif(film, delay=10, loop=True))
    truth = list(film.frames())
    error = np.mean([(np.asarray(a, float) - b) ** 2 for a, b in zip(truth, frames, strict=True)])
    assert 10 * np.log10(255**2 / error) > 33
    still = (np.ptp(np.stack(truth), axis=0) == 0).all(axis=-1)
    assert still.mean() > 0.5
    assert (np.ptp(np.stack(frames), axis=0)[still] == 0).all()


def test_there_is_one_palette_for_all_frames(bright: Views) -> None:
    image = Image.open(io.BytesIO(render_animation(bright(2, 5), "gif")))
    for number in range(image.n_frames):
        image.seek(number)
        for tile in image.tile:
            assert tile.codec_name == "gif"
    descriptors = local_tables(render_animation(bright(2, 5), "gif"))
    assert descriptors == [False] * 8


def local_tables(content: bytes) -> list[bool]:
    """Whether each image block has its own palette."""
    place = 13 + 3 * 256
    found = []
    while content[place] != 0x3B:
        if content[place] == 0x21:
            place += 2
        else:
            assert content[place] == 0x2C
            found.append(bool(content[place + 9] & 0x80))
            place += 11
        while content[place]:
            place += content[place] + 1
        place += 1
    return found


def test_a_gif_is_not_larger_than_pillow_makes_it_with_one_palette(bright: Views) -> None:
    film = film_of(bright(6, 9), ExportOptions())
    frames = [Image.fromarray(frame) for frame in film.frames()]
    palette = Image.fromarray(np.concatenate([np.asarray(frame) for frame in frames[:9:2]])).quantize(256)
    shared = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    buffer = io.BytesIO()
    shared[0].save(buffer, "GIF", save_all=True, append_images=shared[1:], duration=100, loop=0)
    assert len(encode_gif(film, delay=10, loop=True)) <= 1.05 * len(buffer.getvalue())


def test_looping_captions_and_upscale_do_what_they_say(bright: Views) -> None:
    view = bright(2, 3)
    endless = render_animation(view, "gif")
    once = render_animation(view, "gif", ExportOptions(loop=False))
    assert b"NETSCAPE2.0" in endless
    assert b"NETSCAPE2.0" not in once
    bare = film_of(view, ExportOptions(captions=False, upscale=3))
    assert bare.size == (2 * 192 + 3 * 12, 192 + 2 * 12)
    top, left = bare.corners[1]
    cell = bare.drawn[0][top : top + 192, left : left + 192]
    assert np.array_equal(cell, view.images[1, 0].repeat(3, 0).repeat(3, 1))
    captioned = film_of(view, ExportOptions(upscale=3))
    assert captioned.size[1] > bare.size[1]


def test_the_comment_carries_the_settings_even_long_ones(bright: Views) -> None:
    view = bright(1, 3)
    view = replace(view, request=replace(view.request, edits={dim: dim / 7 for dim in range(40)}))
    content = render_animation(view, "gif")
    assert Image.open(io.BytesIO(content)).info["comment"].decode() == view.settings
    assert len(view.settings) > 600


def test_equal_views_give_equal_bytes(bright: Views) -> None:
    assert render_animation(bright(2, 5), "gif") == render_animation(bright(2, 5), "gif")


def test_cells_stand_in_a_grid_without_many_holes() -> None:
    assert [columns_for(count) for count in (1, 2, 3, 6, 20, 60)] == [1, 2, 3, 3, 5, 10]


def test_text_that_does_not_fit_is_cut() -> None:
    short, long = write_text("hip", 0, 12, 64), write_text("a very long name of a factor", 0, 12, 64)
    assert short.shape == long.shape
    assert not np.array_equal(short, long)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"fps": 0}, "fps"),
        ({"fps": float("nan")}, "fps"),
        ({"fps": 1e6}, "fps"),
        ({"upscale": 0}, "upscale"),
        ({"upscale": True}, "upscale"),
    ],
)
def test_films_that_cannot_be_made_are_refused(bright: Views, options: dict[str, Any], field: str) -> None:
    with pytest.raises(ViewError) as caught:
        render_animation(bright(1, 3), "gif", ExportOptions(**options))
    assert caught.value.field == field


def test_a_film_that_is_too_large_is_refused_before_it_is_drawn(bright: Views) -> None:
    with pytest.raises(ViewError, match="pixels"):
        render_animation(bright(40, 33), "mp4", ExportOptions(upscale=8, captions=False))
