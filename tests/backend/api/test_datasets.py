"""Data sets over HTTP: uploads of real and hostile files, frames, contact sheet."""

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from backend.data.clip import Clip
from backend.data.episodes import Episode, encode_episode

BASE = "/api/v1/datasets"


def film(frames: int = 32, size: int = 96, format: str = "mp4", codec: str = "libx264") -> bytes:
    """A film of a bright square that moves."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=format) as container:
        stream = container.add_stream(codec, rate=10)
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        for index in range(frames):
            image = np.zeros((size, size, 3), np.uint8)
            image[20:50, index : index + 30] = 230
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


@pytest.fixture(scope="module")
def mp4() -> bytes:
    return film()


def send(client: TestClient, *files: tuple[str, bytes], name: str = "squares") -> tuple[int, dict[str, object]]:
    answer = client.post(BASE, data={"name": name}, files=[("files", file) for file in files])
    return answer.status_code, answer.json()


def test_a_film_becomes_a_data_set_and_the_same_bytes_again_are_known(client: TestClient, mp4: bytes) -> None:
    status, made = send(client, ("walk.mp4", mp4))
    again, same = send(client, ("other name.mp4", mp4))
    assert (status, again) == (201, 200)
    assert made["id"] == same["id"]
    assert made["frames"] == 32
    assert made["name"] == "squares"
    assert made["id"] in [item["id"] for item in client.get(BASE).json()["items"]]
    assert client.get(f"{BASE}/{made['id']}").json() == same


def test_data_sets_are_searched_by_words_and_left_out_by_their_number_of_actions(
    client: TestClient, mp4: bytes
) -> None:
    _, made = send(client, ("walk.mp4", mp4))
    ids = lambda **query: [item["id"] for item in client.get(BASE, params=query).json()["items"]]  # noqa: E731
    assert made["id"] in ids(search="SQUARES clips") and ids(search="no such words") == []
    assert made["id"] in ids(actions="0,6") and made["id"] not in ids(actions="6")


def test_frames_are_counted_over_all_episodes(client: TestClient, moving_squares: Clip) -> None:
    episodes = [
        Episode(
            image=moving_squares.image[n, :20],
            action=moving_squares.action[n, :20],
            reward=moving_squares.reward[n, :20],
            discount=np.ones(20, np.float32),
            is_first=np.arange(20) == 0,
            is_last=np.arange(20) == 19,
            is_terminal=np.zeros(20, bool),
            factors=moving_squares.factors[n, :20],
            factor_names=moving_squares.factor_names,
        )
        for n in range(2)
    ]
    status, made = send(client, *((f"{n}.npz", encode_episode(episode)) for n, episode in enumerate(episodes)))
    assert status == 201
    assert made["lengths"] == [20, 20]
    assert made["factor_names"] == list(moving_squares.factor_names)
    answer = client.get(f"{BASE}/{made['id']}/frames/23")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(answer.content))), moving_squares.image[1, 3])
    for wrong in ("-1", "40", "1.5", "x"):
        refused = client.get(f"{BASE}/{made['id']}/frames/{wrong}")
        assert refused.status_code == 422
        assert "0 to 39" in refused.json()["errors"][0]["detail"]
    strip = client.get(f"{BASE}/{made['id']}/strip")
    assert strip.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(strip.content)).size == (12 * 64, 2 * 64)


def test_a_zip_of_frames_is_a_film(client: TestClient) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for index in range(20):
            picture = io.BytesIO()
            Image.new("RGB", (64, 64), (index * 10, 0, 0)).save(picture, "png")
            archive.writestr(f"frame{index}.png", picture.getvalue())
    status, made = send(client, ("frames.zip", buffer.getvalue()))
    assert (status, made["frames"]) == (201, 20)


def gif_bomb() -> bytes:
    """A small GIF that says it is huge."""
    head = b"GIF89a" + (60_000).to_bytes(2, "little") * 2 + b"\x80\x00\x00" + b"\0\0\0\xff\xff\xff"
    frame = b"," + b"\0\0\0\0" + (60_000).to_bytes(2, "little") * 2 + b"\0" + b"\x02\x02\x4c\x01\0"
    return head + frame * 50 + b";"


def bomb_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("frame0.png", b"\0" * 30_000_000)
    return buffer.getvalue()


def nameless_zip() -> bytes:
    """A zip whose only file has no name, which Python's own `is_dir` does not survive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x", b"content")
    content = bytearray(buffer.getvalue())
    record = content.index(b"PK\x01\x02")
    content[record + 28 : record + 30] = b"\0\0"
    del content[record + 46]
    end = content.index(b"PK\x05\x06")
    content[end + 12 : end + 16] = (end - record).to_bytes(4, "little")
    return bytes(content)


