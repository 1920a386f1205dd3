"""How wide a model's imagination spreads, and how often what then comes lies inside: its calibration, in its states.

A state's z is drawn from its posterior along the observed episode, and from the prior in imagination: where a model is
right about its own uncertainty, 90% of the former lie between the 5th and the 95th percentile of the latter.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import torch
from torch import Tensor

from backend.interpret.encoded import Floats
from backend.interpret.resample import interval_of_mean
from models.types import State, normalise
from models.video_model import VideoModel

DRAWN = 64  # futures of each episode
INSIDE = 90  # per cent of them that the band holds
VARYING = 0.1  # share of a number's variance that must come from what is seen
LEAST = 1e-6


@dataclass(frozen=True)
class Measured:
    """Of E episodes, one value per imagined step, (E, H)."""

    inside: Floats  # share of the numbers of z inside the band
    error: Floats  # root mean square of the distance from the mean future, of standing still's
    width: Floats  # mean width of the band, of standing still's
    still_inside: Floats  # share inside the band around the last seen z
    numbers: int  # of z that are measured: those that depend on what is seen

    @property
    def interval(self) -> Floats:
        """95% of the mean share inside over resampled episodes, (H, 2)."""
        return interval_of_mean(self.inside)


@torch.inference_mode()
def measure(model: VideoModel, image: Tensor, action: Tensor, context: int) -> Measured:
    """Episodes (E, S, H, W, 3) uint8 with actions (E, S, A), of which `context` steps are observed first.

    Standing still expects the last seen z, and is as unsure as the other episodes say: E must be at least 2.
    """
    assert len(image) > 1, len(image)
    generator = torch.Generator().manual_seed(0)
    seen = [_observed(model, *episode, generator) for episode in zip(image, action, strict=True)]
    true = torch.stack([states.stoch for states, _ in seen])
    varying = _varying(true, torch.stack([std for _, std in seen]))
    drawn = torch.stack(
        [_drawn(model, states, each, context, generator) for (states, _), each in zip(seen, action, strict=True)]
    )
    after, last = true[:, context:, varying], true[:, context - 1 : context, varying]
    futures = drawn[..., varying]  # (E, K, H, V)
    low, high = (futures.quantile(_rank(end), 1) for end in ((1 - INSIDE / 100) / 2, (1 + INSIDE / 100) / 2))
    spread = _spread_of_others(after - last)
    still = spread * NormalDist().inv_cdf((1 + INSIDE / 100) / 2)
    return Measured(
        inside=_mean((low <= after) & (after <= high)),
        error=(_rms(futures.mean(1) - after) / _rms(after - last).mean(0).clamp(min=LEAST)).numpy(),
        width=_mean((high - low) / (2 * still)),
        still_inside=_mean((after - last).abs() <= still),
        numbers=int(varying.sum()),
    )


def _observed(model: VideoModel, image: Tensor, action: Tensor, generator: torch.Generator) -> tuple[State, Tensor]:
    """States along an episode with z drawn, (S, .), and the posterior's standard deviation, (S, Z)."""
    latent = model.encode(normalise(image)).mean
    noise = torch.randn(1, len(image), model.config.state_stoch, generator=generator)
    led = action[None] if model.config.action_size else None
    found = model.rssm.observe(latent[None], led, noise=noise)
    return State(found.states.deter[0], found.states.stoch[0]), found.posterior.std[0]


def _drawn(model: VideoModel, seen: State, action: Tensor, context: int, generator: torch.Generator) -> Tensor:
    """z of DRAWN futures after `context` steps, (K, H, S)."""
    steps = len(action) - context
    noise = torch.randn(DRAWN, steps, model.config.state_stoch, generator=generator)
    start = State(*(part[context - 1].expand(DRAWN, -1) for part in seen))
    led = action[context:].expand(DRAWN, -1, -1) if model.config.action_size else None
    return model.rssm.imagine(start, steps, led, noise).stoch


def _rank(end: float) -> float:
    """The quantile of DRAWN numbers below which a further one lies with this probability."""
    return (end * (DRAWN + 1) - 1) / (DRAWN - 1)


def _varying(true: Tensor, std: Tensor) -> Tensor:
    """Numbers of z that depend on what is seen, (S,); all, if none do. Others are right without knowing anything."""
    noise = std.square().mean((0, 1))
    varying = true.flatten(0, 1).var(0) - noise > VARYING * noise / (1 - VARYING)
    return varying if bool(varying.any()) else torch.ones_like(varying)


def _spread_of_others(moved: Tensor) -> Tensor:
    """Root mean square of how far z moved in all episodes but each: (E, H, V) -> (E, H, V)."""
    squares = moved.square()
    return ((squares.sum(0) - squares) / (len(moved) - 1)).sqrt().clamp(min=LEAST)


def _mean(values: Tensor) -> Floats:
    return np.asarray(values.double().mean(-1).numpy())


def _rms(values: Tensor) -> Tensor:
    return values.double().square().mean(-1).sqrt()
