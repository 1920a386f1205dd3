"""After ReCoRe (arXiv 2312.09056): two colour draws of a state must agree, and its depth is decoded, not its picture.

The losses are reconstructed from summaries of the paper, L_q + L_d + L_r + beta L_KL. Which features are contrasted,
and all constants, are ours.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from backend.pipeline.methods.parts import Lesson, Parts, Source, sizes_of, standard_parts
from backend.pipeline.methods.sections.recore import RecoreSection
from backend.pipeline.settings import LearningSettings
from models.chunked_loss import decoded_image_loss
from models.contrast import Contrast
from models.share import noise_like
from models.types import Batch, normalise
from models.vae import DepthDecoder, Encoder
from models.video_model import Inference
from models.world_model import WorldModel


def build(settings: LearningSettings, _source: Source | None, action_size: int) -> Parts:
    """DisWM's networks without a video model; the decoder of pictures only watches the states."""
    parts, own = standard_parts(settings, sizes_of(settings, action_size)), settings.own(RecoreSection)
    world_model = parts.world_model
    world_model.decoder_watches = True
    agreement, depth = Agreement(world_model, own), Depth(world_model, own.depth_weight)
    return replace(
        parts,
        lessons={"contrast": agreement, "depth": depth},
        prepare=(*parts.prepare, agreement.follow),
        companions={**parts.companions, "contrast": agreement.contrast, "depth": depth.decoder},
    )


class Agreement(Lesson):
    """The latents of a frame and of the same state in other colours agree, and differ from those of other states."""

    weight_name = "contrast_weight"

    def __init__(self, world_model: WorldModel, own: RecoreSection) -> None:
        encoder = world_model.encoder
        assert isinstance(encoder, Encoder)
        self.contrast = Contrast(
            encoder, world_model.config.latents, own.contrast_size, own.contrast_temperature, own.contrast_momentum
        )
        self._weight = own.contrast_weight

    def follow(self, batch: Batch) -> Batch:
        """The batch as it is, once the slow networks have followed."""
        self.contrast.follow()
        return batch

    def weight(self, _agent_step: int, _update: int) -> float:
        """Constant."""
        return self._weight

    def loss(self, batch: Batch, _target: Tensor, inference: Inference, generator: torch.Generator | None) -> Tensor:
        """`Contrast.loss`, (B, T)."""
        latent = inference.latent
        return self.contrast.loss(latent.sample(noise_like(latent.mean, generator)), normalise(batch.recoloured))

    def learned(self) -> list[nn.Parameter]:
        """The projection's weights."""
        return list(self.contrast.projection.parameters())


class Depth(Lesson):
    """The depth of the picture is decoded from its state, as the picture is in other methods."""

    weight_name = "depth_weight"

    def __init__(self, world_model: WorldModel, weight: float) -> None:
        self.decoder, self._heads, self._weight = DepthDecoder(world_model.config), world_model.config.heads, weight

    def weight(self, _agent_step: int, _update: int) -> float:
        """Constant."""
        return self._weight

    def loss(self, batch: Batch, _target: Tensor, inference: Inference, _generator: torch.Generator | None) -> Tensor:
        """Half the squared error, summed over the picture, (B, T)."""
        feature = inference.observed.states.feature[..., self._heads]
        return decoded_image_loss(self.decoder, feature, normalise(batch.nearness.unsqueeze(-1)))

    def learned(self) -> list[nn.Parameter]:
        """The decoder's weights."""
        return list(self.decoder.parameters())
