"""A user's own pictures: resized to 64x64, refused by file name if they are not pictures, and limited in number."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backend.data import stills
from backend.data.containers import VideoError
from backend.data.stills import FOLDER, find_stills, read_stills, stills_id, store_stills


def save(path: Path, image: np.ndarray, format: str = "PNG") -> tuple[str, Path]:
    Image.fromarray(image).save(path, format)
    return path.name, path


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def test_a_picture_of_the_right_size_keeps_every_pixel(tmp_path: Path) -> None:
    image = noise(64, 64)
    assert np.array_equal(read_stills([save(tmp_path / "a.png", image)]).image, image[None])


def test_the_centred_square_is_scaled(tmp_path: Path) -> None:
    wide = np.zeros((128, 384, 3), np.uint8)
    wide[:, 128:256] = (200, 100, 50)
    found = read_stills([save(tmp_path / "wide.jpg", wide, "JPEG")]).image
    assert found.shape == (1, 64, 64, 3)
    assert np.abs(found.astype(int) - (200, 100, 50)).max() < 12


def test_several_pictures_keep_their_order(tmp_path: Path) -> None:
    images = [noise(64, 64, seed) for seed in range(3)]
    files = [save(tmp_path / name, image) for name, image in zip("cab", images, strict=True)]
    assert np.array_equal(read_stills(files).image, np.stack(images))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "a.png: the file is empty"),
        (b"just text", "a.png: the file is neither a PNG nor a JPEG"),
        (b"GIF89a" + bytes(20), "neither a PNG nor a JPEG"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "a.png: the picture is damaged"),
        (b"\xff\xd8\xff" + bytes(40), "a.png: the picture is damaged"),
    ],
)
def test_what_is_no_picture_is_refused_by_name(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(VideoError, match=says) as caught:
        read_stills([("a.png", path)])
    assert caught.value.remedy.endswith(".")


def test_the_damaged_one_of_several_is_named(tmp_path: Path) -> None:
    good = save(tmp_path / "good.png", noise(64, 64))
    cut = tmp_path / "cut.png"
    cut.write_bytes(good[1].read_bytes()[:3000])
    with pytest.raises(VideoError, match=r"cut\.png: the picture is damaged"):
        read_stills([good, ("cut.png", cut)])


@pytest.mark.parametrize(
    ("side", "says"), [(4_097, "4097 x 4097 pixels are too many"), (15_000, "far too many pixels")]
)
def test_a_picture_with_too_many_pixels_is_refused_before_it_is_decoded(tmp_path: Path, side: int, says: str) -> None:
    buffer = io.BytesIO()
    Image.new("1", (side, side)).save(buffer, "PNG")
    path = tmp_path / "huge.png"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(VideoError, match=rf"huge\.png: .*{says}"):
        read_stills([("huge.png", path)])


def test_none_and_too_many_are_refused() -> None:
    for count in (0, 33):
        with pytest.raises(VideoError, match="1 to 32"):
            read_stills([("a.png", Path("a.png"))] * count)


def test_equal_pixels_are_kept_once_and_found_again(tmp_path: Path) -> None:
    image = np.stack([noise(64, 64), noise(64, 64, 1)])
    id, known = store_stills(tmp_path, image)
    assert (id, known) == (stills_id(image), False)
    assert store_stills(tmp_path, image.copy()) == (id, True)
    assert np.array_equal(find_stills(tmp_path, id), image)
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == [f"{id}.png"]


@pytest.mark.parametrize("id", ["", "0" * 32, "../" * 10 + "ab", "/etc/passwd", "A" * 32])
def test_an_id_that_is_not_kept_finds_nothing(tmp_path: Path, id: str) -> None:
    (tmp_path / FOLDER).mkdir()
    assert find_stills(tmp_path, id) is None


def test_those_unused_for_longest_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stills, "MAX_UPLOADS", 2)
    ids = []
    for seed in range(3):
        ids.append(store_stills(tmp_path, noise(64, 64, seed)[None])[0])
        os.utime(tmp_path / FOLDER / f"{ids[-1]}.png", (seed, seed))
        if seed == 1:
            find_stills(tmp_path, ids[0])  # used again: the second one is the oldest now
    assert find_stills(tmp_path, ids[1]) is None
    assert find_stills(tmp_path, ids[0]) is not None
