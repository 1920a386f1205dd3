"""How unsure a model is about what comes next for want of data: per step as a number, and per pixel as a picture.

Of an ensemble of priors it is their disagreement, of a Gaussian process the standard deviation of the function.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from backend.data.checkpoint import Checkpoint
from backend.interpret.encoded import Floats
from models.ensemble import EnsembleRSSM
from models.rssm import Unsure
from models.types import State, normalise, to_uint8

MOST_EPISODES = 12
GAIN = 4  # a standard deviation of 64 grey levels is drawn as white
LEAST = 1e-8

Picture = npt.NDArray[np.uint8]


class Words(NamedTuple):
    """What a kind of doubt is called: in a chart, in tables and JSON, and the row of its pictures."""

    chart: str
    column: str
    row: str


DISAGREEMENT = Words("Disagreement", "disagreement", "members")
PROCESS = Words("Doubt of the process", "process_doubt", "guesses")


class Doubt(NamedTuple):
    """Of S steps: how unsure the model is, in units of its mean over the clip, and what about."""

    steps: Floats  # (S,)
    image: Picture  # (S, 64, 64, 3): standard deviation of the pictures of equally plausible states, times GAIN
    words: Words = DISAGREEMENT


def words_of(checkpoint: Checkpoint) -> Words:
    """What the doubt of this model is called."""
    return DISAGREEMENT if isinstance(checkpoint.model.rssm, EnsembleRSSM) else PROCESS


@torch.inference_mode()
def doubt_of(checkpoint: Checkpoint, states: State) -> Doubt | None:
    """Of states (S, .), before what they show was seen; None for a model that has no notion of it."""
    rssm = checkpoint.model.rssm
    if not isinstance(rssm, Unsure):
        return None
    unit = max(_usual(checkpoint, rssm), LEAST)
    pictures = _spread(checkpoint, states.deter, rssm.guesses(states.deter))
    return Doubt((rssm.doubt(states.deter) / unit).numpy(), pictures, words_of(checkpoint))


@torch.inference_mode()
def doubt_of_cells(checkpoint: Checkpoint, deter: Tensor, latent: Tensor) -> Floats | None:
    """About what follows states of one history (D,) with other latents (..., Z), without an action, in those units.

    (...); None for a model that has no notion of it. The doubt about a cell itself is the same along a row: it depends
    on the history alone.
    """
    rssm = checkpoint.model.rssm
    if not isinstance(rssm, Unsure):
        return None
    cells = latent.flatten(0, -2)
    history = deter.expand(len(cells), -1)
    state = State(history, checkpoint.model.stoch_of(history, cells))
    following = rssm.advance(state, cells.new_zeros(len(cells), checkpoint.model.config.action_size))
    unit = max(_usual(checkpoint, rssm), LEAST)
    found: Floats = (rssm.doubt(following) / unit).view(latent.shape[:-1]).numpy()
    return found


def _usual(checkpoint: Checkpoint, rssm: Unsure) -> float:
    """The mean doubt along the episodes of the clip, as they were seen."""
    clip = checkpoint.clip
    image, action = (torch.from_numpy(part[:MOST_EPISODES]) for part in (clip.image, clip.action))
    latent = checkpoint.model.encode(normalise(image)).mean
    states = checkpoint.model.observe(latent, action).states
    return float(rssm.doubt(states.deter).mean())


def _spread(checkpoint: Checkpoint, deter: Tensor, means: Tensor) -> Picture:
    """Standard deviation of what the guesses look like in each step, times GAIN: (S, D), (S, K, S) -> pictures."""
    pictures = []
    for one, each in zip(deter, means, strict=True):
        drawn = checkpoint.model.decode(State(one.expand(len(each), -1), each).feature)
        pictures.append((GAIN * drawn.std(0, unbiased=False) - 0.5).unsqueeze(0))
    image: Picture = to_uint8(torch.cat(pictures)).numpy()
    return image
