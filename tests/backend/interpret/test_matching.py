"""Matching recovers a known permutation with its signs, and names travel along it."""

import numpy as np
import pytest

from backend.data.checkpoint import Checkpoint, Label
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
