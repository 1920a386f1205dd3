"""Films: every accepted codec opens, and no decoder runs that is not on the list, not even while a film is opened."""

import io
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from backend.data.containers import Container, VideoError
from backend.data.decode.film import CODECS, open_film
from tests.support.films import write_film
from tests.support.taking import take

ACCEPTED: list[tuple[str, Container, str, str, str]] = [  # muxer, container, encoder, pixels, decoder
    ("mp4", "mp4", "libx264", "yuv420p", "h264"),
    ("matroska", "matroska", "libx265", "yuv420p", "hevc"),
    ("webm", "matroska", "libvpx", "yuv420p", "vp8"),
    ("webm", "matroska", "libvpx-vp9", "yuv420p", "vp9"),
    ("mp4", "mp4", "libsvtav1", "yuv420p", "libdav1d"),
    ("avi", "avi", "mpeg4", "yuv420p", "mpeg4"),
    ("mp4", "mp4", "mpeg2video", "yuv420p", "mpeg2video"),
    ("matroska", "matroska", "mpeg1video", "yuv420p", "mpeg1video"),
    ("mov", "mp4", "mjpeg", "yuvj420p", "mjpeg"),
    ("gif", "gif", "gif", "rgb8", "gif"),
    ("avi", "avi", "rawvideo", "yuv420p", "rawvideo"),
    ("matroska", "matroska", "ffv1", "yuv420p", "ffv1"),
    ("avi", "avi", "huffyuv", "yuv422p", "huffyuv"),
    ("mov", "mp4", "png", "rgb24", "png"),
]
REFUSED: list[tuple[str, Container, str, str]] = [
    ("avi", "avi", "magicyuv", "gbrp"),
    ("mov", "mp4", "magicyuv", "gbrp"),
    ("avi", "avi", "utvideo", "yuv420p"),
    ("mov", "mp4", "qtrle", "rgb24"),
]


def unguarded_pixels(film: Path, container: Container) -> str | None:
    """The pixel format after FFmpeg opened a film by default; it is known if the decoder has run."""
    with av.open(str(film), format=container) as opened:
        return opened.streams.video[0].codec_context.pix_fmt


@pytest.mark.parametrize(("muxer", "container", "encoder", "pixels", "decoder"), ACCEPTED, ids=str)
def test_a_film_of_every_accepted_codec_opens_and_is_decoded(
    tmp_path: Path, muxer: str, container: Container, encoder: str, pixels: str, decoder: str
) -> None:
    film = write_film(tmp_path / "upload", frames=3, kind=muxer, codec=(encoder, pixels))
    with film.open("rb") as source, open_film(source, container) as opened:
        context = opened.streams.video[0].codec_context
        assert (context.name, context.width, context.height) == (decoder, 96, 80)
        assert context.pix_fmt == unguarded_pixels(film, container) is not None
        assert len(list(opened.decode(video=0))) == 3


def test_every_decoder_on_the_list_was_tried() -> None:
    assert {decoder for *_, decoder in ACCEPTED} == CODECS


@pytest.mark.parametrize(("muxer", "container", "encoder", "pixels"), REFUSED, ids=str)
def test_a_film_of_another_codec_is_refused_and_never_decoded(
    tmp_path: Path, muxer: str, container: Container, encoder: str, pixels: str
) -> None:
    film = write_film(tmp_path / "upload", kind=muxer, codec=(encoder, pixels))
    assert unguarded_pixels(film, container), "its decoder runs where nothing keeps it from that"
    with film.open("rb") as source, open_film(source, container) as opened:
        context = opened.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == (encoder, None)
    with pytest.raises(VideoError, match=f"codec {encoder} is not among those") as caught:
        take([("a film", film)], tmp_path / "set", "x")
    assert caught.value.code == "codec" and "H.264" in caught.value.remedy


def test_sound_is_not_decoded() -> None:
    film = io.BytesIO()
    with av.open(film, "w", format="mp4") as written:
        picture, sound = written.add_stream("mpeg4", rate=25), written.add_stream("aac", rate=44100)
        picture.width, picture.height, picture.pix_fmt = 96, 80, "yuv420p"
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 44100
        for _ in range(20):
            written.mux(picture.encode(av.VideoFrame(96, 80, "yuv420p")))
            written.mux(sound.encode(silence))
        written.mux(picture.encode())
        written.mux(sound.encode())
    film.seek(0)
    with av.open(film, format="mp4") as unguarded:
        assert unguarded.streams.audio[0].codec_context.format is not None
    film.seek(0)
    with open_film(film, "mp4") as opened:
        assert opened.streams.audio[0].codec_context.format is None
        assert len(list(opened.decode(video=0))) == 20


def test_a_file_of_subtitles_inside_an_avi_is_not_opened() -> None:
    film = _avi_with_subtitles(b"1\n00:00:00,000 --> 00:00:01,000\nhello\n\n2\n00:00:01,000 --> 00:00:02,000\nyou\n\n")
    with av.open(io.BytesIO(film), format="avi") as unguarded:
        assert unguarded.streams[1].codec_context.name == "srt"
    with open_film(io.BytesIO(film), "avi") as opened:
        assert opened.streams[1].codec_context is None
        assert len(list(opened.decode(video=0))) == 5


def _avi_with_subtitles(subtitles: bytes) -> bytes:
    """Five raw frames, and a track whose only packet is a whole file of subtitles (GAB2)."""
    frame = bytes(16 * 16 * 3)
    moving = _header(b"vids", b"DIB ", struct.pack("<IiiHHIIiiII", 40, 16, 16, 1, 24, 0, len(frame), 0, 0, 0, 0))
    main = _chunk(b"avih", struct.pack("<14I", 100000, 0, 0, 0, 5, 0, 2, 0, 16, 16, 0, 0, 0, 0))
    name = "film".encode("utf-16-le") + bytes(2)
    file = b"GAB2\0" + struct.pack("<HI", 2, len(name)) + name + struct.pack("<HI", 4, len(subtitles)) + subtitles
    head = _chunk(b"LIST", b"hdrl" + main + moving + _header(b"txts", bytes(4), b""))
    return _chunk(
        b"RIFF", b"AVI " + head + _chunk(b"LIST", b"movi" + _chunk(b"01tx", file) + 5 * _chunk(b"00db", frame))
    )


def _header(kind: bytes, handler: bytes, layout: bytes) -> bytes:
    values = struct.pack("<IHHIIIIIIIIhhhh", 0, 0, 0, 0, 1, 10, 0, 5, 768, 0xFFFFFFFF, 0, 0, 0, 16, 16)
    return _chunk(b"LIST", b"strl" + _chunk(b"strh", kind + handler + values) + _chunk(b"strf", layout))


def _chunk(tag: bytes, content: bytes) -> bytes:
    return tag + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
