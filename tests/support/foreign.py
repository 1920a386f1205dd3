"""Three small episodes, written with the libraries of other projects."""

import io
import json
import struct
from dataclasses import dataclass
from pathlib import Path

import av
import google_crc32c
import h5py
import numpy as np
import pyarrow as pa
import zarr
from numpy.typing import NDArray
from PIL import Image

from backend.data.decode.sandbox import Decoded, Limits
from backend.data.formats.protocol import Look, Reader
from backend.data.formats.registry import open_reader, recognise
from backend.data.formats.tree import FolderTree

LENGTHS = (7, 4, 5)


@dataclass(frozen=True)
class Lived:
    """One episode in our layout: the action and reward of a row led to its frame; 0 in the first."""

    image: NDArray[np.uint8]  # (T, 64, 64, 3)
    action: NDArray[np.float32]  # (T, 2)
    reward: NDArray[np.float32]  # (T,)
    state: NDArray[np.float32]  # (T, 2)
    terminal: bool

    @property
    def taken(self) -> NDArray[np.float32]:
        """The action taken at each frame, NaN at the last."""
        return np.concatenate([self.action[1:], np.full((1, 2), np.nan, np.float32)])


def lived(lengths: tuple[int, ...] = LENGTHS) -> list[Lived]:
    """Episodes of a bright field whose brightness tells episode and frame; the second one ends for good."""
    generator = np.random.default_rng(0)
    made = []
    for number, length in enumerate(lengths):
        image = np.zeros((length, 64, 64, 3), np.uint8)
        for t in range(length):
            image[t] = 20 + 60 * number + 8 * t
            image[t, :32, :32, 0] = 200
        action = generator.uniform(-1, 1, (length, 2)).astype(np.float32)
        reward = generator.uniform(0, 1, length).astype(np.float32)
        action[0], reward[0] = 0, 0
        state = generator.normal(size=(length, 2)).astype(np.float32)
        made.append(Lived(image, action, reward, state, number == 1))
    return made


def jpeg(image: NDArray[np.uint8], kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, quality=95)
    return buffer.getvalue()


def write_stable_hdf5(path: Path, episodes: list[Lived]) -> Path:
    lengths = np.array([len(one.image) for one in episodes])
    with h5py.File(path, "w") as file:
        file["pixels"] = np.concatenate([one.image for one in episodes])
        for name, values in _stable_columns(episodes).items():
            file[name] = values
        file["ep_len"], file["ep_offset"] = lengths, np.r_[0, lengths.cumsum()[:-1]]
        file["seed_text"] = "a string, which is no column"
    return path


def write_stable_folder(path: Path, episodes: list[Lived], *, films: bool = False) -> Path:
    lengths = np.array([len(one.image) for one in episodes])
    (path / "pixels").mkdir(parents=True)
    borders = {"ep_len": lengths, "ep_offset": np.r_[0, lengths.cumsum()[:-1]]}
    for name, values in {**_stable_columns(episodes), **borders}.items():
        np.savez(path / f"{name}.npz", values)
    for number, one in enumerate(episodes):
        if films:
            write_film(path / "pixels" / f"ep_{number}.mp4", one.image)
            continue
        for step, image in enumerate(one.image):
            (path / "pixels" / f"ep_{number}_step_{step}.jpeg").write_bytes(jpeg(image))
    return path


def _stable_columns(episodes: list[Lived]) -> dict[str, NDArray[np.generic]]:
    last = [np.arange(len(one.image)) == len(one.image) - 1 for one in episodes]
    return {
        "action": np.concatenate([one.taken for one in episodes]),
        "reward": np.concatenate([np.r_[np.float32("nan"), one.reward[1:]] for one in episodes]),
        "terminated": np.concatenate([mark & one.terminal for mark, one in zip(last, episodes, strict=True)]),
        "truncated": np.concatenate([mark & (not one.terminal) for mark, one in zip(last, episodes, strict=True)]),
        "variation.arm": np.concatenate([one.state for one in episodes]),
    }


