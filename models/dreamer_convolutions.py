"""DreamerV2's encoder and decoder: no bottleneck, no prior on the embedding; the image networks of the baselines."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from models.config import VideoModelConfig
from models.types import Gaussian
from models.vae import IMAGE_SIZE, ImageDecoder, ImageNetwork

DEPTH = 32
POINT = 1e-6  # std of an embedding, which is a point and not a distribution


def conv_kernels(depth: int = DEPTH) -> tuple[int, int, int, int, int]:
    """Channels of the four convolutions, and the size of the embedding: 2 x 2 pixels of the last one."""
    return (depth, 2 * depth, 4 * depth, 8 * depth, 32 * depth)


class ConvEncoder(ImageNetwork):
    """Four convolutions of kernel 4 and stride 2, ELU; their output is the embedding. Source: DreamerV2."""

    constraints: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: VideoModelConfig) -> None:
        super().__init__()
        if not config.latents == config.kernels[-1] == 4 * config.kernels[3]:
            raise ValueError(f"{config.latents} latents, where channels of {config.kernels} give {config.kernels[-1]}")
        layers: list[nn.Module] = []
        for inputs, outputs in zip((3, *config.kernels[:3]), config.kernels[:4], strict=True):
            layers += [nn.Conv2d(inputs, outputs, 4, 2), nn.ELU(inplace=True)]
        self.convolutions = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Gaussian:
        """(..., 3, 64, 64) in [-0.5, 0.5] -> the embedding as a Gaussian (..., Z) of almost zero width."""
        assert image.shape[-3:] == (3, IMAGE_SIZE, IMAGE_SIZE), tuple(image.shape)
        hidden = self.convolve(image.reshape(-1, *image.shape[-3:])).flatten(1)
        mean = hidden.reshape(*image.shape[:-3], -1)
        return Gaussian(mean, torch.full_like(mean, POINT))

    def losses(self, latent: Gaussian) -> dict[str, Tensor]:
        """None: no prior constrains the embedding."""
        assert latent.mean.dim() == 3
        return {}


class ConvDecoder(ImageDecoder):
    """Linear to the size of the embedding, then four transposed convolutions. Source: DreamerV2."""

    def __init__(self, config: VideoModelConfig) -> None:
        super().__init__()
        first, second, third, _, embedding = config.kernels
        self.widen = nn.Linear(config.feature, embedding)
        self.convolutions = nn.Sequential(
            nn.ConvTranspose2d(embedding, third, 5, 2),
            nn.ELU(inplace=True),
            nn.ConvTranspose2d(third, second, 5, 2),
            nn.ELU(inplace=True),
            nn.ConvTranspose2d(second, first, 6, 2),
            nn.ELU(inplace=True),
            nn.ConvTranspose2d(first, 3, 6, 2),
        )

    def forward(self, feature: Tensor) -> Tensor:
        """(..., S + D) -> image mean (..., 3, 64, 64) around [-0.5, 0.5]."""
        hidden = self.widen(feature).reshape(-1, self.widen.out_features, 1, 1)
        image = self.convolve(hidden)
        return image.reshape(*feature.shape[:-1], 3, IMAGE_SIZE, IMAGE_SIZE)
