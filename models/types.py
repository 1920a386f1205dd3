"""Shapes and small value types that every network shares.

Letters: B batch, T time, N imagined steps, Z latents, D deterministic state, S stochastic state,
A action, C H W image. Images are stored as uint8 (..., H, W, C); networks see float (..., C, H, W).
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional


class Capabilities(NamedTuple):
    """What a model is capable of."""

    decodes: bool  # decodes the picture of a state
    imagines: bool  # continues from a state without observations
    has_latents: bool  # an image becomes latents, which can be traversed one by one
    has_scales: bool  # latents depend only on the picture, and are numbers that factors can be measured against
    sees_context: bool = False  # draws a state beside a frame of its clip


class Belief(Protocol):
    """What a model believes about a state's `stoch`, (..., S): a Gaussian, or classes."""

    @property
    def mean(self) -> Tensor:
        """What is propagated without sampling; for classes, the likeliest."""

    @property
    def std(self) -> Tensor:
        """Standard deviation of each entry."""

    def sample(self, noise: Tensor) -> Tensor:
        """A sample for standard normal `noise` (..., S)."""


class Gaussian(NamedTuple):
    """A diagonal Gaussian, as its mean and standard deviation, both (..., K)."""

    mean: Tensor
    std: Tensor

    @property
    def logvar(self) -> Tensor:
        """Log variance, (..., K)."""
        return 2 * self.std.log()

    def sample(self, noise: Tensor) -> Tensor:
        """Reparametrised sample for standard normal `noise` (..., K) -> (..., K)."""
        return torch.addcmul(self.mean, self.std, noise)

    def detach(self) -> "Gaussian":
        """The same distribution, detached from the graph."""
        return Gaussian(self.mean.detach(), self.std.detach())


class Categorical(NamedTuple):
    """Z groups of K classes, as logits (..., Z, K). A draw is one-hot, flat: (..., Z * K)."""

    logits: Tensor
    uniform: float = 0.0  # share of the uniform distribution that is mixed in before sampling

    @property
    def classes(self) -> Tensor:
        """The likeliest class of each group, (..., Z)."""
        return self.logits.argmax(-1)

    @property
    def chances(self) -> Tensor:
        """Probability of each class, (..., Z, K)."""
        return self.logits.softmax(-1) * (1 - self.uniform) + self.uniform / self.logits.shape[-1]

    @property
    def mean(self) -> Tensor:
        """The likeliest classes, (..., Z * K)."""
        return self._flat(self.classes)

    @property
    def std(self) -> Tensor:
        """Of each entry of a draw, (..., Z * K)."""
        chances = self.chances
        return (chances * (1 - chances)).sqrt().flatten(-2)

    def sample(self, noise: Tensor) -> Tensor:
        """A sample for standard normal `noise` (..., Z * K): its ranks become Gumbel noise on the logits."""
        chance = (0.5 * torch.erfc(-noise / 2**0.5)).clamp(1e-7, 1 - 1e-7).reshape(self.logits.shape)
        return self._flat((self.chances.log() - (-chance.log()).log()).argmax(-1))

    def _flat(self, classes: Tensor) -> Tensor:
        return functional.one_hot(classes, self.logits.shape[-1]).to(self.logits.dtype).flatten(-2)


class State(NamedTuple):
    """State of the recurrent model: `deter` (..., D), the paper's h, and `stoch` (..., S), the paper's z."""

    deter: Tensor
    stoch: Tensor

    @property
    def feature(self) -> Tensor:
        """Input of every head, (..., S + D), in the order [stoch, deter] of the published weights."""
        return torch.cat([self.stoch, self.deter], -1)

    def detach(self) -> "State":
        """The same state, detached from the graph."""
        return State(self.deter.detach(), self.stoch.detach())

    def at(self, index: int) -> "State":
        """The state at one time step: (B, T, .) -> (B, .)."""
        return State(self.deter[:, index], self.stoch[:, index])

    def part(self, rows: slice) -> "State":
        """A part of the batch: (B, .) -> (b, .)."""
        return State(self.deter[rows], self.stoch[rows])

    def every(self, count: int) -> "State":
        """Every `count`-th state, the last of each group: (B, .) -> (B // count, .)."""
        return State(self.deter[count - 1 :: count], self.stoch[count - 1 :: count])

    def flatten(self) -> "State":
        """Batch and time merged into one axis: (B, T, .) -> (B * T, .)."""
        return State(self.deter.flatten(0, 1), self.stoch.flatten(0, 1))


class Batch(NamedTuple):
    """A batch of sequences; action[t] led to image[t], where reward[t] was received."""

    image: Tensor  # (B, T, H, W, C) uint8
    action: Tensor  # (B, T, A) in [-1, 1]
    reward: Tensor  # (B, T)
    discount: Tensor  # (B, T), 0 where the episode truly ended
    is_first: Tensor  # (B, T) bool, True on the first frame of an episode
    target: Tensor  # (B, T, K), a frozen teacher's outputs for the images; K is 0 without one
    moving: Tensor = torch.zeros(0, dtype=torch.bool)  # (B, T, H, W), pixels that move; empty if not requested
    advice: Tensor = torch.zeros(0)  # (B, T, A), what an expert would do at image[t]; A is 0 without an expert
    recoloured: Tensor = torch.zeros(0, dtype=torch.uint8)  # (B, T, H, W, C), the same states in other colours
    nearness: Tensor = torch.zeros(0, dtype=torch.uint8)  # (B, T, H, W), 255 nearest; both empty if not requested


def normalise(image: Tensor) -> Tensor:
    """uint8 (..., H, W, C) -> float32 (..., C, H, W) in [-0.5, 0.5]."""
    return image.movedim(-1, -3).float().div_(255).sub_(0.5)


def to_uint8(image: Tensor) -> Tensor:
    """Float (..., C, H, W) around [-0.5, 0.5] -> uint8 (..., H, W, C), clipped."""
    return ((image + 0.5) * 255).round().clamp(0, 255).to(torch.uint8).movedim(-3, -1)