def write_minari(path: Path, episodes: list[Lived], *, encoded: bool = True) -> Path:
    (path / "data").mkdir(parents=True)
    (path / "data" / "metadata.json").write_text(json.dumps({"data_format": "hdf5", "total_episodes": len(episodes)}))
    with h5py.File(path / "data" / "main_data.hdf5", "w") as file:
        for number, one in enumerate(episodes):
            group = file.create_group(f"episode_{number}")
            if encoded:
                pixels = group.create_dataset("observations/pixels", len(one.image), h5py.vlen_dtype(np.uint8))
                for step, image in enumerate(one.image):
                    pixels[step] = np.frombuffer(jpeg(image), np.uint8)
                group["observations/arm"] = one.state
            else:
                group["observations"] = one.image[:, ::2, ::2]  # 32x32
                group["infos/arm"] = one.state
            group["actions"] = one.action[1:]
            group["rewards"] = one.reward[1:].astype(np.float64)
            ends = np.arange(1, len(one.image)) == len(one.image) - 1
            group["terminations"], group["truncations"] = ends & one.terminal, ends & (not one.terminal)
    return path


def write_minari_arrow(path: Path, episodes: list[Lived]) -> Path:
    for number, one in enumerate(episodes):
        folder = path / "data" / str(number)
        folder.mkdir(parents=True)
        (folder / "metadata.json").write_text(json.dumps({"id": number, "total_steps": len(one.image) - 1}))
        last = np.arange(len(one.image)) == len(one.image) - 2  # steps are padded to the rows of the frames
        rows = zip(one.image, one.state, strict=True)
        table = pa.table(
            {
                "observations": [{"pixels": jpeg(image), "arm": state.tolist()} for image, state in rows],
                "actions": np.concatenate([one.action[1:], one.action[:1]]).tolist(),
                "rewards": np.r_[one.reward[1:], 0].astype(np.float64),
                "terminations": last & one.terminal,
            }
        )
        with pa.OSFile(str(folder / "part-0.arrow"), "w") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    (path / "data" / "metadata.json").write_text(json.dumps({"data_format": "arrow"}))
    return path


def write_rlds(path: Path, episodes: list[Lived]) -> Path:
    path.mkdir(parents=True)
    (path / "features.json").write_text("{}")
    with (path / "arm-train.tfrecord-00000-of-00001").open("wb") as file:
        for one in episodes:
            record = _example(one)
            size = struct.pack("<Q", len(record))
            file.write(size + _checksum(size) + record + _checksum(record))
    return path


def _example(one: Lived) -> bytes:
    """A tf.train.Example: each step's action and reward are those taken at its frame."""
    length = len(one.image)
    marks = np.arange(length)
    features = {
        "episode_metadata/episode_id": np.array([7]),
        "steps/observation/pixels": [jpeg(image, "PNG") for image in one.image],
        "steps/observation/arm": one.state,
        "steps/action": np.nan_to_num(one.taken),
        "steps/reward": np.r_[one.reward[1:], np.float32(0)],
        "steps/is_first": (marks == 0).astype(int),
        "steps/is_last": (marks == length - 1).astype(int),
        "steps/is_terminal": ((marks == length - 1) & one.terminal).astype(int),
    }
    entries = b""
    for name, values in features.items():
        if isinstance(values, list):
            feature = _field(1, b"".join(_field(1, value) for value in values))
        elif values.dtype.kind == "f":
            feature = _field(2, _field(1, values.astype("<f4").tobytes()))
        else:
            feature = _field(3, _field(1, b"".join(_varint(int(value)) for value in values)))
        entries += _field(1, _field(1, name.encode()) + _field(2, feature))
    return _field(1, entries)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + _varint(rest) if rest else bytes([low])


