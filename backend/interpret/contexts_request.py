"""The request for the view of contexts: which episode's states are drawn, beside frames of how many others."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from backend.interpret.fields import Index
from backend.interpret.request import ViewError, ViewRequest, check_count, check_index, view_request

if TYPE_CHECKING:
    from backend.data.checkpoint import Checkpoint

MOST_CONTEXTS = 6


@view_request
class ContextsRequest(ViewRequest):
    """Draw the states of an episode of the clip beside the first frames of other episodes.

    For checkpoints whose decoder sees a frame beside the state. What a picture takes over from the other episode comes
    from the context, the rest from the state.
    """

    kind = "contexts"

    episode: Annotated[Index, Field(description="Episode whose states are drawn.")] = 0
    count: Annotated[
        Index,
        Field(
            description="How many other episodes give a frame; fewer if there are not as many.",
            json_schema_extra={"minimum": 1, "maximum": MOST_CONTEXTS},
        ),
    ] = 3

    def check(self, checkpoint: "Checkpoint") -> None:
        """Raises ViewError unless this checkpoint can answer."""
        if not checkpoint.model.capabilities.sees_context:
            raise ViewError("episode", f"{checkpoint.info.name} draws its states alone, without a frame beside them")
        episodes = len(checkpoint.clip.image)
        if episodes < 2:
            raise ViewError("episode", f"the clip of {checkpoint.info.name} has one episode: no other gives a frame")
        check_index("episode", self.episode, episodes, "episode")
        check_count("count", self.count, MOST_CONTEXTS)
