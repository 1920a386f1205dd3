"""A picture unlike the training data is reported as such; a frame of the model's clip is not."""

from dataclasses import replace

import numpy as np

from backend.data.checkpoint import Checkpoint
from backend.interpret import likeness as module
from backend.interpret.likeness import likeness, usual_reconstruction
from backend.interpret.traversal_request import TraversalRequest
from backend.interpret.view import build_view


def test_frames_of_the_clip_are_like_it_and_a_foreign_picture_is_not(video_checkpoint: Checkpoint) -> None:
    own = build_view(video_checkpoint, TraversalRequest(episode=1, frame=5))
    found = likeness(video_checkpoint, own.original, own.reconstruction)
    assert not found["unlike"]
    assert found["usual"][0] - 0.01 <= found["psnr"] <= found["usual"][-1] + 0.01
    assert found["usual"] == sorted(found["usual"])
    foreign = likeness(video_checkpoint, 255 - own.original, own.reconstruction)
    assert foreign["unlike"]
    assert foreign["psnr"] < found["usual"][0]


def test_the_clip_is_measured_once(video_checkpoint: Checkpoint) -> None:
    usual = usual_reconstruction(video_checkpoint)
    blind = replace(
        video_checkpoint, clip=replace(video_checkpoint.clip, image=np.zeros_like(video_checkpoint.clip.image))
    )
    assert usual_reconstruction(blind) == usual  # by the hash of the weights
    module._KNOWN.clear()
    assert usual_reconstruction(video_checkpoint) == usual
