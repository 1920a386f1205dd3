"""The action-free video model: beta-VAE encoder, RSSM without actions, decoder (the paper's phi')."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.config import VideoModelConfig
from models.conv import ConvDecoder, ConvEncoder
from models.in_parts import decoded_image_loss
from models.losses import dynamics_kl
from models.observe_scan import observe_scan
from models.rssm import RSSM, Observed, recurrence_of
from models.types import Batch, Gaussian, State, normalise
from models.vae import Decoder, Encoder

VISIONS: dict[str, tuple[type[Encoder] | type[ConvEncoder], type[Decoder] | type[ConvDecoder]]] = {
    "vae": (Encoder, Decoder),
    "conv": (ConvEncoder, ConvDecoder),
}
"""Encoder and decoder by the name that a configuration gives to both."""


class Inference(NamedTuple):
    """What a model makes of a batch: its losses, one value per (B, T), and what they came from."""

    losses: dict[str, Tensor]
    latent: Gaussian  # (B, T, Z)
    observed: Observed


class VideoModel(nn.Module):
    """Encodes an image to a disentangled latent, follows it through time and decodes the state."""

    def __init__(self, config: VideoModelConfig) -> None:
        super().__init__()
        self.config = config
        encoder, decoder = VISIONS[config.vision]
        self.encoder = encoder(config)
        self.rssm = recurrence_of(config)
        self.decoder = decoder(config)

    def encode(self, image: Tensor) -> Gaussian:
        """q(bold z given o): (..., 3, 64, 64) in [-0.5, 0.5] -> Gaussian (..., Z)."""
        return self.encoder(image)  # type: ignore[no-any-return] # nn.Module call

    def decode(self, feature: Tensor) -> Tensor:
        """Mean image of a state's feature: (..., S + D) -> (..., 3, 64, 64)."""
        return self.decoder(feature[..., self.config.heads])  # type: ignore[no-any-return] # nn.Module call

    def observe(
        self,
        latent: Tensor,
        action: Tensor | None = None,
        is_first: Tensor | None = None,
        state: State | None = None,
        noise: Tensor | None = None,
    ) -> Observed:
        """`RSSM.observe`; an action-free model drops the actions."""
        known = self._known(action)
        if isinstance(self.rssm, RSSM) and torch.is_grad_enabled() and is_first is not None and state is None:
            return observe_scan(self.rssm, latent, known, is_first, noise)
        return self.rssm.observe(latent, known, is_first, state, noise)

    def imagine(self, state: State, steps: int, action: Tensor | None = None, noise: Tensor | None = None) -> State:
        """`RSSM.imagine`; an action-free model drops the actions."""
        return self.rssm.imagine(state, steps, self._known(action), noise)

    def infer(
        self, batch: Batch, generator: torch.Generator | None = None, balance: float = 0.8, free_nats: float = 1.0
    ) -> Inference:
        """The three losses of pretraining (eq. 2) on a batch: `image`, `dynamics`, `latent`.

        The latent is sampled, the recurrent state propagates its mean.
        """
        image = normalise(batch.image)
        latent = self.encode(image)
        observed = self.observe(latent.sample(noise_like(latent.mean, generator)), None, batch.is_first)
        losses = self.image_losses(image, latent, observed, balance, free_nats)
        return Inference(losses, latent, observed)

    def image_losses(
        self,
        image: Tensor,
        latent: Gaussian,
        observed: Observed,
        balance: float = 0.8,
        free_nats: float = 1.0,
    ) -> dict[str, Tensor]:
        """Eq. 2 without its weights, one value per (B, T)."""
        return {
            "image": decoded_image_loss(self.decoder, observed.states.feature[..., self.config.heads], image),
            "dynamics": dynamics_kl(observed.posterior, observed.prior, balance, free_nats),
            **self.encoder.losses(latent),
        }

    def _known(self, action: Tensor | None) -> Tensor | None:
        return action if self.config.action_size else None


def noise_like(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Standard normal noise of the shape and device of `like`."""
    return torch.randn(like.shape, generator=generator, device=like.device, dtype=like.dtype)
