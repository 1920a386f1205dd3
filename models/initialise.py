"""Initial weights under which a signal keeps its size through a dozen layers; torch's own shrink it at every layer."""

import math

import torch
from torch import nn

GAIN = 1.4  # variance of a weight times its fan: between 1 (linear) and 2 (rectifiers), as ELU is


@torch.no_grad()
def scale_initially(network: nn.Module, generator: torch.Generator | None = None) -> None:
    """Draws every weight matrix of `network` from N(0, GAIN / fan) and sets its bias to 0.

    The fan is the number of inputs that reach one output: for a transposed convolution of stride s and kernel k that
    is channels * k^2 / s^2. Last layers of an image, a reward or a value keep this scale as well. Source: He et al.
    2015, with the gain for ELU.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            layer.weight.normal_(0, math.sqrt(GAIN / _fan(layer)), generator=generator)
            if layer.bias is not None:
                layer.bias.zero_()


def _fan(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d) -> float:
    """Inputs that reach one output of a layer."""
    if isinstance(layer, nn.Linear):
        return layer.in_features
    kernel = math.prod(layer.kernel_size)
    if isinstance(layer, nn.Conv2d):
        return layer.in_channels * kernel
    if layer.padding == (0, 0) and layer.stride == (1, 1):  # from one pixel: each output has one input place
        return layer.in_channels
    return layer.in_channels * kernel / math.prod(layer.stride)
