"""Invariance by factor: an encoder of brightness moves with light alone; noise is what it adds itself."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch

from backend.data.checkpoint import Checkpoint, load_checkpoint, read_info
from backend.data.places import SHIPPED
from backend.interpret.charts import invariance_chart
from backend.interpret.invariance import Drawn, compared, drawn_from_clip, invariance_of, of_points, verdict_of
from backend.interpret.recolour import CHANGES, changed
from backend.interpret.request import ViewError
from tests.backend.interpret.test_simulation import clip_of

Array = npt.NDArray[np.floating]
NOISE = 0.1


def pictures() -> npt.NDArray[np.uint8]:
    """A dim square of another colour and height in the middle of each of twelve dark pictures."""
    rng = np.random.default_rng(0)
    image = np.zeros((12, 3, 64, 64, 3), np.uint8)
    for frames, colour, side in zip(image, rng.integers(60, 120, (12, 3)), rng.integers(8, 20, 12), strict=True):
        frames[:, 32 - side : 32 + side, 24:40] = colour
    return image


def encode(image: npt.NDArray[np.uint8]) -> tuple[Array, Array]:
    """Latents: mean brightness, and a constant."""
    brightness = image.astype(float).mean((1, 2, 3))
    return np.c_[brightness, np.full(len(image), 5.0)], np.full((len(image), 2), NOISE)


def test_an_encoder_of_brightness_moves_with_light_alone() -> None:
    drawn = drawn_from_clip(replace(clip_of(np.zeros((12, 3, 1)), ("nothing",)), image=pictures()), 12)
    table = compared(drawn, encode)
    assert table["factors"][0]["factor"] == "brightness"
    found = {entry["factor"]: entry for entry in table["factors"]}
    assert {name: entry["verdict"] for name, entry in found.items()} == {
        "brightness": "beyond noise",
        **dict.fromkeys(("hue", "place_across", "place_down"), "within noise"),
    }
    assert found["hue"]["moved"] < 0.02 and found["hue"]["picture"] > 0.3
    low, high = found["brightness"]["interval"]
    assert low < found["brightness"]["moved"] < high
    apart = np.sqrt(2 * encode(drawn.states)[0].var(axis=0, ddof=1).sum())
    assert table["noise"] == pytest.approx(np.sqrt(2 * 2 * NOISE**2) / apart, abs=1e-3)
    assert table["episodes"] == 12


def test_a_factor_that_moves_as_far_as_states_differ_is_1_and_one_that_does_not_move_is_0() -> None:
    states = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
    shares = of_points(states, {"all": states[None].repeat(2, 0), "none": np.ones((2, 3, 2))})
    np.testing.assert_allclose(shares["all"], [1, 1])
    np.testing.assert_allclose(shares["none"], [0, 0])
    with pytest.raises(ViewError, match="the same for every state"):
        of_points(np.ones((3, 2)), {})


def test_a_verdict_needs_the_whole_interval_on_one_side_of_the_noise() -> None:
    verdicts = [verdict_of(ends, 0.5) for ends in ([0.1, 0.4], [0.6, 0.9], [0.4, 0.6])]
    assert verdicts == ["within noise", "beyond noise", "untold"]


def test_each_change_leaves_pictures_as_they_are_at_its_neutral_value() -> None:
    image = torch.randint(0, 255, (2, 64, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for name, neutral in {"hue": 0, "brightness": 1.0, "place_across": 0, "place_down": 0}.items():
        frames = changed(image, name)
        assert torch.equal(frames[:, CHANGES[name].values.index(neutral)], image)
        assert frames.shape == (2, 5, 64, 64, 3) and not torch.equal(frames[:, 1], frames[:, 3])
    grey = torch.full((1, 64, 64, 3), 90, dtype=torch.uint8)
    assert torch.equal(changed(grey, "hue"), grey[:, None].expand(1, 5, 64, 64, 3))
    assert torch.equal(changed(image, "place_across")[:, 4, :, 8:], image[:, :, :-8])


def test_factors_are_set_in_the_simulator_where_there_is_one_and_in_pictures_elsewhere(
    video_checkpoint: Checkpoint,
) -> None:
    policy = load_checkpoint(read_info(SHIPPED / "cartpole-swingup-policy", "cartpole-swingup-policy", "shipped"))
    table = invariance_of(policy, episodes=2)
    assert table["source"] == "simulator" and not table["why"] and table["episodes"] == 2
    moved = {entry["factor"]: entry["moved"] for entry in table["factors"]}
    assert {"cart_position", "pole_angle", "body_colour", "light"} <= moved.keys()
    chart = invariance_chart(policy, table)
    assert chart.columns == ("latents", "pictures", "noise of the latents") and len(chart.rows) == len(moved)
    told = invariance_of(video_checkpoint)
    assert told["source"] == "pictures" and "the pictures themselves are changed" in told["why"]
    assert {entry["factor"] for entry in told["factors"]} == CHANGES.keys()


def test_states_of_a_clip_of_one_episode_are_frames_of_it() -> None:
    drawn = drawn_from_clip(clip_of(np.zeros((1, 9, 1)), ("nothing",)), 4)
    assert isinstance(drawn, Drawn) and len(drawn.states) == 4
    assert not np.array_equal(drawn.states[0], drawn.states[-1])
