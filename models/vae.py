"""Encoder and decoder of the beta-VAE: a 64 x 64 image to a disentangled latent, a state back to an image."""

from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from models.config import VideoModelConfig
from models.fast_convolutions import Double, FromPoint, Halve, ToPixels, ToPoint
from models.losses import latent_kl
from models.share import ALONE, Share
from models.types import Gaussian

IMAGE_SIZE = 64
FRAMES_AT_ONCE = 512


class ImageNetwork(nn.Module):
    """A network built of convolutions: nearly all of an update's arithmetic, which may use another precision."""

    convolutions: nn.Sequential
    precision = torch.float32  # if a gradient is needed; otherwise always float32

    def convolve(self, image: Tensor) -> Tensor:
        """The convolutions, float32 in and out: (B, C, H, W) -> (B, C', H', W')."""
        if self.precision == torch.float32 or not torch.is_grad_enabled():
            return self.convolutions(image)  # type: ignore[no-any-return] # nn.Module call
        with torch.autocast(image.device.type, self.precision):
            return self.convolutions(image).float()  # type: ignore[no-any-return] # nn.Module call


class ImageDecoder(ImageNetwork):
    """A network that draws the picture of a state. Most see the state alone: any context leaves them as they are."""

    sees_context: ClassVar[bool] = False

    def in_context(self, image: Tensor | None) -> nn.Module:  # noqa: ARG002 # others see it
        """The decoder that sees this frame (3, 64, 64) beside the state."""
        return self

    def of_clips(self, image: Tensor, generator: torch.Generator | None, share: Share = ALONE) -> nn.Module:  # noqa: ARG002 # as above
        """The decoder that sees something of each clip (B, T, 3, 64, 64), for learning."""
        return self


class Encoder(ImageNetwork):
    """q(bold z given o): five convolutions to 1 x 1, then mean and log variance of Z latents.

    When a CPU trains on many images, they are encoded a few hundred at a time, so that only the gradients of one part's
    feature maps are in memory in the backward pass.
    """

    constraints: ClassVar[tuple[str, ...]] = ("latent",)  # names of the losses that pull the latent to a prior

    def __init__(self, config: VideoModelConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((3, *config.kernels[:-1])):
            layers += [Halve(inputs, outputs), nn.ELU(inplace=True)]
        layers += [ToPoint(*config.kernels[-2:]), nn.ELU(inplace=True)]
        self.convolutions = _channels_last(nn.Sequential(*layers))
        self.moments = nn.Linear(config.kernels[-1], 2 * config.latents)

    def forward(self, image: Tensor) -> Gaussian:
        """(..., 3, 64, 64) in [-0.5, 0.5] -> Gaussian (..., Z)."""
        assert image.shape[-3:] == (3, IMAGE_SIZE, IMAGE_SIZE), tuple(image.shape)
        flat = image.reshape(-1, *image.shape[-3:]).contiguous(memory_format=torch.channels_last)
        in_parts = torch.is_grad_enabled() and not image.is_cuda
        parts = torch.split(flat, FRAMES_AT_ONCE) if in_parts else (flat,)
        hidden = torch.cat([self.convolve(part) for part in parts]).flatten(1)
        mean, logvar = self.moments(hidden).reshape(*image.shape[:-3], -1).chunk(2, -1)
        return Gaussian(mean, (0.5 * logvar).exp())

    def losses(self, latent: Gaussian) -> dict[str, Tensor]:
        """The disentanglement constraint on a latent (B, T, Z), (B, T)."""
        return {"latent": latent_kl(latent)}


class Decoder(ImageDecoder):
    """Mean of p(o given h, z): a second bottleneck of Z units, then five transposed convolutions."""

    channels: ClassVar[int] = 3

    def __init__(self, config: VideoModelConfig) -> None:
        super().__init__()
        self.waist = nn.Sequential(nn.Linear(config.feature, config.latents), nn.ELU(inplace=True))
        self.widen = nn.Linear(config.latents, config.kernels[-1])
        first, second, *rest = reversed(config.kernels)
        layers: list[nn.Module] = [nn.ELU(inplace=True), FromPoint(first, second)]
        for inputs, outputs in pairwise((second, *rest)):
            layers += [nn.ELU(inplace=True), Double(inputs, outputs)]
        layers += [nn.ELU(inplace=True), ToPixels(rest[-1], self.channels)]
        self.convolutions = _channels_last(nn.Sequential(*layers))

    def forward(self, feature: Tensor) -> Tensor:
        """(..., S + D) -> image mean (..., C, 64, 64) around [-0.5, 0.5], C of `channels`."""
        hidden = self.widen(self.waist(feature)).reshape(-1, self.widen.out_features, 1, 1)
        image = self.convolve(hidden)
        return image.reshape(*feature.shape[:-1], self.channels, IMAGE_SIZE, IMAGE_SIZE)


class DepthDecoder(Decoder):
    """The nearness of what a state shows, in place of its picture: (..., S + D) -> (..., 1, 64, 64)."""

    channels = 1


def _channels_last(layers: nn.Sequential) -> nn.Sequential:
    for parameter in layers.parameters():  # this layout makes convolutions 1.4x faster on CPUs
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return layers
