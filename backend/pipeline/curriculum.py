"""Schedules by update: the weights of the KL terms and the length of sequences. Seeing comes before disentangling."""

from typing import TypeVar

from torch import nn

from backend.pipeline.settings import LearningSettings, PretrainSettings
from models.initialise import scale_initially
from models.video_model import Objective

Learned = PretrainSettings | LearningSettings
Network = TypeVar("Network", bound=nn.Module)


def initialised(network: Network, settings: Learned) -> Network:
    """The network with the initial weights that the settings ask for, drawn from torch's generator."""
    if settings.initialisation == "scaled":
        scale_initially(network)
    return network


def beta(settings: Learned, update: int) -> float:
    """The weight of the disentanglement constraint at an update."""
    return _grown(settings.seeing_beta, settings.beta, settings, update)


def distillation_share(settings: LearningSettings, update: int) -> float:
    """The share of its weight that distillation has at an update: it grows as beta does, being a constraint too."""
    return beta(settings, update) / settings.beta if settings.beta else 1.0


def dynamics_weight(settings: Learned, update: int) -> float:
    """The weight of the dynamics KL at an update."""
    return _grown(settings.seeing_dynamics, settings.dynamics_weight, settings, update)


def cooled(settings: Learned, progress: float) -> float:
    """The factor on learning rates after a share of the run in [0, 1]: it falls linearly to a tenth while cooling."""
    passed = max(progress - (1 - settings.cooling), 0.0) / settings.cooling if settings.cooling else 0.0
    return 1 - 0.9 * passed


def shape(settings: Learned, update: int, progress: float) -> tuple[int, int]:
    """Batch and sequence length (B, T) at an update, after a share of the run in [0, 1]; all have about as many frames.

    Sequences are short while seeing and may be longer while cooling.
    """
    length = settings.length
    if update < settings.seeing:
        length = min(settings.seeing_length, length)
    elif progress >= 1 - settings.cooling:
        length = settings.cooling_length or length
    return max(settings.batch * settings.length // length, 1), length


def objective(settings: Learned) -> Objective:
    """What the losses need."""
    weights = settings.motion_weight, settings.coarse_weight
    return Objective(settings.kl_balance, settings.free_nats, *weights, settings.overshooting > 0)


def _grown(first: float, last: float, settings: Learned, update: int) -> float:
    """`first` while seeing, then by equal factors to `last` over `settling` updates."""
    if update < settings.seeing:
        return first
    passed = (update - settings.seeing + 1) / max(settings.settling, 1)
    if passed >= 1 or not first or not last:
        return last
    return float(first * (last / first) ** passed)
