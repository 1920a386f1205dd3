"""The frames of a data set, unpacked once per machine into arrays that every later start maps into its memory."""

import fcntl
import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from torch import Tensor

from backend.data.episode import EpisodeError
from backend.data.episodes import REFERENCE, DatasetInfo, Place, read_place
from backend.data.files import aside_of, put_in_place, remove_folder, sweep
from backend.data.places import stamp_of
from backend.data.replay import Replay, Sequences
from models import motion
from models.motion import moving_pixels

log = logging.getLogger(__name__)

UNPACKED = "unpacked"  # inside the folder of a data set, so that both are deleted together
LOCK = ".unpacking"
ROWS = ("image", "action", "reward", "discount")
SEGMENTS = "segments.npy"  # (S, 3): episode, first frame, frames of what runs without a border
WAIT_S = 0.5
DISK_SHARE = 0.5  # of the free disk that one data set may take

Tell = Callable[[int, int], None]
"""Called with the number of episodes done and their total; may raise to end the work."""


class UnpackedFrames(Sequences):
    """The first episodes of a data set, mapped from files: they take seconds to open, and processes share them."""

    def __init__(self, folder: Path, episodes: int, device: str, motion: bool) -> None:
        """`folder` as `unpack` made it. Raises OSError and ValueError if its files are gone or cut."""
        super().__init__(device)
        segments = np.load(folder / SEGMENTS)
        frames = int(segments[-1, 1] + segments[-1, 2])
        self._image, self._action, self._reward, self._discount = (
            _mapped(folder / f"{name}.npy", frames).to(device) for name in ROWS
        )
        bits = _mapped(folder / _motion_name(), frames) if motion else torch.zeros((frames, 0), dtype=torch.uint8)
        self._moving = bits.to(device)
        self._target = self._advice = torch.zeros((frames, 0), device=device)
        chosen = segments[segments[:, 0] < episodes]
        self._starts, self._lengths = chosen[:, 1].tolist(), chosen[:, 2].tolist()


def frames_of(
    dataset: DatasetInfo, places: Sequence[Place], episodes: int, *, device: str, motion: bool, tell: Tell
) -> Sequences:
    """The first episodes of a data set to sample from; `places` are all of them, and `motion` keeps what moves.

    They are unpacked where that was not done before. In a folder that cannot be written, or on a full disk, they are
    read into memory instead. Raises EpisodeError.
    """
    try:
        return UnpackedFrames(unpack(dataset, places, motion, tell), episodes, device, motion)
    except OSError as error:
        log.warning("%s is read into memory: its frames cannot be unpacked (%s)", dataset.id, error)
        replay = Replay(dataset.action_size, dataset.frames, device, motion=motion)
        for number, place in enumerate(places[:episodes]):
            tell(number, episodes)
            replay.add(read_place(place))
        return replay


def unpack(dataset: DatasetInfo, places: Sequence[Place], motion: bool, tell: Tell) -> Path:
    """The folder with a data set's frames as arrays; made if it is missing or its episodes have changed.

    One process at a time does so, others wait. Raises EpisodeError, OSError.
    """
    root = dataset.folder / UNPACKED
    target = root / _key(places)
    root.mkdir(exist_ok=True)
    with _held(root / LOCK, lambda: tell(0, len(places))):
        if not _is_whole(target):
            for old in [path for path in root.iterdir() if path.is_dir()]:
                remove_folder(old)
            _unpack(dataset, places, target, tell)
        if motion and not (target / _motion_name()).is_file():
            _keep_motion(target)
    return target


