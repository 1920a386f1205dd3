"""The action-free video model: beta-VAE encoder, RSSM without actions, decoder (the paper's phi')."""

import copy
from dataclasses import asdict
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn

from models.browsable import Browsable
from models.chunked_loss import decoded_image_loss
from models.config import VideoModelConfig
from models.context import ContextDecoder
from models.dreamer_convolutions import ConvDecoder, ConvEncoder
from models.fast_rssm import recurrence_of
from models.flow import FlowNetwork
from models.losses import dynamics_kl
from models.motion import motion_weights
from models.rssm import Observed
from models.share import ALONE, Share, noise_like
from models.types import Batch, Capabilities, Gaussian, State, normalise
from models.vae import Decoder, Encoder, ImageDecoder

Drawing = type[Decoder] | type[ConvDecoder] | type[ContextDecoder]

VISIONS: dict[str, tuple[type[Encoder] | type[ConvEncoder], Drawing]] = {
    "vae": (Encoder, Decoder),
    "conv": (ConvEncoder, ConvDecoder),
    "context": (ConvEncoder, ContextDecoder),
    "context-vae": (Encoder, ContextDecoder),
}
"""Encoder and decoder by the name that a configuration gives to both."""


class Objective(NamedTuple):
    """Settings of the losses of a batch; the defaults are the paper's."""

    balance: float = 0.8  # share of the dynamics KL that moves the prior
    free_nats: float = 1.0  # minimum of each side of the dynamics KL
    motion_weight: float = 0.0  # extra weight of a moving pixel in the image loss
    coarse: float = 0.0  # weight of the image loss of smaller pictures
    overshooting: bool = False  # whether imagined frames are compared with the true ones as well


PAPER = Objective()
OVERSHOOTING_STRIDE = 2  # only every second imagined frame is decoded, since they are similar


class Ahead(NamedTuple):
    """States (B, n, .) that were imagined, starting at a step of a batch."""

    first: int  # the step of the batch that the first of them imagines
    states: State


class Inference(NamedTuple):
    """A model's outputs for a batch: its losses, one value per (B, T), and what they were computed from."""

    losses: dict[str, Tensor]
    latent: Gaussian  # (B, T, Z)
    observed: Observed


def capabilities_of(vision: str) -> Capabilities:
    """The capabilities of a model with these image networks; raises KeyError."""
    encoder, decoder = VISIONS[vision]
    held = bool(encoder.constraints)
    return Capabilities(True, True, has_latents=held, has_scales=held, sees_context=decoder.sees_context)


class VideoModel(Browsable):
    """Encodes an image to a disentangled latent, follows it through time and decodes the state."""

    kind = "video_model"
    config: VideoModelConfig

    def __init__(self, config: VideoModelConfig) -> None:
        super().__init__()
        self.config = config
        encoder, decoder = VISIONS[config.vision]
        self.encoder = encoder(config)
        self.rssm = recurrence_of(config)
        self.decoder: ImageDecoder = decoder(config)
        self.flow = FlowNetwork(config.flow_units) if config.flow_units else None
        self.decoder_watches = False  # True: the image loss changes the decoder alone, and no state (recore)
        self.context: Tensor | None = None  # a frame (3, 64, 64) that the decoder sees beside every state

    def sizes(self) -> dict[str, Any]:
        """What config.json stores about it."""
        return asdict(self.config)

    @property
    def capabilities(self) -> Capabilities:
        """The capabilities of this model."""
        return capabilities_of(self.config.vision)

    def encode(self, image: Tensor) -> Gaussian:
        """q(bold z given o): (..., 3, 64, 64) in [-0.5, 0.5] -> Gaussian (..., Z)."""
        return self.encoder(image)  # type: ignore[no-any-return] # nn.Module call

    def decode(self, feature: Tensor) -> Tensor:
        """Mean image of a state's feature: (..., S + D) -> (..., 3, 64, 64)."""
        return self.decoder.in_context(self.context)(feature[..., self.config.heads])  # type: ignore[no-any-return] # nn.Module call

    def in_context(self, image: Tensor) -> Self:
        """The same model, which draws every state beside this frame (3, 64, 64); itself if it draws states alone."""
        if not self.decoder.sees_context:
            return self
        beside = copy.copy(self)
        beside.context = image
        return beside

    def infer(
        self,
        batch: Batch,
        generator: torch.Generator | None = None,
        objective: Objective = PAPER,
        share: Share = ALONE,
    ) -> Inference:
        """The three losses of pretraining (eq. 2) on a batch: `image`, `dynamics`, `latent`; optionally `overshooting`.

        The latent is sampled, the recurrent state propagates its mean. `batch` holds the rows of `share`.
        """
        image = normalise(batch.image)
        latent = self.encode(image)
        observed = self.observe(latent.sample(noise_like(latent.mean, generator, share)), None, batch.is_first)
        ahead = self.look_ahead(batch, observed.states, objective)
        losses = self.image_losses(batch, image, latent, observed, objective, ahead, generator, share)
        return Inference(losses, latent, observed)

    def image_losses(
        self,
        batch: Batch,
        image: Tensor,
        latent: Gaussian,
        observed: Observed,
        objective: Objective = PAPER,
        ahead: Ahead | None = None,
        generator: torch.Generator | None = None,
        share: Share = ALONE,
    ) -> dict[str, Tensor]:
        """Eq. 2 without its weights, one value per (B, T); `overshooting` has one per (B, imagined frame)."""
        decoder = self.decoder.of_clips(image, generator, share)
        weight = motion_weights(batch.moving, objective.motion_weight) if objective.motion_weight else None
        losses = {
            "image": self._drawn(decoder, observed.states, image, weight, objective.coarse),
            "dynamics": dynamics_kl(observed.posterior, observed.prior, objective.balance, objective.free_nats, share),
            **self.encoder.losses(latent),
        }
        if ahead is not None:
            first, imagined = ahead
            drawn = slice(first, None, OVERSHOOTING_STRIDE)
            some = State(imagined.deter[:, ::OVERSHOOTING_STRIDE], imagined.stoch[:, ::OVERSHOOTING_STRIDE])
            part = None if weight is None else weight[:, drawn]
            losses["overshooting"] = self._drawn(decoder, some, image[:, drawn], part, objective.coarse)
        return losses

    def look_ahead(self, batch: Batch, states: State, objective: Objective) -> Ahead | None:
        """States imagined without observations, from a quarter of the sequence on; None without overshooting.

        Losses of single steps leave imagination free to drift. Source: observation overshooting, Hafner et al. 2019.
        """
        if not objective.overshooting:
            return None
        start, length = batch.image.shape[1] // 4, batch.image.shape[1]
        assert length >= 2, length
        action = self._known(batch.action)
        led = None if action is None else action[:, start + 1 :]
        return Ahead(start + 1, self.imagine(states.at(start), length - start - 1, led))

    def _drawn(self, decoder: nn.Module, states: State, image: Tensor, weight: Tensor | None, coarse: float) -> Tensor:
        feature = states.feature[..., self.config.heads]
        return decoded_image_loss(decoder, feature.detach() if self.decoder_watches else feature, image, weight, coarse)
