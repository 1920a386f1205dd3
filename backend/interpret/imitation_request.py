"""The request for the view of imitation: which part of a recorded episode the policy takes over."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from backend.interpret.fields import Index
from backend.interpret.request import ViewError, ViewRequest, check_count, check_index, view_request

if TYPE_CHECKING:
    from backend.data.checkpoint import Checkpoint


@view_request
class ImitationRequest(ViewRequest):
    """Observe `context` frames of an episode of the clip, then let the policy go on for `horizon` steps in imagination.

    The episode is an expert's where the checkpoint was learned offline.
    """

    kind = "imitation"

    episode: Annotated[Index, Field(description="Episode of the checkpoint's clip.")] = 0
    context: Annotated[Index, Field(description="Steps observed.", json_schema_extra={"minimum": 1})] = 5
    horizon: Annotated[Index, Field(description="Steps imagined.", json_schema_extra={"minimum": 1})] = 15

    @property
    def steps(self) -> int:
        """Context and horizon together."""
        return self.context + self.horizon

    def check(self, checkpoint: "Checkpoint") -> None:
        """Raises ViewError unless this checkpoint can answer."""
        episodes, length = checkpoint.clip.image.shape[:2]
        if checkpoint.actor_critic is None:
            raise ViewError("episode", f"{checkpoint.info.name} has no policy that could imitate")
        size, known = checkpoint.model.config.action_size, checkpoint.clip.action.shape[2]
        if known != size:
            raise ViewError("episode", f"the clip has actions of size {known}, the model {size}")
        check_index("episode", self.episode, episodes, "episode")
        check_count("context", self.context, length - 1)
        check_count("horizon", self.horizon, length - self.context)
