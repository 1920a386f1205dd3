"""A conditional VAE of the frames that sequences begin with, one prior for each task (life-long world model)."""

import torch
from torch import Tensor, nn

from models.config import VideoModelConfig
from models.losses import kl
from models.types import Gaussian
from models.vae import Decoder, Encoder

SIZE = 32  # numbers of a frame's code
KL_WEIGHT = 0.6  # beside half the squared error: that of the release, 1e-4 beside the mean over 12,288 numbers


class FirstFrames(nn.Module):
    """Draws a frame of a task from its label alone, so that no frame of the task has to be stored."""

    def __init__(self, config: VideoModelConfig) -> None:
        super().__init__()
        sizes = VideoModelConfig(latents=SIZE, stoch=SIZE, deter=config.tasks, kernels=config.kernels)
        self.encoder, self.decoder = Encoder(sizes), Decoder(sizes)
        self.prior_moments = nn.Linear(config.tasks, 2 * SIZE)

    def loss(self, image: Tensor, label: Tensor, noise: Tensor) -> Tensor:
        """Half the squared error and the weighted KL from the task's prior.

        (N, 3, 64, 64) in [-0.5, 0.5], (N, K), (N, `SIZE`) -> (N,).
        """
        code: Gaussian = self.encoder(image)
        drawn = self.decoder(torch.cat([code.sample(noise), label], -1))
        missed = 0.5 * (drawn - image).square().sum((1, 2, 3))
        loss: Tensor = missed + KL_WEIGHT * kl(code, self.prior(label))
        return loss

    def prior(self, label: Tensor) -> Gaussian:
        """The code's distribution in a task: (N, K) -> (N, `SIZE`)."""
        mean, logvar = self.prior_moments(label).chunk(2, -1)
        return Gaussian(mean, (0.5 * logvar).exp())

    def draw(self, label: Tensor, noise: Tensor) -> Tensor:
        """Frames of tasks (N, K), by noise (N, `SIZE`): (N, 3, 64, 64) in [-0.5, 0.5]."""
        drawn: Tensor = self.decoder(torch.cat([self.prior(label).sample(noise), label], -1))
        return drawn.clamp(-0.5, 0.5)
