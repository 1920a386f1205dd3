"""How far an ensemble of priors disagrees about what comes next: per step as a number, and per pixel as a picture."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from backend.data.checkpoint import Checkpoint
from backend.interpret.encoded import Floats
from models.ensemble import EnsembleRSSM
from models.types import State, normalise, to_uint8

MOST_EPISODES = 12
GAIN = 4  # a standard deviation of 64 grey levels is drawn as white
CHART = "Disagreement"
LEAST = 1e-8

Picture = npt.NDArray[np.uint8]


class Doubt(NamedTuple):
    """Of S steps: the ensemble's disagreement, in units of its mean over the clip, and what it is about."""

    steps: Floats  # (S,)
    image: Picture  # (S, 64, 64, 3): standard deviation of the members' pictures, times GAIN


@torch.inference_mode()
def doubt_of(checkpoint: Checkpoint, states: State) -> Doubt | None:
    """Of states (S, .), before what they show was seen; None for a model with one prior."""
    rssm = checkpoint.model.rssm
    if not isinstance(rssm, EnsembleRSSM):
        return None
    members = rssm.prior(states.deter)
    unit = max(_usual(checkpoint, rssm), LEAST)
    return Doubt((members.disagreement / unit).numpy(), _spread(checkpoint, states.deter, members.means))


@torch.inference_mode()
def doubt_of_cells(checkpoint: Checkpoint, deter: Tensor, latent: Tensor) -> Floats | None:
    """About what follows states of one history (D,) with other latents (..., Z), without an action, in those units.

    (...); None for a model with one prior. The disagreement about a cell itself is the same along a row: it depends on
    the history alone.
    """
    rssm = checkpoint.model.rssm
    if not isinstance(rssm, EnsembleRSSM):
        return None
    cells = latent.flatten(0, -2)
    history = deter.expand(len(cells), -1)
    state = State(history, checkpoint.model.stoch_of(history, cells))
    following = rssm.advance(state, cells.new_zeros(len(cells), checkpoint.model.config.action_size))
    unit = max(_usual(checkpoint, rssm), LEAST)
    found: Floats = (rssm.prior(following).disagreement / unit).view(latent.shape[:-1]).numpy()
    return found


def _usual(checkpoint: Checkpoint, rssm: EnsembleRSSM) -> float:
    """The mean disagreement along the episodes of the clip, as they were seen."""
    clip = checkpoint.clip
    image, action = (torch.from_numpy(part[:MOST_EPISODES]) for part in (clip.image, clip.action))
    latent = checkpoint.model.encode(normalise(image)).mean
    states = checkpoint.model.observe(latent, action).states
    return float(rssm.prior(states.deter).disagreement.mean())


def _spread(checkpoint: Checkpoint, deter: Tensor, means: Tensor) -> Picture:
    """Standard deviation of what the members would draw in each step, times GAIN: (S, D), (S, K, S) -> pictures."""
    pictures = []
    for one, each in zip(deter, means, strict=True):
        drawn = checkpoint.model.decode(State(one.expand(len(each), -1), each).feature)
        pictures.append((GAIN * drawn.std(0, unbiased=False) - 0.5).unsqueeze(0))
    image: Picture = to_uint8(torch.cat(pictures)).numpy()
    return image
