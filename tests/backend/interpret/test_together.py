"""Several checkpoints imagine the same steps: each row is that checkpoint's rollout over the first one's frames."""

import json
from dataclasses import replace

import numpy as np
import pytest

from backend.data.checkpoint import Checkpoint
from backend.data.clip import Clip
from backend.interpret.request import ViewError
from backend.interpret.rollout import build_rollout
from backend.interpret.rollout_request import TogetherRequest
from backend.interpret.together import roll_out_together

REQUEST = TogetherRequest(episode=1, context=5, horizon=10)


def test_each_row_is_that_checkpoints_rollout_of_the_first_ones_frames(
    video_checkpoint: Checkpoint, world_checkpoint: Checkpoint
) -> None:
    clip = video_checkpoint.clip
    darker = Clip(clip.image // 2, clip.action, clip.reward, clip.factors, clip.factor_names)
    first = replace(world_checkpoint, clip=darker)
    timeline = roll_out_together([first, video_checkpoint], REQUEST).timeline("x")
    alone = (
        build_rollout(first, REQUEST.rollout),
        build_rollout(replace(video_checkpoint, clip=darker), REQUEST.rollout),
    )
    assert np.array_equal(timeline.strips[0].frames, darker.image[1, :15])
    for strip, rollout in zip(timeline.strips[1:], alone, strict=True):
        assert np.array_equal(strip.frames, rollout.model.image)
    curves = timeline.curves["PSNR in dB"]
    assert list(curves.values())[:2] == [rollout.psnr for rollout in alone]
    assert list(curves)[2:] == ["repeat last frame", "mean image"]
    assert len(timeline.curves["Reward"]) == 2  # the true one and the world model's; a video model predicts none


def test_the_view_names_its_checkpoints(video_checkpoint: Checkpoint, world_checkpoint: Checkpoint) -> None:
    found = roll_out_together([world_checkpoint, video_checkpoint], REQUEST)
    assert json.loads(found.settings)["view"]["with"] == ["tiny-video"]
    assert found.titles == ("world model, 10 agent steps", "video model, 10 updates")


def test_checkpoints_of_the_same_steps_are_told_apart_by_name(world_checkpoint: Checkpoint) -> None:
    named = [replace(world_checkpoint, info=replace(world_checkpoint.info, name=name)) for name in ("one", "two")]
    found = roll_out_together(named, REQUEST)
    assert found.titles == ("world model, 10 agent steps, one", "world model, 10 agent steps, two")
    assert list(found.timeline("x").curves["PSNR in dB"])[:2] == list(found.titles)


def test_without_a_truth_for_the_actions_there_is_no_psnr(world_checkpoint: Checkpoint) -> None:
    timeline = roll_out_together([world_checkpoint], replace(REQUEST, actions="policy")).timeline("x")
    assert not {"PSNR in dB", "SSIM"} & set(timeline.curves)


def test_what_does_not_fit_is_refused(video_checkpoint: Checkpoint, world_checkpoint: Checkpoint) -> None:
    clip = world_checkpoint.clip
    narrow = replace(video_checkpoint, clip=replace(clip, action=clip.action[..., :1]))
    with pytest.raises(ViewError, match="takes 2 actions, these frames have 1"):
        roll_out_together([narrow, world_checkpoint], REQUEST)
    with pytest.raises(ViewError, match="has no policy"):
        roll_out_together([world_checkpoint, video_checkpoint], replace(REQUEST, actions="policy"))
    with pytest.raises(ViewError, match="are more than 12"):
        roll_out_together([world_checkpoint] * 13, REQUEST)


def test_checkpoints_of_one_run_stand_in_the_order_of_training(
    video_checkpoint: Checkpoint, world_checkpoint: Checkpoint
) -> None:
    def at(checkpoint: Checkpoint, steps: int) -> Checkpoint:
        return replace(checkpoint, info=replace(checkpoint.info, run="run-a", steps=steps))

    found = roll_out_together([at(world_checkpoint, 20), at(world_checkpoint, 10), at(video_checkpoint, 90)], REQUEST)
    titles = [strip.title for strip in found.timeline("x").strips]
    assert titles == [
        "truth",
        "video model, 90 updates",
        "world model, 10 agent steps",
        "world model, 20 agent steps",
    ]
