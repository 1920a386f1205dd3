"""The frames that a view starts from if they are not the checkpoint's own: from a data set, or uploaded pictures."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from backend.data.catalogue import NotFound, find_dataset
from backend.data.episodes import DatasetInfo, read_nth_episode
from backend.data.stills import find_stills
from backend.interpret.fitting import fit_frames
from backend.interpret.request import ViewError, check_index
from backend.interpret.traversal_request import TraversalRequest


@dataclass(frozen=True)
class BaseFrames:
    """What the model has seen: the last frame is the base of the view, those before it are its history.

    image: (T, H, W, 3) uint8. action: (T, A) that led to each frame; None if unknown. name: for captions.
    """

    image: npt.NDArray[np.uint8]
    action: npt.NDArray[np.float32] | None = None
    name: str = ""

    def __post_init__(self) -> None:
        image = self.image
        if image.dtype != np.uint8 or image.ndim != 4 or image.shape[-1] != 3 or not image.size:
            raise ViewError("base", f"the frames are {image.dtype} {image.shape}, needed is uint8 (T, H, W, 3)")

    def fitted(self, size: tuple[int, int]) -> "BaseFrames":
        """The same in the size (H, W) that a model takes."""
        return replace(self, image=fit_frames(self.image, size))

    def actions_for(self, size: int) -> npt.NDArray[np.float32] | None:
        """The actions, if their number fits the model; otherwise None, which is treated as zero actions."""
        known = self.action is not None and self.action.shape == (len(self.image), size)
        return self.action if known else None


def find_frames(home: Path, request: TraversalRequest) -> BaseFrames | None:
    """The frames that the request's `source` names; None for bases that need none. Raises ViewError."""
    if request.base == "dataset":
        return frames_of_dataset(_dataset(home, request.source), request)
    if request.base == "picture":
        return frames_of_pictures(_pictures(home, request.source), request.source)
    return None


def frames_of_dataset(info: DatasetInfo, request: TraversalRequest) -> BaseFrames:
    """A frame of a data set, preceded by the earlier ones of its episode. Raises ViewError, EpisodeError."""
    check_index("episode", request.episode, info.episodes, "episode")
    length = info.lengths[request.episode]
    frame = request.settled(length).frame
    check_index("frame", frame, length, "frame")
    assert frame is not None
    episode = read_nth_episode(info.folder, request.episode)
    seen = slice(0, frame + 1)
    return BaseFrames(episode.image[seen], episode.action[seen], info.name)


def frames_of_pictures(image: npt.NDArray[Any], id: str) -> BaseFrames:
    """Uploaded pictures (T, 64, 64, 3) in chronological order."""
    return BaseFrames(image, name=f"picture {id[:8]}")


def _dataset(home: Path, id: str) -> DatasetInfo:
    try:
        return find_dataset(home, id)
    except NotFound as error:
        raise ViewError("source", f"there is {error}") from None


def _pictures(home: Path, id: str) -> npt.NDArray[np.uint8]:
    found = find_stills(home, id)
    if found is None:
        raise ViewError("source", f"there is no picture {id[:40]!r} (any more): upload it again")
    return found
