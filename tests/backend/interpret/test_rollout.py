"""A rollout sees only its context frames, and an empty edit changes nothing."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from backend.data.checkpoint import Checkpoint
from backend.data.clip import Clip
from backend.interpret.fields import Edit, write_edits
from backend.interpret.request import ViewError
from backend.interpret.rollout import Rollout, build_rollout, scores_over_episodes
from backend.interpret.rollout_request import RolloutRequest, parse_edits
from models.types import State, normalise, to_uint8

REQUEST = RolloutRequest(episode=1, context=5, horizon=10)


def same(first: Rollout, second: Rollout) -> bool:
    return np.array_equal(first.model.image, second.model.image)


@torch.no_grad()
def test_a_rollout_equals_a_loop_written_by_hand(world_checkpoint: Checkpoint) -> None:
    model, clip = world_checkpoint.model, world_checkpoint.clip
    latent = model.encode(normalise(torch.from_numpy(clip.image[1:2]))).mean
    action = torch.from_numpy(clip.action[1:2])
    state, features = model.rssm.initial(1), []
    for step in range(15):
        deter = model.rssm.advance(state, action[:, step])
        belief = model.rssm.posterior(deter, latent[:, step]) if step < 5 else model.rssm.prior(deter)
        state = State(deter, belief.mean)
        features.append(state.feature)
    by_hand = to_uint8(model.decode(torch.cat(features))).numpy()
    rollout = build_rollout(world_checkpoint, REQUEST)
    assert np.abs(rollout.model.image.astype(int) - by_hand.astype(int)).max() <= 1
    assert np.allclose(rollout.model.predicted_reward, model.reward(torch.cat(features)).numpy(), atol=1e-5)
    assert np.array_equal(rollout.truth, clip.image[1, :15])


def test_frames_after_the_context_have_no_part_in_what_is_imagined(world_checkpoint: Checkpoint) -> None:
    before = build_rollout(world_checkpoint, REQUEST)
    clip = world_checkpoint.clip
    image = clip.image.copy()
    image[:, 5:] = 255 - image[:, 5:]
    world_checkpoint.clip = Clip(image, clip.action, clip.reward, clip.factors, clip.factor_names)
    assert same(before, build_rollout(world_checkpoint, REQUEST))
    image[:, 4] = 0  # the control: a change inside the context does matter
    latent = build_rollout(world_checkpoint, REQUEST)
    assert not np.allclose(latent.model.value, before.model.value, atol=1e-7)


@pytest.mark.parametrize("name", ["video_checkpoint", "world_checkpoint"])
def test_the_same_seed_gives_the_same_bytes(name: str, request: pytest.FixtureRequest) -> None:
    checkpoint = request.getfixturevalue(name)
    asked = replace(REQUEST, samples=3, seed=7)
    first, second = build_rollout(checkpoint, asked), build_rollout(checkpoint, asked)
    assert first.samples.tobytes() == second.samples.tobytes()
    assert first.spread_per_step == second.spread_per_step
    assert first.spread_per_step is not None
    assert max(first.spread_per_step[:5]) == 0  # what was seen is no matter of chance
    assert max(first.spread_per_step[5:]) >= 0


def test_samples_differ_by_their_seed_and_stay_beside_the_mean(world_checkpoint: Checkpoint) -> None:
    unedited = build_rollout(world_checkpoint, REQUEST)
    first, second = (build_rollout(world_checkpoint, replace(REQUEST, samples=2, seed=seed)) for seed in (1, 2))
    assert np.abs(unedited.model.image.astype(int) - first.model.image.astype(int)).max() <= 1
    assert first.samples.shape == (2, 15, 64, 64, 3)
    assert first.samples.tobytes() != second.samples.tobytes()


@torch.no_grad()
def test_an_edit_to_the_value_that_is_there_gives_the_identical_future(world_checkpoint: Checkpoint) -> None:
    unedited = build_rollout(world_checkpoint, REQUEST)
    image = normalise(torch.from_numpy(world_checkpoint.clip.image[1, :5]))
    own = float(world_checkpoint.model.encode(image).mean[3, 2])
    unmoved = build_rollout(world_checkpoint, replace(REQUEST, edits=(Edit(2, own, 3),))).edited
    moved = build_rollout(world_checkpoint, replace(REQUEST, edits=(Edit(2, own + 9, 3),))).edited
    assert unmoved is not None
    assert moved is not None
    assert np.array_equal(unmoved.image, unedited.model.image)
    assert np.array_equal(unmoved.predicted_reward, unedited.model.predicted_reward)
    assert not np.array_equal(moved.predicted_reward[3:], unedited.model.predicted_reward[3:])
    assert np.array_equal(moved.predicted_reward[:3], unedited.model.predicted_reward[:3])


def test_an_edit_of_an_imagined_step_starts_there(world_checkpoint: Checkpoint) -> None:
    rollout = build_rollout(world_checkpoint, replace(REQUEST, edits=(Edit(0, 8.0, 9),)))
    assert rollout.edited is not None
    differs = rollout.edited.value != rollout.model.value
    assert not differs[:9].any()
    assert differs[9:].all()
    assert rollout.strips[-1].title == "change"


def test_an_edit_of_nothing_changes_nothing_however_many_samples_are_drawn_beside_it(
    world_checkpoint: Checkpoint,
) -> None:
    image = normalise(torch.from_numpy(world_checkpoint.clip.image[1, :5]))
    own = float(world_checkpoint.model.encode(image).mean[3, 2])
    asked = replace(REQUEST, samples=4, edits=(Edit(2, own, 3),))
    rollout = build_rollout(world_checkpoint, asked)
    assert rollout.change is not None
    assert not rollout.change.any()
    assert np.array_equal(rollout.samples[:, :5], np.broadcast_to(rollout.model.image[:5], (4, 5, 64, 64, 3)))
    moved = build_rollout(world_checkpoint, replace(asked, edits=(Edit(2, own + 9, 3),)))
    assert not np.array_equal(moved.edited.value, moved.model.value)  # the control: another value does change it


def test_a_held_edit_acts_at_every_later_step(world_checkpoint: Checkpoint) -> None:
    once, held = (
        build_rollout(world_checkpoint, replace(REQUEST, edits=(Edit(0, 8.0, 6, hold),))).edited
        for hold in (False, True)
    )
    assert once is not None
    assert held is not None
    assert np.array_equal(once.value[:7], held.value[:7])
    assert (once.value[7:] != held.value[7:]).all()


def test_the_policy_acts_after_the_context_and_given_actions_are_followed(world_checkpoint: Checkpoint) -> None:
    recorded = build_rollout(world_checkpoint, REQUEST)
    policy = build_rollout(world_checkpoint, replace(REQUEST, actions="policy"))
    zero = build_rollout(world_checkpoint, replace(REQUEST, actions="zero"))
    assert np.array_equal(policy.model.action[:5], recorded.model.action[:5])
    assert not np.array_equal(policy.model.action[5:], recorded.model.action[5:])
    assert (zero.model.action[5:] == 0).all()
    steered = tuple(tuple(float(number) for number in row) for row in policy.model.action[5:])
    assert same(build_rollout(world_checkpoint, replace(REQUEST, actions="given", given=steered)), policy)


def test_beyond_the_end_of_the_clip_there_is_no_truth_to_score(video_checkpoint: Checkpoint) -> None:
    rollout = build_rollout(video_checkpoint, RolloutRequest(context=20, horizon=8))
    assert rollout.known == 24
    assert rollout.psnr[23] is not None
    assert rollout.psnr[24:] == [None] * 4
    assert rollout.ssim[24:] == [None] * 4
    assert (rollout.error[24:] == 0).all()
    assert rollout.model.predicted_reward is None


def test_a_perfect_picture_scores_the_most(video_checkpoint: Checkpoint) -> None:
    rollout = build_rollout(video_checkpoint, REQUEST)
    perfect = replace(rollout, model=replace(rollout.model, image=rollout.truth))
    assert perfect.psnr == [100.0] * 15
    assert perfect.ssim == pytest.approx([1.0] * 15)
    noisy = np.clip(rollout.truth.astype(int) + 10, 0, 255).astype(np.uint8)
    worse = replace(rollout, model=replace(rollout.model, image=noisy))
    assert worse.psnr[0] == pytest.approx(20 * np.log10(25.5), abs=0.3)


def test_settings_reopen_the_rollout(world_checkpoint: Checkpoint) -> None:
    asked = replace(REQUEST, samples=2, seed=5, edits=(Edit(1, -1.25, 7), Edit(0, 2.0, 8, True)))
    metadata = json.loads(build_rollout(world_checkpoint, asked).settings)
    assert RolloutRequest.read(metadata["view"]) == asked


def test_edits_are_read_as_they_are_written() -> None:
    edits = parse_edits("7:1.5@12, 3:-2@0+,1:1e-3@4")
    assert edits == (Edit(7, 1.5, 12), Edit(3, -2.0, 0, True), Edit(1, 0.001, 4))
    assert parse_edits(write_edits(edits)) == edits
    for wrong in ("7:1.5", "7@3", "x:1@2", "7:1..5@2", "7:nan@2", "-1:2@3"):
        with pytest.raises(ViewError):
            parse_edits(wrong)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"horizon": 0}, "horizon"),
        ({"horizon": 1_000_000}, "horizon"),
        ({"horizon": 20}, "horizon"),
        ({"context": 0}, "context"),
        ({"context": 25}, "context"),
        ({"context": 2.5}, "context"),
        ({"episode": 3}, "episode"),
        ({"samples": 17}, "samples"),
        ({"seed": -1}, "seed"),
        ({"actions": "magic"}, "actions"),
        ({"actions": "given", "given": ((0.0, 0.0),)}, "given"),
        ({"actions": "given", "given": ((0.0, 0.0),) * 9 + ((0.0,),)}, "given"),
        ({"actions": "given", "given": ((0.0, float("nan")),) * 10}, "given"),
        ({"edits": (Edit(6, 0.0, 1),)}, "edit"),
        ({"edits": (Edit(0, float("inf"), 1),)}, "edit"),
        ({"edits": (Edit(0, 0.0, 15),)}, "edit"),
    ],
)
def test_what_cannot_be_imagined_is_refused_by_field(
    world_checkpoint: Checkpoint, change: dict[str, object], field: str
) -> None:
    with pytest.raises(ViewError) as caught:
        build_rollout(world_checkpoint, replace(REQUEST, **change))  # type: ignore[arg-type]  # wrong on purpose
    assert caught.value.field == field


def test_a_checkpoint_without_policy_says_so(video_checkpoint: Checkpoint) -> None:
    with pytest.raises(ViewError, match="has no policy"):
        build_rollout(video_checkpoint, replace(REQUEST, actions="policy"))


def test_the_baselines_are_the_last_observed_frame_and_the_mean_of_the_other_episodes(
    world_checkpoint: Checkpoint,
) -> None:
    rollout = build_rollout(world_checkpoint, REQUEST)
    clip, context = world_checkpoint.clip.image, REQUEST.context
    others = np.delete(clip, REQUEST.episode, axis=0).mean(axis=(0, 1)).round().astype(np.uint8)
    assert (rollout.baseline_images["repeat last frame"] == clip[REQUEST.episode, context - 1]).all()
    assert (rollout.baseline_images["mean image"] == others).all()
    for name in ("psnr", "ssim"):
        for values in rollout.baselines[name].values():
            assert values[:context] == [None] * context  # nothing is foretold of what was seen
            assert all(value is not None for value in values[context:])
    still = build_rollout(replace(world_checkpoint, clip=still_clip(world_checkpoint)), REQUEST)
    assert still.baselines["psnr"]["repeat last frame"][context:] == [100.0] * REQUEST.horizon


def still_clip(checkpoint: Checkpoint) -> Clip:
    """The clip with each episode's first frame all the time."""
    return replace(
        checkpoint.clip, image=np.repeat(checkpoint.clip.image[:, :1], checkpoint.clip.image.shape[1], axis=1)
    )


