"""Pictures as phones and cameras write them, loose and in zips: upright, in plain colours, one clip per folder."""

import io
import zipfile
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from backend.data.containers import VideoError
from backend.data.decode.zip import clips_of
from backend.data.episodes import DatasetInfo, read_episodes
from backend.data.stills import read_stills
from tests.support.taking import take

SKY, GROUND = (40, 90, 220), (40, 170, 60)
TURNS: dict[int, Callable[[Image.Image], Image.Image]] = {  # how a scene is stored for each EXIF orientation
    2: lambda scene: scene.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    3: lambda scene: scene.transpose(Image.Transpose.ROTATE_180),
    4: lambda scene: scene.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    5: lambda scene: scene.transpose(Image.Transpose.TRANSPOSE),
    6: lambda scene: scene.transpose(Image.Transpose.ROTATE_90),
    7: lambda scene: scene.transpose(Image.Transpose.TRANSVERSE),
    8: lambda scene: scene.transpose(Image.Transpose.ROTATE_270),
}


def scene() -> Image.Image:
    """Sky above, ground below."""
    image = np.zeros((80, 64, 3), np.uint8)
    image[:40], image[40:] = SKY, GROUND
    return Image.fromarray(image)


def saved(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """A picture as the bytes of a file."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def packed(path: Path, members: Mapping[str, bytes]) -> Path:
    """A zip of files."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def taken(folder: Path, members: Mapping[str, bytes], **options: object) -> tuple[DatasetInfo, NDArray[np.uint8]]:
    """The data set of a zip, and all its frames."""
    path = packed(folder / "pictures.zip", members)
    info = take([("pictures.zip", path)], folder / "set", **options)  # type: ignore[arg-type]  # options of take
    return info, np.concatenate([episode.image for episode in read_episodes(folder / "set")])


def still(folder: Path, content: bytes) -> NDArray[np.uint8]:
    """A picture as the base of a view: (64, 64, 3)."""
    (folder / "picture").write_bytes(content)
    return read_stills([("picture", folder / "picture")]).image[0]


def colour(*rgb: int) -> bytes:
    return saved(Image.new("RGB", (64, 48), rgb))


def near(pixel: NDArray[np.uint8], expected: tuple[int, int, int], room: int = 12) -> bool:
    return bool(np.abs(pixel.astype(int) - expected).max() <= room)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_pictures_are_turned_as_their_exif_says_wherever_they_enter(tmp_path: Path, kind: str) -> None:
    members = {}
    for orientation, turn in TURNS.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        members |= {f"{orientation}{copy}.bin.{kind.lower()}": saved(turn(scene()), kind, exif=exif) for copy in "abc"}
    base = still(tmp_path, next(iter(members.values())))
    assert near(base[6, 32], SKY) and near(base[58, 32], GROUND)
    _, frames = taken(tmp_path, members)
    assert len(frames) == 21
    for frame in frames:
        assert near(frame[6, 32], SKY) and near(frame[58, 32], GROUND)


def test_jpegs_of_phones_and_printers_are_read_whole(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 1
    kinds = {
        "exif": saved(scene(), "JPEG", exif=exif),  # without a JFIF head
        "mpo": saved(scene(), "MPO", save_all=True, append_images=[scene()]),
        "cmyk": saved(scene().convert("CMYK"), "JPEG", quality=95),
        "grey": saved(scene().convert("L"), "JPEG"),
        "progressive": saved(scene(), "JPEG", progressive=True),
    }
    for content in kinds.values():
        still(tmp_path, content)
    info, frames = taken(tmp_path, {f"{number}.JPG": kinds[name] for number, name in enumerate([*kinds] * 4)})
    assert (info.frames, info.warnings) == (20, ())
    for number in (0, 1, 2, 4):
        assert near(frames[number, 6, 32], SKY, 30) and near(frames[number, 58, 32], GROUND, 30)


def test_colours_of_a_profile_are_shown_as_srgb(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert near(still(tmp_path, saved(scene(), icc_profile=lab))[6, 32], SKY, 2)
    assert near(still(tmp_path, saved(scene(), icc_profile=b"no profile"))[6, 32], SKY, 2)


def test_a_ramp_of_16_bits_stays_a_ramp_and_is_the_same_in_all_pictures(tmp_path: Path) -> None:
    def depth(index: int) -> bytes:
        ramp = np.linspace(500 + 10 * index, 4000, 64).astype(np.uint16)
        return saved(Image.fromarray(np.tile(ramp, (64, 1))))

    info, frames = taken(tmp_path, {f"{index:03d}.png": depth(index) for index in range(20)})
    assert info.warnings == ("pictures.zip: grey of 16 bits: values from 500 to 4,000 are shown as black to white",)
    row = frames[3, 32, :, 0].astype(int)
    assert len(np.unique(row)) > 60 and (np.diff(row) >= 0).all()
    assert frames[0, 0, 0, 0] < frames[19, 0, 0, 0]  # one scale for all


def test_palettes_and_transparency_look_as_in_a_browser(tmp_path: Path) -> None:
    layer = Image.new("RGBA", (64, 64), (0, 255, 0, 0))
    layer.paste((220, 30, 30, 255), (0, 32, 64, 64))
    palette = Image.new("P", (64, 64), 1)
    palette.putpalette([0, 255, 0, 220, 30, 30] + [0] * 762)
    palette.paste(0, (0, 0, 64, 32))
    for content in (saved(layer), saved(layer, "WEBP", lossless=True), saved(palette, transparency=0)):
        shown = still(tmp_path, content)
        assert near(shown[8, 32], (255, 255, 255)) and near(shown[56, 32], (220, 30, 30))


def test_each_folder_of_a_zip_is_a_clip(tmp_path: Path) -> None:
    members = {}
    for name, shade, frames in (("bear", 50, 40), ("camel", 120, 50), ("dog", 200, 20), ("eel", 250, 5)):
        members |= {f"JPEGImages/480p/{name}/{index}.png": colour(shade, 0, 0) for index in range(frames)}
    info, frames = taken(tmp_path, members)
    assert info.lengths == (40, 50, 20)
    assert info.warnings == ("pictures.zip: 1 of 4 clips (JPEGImages/480p/eel) left out: fewer than 16 frames",)
    assert frames[:, 32, 32, 0].tolist() == [50] * 40 + [120] * 50 + [200] * 20


@pytest.mark.parametrize(
    ("names", "clips"),
    [
        ([f"ep_{episode}_step_{step}.png" for episode in range(2) for step in range(20)], 2),
        ([f"{name}-{step:04d}.jpg" for name in ("cat", "dog") for step in range(16)], 2),
        ([f"13050311{second:02d}.{step:06d}.png" for second in range(3) for step in range(30)], 1),  # times
        ([f"{step}/camera.png" for step in range(20)], 1),  # one folder per picture
        ([f"frame{step}.png" for step in range(40)] + ["cover.png"], 1),
    ],
)
def test_names_tell_the_clips_where_folders_do_not(names: list[str], clips: int) -> None:
    found = clips_of(names)
    assert len(found) == clips and sorted(chain(*found.values())) == sorted(names)
    assert len({len(members) for members in found.values()}) == 1


def test_what_operating_systems_add_to_an_archive_is_ignored(tmp_path: Path) -> None:
    junk = {"__MACOSX/._0.png": b"junk", "__MACOSX/clip/0.png": b"junk", "clip/._1.png": b"junk"}
    junk |= {"clip/.DS_Store": b"junk", "clip/Thumbs.db": b"junk", ".hidden/2.png": b"junk"}
    info, _ = taken(tmp_path, junk | {f"clip/{index}.PNG": colour(9, 9, 9) for index in range(20)})
    assert (info.lengths, info.warnings) == ((20,), ())


def test_loose_pictures_are_one_clip_in_the_order_of_their_names(tmp_path: Path) -> None:
    files = []
    for index in (10, 2, *range(11, 25), 1):
        path = tmp_path / f"{index}"
        path.write_bytes(colour(10 * index, 0, 0))
        files.append((f"frame{index}.png", path))
    info = take(files, tmp_path / "set")
    [episode] = read_episodes(tmp_path / "set")
    assert info.lengths == (17,) and np.all(np.diff(episode.image[:, 0, 0, 0].astype(int)) > 0)


def test_a_frame_rate_for_pictures_is_said_to_have_no_meaning(tmp_path: Path) -> None:
    info, _ = taken(tmp_path, {f"{index}.png": colour(9, 9, 9) for index in range(20)}, fps=5.0)
    assert info.frames == 20 and "no times" in info.warnings[0]


def test_folders_that_are_all_too_short_are_refused_and_not_joined(tmp_path: Path) -> None:
    members = {f"{clip}/{index}.png": colour(9, 9, 9) for clip in "abc" for index in range(10)}
    with pytest.raises(VideoError, match="30 frames in 3 clips are too few"):
        taken(tmp_path, members)