def processor_seconds() -> float:
    """CPU time of this process and its finished children, which a busy machine does not change."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.mp4", b""),
        ("text.mp4", b"this is no film\n"),
        ("playlist.mp4", b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n"),
        ("concat.mp4", b"ffconcat version 1.0\nfile /etc/passwd\n"),
        ("hls.mp4", b"\xef\xbb\xbf#EXTM3U\nfile:///etc/passwd\n"),
        ("bomb.gif", gif_bomb),
        ("bomb.zip", bomb_zip),
        ("nameless.zip", nameless_zip),
        ("short.mp4", lambda: film(frames=4)),
        ("huge.mp4", lambda: film(frames=2, size=4608, codec="mpeg4")),
        ("cut.mp4", lambda: film()[:600]),
        ("pickle.npz", b"\x80\x04K\x01."),
        ("noise.mp4", b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 40),
    ],
)
def test_a_hostile_or_broken_file_is_422_within_seconds_and_leaves_nothing(
    client: TestClient, home: Path, name: str, content: bytes | Callable[[], bytes]
) -> None:
    content = content() if callable(content) else content
    before = sorted(path.name for path in (home / "datasets").glob("*"))
    started = processor_seconds()
    status, problem = send(client, (name, content))
    assert status == 422
    assert processor_seconds() - started < 4
    assert name in str(problem["detail"])
    assert "root:" not in str(problem)
    assert problem["remedy"]
    assert sorted(path.name for path in (home / "datasets").glob("*")) == before
    assert not list((home / "uploads").glob("*"))


def test_a_damaged_film_gives_its_good_frames_and_a_warning_or_is_refused(client: TestClient) -> None:
    damaged = bytearray(film(frames=64))
    for place in range(len(damaged) // 2, len(damaged) // 2 + 200):
        damaged[place] ^= 0xFF
    status, made = send(client, ("damaged.mp4", bytes(damaged)))
    assert status in (201, 422)
    assert status == 422 or made["warnings"]


def test_a_hostile_file_name_is_text_to_show(client: TestClient, home: Path) -> None:
    status, made = send(client, ("../../../evil\u0000.mp4", film(frames=17)), name="")
    assert status == 201
    assert "/" not in str(made["name"])
    assert not list(home.parent.glob("evil*"))


@pytest.mark.parametrize(
    ("data", "pointer"), [({"stride": "0"}, "/stride"), ({"stride": "x"}, "/stride"), ({"nmae": "x"}, "/nmae")]
)
def test_a_wrong_field_of_the_form_is_422(client: TestClient, mp4: bytes, data: dict[str, str], pointer: str) -> None:
    answer = client.post(BASE, data=data, files={"files": ("a.mp4", mp4)})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_a_form_without_files_is_422(client: TestClient) -> None:
    answer = client.post(BASE, files={"name": (None, "x")})
    assert answer.status_code == 422


def test_an_unknown_data_set_is_404(client: TestClient) -> None:
    for path in ("nothing", "nothing/strip", "..%2f..", "%2e%2e/strip"):
        assert client.get(f"{BASE}/{path}").status_code == 404


def test_uploads_are_joined_and_their_episodes_stay_when_a_part_is_deleted(client: TestClient) -> None:
    ids = [send(client, (f"{size}.mp4", film(size=size)), name=str(size))[1]["id"] for size in (64, 96)]
    joined = client.post(f"{BASE}/join", json={"datasets": ids, "name": "both"})
    assert joined.status_code == 201
    body = joined.json()
    assert joined.headers["Location"] == f"{BASE}/{body['id']}"
    assert (body["name"], body["kind"], body["frames"], body["settings"]["joined"]) == ("both", "clips", 64, ids)
    assert client.delete(f"{BASE}/{ids[0]}").status_code == 204
    assert client.get(f"{BASE}/{body['id']}/episodes/0").status_code == 200
    refused = client.post(f"{BASE}/join", json={"datasets": [ids[1], ids[1]], "name": "both"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/datasets")
    assert client.post(f"{BASE}/join", json={"datasets": [ids[1], "gone"], "name": "both"}).status_code == 404
