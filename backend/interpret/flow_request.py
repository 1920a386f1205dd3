"""The request for the view of optical flow: which episode of the clip."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from backend.interpret.fields import Index
from backend.interpret.request import ViewError, ViewRequest, check_index, view_request

if TYPE_CHECKING:
    from backend.data.checkpoint import Checkpoint


@view_request
class FlowRequest(ViewRequest):
    """Which way each pixel of an episode moves to the next frame, and where the network is confident of it.

    For checkpoints with a network of optical flow.
    """

    kind = "flow"

    episode: Annotated[Index, Field(description="Episode of the checkpoint's clip.")] = 0

    def check(self, checkpoint: "Checkpoint") -> None:
        """Raises ViewError unless this checkpoint can answer."""
        if checkpoint.flow is None:
            raise ViewError("episode", f"{checkpoint.info.name} has no network of optical flow")
        episodes, length = checkpoint.clip.image.shape[:2]
        check_index("episode", self.episode, episodes, "episode")
        if length < 2:
            raise ViewError("episode", f"the clip of {checkpoint.info.name} has single frames: nothing moves in them")