def _unpack(dataset: DatasetInfo, places: Sequence[Place], target: Path, tell: Tell) -> None:
    sweep(target.parent)
    needed = dataset.frames * (64 * 64 * 3 + 4 * (dataset.action_size + 2))
    if needed > shutil.disk_usage(target.parent).free * DISK_SHARE:
        raise OSError(f"{needed} bytes are too many for the disk")
    aside = aside_of(target)
    aside.mkdir()
    try:
        shapes: dict[str, tuple[type, tuple[int, ...]]] = {
            "image": (np.uint8, (64, 64, 3)),
            "action": (np.float32, (dataset.action_size,)),
            "reward": (np.float32, ()),
            "discount": (np.float32, ()),
        }
        arrays = {
            name: _created(aside / f"{name}.npy", dtype, (dataset.frames, *shape))
            for name, (dtype, shape) in shapes.items()
        }
        segments = list(_filled(arrays, dataset, places, tell))
        for array in arrays.values():
            array.flush()
        np.save(aside / SEGMENTS, np.array(segments, np.int64).reshape(-1, 3))
        put_in_place(aside, target)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _filled(
    arrays: dict[str, Any], dataset: DatasetInfo, places: Sequence[Place], tell: Tell
) -> Iterator[tuple[int, int, int]]:
    """Writes all episodes into the arrays, and gives the segments."""
    done = 0
    for number, place in enumerate(places):
        tell(number, len(places))
        episode = read_place(place)
        length = len(episode.image)
        if done + length > dataset.frames or episode.action.shape[1] != dataset.action_size:
            raise EpisodeError(f"{place.path.name}: it does not have the frames or actions that {dataset.id} describes")
        for name, array in arrays.items():
            array[done : done + length] = getattr(episode, name)
        borders = np.flatnonzero(episode.is_first[1:]) + 1
        for begin, end in pairwise((0, *borders.tolist(), length)):
            yield number, done + begin, end - begin
        done += length
    if done != dataset.frames:
        raise EpisodeError(f"{dataset.id}: its episodes have {done} frames, and not {dataset.frames} as it says")


def _keep_motion(folder: Path) -> None:
    """Adds which pixels move: one bit per pixel and frame."""
    image = _mapped(folder / "image.npy")
    target = folder / _motion_name()
    aside = aside_of(target)
    try:
        bits = _created(aside, np.uint8, (len(image), 64 * 64 // 8))
        for _, start, length in np.load(folder / SEGMENTS).tolist():
            moved = moving_pixels(image[start : start + length]).numpy()
            bits[start : start + length] = np.packbits(moved.reshape(length, -1), axis=1, bitorder="little")
        bits.flush()
        aside.rename(target)
    finally:
        aside.unlink(missing_ok=True)


def _created(path: Path, dtype: type, shape: tuple[int, ...]) -> Any:
    """A new array in a file that has all of its room: a disk that is full is an OSError now, and no crash later."""
    array = open_memmap(path, "w+", dtype, shape)
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def _motion_name() -> str:
    """The file of what moves; its name changes with the code that decides it."""
    code = Path(motion.__file__).read_bytes()
    return f"moving-{hashlib.sha256(code).hexdigest()[:16]}.npy"


def _mapped(path: Path, frames: int | None = None) -> Tensor:
    """An array of a file, read on demand. Raises OSError, also for a file that was cut."""
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="c")  # as if written to, which torch asks for; no page is
    except ValueError as error:
        raise OSError(f"{path.name} was cut or changed") from error
    if frames is not None and len(array) != frames:
        raise OSError(f"{path.name} has other frames")
    return torch.from_numpy(array)


def _is_whole(folder: Path) -> bool:
    try:
        UnpackedFrames(folder, 0, "cpu", motion=False)
    except (OSError, ValueError):
        return False
    return True


def _key(places: Sequence[Place]) -> str:
    """A key that changes when any episode changes."""
    files = list(dict.fromkeys(place.path for place in places))
    if files[0].name == REFERENCE:
        source = Path(json.loads(files[0].read_bytes())["path"])
        files += sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
    stamps = [(path.name, *stamp_of(str(path))[:2]) for path in files]
    return hashlib.sha256(json.dumps(stamps).encode()).hexdigest()[:16]


@contextmanager
def _held(path: Path, waits: Callable[[], None]) -> Iterator[None]:
    """Hold a lock file, which ends with the process."""
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waits()
                time.sleep(WAIT_S)
        yield
