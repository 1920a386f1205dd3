"""The request for the view of calibration: the part of an episode to predict, and the other models that predict it."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from backend.interpret.fields import Ids, Index, Named
from backend.interpret.request import ViewError, ViewRequest, check_count, check_index, view_request

if TYPE_CHECKING:
    from backend.data.checkpoint import Checkpoint

MOST_OTHERS = 3


@view_request
class CalibrationRequest(ViewRequest):
    """Observe `context` frames, draw `horizon` steps with noise, and count how often the states then seen lie inside.

    Counted over all episodes of the clip; the pictures are of one of them. Further checkpoints are measured over the
    same episodes, each in its own states.
    """

    kind = "calibration"

    episode: Annotated[Index, Field(description="Episode of the checkpoint's clip, for the pictures.")] = 0
    context: Annotated[Index, Field(description="Steps observed.", json_schema_extra={"minimum": 1})] = 5
    horizon: Annotated[Index, Field(description="Steps imagined.", json_schema_extra={"minimum": 1})] = 15
    others: Annotated[
        Ids, Named("with"), Field(description="Ids of further checkpoints, by commas, such as one with a GRU.")
    ] = ()

    @property
    def steps(self) -> int:
        """Context and horizon together."""
        return self.context + self.horizon

    def check(self, checkpoint: "Checkpoint") -> None:
        """Raises ViewError unless this checkpoint can answer."""
        episodes, length = checkpoint.clip.image.shape[:2]
        check_index("episode", self.episode, episodes, "episode")
        check_count("context", self.context, length - 1)
        check_count("horizon", self.horizon, length - self.context)
        check_model(checkpoint, "episode")
        self.check_actions(checkpoint, checkpoint, "episode")

    def check_beside(self, checkpoint: "Checkpoint", other: "Checkpoint") -> None:
        """Raises ViewError unless the other checkpoint can be measured over this one's clip."""
        check_model(other, "with")
        self.check_actions(checkpoint, other, "with")

    @staticmethod
    def check_actions(checkpoint: "Checkpoint", other: "Checkpoint", field: str) -> None:
        """Raises ViewError unless the clip of the one has actions for the other."""
        size, known = other.model.config.action_size, checkpoint.clip.action.shape[2]
        if size not in (0, known):
            raise ViewError(field, f"the clip has actions of size {known}, {other.info.name} takes {size}")
        if other.model.image_size != checkpoint.model.image_size:
            raise ViewError(field, f"{other.info.name} takes pictures of another size than the clip's")


def check_model(checkpoint: "Checkpoint", field: str) -> None:
    """Raises ViewError unless the model's states are numbers with a spread."""
    from models.video_model import VideoModel  # imports torch

    if not isinstance(checkpoint.model, VideoModel):
        raise ViewError(field, f"{checkpoint.info.name} is another project's model: its states have no band of numbers")
