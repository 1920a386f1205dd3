"""Checkpoints, data sets and pictures as commands name them: by id or name in the home, or by path."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backend.interpret.request import ViewError, ViewRequest
from backend.views.catalogue import Kind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from backend.data.checkpoint import Checkpoint, CheckpointInfo
    from backend.data.episodes import DatasetInfo
    from backend.interpret.base import BaseFrames
    from backend.interpret.traversal_request import TraversalRequest
    from backend.views.kinds import View


class CommandStore:
    """The sources of a command's views; each checkpoint is loaded once."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._loaded: dict[Path, Checkpoint] = {}
        self._frames: BaseFrames | None = None

    def find(self, reference: str) -> "CheckpointInfo":
        """A checkpoint by id, name or folder; raises NotFound."""
        from backend.data.catalogue import find_checkpoint

        return find_checkpoint(self.home, reference, allow_path=True)

    def load(self, info: "CheckpointInfo") -> "Checkpoint":
        """The checkpoint itself; raises CheckpointError."""
        from backend.data.checkpoint import load_checkpoint

        if info.folder not in self._loaded:
            self._loaded[info.folder] = load_checkpoint(info)
        return self._loaded[info.folder]

    def dataset(self, reference: str) -> "DatasetInfo":
        """A data set by id, name or folder; raises NotFound."""
        from backend.data.catalogue import find_dataset

        return find_dataset(self.home, reference, allow_path=True)

    def frames(self, request: "TraversalRequest") -> "BaseFrames | None":
        """The frames that a traversal starts from, where they are not the clip's; raises ViewError."""
        from backend.interpret.base import find_frames

        return self._frames or find_frames(self.home, request)

    def take_base(self, texts: dict[str, Any], dataset: str | None, picture: Sequence[str] | None) -> dict[str, Any]:
        """The fields of a traversal with the base that `--dataset` or `--picture` names; raises ViewError."""
        from backend.interpret.base import frames_of_dataset, frames_of_pictures
        from backend.interpret.traversal_request import TraversalRequest

        if dataset is not None and picture:
            raise ViewError("picture", "the base is a data set or a picture, not both")
        if dataset is not None:
            info = self.dataset(dataset)
            place: dict[str, Any] = {name: texts[name] for name in ("episode", "frame") if name in texts}
            self._frames = frames_of_dataset(info, TraversalRequest.read(place))
            return {**texts, "base": "dataset", "source": info.id}
        if picture:
            id, image = self._pictures(picture)
            self._frames = frames_of_pictures(image, id)
            return {**texts, "base": "picture", "source": id}
        return texts

    def make(self, kind: Kind, info: "CheckpointInfo", request: ViewRequest) -> "View":
        """A view; raises ViewError, NotFound, CheckpointError."""
        from backend.views.kinds import builder_of, make_view

        builder = builder_of(kind)
        _refuse_unable(kind, info)
        builder.check(info, request, self)
        sources = builder.sources(info, request, self)
        _refuse_unable(kind, *sources.checkpoints)
        return make_view(builder, self, info, request, sources)

    def _pictures(self, given: Sequence[str]) -> "tuple[str, NDArray[np.uint8]]":
        """Id and pixels of picture files, stored like uploads so that a view can be reopened; or of an id."""
        from backend.data.stills import find_stills, read_stills, store_stills

        if (
            len(given) == 1
            and not Path(given[0]).is_file()
            and (stored := find_stills(self.home, given[0])) is not None
        ):
            return given[0], stored
        image = read_stills([(Path(name).name, Path(name)) for name in given]).image
        return store_stills(self.home, image)[0], image


def _refuse_unable(kind: Kind, *checkpoints: "CheckpointInfo") -> None:
    from backend.views.kinds import lacking

    lacks = lacking(kind, *checkpoints)
    if lacks is not None:
        raise ViewError("checkpoint", lacks)
