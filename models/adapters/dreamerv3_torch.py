"""The world model of NM512/dreamerv3-torch (MIT licence): an RSSM with classes or Gaussians, built from its files.

Differences from our own: LayerNorm with epsilon 1e-3 and SiLU in place of ELU, a learned first state, and an
encoder and decoder with normalised channels.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.adapters.adapter import Adapter
from models.adapters.dreamerv3_sizes import DreamerSizes
from models.types import Belief, Categorical, Gaussian, State

EPSILON = 1e-3
BINS_REACH = 20.0  # of the bins of reward, in symlog
SPREADS: dict[str, Callable[[Tensor], Tensor]] = {
    "softplus": functional.softplus,
    "abs": lambda value: (value + 1).abs(),
    "sigmoid": torch.sigmoid,
    "sigmoid2": lambda value: 2 * torch.sigmoid(value / 2),
}
"""How a Gaussian's outputs become its standard deviation, apart from the minimum."""


class Normed(nn.Module):
    """A linear layer without bias, LayerNorm, activation."""

    def __init__(self, inputs: int, outputs: int, activation: nn.Module) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        self.norm = nn.LayerNorm(outputs, eps=EPSILON)
        self.activation = activation

    def forward(self, value: Tensor) -> Tensor:
        """(..., inputs) -> (..., outputs)."""
        return self.activation(self.norm(self.linear(value)))  # type: ignore[no-any-return] # nn.Module call


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of a picture (B, C, H, W)."""

    def forward(self, value: Tensor) -> Tensor:
        return super().forward(value.movedim(-3, -1)).movedim(-1, -3)


class Encoder(nn.Module):
    """Halvings to 4 x 4, each with normalised channels."""

    def __init__(self, sizes: DreamerSizes) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in sizes.stages:
            layers += [nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False), ChannelNorm(outputs, eps=EPSILON)]
            layers.append(sizes.activation())
        self.layers = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) in 0..1 -> (B, E)."""
        return self.layers(image - 0.5).flatten(1)  # type: ignore[no-any-return] # nn.Module call


class Decoder(nn.Module):
    """A feature is reshaped to 4 x 4, channels last, then doubled repeatedly; the last layer has a bias and no norm."""

    def __init__(self, sizes: DreamerSizes) -> None:
        super().__init__()
        self.channels, self.sigmoid = sizes.stages[-1][1], sizes.sigmoid
        self.linear = nn.Linear(sizes.feature, 16 * self.channels)
        layers: list[nn.Module] = []
        for outputs, inputs in reversed(sizes.stages[1:]):
            layers += [nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False), ChannelNorm(outputs, eps=EPSILON)]
            layers.append(sizes.activation())
        image, inputs = sizes.stages[0]
        layers.append(nn.ConvTranspose2d(inputs, image, 4, 2, 1))
        self.layers = nn.Sequential(*layers)

    def forward(self, feature: Tensor) -> Tensor:
        """(B, S + D) -> (B, C, H, W), about 0..1."""
        hidden = self.linear(feature).reshape(-1, 4, 4, self.channels).movedim(-1, -3)
        image: Tensor = self.layers(hidden)
        return torch.sigmoid(image) if self.sigmoid else image + 0.5


class Bins(nn.Module):
    """A head of probabilities over bins, whose mean is in symlog."""

    def __init__(self, sizes: DreamerSizes) -> None:
        super().__init__()
        ends = [sizes.feature, *[sizes.reward_units] * sizes.reward_layers]
        layers = (Normed(a, b, sizes.activation()) for a, b in pairwise(ends))
        self.hidden = nn.Sequential(*layers)
        self.last = nn.Linear(ends[-1], sizes.reward_bins)

    def forward(self, feature: Tensor) -> Tensor:
        """(B, S + D) -> (B,)."""
        chances = self.last(self.hidden(feature)).softmax(-1)
        bins = torch.linspace(-BINS_REACH, BINS_REACH, chances.shape[-1], device=feature.device)
        mean: Tensor = (chances * bins).sum(-1)
        return mean.sign() * torch.expm1(mean.abs())


class DreamerV3(Adapter):
    """The world model, without its actor and critic."""

    def __init__(self, sizes: DreamerSizes) -> None:
        super().__init__()
        self.spec, self.sizes = sizes.spec, sizes
        deter, hidden = sizes.deter, sizes.hidden
        self.encoder = Encoder(sizes)
        self.decoder = Decoder(sizes)
        self.enter = Normed(sizes.spec.stoch + sizes.action_size, hidden, sizes.activation())
        self.gru = nn.Linear(hidden + deter, 3 * deter, bias=False)
        self.gru_norm = nn.LayerNorm(3 * deter, eps=EPSILON)
        self.prior_hidden = Normed(deter, hidden, sizes.activation())
        self.prior_moments = nn.Linear(hidden, sizes.moments)
        self.posterior_hidden = Normed(deter + sizes.embedding, hidden, sizes.activation())
        self.posterior_moments = nn.Linear(hidden, sizes.moments)
        self.first = nn.Parameter(torch.zeros(1, deter)) if sizes.learned_first else None
        self.reward_head = Bins(sizes) if sizes.reward_bins else None

    def encode(self, image: Tensor) -> Tensor:
        return self.encoder(image)  # type: ignore[no-any-return] # nn.Module call

    def initial(self, batch: int) -> State:
        if self.first is None:
            return super().initial(batch)
        deter = torch.tanh(self.first).expand(batch, -1)
        return State(deter, self.prior(deter).mean)

    def advance(self, state: State, action: Tensor) -> Tensor:
        entered = self.enter(torch.cat([state.stoch, action], -1))
        parts = self.gru_norm(self.gru(torch.cat([entered, state.deter], -1)))
        reset, candidate, update = parts.chunk(3, -1)
        update = torch.sigmoid(update - 1)
        new: Tensor = torch.tanh(torch.sigmoid(reset) * candidate)
        return update * new + (1 - update) * state.deter

    def prior(self, deter: Tensor) -> Belief:
        return self._belief(self.prior_moments(self.prior_hidden(deter)))

    def posterior(self, deter: Tensor, seen: Tensor) -> Belief:
        return self._belief(self.posterior_moments(self.posterior_hidden(torch.cat([deter, seen], -1))))

    def decode(self, state: State) -> Tensor:
        return self.decoder(state.feature)  # type: ignore[no-any-return] # nn.Module call

    def reward(self, state: State) -> Tensor | None:
        return None if self.reward_head is None else self.reward_head(state.feature)

    def _belief(self, moments: Tensor) -> Belief:
        sizes = self.sizes
        if sizes.spec.classes:
            return Categorical(
                moments.reshape(*moments.shape[:-1], sizes.spec.latents, sizes.spec.classes), sizes.uniform
            )
        mean, raw = moments.chunk(2, -1)
        if sizes.mean_activation == "tanh5":
            mean = 5 * torch.tanh(mean / 5)
        return Gaussian(mean, SPREADS[sizes.std_activation](raw) + sizes.min_std)
