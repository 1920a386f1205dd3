"""The quality line: the true picture scores 1, one without the agent 0, and every number is what its name says."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from backend.data.checkpoint import Checkpoint, load_checkpoint, read_info, save_checkpoint
from backend.data.clip import Clip
from backend.interpret.agents import moving_masks
from backend.interpret.quality import measure_quality
from backend.interpret.quality_sentence import Findings, sentence
from backend.interpret.stored_quality import Recorded, quality_of, recordings
from models.types import Gaussian, State, normalise
from models.video_model import VideoModel

Pictures = npt.NDArray[np.uint8]
LENGTH, CONTEXT = 55, 5
BACKGROUND = (0, 0, 60)


class _Sizes(NamedTuple):
    action_size: int = 0


class _Observed(NamedTuple):
    states: State


class Drawer(nn.Module):
    """A stand-in for a model: its state is the number of the frame, which it draws from an album of pictures.

    Encoding reads the frame's number off the pictures' order, so that nothing but the album decides what is drawn.
    """

    image_size = (64, 64)

    def __init__(self, album: Sequence[Pictures]) -> None:
        super().__init__()
        self.config = _Sizes()
        self.weight = nn.Parameter(torch.zeros(()))
        self._album = normalise(torch.from_numpy(np.concatenate([pictures[:50] for pictures in album])))
        self._met = 0

    def encode(self, image: Tensor) -> Gaussian:
        number = torch.arange(self._met, self._met + len(image)).double().unsqueeze(-1)
        self._met += len(image)
        return Gaussian(number, torch.ones_like(number))

    def observe(self, latent: Tensor, _action: Tensor) -> Any:
        return _Observed(State(latent, latent[..., :0]))

    def imagine(self, state: State, steps: int, _action: Tensor) -> State:
        later = state.deter.unsqueeze(1) + torch.arange(1, steps + 1)[:, None]
        return State(later, later[..., :0])

    def in_context(self, _image: Tensor) -> "Drawer":
        return self

    def decode(self, feature: Tensor) -> Tensor:
        return self._album[feature[..., 0].long()]


def drawing(album: Sequence[Pictures]) -> VideoModel:
    return cast(VideoModel, Drawer(album))


def walking_squares(episodes: int = 4, length: int = LENGTH) -> list[Recorded]:
    """A bright square that walks over a dark picture, and where it is."""
    generator = np.random.default_rng(0)
    found = []
    for _ in range(episodes):
        image = np.empty((length, 64, 64, 3), np.uint8)
        image[:] = BACKGROUND
        mask = np.zeros((length, 64, 64), bool)
        x, y = generator.integers(0, 48, 2)
        for t in range(length):
            mask[t, y : y + 8, (x + t) % 50 : (x + t) % 50 + 8] = True
        image[mask] = (250, 200, 150)
        found.append(Recorded(image, np.zeros((length, 0), np.float32), mask))
    return found


def painted_out(episodes: Sequence[Recorded]) -> list[Pictures]:
    return [np.broadcast_to(np.array(BACKGROUND, np.uint8), episode.image.shape) for episode in episodes]


def measured(model: VideoModel, episodes: Sequence[Recorded], environment: str | None = "cartpole-swingup") -> Any:
    answer = measure_quality(model, episodes, environment, source="made up")
    return json.loads(json.dumps(answer, allow_nan=False))


def test_a_copy_of_the_truth_scores_one_and_beats_every_guess() -> None:
    episodes = walking_squares()
    quality = measured(drawing([episode.image for episode in episodes]), episodes)
    assert quality["agent_right"]["observed"] == 1
    assert quality["agent_right"]["imagined"] == dict.fromkeys(("1", "5", "10", "15", "25", "45"), 1)
    assert quality["psnr"]["model"]["25"] == 100
    assert quality["beats"] == {"repeat_last": 1, "mean_image": 1, "observed_mean": 1, "all": 1}
    assert quality["sees"] == (
        "Draws 100 % of the agent's pixels right (the cart and pole); "
        "imagination beats every trivial guess from step 1 to step 45."
    )
    assert quality["intervals"]["agent_right"]["observed"] == [1, 1]


def test_a_model_whose_agent_is_painted_out_scores_nothing_however_good_the_picture_is() -> None:
    episodes = walking_squares()
    quality = measured(drawing(painted_out(episodes)), episodes)
    assert quality["agent_right"]["observed"] == 0
    assert set(quality["agent_right"]["imagined"].values()) == {0}
    assert quality["psnr"]["model"]["25"] > 18  # 64 pixels of 4096
    assert quality["sees"].startswith("This model does not see the cart and pole: it draws 0.0 % of the agent's pixels")


def test_a_part_that_is_not_seen_is_named_beside_one_that_is() -> None:
    """The square is the cart, and the pole above it is painted out."""
    episodes = [_with_pole(episode) for episode in walking_squares()]
    without_pole = [episode.image.copy() for episode in episodes]
    for image, episode in zip(without_pole, episodes, strict=True):
        assert episode.agent_part is not None
        image[episode.agent_part == 2] = BACKGROUND
    quality = measured(drawing(without_pole), episodes)
    assert quality["parts"]["cart"]["observed"] == quality["parts"]["cart"]["imagined"]["45"] == 1
    assert quality["parts"]["pole"]["observed"] == quality["parts"]["pole"]["imagined"]["45"] == 0
    assert quality["agent_right"]["observed"] == pytest.approx(64 / 80)
    assert quality["intervals"]["parts"]["pole"]["observed"] == [0, 0]
    expected = "This model does not see the pole: it draws 0.0 % of its pixels right, 100 % of those of the cart; "
    assert quality["sees"].startswith(expected)


def test_a_part_that_stands_still_and_is_drawn_right_is_not_called_unseen() -> None:
    """The pole never moves in these pictures; the model draws it, as a constant picture would."""
    episodes = [_with_pole(episode) for episode in walking_squares()]
    quality = measured(drawing([episode.image for episode in episodes]), episodes)
    assert quality["parts"]["pole"]["mean_image"] == 1
    assert quality["sees"].startswith("Draws 100 % of the agent's pixels right (the cart and pole)")


def _with_pole(episode: Recorded) -> Recorded:
    assert episode.agent is not None
    part = episode.agent.astype(np.uint8)
    image, pole = episode.image.copy(), np.zeros_like(episode.agent)
    pole[:, 60:, :4] = True
    part[pole], image[pole] = 2, (250, 200, 150)
    return Recorded(image, episode.action, part > 0, part)


def test_what_the_mean_image_gets_right_too_is_not_seen() -> None:
    """A square that never moves: a constant picture also shows it, so drawing it does not show that a model sees it."""
    still = [episode.image[:1].repeat(LENGTH, axis=0) for episode in walking_squares(1) * 4]
    mask = walking_squares(1)[0].agent
    assert mask is not None
    episodes = [Recorded(image, np.zeros((LENGTH, 0), np.float32), mask[:1].repeat(LENGTH, 0)) for image in still]
    quality = measured(drawing(still), episodes)
    assert quality["agent_right"]["observed"] == quality["guesses_right"]["mean_image"]["observed"] == 1
    assert "does not see" in quality["sees"]


def test_a_pixel_is_right_within_forty_grey_levels_of_every_channel() -> None:
    episodes = walking_squares(2)
    off = [episode.image.astype(np.int16) for episode in episodes]
    off[0][..., 1] -= 40
    off[1][..., 1] -= 41
    album = [np.asarray(np.clip(image, 0, 255), np.uint8) for image in off]
    quality = measured(drawing(album), episodes)
    assert quality["agent_right"]["observed"] == 0.5
    assert quality["intervals"]["agent_right"]["observed"] == [0, 1]
    expected = -10 * np.log10((40**2 + 41**2) / 2 / 3 / 255**2)
    assert quality["reconstruction"]["agent_psnr"]["model"] == pytest.approx(expected, abs=1e-4)


def test_guesses_are_the_last_observed_frame_the_mean_of_those_and_of_the_other_episodes() -> None:
    episodes = walking_squares(3)
    quality = measured(drawing(painted_out(episodes)), episodes)
    images = [episode.image[:50].astype(np.float64) for episode in episodes]

    def error(guesses: Sequence[npt.NDArray[np.float64]], step: int) -> float:
        frames = [image[CONTEXT + step - 1] for image in images]
        pairs = zip(frames, guesses, strict=True)
        return float(-10 * np.log10(np.mean([((frame - np.round(guess)) / 255) ** 2 for frame, guess in pairs])))

    others = [np.mean([image.mean(0) for j, image in enumerate(images) if j != i], 0) for i in range(3)]
    for step in (1, 10, 45):
        psnr = {name: curve[str(step)] for name, curve in quality["psnr"].items()}
        assert psnr["repeat_last"] == pytest.approx(error([image[CONTEXT - 1] for image in images], step), abs=1e-3)
        assert psnr["observed_mean"] == pytest.approx(
            error([image[:CONTEXT].mean(0) for image in images], step), abs=1e-3
        )
        assert psnr["mean_image"] == pytest.approx(error(others, step), abs=1e-3)


def test_what_cannot_be_had_is_null() -> None:
    short = measured(drawing([episode.image for episode in walking_squares(3, 20)]), walking_squares(3, 20))
    assert short["psnr"]["model"]["15"] is not None and short["psnr"]["model"]["25"] is None
    assert short["agent_right"]["imagined"]["25"] is None
    shorter = measured(drawing([episode.image for episode in walking_squares(3, 4)]), walking_squares(3, 4))
    assert set(shorter["psnr"]["model"].values()) == {None}
    assert shorter["sees"] == "Draws 100 % of the agent's pixels right (the cart and pole)."
    alone = measured(drawing([episode.image for episode in walking_squares(1)]), walking_squares(1))
    assert alone["psnr"]["mean_image"]["5"] is None and alone["beats"]["mean_image"] is None
    assert alone["intervals"]["psnr"]["model"]["5"] is None
    assert alone["beats"]["all"] == 1


@pytest.mark.parametrize(
    ("steps", "first", "said"),
    [
        (3, None, "of 3 steps is no better than the mean image"),
        (3, 2, "beats every trivial guess from step 2 to step 3"),
        (45, 23, "of 45 steps is no better than the mean image"),
        (45, 22, "beats every trivial guess from step 22 to step 45"),
    ],
)
def test_imagination_of_any_length_is_compared_with_a_guess_that_is_named(
    steps: int, first: int | None, said: str
) -> None:
    figures = {"agent_right": {"observed": 1.0}, "guesses_right": {}, "parts": {}}
    beats = {"repeat_last": 1, "mean_image": first, "all": first}
    assert sentence(Findings("masks", "the square", figures, beats, steps)).endswith(f"imagination {said}.")


def test_without_masks_pixels_that_move_are_the_agent_and_the_answer_says_so() -> None:
    films = [episode._replace(agent=None) for episode in walking_squares()]
    quality = measured(drawing([film.image for film in films]), films, None)
    assert (quality["mask"], quality["part"]) == ("moving", "what moves")
    assert quality["agent_right"]["observed"] == 1
    gone = measured(drawing(painted_out(films)), films, None)
    assert gone["agent_right"]["observed"] == 0 and "does not see what moves" in gone["sees"]


def test_where_nothing_moves_there_is_no_agent() -> None:
    image = np.full((20, 64, 64, 3), 100, np.uint8)
    films = [Recorded(image, np.zeros((20, 0), np.float32), None)] * 2
    quality = measured(drawing([image, image]), films, None)
    assert quality["agent_right"]["observed"] is None and quality["mask"] == "none"
    assert quality["sees"].startswith("Nothing moves")


def test_moving_pixels_are_those_away_from_the_median_of_their_episode() -> None:
    image = np.full((9, 64, 64, 3), 100, np.uint8)
    image[4, 10, 10] = (100, 100, 116)  # .063 of the range
    image[4, 20, 20] = (100, 100, 115)  # .059
    assert np.argwhere(moving_masks(image)).tolist() == [[4, 10, 10]]


def test_it_is_measured_once_and_kept_and_masks_of_the_clip_are_used(own_checkpoint: Checkpoint) -> None:
    clip = own_checkpoint.clip
    masks = (clip.image != np.array(BACKGROUND, np.uint8)).any(-1)
    masked = dataclasses.replace(own_checkpoint, clip=dataclasses.replace(clip, agent=masks))
    assert [recording.agent is not None for recording in recordings(masked.clip)] == [True] * len(clip.image)
    first = quality_of(masked)
    assert first["mask"] == "simulator" and first["part"] == "the arm"
    assert first == masked.quality == quality_of(masked)
    assert quality_of(own_checkpoint)["mask"] == "simulator"  # kept
    assert quality_of(own_checkpoint, refresh=True)["mask"] == "moving"


def test_what_was_measured_when_a_checkpoint_was_written_is_in_its_statistics(
    own_checkpoint: Checkpoint, tmp_path: Any
) -> None:
    clip: Clip = own_checkpoint.clip
    quality = measure_quality(own_checkpoint.model, recordings(clip), None, source="held out")
    masks = np.zeros(clip.image.shape[:4], bool)
    masks[:, :, 3, 5] = True
    save_checkpoint(
        tmp_path / "new",
        model=own_checkpoint.model,
        actor_critic=None,
        config=own_checkpoint.info.config,
        clip=dataclasses.replace(clip, agent=masks),
        statistics=own_checkpoint.statistics,
        quality=quality,
    )
    loaded = load_checkpoint(read_info(tmp_path / "new", "new", "run"))
    assert loaded.quality == json.loads(json.dumps(quality))
    assert loaded.clip.agent is not None and np.array_equal(loaded.clip.agent, masks)
    assert json.loads((tmp_path / "new" / "statistics.json").read_bytes())["quality"]["sees"] == quality["sees"]
