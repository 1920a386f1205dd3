"""Uploads with bytes changed, cut, doubled or mixed are accepted or refused with a sentence, never a defect."""

import io
import os
import random
import zipfile
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from backend.data.clip import Clip
from backend.data.episodes import encode_episode, frames_only

SHORT = 1  # mutations of each seed file
DATASETS, CHECKPOINTS = "/api/v1/datasets", "/api/v1/checkpoints"


def film(format: str, codec: str) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=format) as container:
        stream = container.add_stream(codec, rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for index in range(20):
            image = np.full((64, 64, 3), index * 10, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


def gif() -> bytes:
    buffer = io.BytesIO()
    frames = [Image.new("RGB", (64, 64), (index * 10, 90, 0)) for index in range(20)]
    frames[0].save(buffer, "gif", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def frames() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for index in range(17):
            picture = io.BytesIO()
            Image.new("RGB", (64, 64), (index * 10, 0, 0)).save(picture, "png")
            archive.writestr(f"{index}.png", picture.getvalue())
    return buffer.getvalue()


@pytest.fixture(scope="module")
def seeds(client: TestClient, moving_squares: Clip) -> dict[str, tuple[str, bytes]]:
    """One valid file of each kind, and the path that it is sent to."""
    return {
        "a.mp4": (DATASETS, film("mp4", "libx264")),
        "a.webm": (DATASETS, film("webm", "libvpx")),
        "a.avi": (DATASETS, film("avi", "mpeg4")),
        "a.gif": (DATASETS, gif()),
        "a.zip": (DATASETS, frames()),
        "a.npz": (DATASETS, encode_episode(frames_only(moving_squares.image[0]))),
        "checkpoint.zip": (CHECKPOINTS, client.get(f"{CHECKPOINTS}/tiny-world/download").content),
    }


def mutated(content: bytes, chance: random.Random) -> bytes:
    """The file with one kind of damage."""
    data = bytearray(content)
    place, other = sorted(chance.sample(range(len(data)), 2))
    match chance.randrange(6):
        case 0:
            for _ in range(chance.choice([1, 8, 200])):
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        case 1:
            del data[place:]
        case 2:
            del data[place:other]
        case 3:
            data[place:place] = data[place:other]
        case 4:
            data[place : place + 8] = chance.choice([b"\xff" * 8, b"\0" * 8, b"\x7f\xff\xff\xff" * 2])
        case 5:
            data[:64] = chance.randbytes(64)
    return bytes(data)


def send_mutations(client: TestClient, home: Path, seeds: dict[str, tuple[str, bytes]], count: int) -> None:
    for name, (path, content) in seeds.items():
        field = "file" if path == CHECKPOINTS else "files"
        for number in range(count):
            damaged = mutated(content, random.Random(f"{name}{number}"))
            answer = client.post(path, files={field: (name, damaged)})
            assert answer.status_code in (200, 201, 409, 422), (name, number, answer.text)
            assert answer.status_code in (200, 201) or answer.json()["remedy"], (name, number)
            assert not list((home / "uploads").glob("*"))
    assert not [path for path in home.rglob(".partial-*") if path.is_dir()]
    assert client.get("/readyz").status_code == 200


def test_seeds_are_good(client: TestClient, seeds: dict[str, tuple[str, bytes]]) -> None:
    for name, (path, content) in seeds.items():
        answer = client.post(path, files={"file" if path == CHECKPOINTS else "files": (name, content)})
        assert answer.status_code == 201, (name, answer.text)


def test_a_mutated_upload_is_taken_in_or_refused(
    client: TestClient, home: Path, seeds: dict[str, tuple[str, bytes]]
) -> None:
    send_mutations(client, home, seeds, SHORT)


@pytest.mark.long
def test_hundreds_of_mutated_uploads_are_taken_in_or_refused(
    client: TestClient, home: Path, seeds: dict[str, tuple[str, bytes]], ledger: Any
) -> None:
    count = int(os.environ.get("MUTATIONS", "80"))
    send_mutations(client, home, seeds, count)
    tried = f"{count * len(seeds)} films, archives and checkpoints with bytes changed, cut, doubled or mixed"
    ledger.write("a damaged upload is taken in or refused", "never a defect, nothing left behind", tried, "all so")
