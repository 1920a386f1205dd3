"""The clip of held-out episodes that a checkpoint carries: an episode that broke off does not shorten it."""

import numpy as np

from backend.data.episodes import frames_only
from backend.pipeline.publish import CLIP_FRAMES, clip_of


def test_an_episode_that_broke_off_is_left_out_of_the_clip() -> None:
    whole = [frames_only(np.full((60, 64, 64, 3), shade, np.uint8)) for shade in range(5)]
    broken = frames_only(np.full((1, 64, 64, 3), 99, np.uint8))
    clip = clip_of([*whole[:2], broken, *whole[2:]])
    assert clip.image.shape[:2] == (5, CLIP_FRAMES) and clip.image.max() == 4


def test_short_episodes_alone_are_all_in_the_clip() -> None:
    clip = clip_of([frames_only(np.zeros((20, 64, 64, 3), np.uint8))] * 3)
    assert clip.image.shape[:2] == (3, 20)
