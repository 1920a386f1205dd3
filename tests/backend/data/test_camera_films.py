"""Films as cameras and editors write them: frames look as in a player, or a warning says what was changed."""

import io
import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from backend.data.episodes import DatasetInfo, read_episodes
from tests.support.taking import take

Picture = NDArray[np.uint8]
SKY, GROUND, LEFT = (40, 90, 220), (40, 170, 60), (220, 40, 40)
TURNED = {  # tkhd matrices a b c d, and how the scene is stored so that it comes out upright
    "clockwise": ((0, 1, -1, 0), lambda scene: np.rot90(scene, 1)),
    "anticlockwise": ((0, -1, 1, 0), lambda scene: np.rot90(scene, -1)),
    "upside down": ((-1, 0, 0, -1), lambda scene: np.rot90(scene, 2)),
    "mirrored": ((-1, 0, 0, 1), lambda scene: scene[:, ::-1]),
    "flipped": ((1, 0, 0, -1), lambda scene: scene[::-1]),
    "transposed": ((0, 1, 1, 0), lambda scene: scene.transpose(1, 0, 2)),
    "transposed and turned over": ((0, -1, -1, 0), lambda scene: np.rot90(scene.transpose(1, 0, 2), 2)),
}


def film(
    pictures: Sequence[Picture],
    *,
    format: str = "mp4",
    codec: str = "libx264",
    pixels: str = "yuv420p",
    times: Sequence[int] | None = None,
    base: Fraction = Fraction(1, 600),
    rate: int = 25,
    tune: Callable[[av.VideoStream], None] | None = None,
    options: dict[str, str] | None = None,
    **reformat: int,
) -> bytes:
    """Pictures (H, W, 3), of 8 or 16 bits, as the bytes of a film."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=format) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixels
        if times is not None:
            stream.codec_context.time_base = base
        if tune is not None:
            tune(stream)
        for number, picture in enumerate(pictures):
            source = "rgb24" if picture.dtype == np.uint8 else "rgb48le"
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=source)
            frame = frame.reformat(format=pixels, **reformat)
            if times is not None:
                frame.pts, frame.time_base = times[number], base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return buffer.getvalue()


def taken(folder: Path, content: bytes, name: str = "IMG_0042.MOV", **options: object) -> tuple[DatasetInfo, Picture]:
    """The data set of a film, and all its frames (T, 64, 64, 3)."""
    path = folder / "upload"
    path.write_bytes(content)
    info = take([(name, path)], folder / "set", **options)  # type: ignore[arg-type]  # options of take
    return info, np.concatenate([episode.image for episode in read_episodes(folder / "set")])


def scene(height: int = 64, width: int = 64) -> Picture:
    """Sky above, ground below, a red stripe at the left."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2], image[height // 2 :] = SKY, GROUND
    image[:, : width // 4] = LEFT
    return image


def near(colour: NDArray[np.uint8], expected: tuple[int, int, int], room: int = 12) -> bool:
    """Whether two colours are alike."""
    return bool(np.abs(colour.astype(int) - expected).max() <= room)


def moving(count: int, width: int = 96) -> list[Picture]:
    """A bright bar whose left edge is at the number of the picture."""
    pictures = [np.full((64, width, 3), 40, np.uint8) for _ in range(count)]
    for number, picture in enumerate(pictures):
        picture[:, number % width : number % width + 4] = 230
    return pictures


@pytest.mark.parametrize("turn", TURNED)
def test_a_film_is_turned_and_mirrored_as_its_display_matrix_says(tmp_path: Path, turn: str) -> None:
    (a, b, c, d), store = TURNED[turn]
    content = bytearray(film([store(scene())] * 16, pixels="yuv444p"))
    place = content.index(b"tkhd") + 44
    one = 1 << 16
    content[place : place + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    info, frames = taken(tmp_path, bytes(content))
    assert info.warnings == ()
    assert info.settings["files"][0]["notes"]
    assert near(frames[3, 8, 40], SKY) and near(frames[3, 56, 40], GROUND) and near(frames[3, 40, 4], LEFT)


def test_pixels_that_are_not_square_are_widened(tmp_path: Path) -> None:
    stored = scene(64, 96)  # shown 192 wide: the square in the middle is a third of it

    def shape(stream: av.VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)

    info, frames = taken(tmp_path, film([stored] * 16, tune=shape))
    assert (info.settings["files"][0]["width"], info.settings["files"][0]["height"]) == (192, 64)
    assert near(frames[0, 8, 4], SKY)  # the stripe, 48 of 192 wide, is outside of the middle third


def test_uneven_frames_are_resampled_in_time_and_that_is_said(tmp_path: Path) -> None:
    gaps = [20] * 60 + [60] * 60
    times = [sum(gaps[:number]) for number in range(120)]
    info, frames = taken(tmp_path, film(moving(120), times=times, rate=30), split=0, crop="stretch")
    assert "uneven" in info.warnings[0] and info.settings["files"][0]["frame_rate"] == 30
    assert abs(info.frames - 240) <= 3
    lit = frames[..., 0].astype(int).mean(1)
    for second in (1, 3, 5):  # the picture on show at this time, by its bar
        number = max(index for index, time in enumerate(times) if time <= 600 * second)
        assert abs(int(lit[30 * second].argmax()) - 64 * (number % 96 + 2) / 96) <= 2


def test_even_frames_with_rounded_times_are_kept_as_they_come(tmp_path: Path) -> None:
    info, _ = taken(tmp_path, film(moving(40), format="matroska", rate=30))  # times in whole milliseconds
    assert (info.frames, info.warnings, info.settings["files"][0]["frame_rate"]) == (40, (), 30)


@pytest.mark.parametrize(("fps", "frames"), [(10.0, 40), (50.0, 200)])
def test_a_frame_rate_may_be_asked_for(tmp_path: Path, fps: float, frames: int) -> None:
    info, _ = taken(tmp_path, film(moving(100)), fps=fps, split=0)
    assert info.frames == frames
    file = info.settings["files"][0]
    assert (file["recorded_rate"], file["frame_rate"], info.settings["fps"]) == (25, fps, fps)
    assert bool(info.warnings) == (fps > 25)  # frames are repeated


def test_what_an_edit_list_hides_is_neither_shown_nor_missed(tmp_path: Path) -> None:
    whole = film([np.full((64, 96, 3), 2 * number, np.uint8) for number in range(100)], options={"g": "50", "bf": "0"})
    trimmed = io.BytesIO()
    options = {"avoid_negative_ts": "disabled"}
    with av.open(io.BytesIO(whole)) as source, av.open(trimmed, "w", format="mp4", options=options) as target:
        track = source.streams.video[0]
        copy = target.add_stream_from_template(track)
        begin = int(0.8 / track.time_base)
        for packet in source.demux(track):
            if packet.dts is not None:
                packet.pts, packet.dts, packet.stream = packet.pts - begin, packet.dts - begin, copy
                target.mux(packet)
    info, frames = taken(tmp_path, trimmed.getvalue())
    assert (info.frames, info.warnings) == (80, ())
    assert abs(int(frames[0, 32, 32, 0]) - 40) <= 4


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", [1, 5])
def test_colours_follow_the_matrix_and_the_range_that_the_film_names(tmp_path: Path, matrix: int, full: bool) -> None:
    span = 2 if full else 1

    def tag(stream: av.VideoStream) -> None:
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, span

    content = film([scene()] * 16, tune=tag, dst_colorspace=matrix, dst_color_range=span)
    _, frames = taken(tmp_path, content)
    assert near(frames[3, 8, 40], SKY) and near(frames[3, 56, 40], GROUND) and near(frames[3, 40, 4], LEFT)


def test_a_large_film_that_names_no_matrix_is_taken_for_bt709(tmp_path: Path) -> None:
    content = film([scene(720, 1280)] * 16, dst_colorspace=1, options={"preset": "ultrafast"})
    _, frames = taken(tmp_path, content)
    assert near(frames[3, 8, 40], SKY) and near(frames[3, 56, 40], GROUND)


def test_ten_bits_look_as_eight_and_hdr_is_mapped_with_a_warning(tmp_path: Path) -> None:
    quiet = {"x265-params": "log-level=none"}
    for name in ("ten", "hdr"):
        (tmp_path / name).mkdir()
    info, frames = taken(tmp_path / "ten", film([scene()] * 16, codec="libx265", pixels="yuv420p10le", options=quiet))
    assert info.warnings == () and near(frames[3, 8, 40], SKY)

    def tag(stream: av.VideoStream) -> None:
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = 9, 16, 9

    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    power = (203 * 0.5**2.2 / 10_000) ** m1  # grey of half the signal, under a white of 203 cd/m2
    signal = ((c1 + c2 * power) / (1 + c3 * power)) ** m2
    grey = np.full((64, 64, 3), round(65535 * signal), np.uint16)
    content = film([grey] * 16, codec="libx265", pixels="yuv420p10le", options=quiet, tune=tag, dst_colorspace=9)
    info, frames = taken(tmp_path / "hdr", content)
    assert "HDR (PQ)" in info.warnings[0]
    assert near(frames[3, 32, 32], (128, 128, 128))


def test_interlaced_film_shows_one_moment_per_frame(tmp_path: Path) -> None:
    woven = []
    for number in range(20):
        early, late = (np.full((288, 288, 3), 20, np.uint8) for _ in range(2))
        early[:, 8 * number : 8 * number + 40], late[:, 8 * number + 100 : 8 * number + 140] = 230, 230
        late[::2] = early[::2]
        woven.append(late)
    flags = {"flags": "+ildct+ilme", "field_order": "tt"}
    info, frames = taken(tmp_path, film(woven, codec="mpeg2video", options=flags | {"b": "8M"}))
    assert any("interlaced" in note for note in info.settings["files"][0]["notes"])
    bright = frames[0, 32, :, 0] > 100
    assert bright.sum() <= 12 and bright[:10].any()  # the bar of one field, not those of both


def test_transparent_parts_are_white_in_films_and_animations(tmp_path: Path) -> None:
    moments = []
    for number in range(20):
        moment = Image.new("RGBA", (96, 64), (0, 255, 0, 0))
        moment.paste((220, 30, 30, 255), (2 * number, 20, 2 * number + 20, 44))
        moments.append(moment)
    for kind in ("PNG", "WEBP"):
        folder = tmp_path / kind
        folder.mkdir()
        buffer = io.BytesIO()
        moments[0].save(buffer, kind, save_all=True, append_images=moments[1:], duration=50, lossless=True, disposal=2)
        info, frames = taken(folder, buffer.getvalue())
        assert (info.frames, info.settings["files"][0]["frame_rate"]) == (20, 20)
        assert near(frames[19, 4, 4], (255, 255, 255)) and near(frames[15, 32, 24], (220, 30, 30))


def test_an_animation_is_shown_for_as_long_as_each_picture_lasts(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    moments = [Image.new("RGB", (64, 64), (10 * number, 0, 0)) for number in range(20)]
    moments[0].save(buffer, "PNG", save_all=True, append_images=moments[1:], duration=[100] * 19 + [500])
    info, frames = taken(tmp_path, buffer.getvalue())
    assert info.frames == 20  # the last one has no following frame: it is shown once
    durations = [50] * 10 + [150] * 10
    moments[0].save(buffer := io.BytesIO(), "PNG", save_all=True, append_images=moments[1:], duration=durations)
    (tmp_path / "uneven").mkdir()
    info, frames = taken(tmp_path / "uneven", buffer.getvalue())
    assert info.frames == 40 and "uneven" in info.warnings[0]
    assert frames[:, 0, 0, 0].tolist() == [*range(0, 100, 10), *np.repeat(range(100, 200, 10), 3)]


@pytest.mark.parametrize(("crop", "seen"), [("start", LEFT), ("centre", SKY), ("end", SKY), ("stretch", LEFT)])
def test_the_crop_is_a_choice(tmp_path: Path, crop: str, seen: tuple[int, int, int]) -> None:
    info, frames = taken(tmp_path, film([scene(64, 192)] * 16), crop=crop)
    assert info.settings["crop"] == crop
    assert near(frames[0, 8, 4], seen)


def test_the_whole_picture_may_be_kept_between_bars(tmp_path: Path) -> None:
    _, frames = taken(tmp_path, film([scene(64, 128)] * 16), crop="whole")
    assert near(frames[0, 4, 32], (0, 0, 0)) and near(frames[0, 24, 40], SKY) and near(frames[0, 24, 4], LEFT)


def test_a_cover_picture_is_not_the_film(tmp_path: Path) -> None:
    cover = io.BytesIO()
    Image.new("RGB", (640, 640), (255, 0, 255)).save(cover, "JPEG")
    content = io.BytesIO()
    with av.open(content, "w", format="mp4") as container:
        art = container.add_stream("mjpeg", rate=1)
        art.width, art.height, art.pix_fmt = 640, 640, "yuvj420p"
        art.disposition = art.disposition.attached_pic
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.full((640, 640, 3), (255, 0, 255), np.uint8), format="rgb24")
        container.mux(art.encode(frame.reformat(format="yuvj420p")))
        for _ in range(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(scene(), format="rgb24")))
        container.mux(stream.encode())
    info, frames = taken(tmp_path, content.getvalue())
    assert info.frames == 20 and near(frames[0, 8, 40], SKY)
