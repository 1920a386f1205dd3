"""A user's own files as a data set: their content is shown, and nothing in them is executed."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backend.data.containers import VideoError
from backend.data.decode.sandbox import Limits
from backend.data.episodes import frames_only, read_dataset_info, read_episodes, write_episode
from backend.data.files import verify_folder
from tests.support import films
from tests.support.taking import take


def _refusal(path: Path, name: str = "mine.mp4", **options: object) -> VideoError:
    target = path.parent / "refused"
    with pytest.raises(VideoError) as caught:
        take([(name, path)], target, "x", **options)  # type: ignore[arg-type] # options of take
    assert caught.value.message.startswith(f"{name}: ") and caught.value.remedy.endswith(".")
    assert not target.exists() and not list(path.parent.glob(".partial-*"))
    return caught.value


@pytest.mark.parametrize("kind", ["mp4", "webm", "avi", "gif"])
def test_films_become_episodes_that_show_their_centre(tmp_path: Path, kind: str) -> None:
    path = films.write_film(tmp_path / "upload", kind=kind)  # no suffix: the bytes decide
    info = take([(f"film.{kind}", path)], tmp_path / "set", "My film", split=20)
    assert (info.kind, info.name, info.id, info.lengths) == ("clips", "My film", "set", (20, 20))
    assert (info.action_size, info.factor_names, info.guessed_factors) == (0, (), True)
    assert info.warnings == () and info.settings["files"][0]["frame_rate"] == 25
    assert read_dataset_info(tmp_path / "set") == info
    verify_folder(tmp_path / "set")
    frames = np.concatenate([episode.image for episode in read_episodes(tmp_path / "set")])
    assert frames.shape == (40, 64, 64, 3)
    for index in (0, 13, 39):
        centre = Image.fromarray(films.picture(index, 96, 80)[:, 8:88]).resize((64, 64), Image.Resampling.BOX)
        difference = np.abs(frames[index].astype(float) - np.asarray(centre, float))
        assert difference.mean() < (14 if kind == "gif" else 6)  # a gif here has 256 fixed colours


def test_a_stride_keeps_every_third_frame(tmp_path: Path) -> None:
    path = films.write_film(tmp_path / "a.mp4", frames=60)
    every = take([("a", path)], tmp_path / "every", "a", split=60)
    third = take([("a", path)], tmp_path / "third", "a", stride=3, split=60)
    assert every.frames == 60 and third.frames == 20
    [whole], [strided] = read_episodes(tmp_path / "every"), read_episodes(tmp_path / "third")
    assert np.array_equal(whole.image[::3], strided.image)
    assert third.settings["files"][0]["frame_rate"] == pytest.approx(25 / 3)


def test_several_files_make_one_set_and_no_episode_spans_two(tmp_path: Path) -> None:
    one, two = films.write_film(tmp_path / "a.mp4", frames=30), films.write_film(tmp_path / "b.webm", frames=50)
    info = take([("a", one), ("b", two)], tmp_path / "set", "two", split=24)
    assert info.lengths == (24, 24, 24)
    assert info.warnings == (
        "a: the last 6 frames left out: fewer than 16 after the split",
        "b: the last 2 frames left out: fewer than 16 after the split",
    )


def test_a_zip_of_frames_is_read_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    path = tmp_path / "frames.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for index in range(20):
            picture = io.BytesIO()
            Image.new("RGB", (90, 70), (10 * index, 0, 0)).save(picture, "PNG" if index % 2 else "JPEG")
            archive.writestr(f"../../frame{index}.{'png' if index % 2 else 'jpg'}", picture.getvalue())
        archive.writestr("frame3b.png", b"no picture")
        archive.writestr("notes.txt", b"hello")
    info = take([("frames.zip", path)], tmp_path / "set", "frames")
    [episode] = read_episodes(tmp_path / "set")
    assert np.abs(episode.image[:, 32, 32, 0].astype(int) - 10 * np.arange(20)).max() <= 2
    assert info.warnings == ("frames.zip: 1 damaged pictures were left out",)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frames.zip", "set"]


def test_a_picture_whose_packed_bytes_are_damaged_costs_itself_alone(tmp_path: Path) -> None:
    """The damage may be anywhere in the packed bytes: zlib, zipfile and Pillow each report it differently."""
    packed = io.BytesIO()
    shades = (np.indices((64, 64)).sum(0)[..., None] * np.array([1, 2, 3]) % 251).astype(np.uint8)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for index in range(18):
            picture = io.BytesIO()
            Image.fromarray(shades).save(picture, "PNG", compress_level=0)
            archive.writestr(f"{index}.png", picture.getvalue())
        second = archive.infolist()[1]
    begin = second.header_offset + 30 + len(second.filename)
    seen = set[str]()
    for place in range(0, second.compress_size, second.compress_size // 6):
        damaged = bytearray(packed.getvalue())
        damaged[begin + place] ^= 0xFF
        path = tmp_path / f"frames-{place}.zip"
        path.write_bytes(damaged)
        try:
            with zipfile.ZipFile(path) as archive, archive.open("1.png") as member:
                Image.open(member).load()
        except Exception as error:  # what the decoder meets
            seen.add(type(error).__name__)
        info = take([("frames.zip", path)], tmp_path / f"set-{place}", "frames")
        assert (info.lengths, info.warnings) == ((17,), ("frames.zip: 1 damaged pictures were left out",))
    assert {"error", "BadZipFile"} <= seen  # `error` is zlib's


def test_published_episodes_keep_their_actions_and_factors(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), np.uint8)
    action = np.ones((5, 2), np.float32)
    episode = frames_only(image)._replace(action=action, factors=action[:, :1], factor_names=("angle",))
    write_episode(tmp_path / "e.npz", episode)
    info = take([("e.npz", tmp_path / "e.npz")], tmp_path / "set", "published")
    assert (info.kind, info.action_size, info.factor_names, info.lengths) == ("published", 2, ("angle",), (5,))
    [read] = read_episodes(tmp_path / "set")
    assert np.array_equal(read.image, image) and np.array_equal(read.action, action)
    write_episode(tmp_path / "f.npz", frames_only(image))
    both = [("e.npz", tmp_path / "e.npz"), ("f.npz", tmp_path / "f.npz")]
    with pytest.raises(VideoError, match="differ"):
        take(both, tmp_path / "other", "x")


def test_an_episode_of_python_objects_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "e.npz", image=np.array([object()]))
    assert _refusal(tmp_path / "e.npz").code == "episode"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"This is not a film.\n", "not_a_film"),
        (b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "playlist"),
        (b"ffconcat version 1.0\nfile '/etc/passwd'\n", "playlist"),
        (b"\x7fELF" + bytes(200), "not_a_film"),
        (b"PK\x03\x04" + bytes(200), "damaged"),
        (b"\x00\x00\x00\x20ftypisom" + bytes(200), "damaged"),
        (b"\x1aE\xdf\xa3" + bytes(200), "damaged"),
        (b"GIF89a" + bytes(200), "damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "damaged"),
        (b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\x02" + bytes(200), "damaged"),
    ],
)
def test_what_is_no_film_is_refused_with_a_code(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "upload").write_bytes(content)
    assert _refusal(tmp_path / "upload").code == code


def test_sound_without_a_picture_is_refused(tmp_path: Path) -> None:
    assert _refusal(films.write_sound(tmp_path / "a.mp4")).code == "no_video"


def test_a_short_film_is_refused_with_the_minimum(tmp_path: Path) -> None:
    error = _refusal(films.write_film(tmp_path / "a.mp4", frames=5))
    assert error.code == "too_short" and "5 frames" in error.message and "at least 16" in error.message
    strided = _refusal(films.write_film(tmp_path / "b.mp4", frames=40), stride=10)
    assert strided.code == "too_short" and "smaller stride" in strided.remedy


def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    head = b"GIF89a" + (8192).to_bytes(2, "little") * 2 + b"\x00\x00\x00"
    frame = b"\x2c\0\0\0\0" + (8192).to_bytes(2, "little") * 2 + b"\0\x02\x02\x44\x01\0"
    (tmp_path / "a.gif").write_bytes(head + frame * 40 + b";")
    error = _refusal(tmp_path / "a.gif")
    assert error.code == "too_large" and "8192 x 8192" in error.message


def test_a_gif_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = films.write_film(tmp_path / "a.gif", frames=30, width=400, height=300)
    error = _refusal(path, limits=Limits(max_animated_pixels=2_000_000))
    assert error.code == "too_large" and "2,000,000 pixels" in error.message


def test_a_film_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    path = films.write_film(tmp_path / "a.mp4", frames=300, width=640, height=480)
    assert _refusal(path, limits=Limits(seconds=0.05)).code == "too_slow"


def test_a_decoder_without_enough_memory_is_an_error_of_the_file(tmp_path: Path) -> None:
    path = films.write_film(tmp_path / "a.mp4", frames=20, width=1024, height=1024)
    assert _refusal(path, limits=Limits(memory=60 * 2**20)).code in ("too_large", "damaged")
    assert take([("a", path)], tmp_path / "set", "a").frames == 20  # within the usual limit it is read


def test_a_film_over_the_frame_limit_is_cut_with_a_warning(tmp_path: Path) -> None:
    path = films.write_film(tmp_path / "a.mp4", frames=60)
    info = take([("a.mp4", path)], tmp_path / "set", "a", limits=Limits(max_frames=32))
    assert info.frames == 32 and info.warnings == ("a.mp4: only the first 32 frames were taken",)


@pytest.mark.parametrize("kind", ["webm", "avi", "gif"])
def test_a_cut_film_gives_its_good_frames_and_a_warning(tmp_path: Path, kind: str) -> None:
    path = films.write_film(tmp_path / f"a.{kind}", frames=200)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    info = take([("a", path)], tmp_path / "set", "a", split=0)
    assert 64 <= info.frames < 200
    assert len(info.warnings) == 1 and ("cut" in info.warnings[0] or "damaged" in info.warnings[0])


def test_a_corrupted_film_gives_its_good_frames_and_a_warning(tmp_path: Path) -> None:
    path = films.write_film(tmp_path / "a.avi", frames=200)
    content = bytearray(path.read_bytes())
    for place in np.random.default_rng(0).integers(len(content) // 3, len(content) * 2 // 3, 12):
        content[place] ^= 0xFF
    path.write_bytes(content)
    info = take([("a", path)], tmp_path / "set", "a")
    assert 100 < info.frames < 200 and "damaged parts were left out" in info.warnings[0]


def test_films_and_episodes_do_not_mix_and_an_existing_set_is_kept(tmp_path: Path) -> None:
    film = films.write_film(tmp_path / "a.mp4")
    write_episode(tmp_path / "e.npz", frames_only(np.zeros((20, 64, 64, 3), np.uint8)))
    with pytest.raises(VideoError, match="cannot make one data set"):
        take([("a", film), ("e", tmp_path / "e.npz")], tmp_path / "set", "x")
    info = take([("a", film)], tmp_path / "set", "first")
    with pytest.raises(FileExistsError):
        take([("a", film)], tmp_path / "set", "second")
    assert read_dataset_info(tmp_path / "set") == info


def test_no_files_and_senseless_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="no file"):
        take([], tmp_path / "set", "x")
    with pytest.raises(ValueError, match="stride"):
        take([("a", tmp_path / "a")], tmp_path / "set", "x", stride=0)
