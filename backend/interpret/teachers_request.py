"""The request for the view of teachers: which episode of the clip."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from backend.interpret.fields import Index
from backend.interpret.request import ViewError, ViewRequest, check_index, view_request

if TYPE_CHECKING:
    from backend.data.checkpoint import Checkpoint


@view_request
class TeachersRequest(ViewRequest):
    """The weight of each teacher along an episode of the clip, and over training.

    For checkpoints that were learned from several teachers.
    """

    kind = "teachers"

    episode: Annotated[Index, Field(description="Episode of the checkpoint's clip.")] = 0

    def check(self, checkpoint: "Checkpoint") -> None:
        """Raises ViewError unless this checkpoint can answer."""
        if checkpoint.teachers is None:
            raise ViewError("episode", f"{checkpoint.info.name} was not learned from several teachers")
        episodes, length = checkpoint.clip.image.shape[:2]
        for weights in checkpoint.teachers["weights"]:
            if (len(weights), len(weights[0])) != (episodes, length):
                raise ViewError("episode", f"the weights of {checkpoint.info.name} are those of another clip")
        check_index("episode", self.episode, episodes, "episode")
