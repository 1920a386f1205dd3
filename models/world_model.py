"""The online world model (the paper's phi): the video model with actions and a reward head."""

import torch
from torch import Tensor, nn

from models.config import WorldModelConfig
from models.first_frames import FirstFrames
from models.layers import mlp
from models.losses import discount_loss, reward_loss
from models.share import noise_like
from models.types import Batch, normalise
from models.video_model import PAPER, Inference, Objective, VideoModel


class WorldModel(VideoModel):
    """Learns from the agent's own images, actions and rewards."""

    kind = "world_model"

    def __init__(self, config: WorldModelConfig) -> None:
        super().__init__(config)
        self.reward_head = mlp(config.feature, config.head_units, config.reward_layers, 1)
        self.discount_head: nn.Module | None = None
        if config.discount_layers:
            self.discount_head = mlp(config.feature, config.head_units, config.discount_layers, 1)
        self.first_frames = FirstFrames(config) if config.tasks else None

    def reward(self, feature: Tensor) -> Tensor:
        """Mean reward of arriving in a state: (..., S + D) -> (...)."""
        value: Tensor = self.reward_head(feature[..., self.config.heads])
        return value.squeeze(-1)

    def discount(self, feature: Tensor) -> Tensor:
        """Probability that the episode continues: (..., S + D) -> (...); 1 without a discount head."""
        if self.discount_head is None:
            return torch.ones_like(feature[..., 0])
        logit: Tensor = self.discount_head(feature[..., self.config.heads])
        return logit.squeeze(-1).sigmoid()

    def infer_online(
        self, batch: Batch, generator: torch.Generator | None = None, objective: Objective = PAPER
    ) -> Inference:
        """The losses of online learning (eq. 5): those of eq. 2 and `reward`; the caller adds distillation.

        The recurrent state is sampled.
        """
        image = normalise(batch.image)
        latent = self.encode(image)
        noise = noise_like(latent.mean.new_empty(*latent.mean.shape[:2], self.config.state_stoch), generator)
        sample = latent.sample(noise_like(latent.mean, generator))
        observed = self.observe(sample, batch.action, batch.is_first, noise=noise)
        feature = observed.states.feature
        ahead = self.look_ahead(batch, observed.states, objective)
        losses = self.image_losses(batch, image, latent, observed, objective, ahead, generator)
        losses["reward"] = reward_loss(self.reward(feature), batch.reward)
        if ahead is not None:
            losses["reward_ahead"] = reward_loss(self.reward(ahead.states.feature), batch.reward[:, ahead.first :])
        if self.discount_head is not None:
            logit = self.discount_head(feature[..., self.config.heads]).squeeze(-1)
            losses["discount"] = discount_loss(logit, batch.discount)
        return Inference(losses, latent, observed)