def _checksum(content: bytes) -> bytes:
    crc = google_crc32c.value(content)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def write_vd4rl(path: Path, episodes: list[Lived]) -> Path:
    step_type = np.concatenate([np.r_[0, np.ones(len(one.image) - 2), 2] for one in episodes])
    discount = [np.r_[np.ones(len(one.image) - 1), 0 if one.terminal else 1] for one in episodes]
    with h5py.File(path, "w") as file:
        image = np.concatenate([one.image for one in episodes]).transpose(0, 3, 1, 2)
        file.create_dataset("observation", data=image, compression="gzip")
        file["action"] = np.concatenate([one.action for one in episodes])
        file["reward"] = np.concatenate([one.reward for one in episodes])
        file["discount"], file["step_type"] = np.concatenate(discount), step_type
    return path


def write_d4rl(path: Path, episodes: list[Lived]) -> Path:
    """The last frame of each episode is not stored, because D4RL keeps transitions."""
    ends = [np.arange(1, len(one.image)) == len(one.image) - 1 for one in episodes]
    with h5py.File(path, "w") as file:
        file["observations"] = np.concatenate([one.image[:-1] for one in episodes])
        file["actions"] = np.concatenate([one.action[1:] for one in episodes])
        file["rewards"] = np.concatenate([one.reward[1:] for one in episodes])
        file["terminals"] = np.concatenate([end & one.terminal for end, one in zip(ends, episodes, strict=True)])
        file["timeouts"] = np.concatenate([end & (not one.terminal) for end, one in zip(ends, episodes, strict=True)])
        file["infos/arm"] = np.concatenate([one.state[:-1] for one in episodes])
        file["metadata/algorithm"] = "x"
    return path


def write_zarr(path: Path, episodes: list[Lived], *, version: int = 2, floats: bool = False) -> Path:
    group = zarr.open_group(str(path), mode="w", zarr_format=version)  # type: ignore[arg-type]  # 2 or 3
    rows = sum(len(one.image) for one in episodes)
    image = np.concatenate([one.image for one in episodes]).repeat(2, 1).repeat(2, 2)
    values = {
        "data/img": image.astype(np.float32) if floats else image,  # 128x128
        "data/action": np.concatenate([np.nan_to_num(one.taken) for one in episodes]),
        "data/arm": np.concatenate([one.state for one in episodes]),
        "meta/episode_ends": np.array([len(one.image) for one in episodes]).cumsum(),
    }
    for name, array in values.items():
        chunks = (4, *array.shape[1:]) if len(array) == rows else array.shape
        group.create_array(name, shape=array.shape, chunks=chunks, dtype=array.dtype)[:] = array
    return path


def write_film(path: Path, frames: NDArray[np.uint8], rate: int = 10) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "4", "g": "2", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_npz_folder(path: Path, episodes: list[Lived], *, stacked: bool = False) -> Path:
    path.mkdir(parents=True)
    for number, one in enumerate(episodes):
        length = len(one.image)
        discount = np.ones((length, 1), np.float32)
        discount[-1] = 0 if one.terminal else 1
        if stacked:
            channels = one.image.transpose(0, 3, 1, 2)
            picture = {
                "observation": np.concatenate(
                    [channels[[0, 0, *range(length - 2)]], channels[[0, *range(length - 1)]], channels], 1
                )
            }
        else:
            picture = {"image": one.image}
        numbers = {"action": one.action, "reward": one.reward[:, None], "discount": discount}
        np.savez(path / f"2026_{number}_{length - 1}.npz", **picture, **numbers)
    return path


def write_pictures(path: Path, episodes: list[Lived]) -> Path:
    for number, one in enumerate(episodes):
        folder = path / f"clip {number}"
        folder.mkdir(parents=True)
        for step, image in enumerate(one.image):
            (folder / f"{step}.png").write_bytes(jpeg(image, "PNG"))
    return path


def opened(folder: Path, format: str | None = None) -> Reader:
    """The reader of what lies in a folder."""
    tree = FolderTree(folder)
    family, root = recognise(tree, format)
    return open_reader(tree, family, root, Look("centre", Limits(), Decoded()), format)
