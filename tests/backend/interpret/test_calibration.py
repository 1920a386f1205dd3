"""Calibration: known dynamics are foreseen as surely as they may be, and a model that hides its noise is found out."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from backend.data.checkpoint import Checkpoint
from backend.interpret.calibration import ERROR_CHART, INSIDE_CHART, STILL, calibration, says
from backend.interpret.calibration_request import CalibrationRequest
from backend.interpret.foreseen import Measured, measure
from backend.interpret.request import ViewError
from models.config import WorldModelConfig
from models.rssm import Recurrence
from models.types import Gaussian, State
from models.video_model import VideoModel
from models.world_model import WorldModel

NOISE, REMAINS, HELD = 0.5, 0.9, 1e-3
REQUEST = CalibrationRequest(1, 4, 5)


class Known(Recurrence):
    """z[t] = 0.9 z[t-1] + action[t] + noise of its own std, whatever it claims that to be; one number is pure noise."""

    def __init__(self, claims: float) -> None:
        super().__init__()
        self.claims = claims

    def initial(self, batch: int) -> State:
        return State(torch.zeros(batch, 2), torch.zeros(batch, 2))

    def advance(self, state: State, action: Tensor | None) -> Tensor:
        assert action is not None
        moves = torch.cat([action, torch.zeros_like(action)], -1)
        return state.stoch * torch.tensor([REMAINS, 0.0]) + moves

    def prior(self, deter: Tensor) -> Gaussian:
        return Gaussian(deter, torch.tensor([self.claims, 1.0]).expand(deter.shape))

    def posterior(self, deter: Tensor, latent: Tensor) -> Gaussian:
        """The first number is seen exactly, the second not at all."""
        mean = torch.stack([latent[..., 0], torch.zeros_like(deter[..., 0])], -1)
        return Gaussian(mean, torch.tensor([HELD, 1.0]).expand(deter.shape))


def a_model(claims: float, latent_of: Callable[[Tensor], Tensor]) -> VideoModel:
    """A model of known dynamics that reads z from the top left pixel."""
    model = WorldModel(WorldModelConfig(latents=1, stoch=2, deter=2, hidden=4, head_units=4))
    model.rssm = Known(claims)
    model.encode = lambda image: Gaussian(latent_of(image), torch.zeros_like(latent_of(image)))  # type: ignore[method-assign] # a known encoder
    return model.requires_grad_(False)


def episodes(count: int = 60, steps: int = 14) -> tuple[Tensor, Tensor, Tensor]:
    """Numbers of pictures (E, S, 1, 1, 1), actions (E, S, 1), and z by that number (E * S,)."""
    generator = torch.Generator().manual_seed(0)
    action = 2 * torch.rand(count, steps, 1, generator=generator) - 1
    place, places = torch.zeros(count), []
    for step in range(steps):
        place = REMAINS * place + action[:, step, 0] + NOISE * torch.randn(count, generator=generator)
        places.append(place)
    image = torch.arange(count * steps).view(count, steps, 1, 1, 1)
    return image, action, torch.stack(places, 1).flatten()


@pytest.fixture
def measured_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], Measured]:
    """How a model is measured that claims some noise; pictures are the numbers of their z."""
    monkeypatch.setattr("backend.interpret.foreseen.normalise", lambda image: image)
    image, action, known = episodes()
    return lambda claims: measure(a_model(claims, lambda seen: known[seen.view(-1, 1)]), image, action, 4)


def test_known_dynamics_lie_in_their_band_and_claims_of_less_or_more_noise_do_not(
    measured_of: Callable[[float], Measured],
) -> None:
    right, sure, unsure = (measured_of(claims) for claims in (NOISE, NOISE / 4, 3 * NOISE))
    assert float(right.inside.mean()) == pytest.approx(0.9, abs=0.05)
    assert float(sure.inside.mean()) < 0.5 and float(unsure.inside.mean()) > 0.98
    assert float(right.still_inside.mean()) == pytest.approx(0.9, abs=0.05)
    assert float(right.error.mean()) < 0.85, "it knows the actions, which standing still does not"
    assert float(right.width.mean()) < 0.85
    assert "it is surer than it may be" in says({"m": sure}) and "less sure than it could be" in says({"m": unsure})
    assert "as it should be" in says({"m": right})


def test_numbers_that_nothing_is_seen_of_are_left_out(
    measured_of: Callable[[float], Measured], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = float(measured_of(NOISE / 4).inside.mean())
    monkeypatch.setattr("backend.interpret.foreseen._varying", lambda *_: torch.ones(2, dtype=torch.bool))
    assert float(measured_of(NOISE / 4).inside.mean()) > alone + 0.15, "pure noise is right without knowing anything"


def test_the_view_has_pictures_charts_and_rows_of_both_models(world_checkpoint: Checkpoint) -> None:
    other = replace(world_checkpoint, info=replace(world_checkpoint.info, name="other"))
    timeline = calibration(world_checkpoint, [other], replace(REQUEST, others=("x",)), "x")
    name = world_checkpoint.info.name
    assert [strip.title for strip in timeline.strips] == ["truth", "model", "spread"]
    assert list(timeline.curves[INSIDE_CHART]) == [name, "other", STILL, "90%"]
    assert timeline.curves[ERROR_CHART][name] == timeline.curves[ERROR_CHART]["other"], "the same model"
    assert timeline.curves[INSIDE_CHART]["90%"] == [None] * 4 + [0.9] * 5
    assert [(row["model"], row["step"]) for row in timeline.facts["measured"]][:4] == [
        *((name, step) for step in (1, 3, 5)),
        ("other", 1),
    ]
    assert all(row["interval"] is None for row in timeline.facts["measured"]), "three episodes are too few"
    assert "too few to say" in timeline.facts["says"]


def test_what_cannot_be_measured_is_refused_in_a_sentence(
    world_checkpoint: Checkpoint, video_checkpoint: Checkpoint
) -> None:
    length = world_checkpoint.clip.image.shape[1]
    for request in (CalibrationRequest(99), CalibrationRequest(0, length), CalibrationRequest(0, 4, length)):
        with pytest.raises(ViewError):
            calibration(world_checkpoint, [], request, "x")
    assert calibration(video_checkpoint, [], REQUEST, "x").strips, "a model without actions has a band as well"
    one = replace(world_checkpoint, clip=replace(world_checkpoint.clip, image=world_checkpoint.clip.image[:1]))
    with pytest.raises(ViewError, match="the clip has one episode"):
        calibration(one, [], replace(REQUEST, episode=0), "x")
    with pytest.raises(ViewError, match="4 further checkpoints are more than 3"):
        calibration(world_checkpoint, [world_checkpoint] * 4, REQUEST, "x")
    wide = replace(world_checkpoint, clip=replace(world_checkpoint.clip, action=world_checkpoint.clip.action[..., :0]))
    with pytest.raises(ViewError, match="the clip has actions of size 0"):
        calibration(wide, [], REQUEST, "x")