def test_after_other_actions_than_those_recorded_nothing_imagined_is_scored(world_checkpoint: Checkpoint) -> None:
    rollout = build_rollout(world_checkpoint, replace(REQUEST, actions="zero"))
    assert not rollout.comparable
    assert rollout.psnr[REQUEST.context :] == rollout.ssim[REQUEST.context :] == [None] * REQUEST.horizon
    assert rollout.psnr[REQUEST.context - 1] is not None
    assert not rollout.error[REQUEST.context :].any()
    assert "error" not in [strip.title for strip in rollout.strips]


def test_scores_over_episodes_is_that_of_each_episodes_rollout(world_checkpoint: Checkpoint) -> None:
    asked = RolloutRequest(context=5, horizon=6)
    quality = scores_over_episodes(world_checkpoint, asked)
    alone = [build_rollout(world_checkpoint, replace(asked, episode=episode)) for episode in range(3)]
    assert quality["episodes"] == 3
    model = quality["psnr"]["model"]
    assert model["mean"][8] == pytest.approx(np.mean([rollout.psnr[8] for rollout in alone]), abs=1e-3)
    assert all(
        low <= mean <= high for low, mean, high in zip(*(model[key] for key in ("low", "mean", "high")), strict=True)
    )
    repeated = quality["ssim"]["repeat last frame"]["mean"]
    assert repeated[:5] == [None] * 5
    assert repeated[5] == pytest.approx(
        np.mean([rollout.baselines["ssim"]["repeat last frame"][5] for rollout in alone]), abs=1e-3
    )
