"""Two looks at one state must agree, and differ from all others: InfoNCE, with a slow encoder for the other look."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.vae import Encoder


def info_nce(query: Tensor, key: Tensor, temperature: float) -> Tensor:
    """-log softmax_j(q_i . k_j / temperature) at j = i, of rows of unit length (N, K): (N,), in nats."""
    pairs = torch.arange(len(query), device=query.device)
    return functional.cross_entropy(query @ key.T / temperature, pairs, reduction="none")


class Contrast(nn.Module):
    """Projects latents of two looks at the same states; the other look's encoder and projection follow slowly."""

    def __init__(self, encoder: Encoder, latents: int, size: int, temperature: float, momentum: float) -> None:
        """`size`: numbers of a projected latent. `momentum`: share of its weights that a slow network keeps."""
        super().__init__()
        self.projection = nn.Linear(latents, size, bias=False)  # a bias alone would make all latents alike at first
        self.slow_encoder = copy.deepcopy(encoder).requires_grad_(False)
        self.slow_projection = copy.deepcopy(self.projection).requires_grad_(False)
        self._encoder = [encoder]  # in a list: its weights are not this module's
        self._temperature, self._momentum = temperature, momentum

    @torch.no_grad()
    def follow(self) -> None:
        """Moves the slow networks a step towards those that learn."""
        learned: list[Tensor] = [*self._encoder[0].parameters(), *self.projection.parameters()]
        slow: list[Tensor] = [*self.slow_encoder.parameters(), *self.slow_projection.parameters()]
        torch._foreach_lerp_(slow, learned, 1 - self._momentum)

    def loss(self, sample: Tensor, other: Tensor) -> Tensor:
        """InfoNCE of sampled latents (B, T, Z) and images of the same states (B, T, 3, 64, 64): (B, T), in nats.

        Every other state of the batch is a negative, those of the same sequence among them. Samples, because means
        that agree may be as small as they like, and would drown in the latent's own noise.
        """
        with torch.no_grad():
            key = _unit(self.slow_projection(self.slow_encoder(other).mean))
        query = _unit(self.projection(sample))
        return info_nce(query.flatten(0, 1), key.flatten(0, 1), self._temperature).view(sample.shape[:2])


def _unit(rows: Tensor) -> Tensor:
    return functional.normalize(rows, dim=-1)
