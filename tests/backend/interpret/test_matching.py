"""Matching recovers a known permutation with its signs, and names travel along it."""

from dataclasses import replace

import numpy as np
import pytest

from backend.data.checkpoint import Checkpoint, CheckpointInfo, Label, write_label
from backend.interpret.latents import encode_images
from backend.interpret.matching import (
    Match,
    carry_labels,
    compare_checkpoints,
    match_latents,
    match_with_chance,
    same_environment,
)

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


def walks(seed: int, episodes: int = 12, length: int = 40) -> np.ndarray:
    """Two random walks in each of some episodes: (episodes * length, 2)."""
    generator = np.random.default_rng(seed)
    steps = generator.normal(size=(episodes, length, 2)) * 0.3
    steps[:, 0] = generator.normal(size=(episodes, 2)) * 1.5
    return np.cumsum(steps, axis=1).reshape(-1, 2)


def test_two_models_that_share_nothing_seldom_clear_what_chance_gives() -> None:
    episode = np.repeat(np.arange(12), 40)
    strangers = [match_with_chance(walks(seed), walks(100 + seed), [episode], np.ones(2, bool)) for seed in range(10)]
    assert sum(matching.mean > matching.mean_null for matching in strangers) <= 1
    assert all(0.2 < matching.mean_null < 0.7 for matching in strangers)
    same = match_with_chance(walks(1), walks(1)[:, ::-1], [episode], np.ones(2, bool))  # the control
    assert same.mean == pytest.approx(1)
    assert same.mean > same.mean_null
    assert all(same.survives(match.first) for match in same.matches)


def test_the_interval_of_a_match_is_over_episodes_and_holds_the_match() -> None:
    episode = np.repeat(np.arange(12), 40)
    noisy = walks(1) + np.random.default_rng(0).normal(size=(480, 2))
    matching = match_with_chance(walks(1), noisy, [episode], np.array([True, False]))
    for match in matching.matches:
        low, high = matching.intervals[match.first]
        assert 0 <= low < match.correlation < high <= 1
    first = next(match for match in matching.matches if match.first == 0)
    assert matching.mean == pytest.approx(first.correlation, abs=1e-4)  # of the counted dimensions alone


def test_between_environments_no_name_is_kept_or_lost(own_checkpoint: Checkpoint) -> None:
    write_label(own_checkpoint.info, 3, Label("hip angle"))
    other = replace(own_checkpoint, info=replace(own_checkpoint.info, id="other", environment="walker-walk"))
    answer = compare_checkpoints(own_checkpoint, other)
    assert not answer["same_environment"]
    assert (answer["kept"], answer["lost"], answer["gained"]) == (None, None, None)


def test_models_of_own_videos_share_an_environment_where_they_share_the_data_set(own_checkpoint: Checkpoint) -> None:
    def learned_from(dataset: str, id: str) -> CheckpointInfo:
        config = {**own_checkpoint.info.config, "dataset": dataset}
        return replace(own_checkpoint.info, id=id, environment=None, config=config)

    assert same_environment(learned_from("kitchen", "a"), learned_from("kitchen", "b"))
    assert not same_environment(learned_from("kitchen", "a"), learned_from("garden", "b"))
