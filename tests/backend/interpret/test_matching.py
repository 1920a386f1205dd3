"""Matching recovers a known permutation with its signs, and names travel along it."""

from dataclasses import replace

import numpy as np
import pytest

from backend.data.checkpoint import Checkpoint, Label, write_label
from backend.interpret.latents import encode_images
from backend.interpret.matching import Match, carry_labels, compare_checkpoints, match_latents

ORDER, SIGNS = np.array([2, 0, 3, 1]), np.array([1, -1, -1, 1])


def test_matching_recovers_a_permutation_and_its_signs() -> None:
    generator = np.random.default_rng(0)
    first = generator.normal(size=(500, 4))
    second = first[:, ORDER] * SIGNS * 3 + generator.normal(size=(500, 4)) * 0.2 + 5
    matches = match_latents(first, second)
    assert {match.second: match.first for match in matches} == dict(enumerate(ORDER))
    assert {match.second: match.sign for match in matches} == dict(enumerate(SIGNS))
    assert all(match.correlation > 0.95 for match in matches)


def test_latents_of_other_widths_match_as_far_as_they_go() -> None:
    first = np.random.default_rng(0).normal(size=(100, 5))
    matches = match_latents(first, first[:, [4, 1]])
    assert {(match.first, match.second) for match in matches} == {(4, 0), (1, 1)}


def test_a_dead_dimension_matches_nothing() -> None:
    first = np.random.default_rng(0).normal(size=(100, 2))
    second = np.c_[first[:, 0], np.zeros(100)]
    assert match_latents(first, second)[-1].correlation == 0


def test_other_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="same frames"):
        match_latents(np.zeros((10, 2)), np.zeros((11, 2)))


def test_labels_are_carried_where_the_match_is_good_and_say_so() -> None:
    labels = {0: Label("hip angle", author="ada"), 1: Label("glow")}
    matches = [Match(0, 3, 0.9, -1), Match(1, 2, 0.4, 1)]
    assert carry_labels(labels, matches, "older") == {3: Label("hip angle", author="ada", carried_from="older")}


def test_a_checkpoint_compared_with_itself_is_the_identity(video_checkpoint: Checkpoint) -> None:
    answer = compare_checkpoints(video_checkpoint, video_checkpoint)
    assert {(row["first"], row["second"]) for row in answer["matches"]} == {(dim, dim) for dim in range(6)}
    assert answer["mean_correlation"] == pytest.approx(1, abs=1e-3)
    assert answer["lost"] == []


def test_clips_that_look_different_make_no_two_dimensions_alike(
    video_checkpoint: Checkpoint, world_checkpoint: Checkpoint
) -> None:
    generator = np.random.default_rng(0)
    dark, light = ((generator.integers(0, 20, (2, 40, 64, 64, 3)) + level).astype(np.uint8) for level in (0, 230))
    first = replace(video_checkpoint, clip=replace(video_checkpoint.clip, image=dark))
    second = replace(world_checkpoint, clip=replace(world_checkpoint.clip, image=light))
    frames = np.concatenate([dark, light]).reshape(-1, 64, 64, 3)
    seen = [encode_images(checkpoint.model, frames)[0] for checkpoint in (first, second)]
    assert np.mean([match.correlation for match in match_latents(*seen)]) > 0.9, "two clips are two heaps of points"
    assert compare_checkpoints(first, second)["mean_correlation"] < 0.7


def test_a_name_is_lost_where_its_match_carries_nothing(own_checkpoint: Checkpoint) -> None:
    silent = replace(
        own_checkpoint,
        info=replace(own_checkpoint.info, id="silent"),
        statistics=replace(own_checkpoint.statistics, kl=np.zeros(6)),
    )
    write_label(own_checkpoint.info, 3, Label("hip angle"))
    assert compare_checkpoints(own_checkpoint, own_checkpoint)["kept"] == ["hip angle"]
    answer = compare_checkpoints(own_checkpoint, silent)
    assert answer["lost"] == ["hip angle"]
    assert not any(row["second_active"] for row in answer["matches"])
