"""Building blocks: a plain multilayer perceptron and the GRU cell with layer norm."""

import torch
from torch import Tensor, nn
from torch.nn import functional


def mlp(inputs: int, units: int, layers: int, outputs: int) -> nn.Sequential:
    """`layers` hidden layers of `units` with ELU, then a linear layer: (..., inputs) -> (..., outputs)."""
    modules: list[nn.Module] = []
    for layer in range(layers):
        modules += [nn.Linear(inputs if layer == 0 else units, units), nn.ELU(inplace=True)]
    return nn.Sequential(*modules, nn.Linear(units if layers else inputs, outputs))


class ToPixels(nn.ConvTranspose2d):
    """The transposed convolution that draws an image: kernel 4, stride 2, padding 1, few channels out.

    Each output pixel depends on 2 x 2 inputs, by one of four kernels that belong to its place in a 2 x 2 tile. Where
    nothing is learned, CPUs compute the four as one ordinary convolution with four times the channels: twice as fast.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, 2, 1)

    def forward(self, image: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(B, I, H, W) -> (B, O, 2H, 2W)."""
        if torch.is_grad_enabled() or image.is_cuda:
            return super().forward(image, output_size)
        taps = torch.tensor([[3, 1], [2, 0]])  # of the even and of the odd pixel, on the input before and on its own
        kernels = self.weight[:, :, taps][..., taps].permute(2, 4, 1, 0, 3, 5).flatten(0, 2)  # (4 O, I, 2, 2)
        spare = -len(kernels) % 16  # channels come in blocks
        kernels = functional.pad(kernels, (0, 0, 0, 0, 0, 0, 0, spare)).contiguous(memory_format=torch.channels_last)
        tiles = functional.conv2d(image, kernels, padding=1)[:, : len(kernels) - spare]  # (B, 4 O, H + 1, W + 1)
        upper, lower = tiles.reshape(len(image), 2, 2, self.out_channels, *tiles.shape[2:]).unbind(1)
        rows = [(upper[..., :-1, :], 0), (lower[..., 1:, :], 1)]
        drawn = tiles.new_empty(len(image), self.out_channels, 2 * image.shape[2], 2 * image.shape[3])
        for row, y in rows:
            drawn[:, :, y::2, 0::2] = row[:, 0, ..., :-1]
            drawn[:, :, y::2, 1::2] = row[:, 1, ..., 1:]
        assert self.bias is not None
        return drawn.add_(self.bias.to(drawn.dtype)[:, None, None])


class NormGRUCell(nn.Module):
    """GRU cell whose three parts are layer-normed together, with a bias of -1 on the update gate.

    Source: DreamerV2; parts in the order reset, candidate, update of the published weights.
    """

    def __init__(self, inputs: int, deter: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs + deter, 3 * deter)
        self.norm = nn.LayerNorm(3 * deter)

    def forward(self, inputs: Tensor, deter: Tensor) -> Tensor:
        """(B, I), (B, D) -> (B, D)."""
        parts = self.norm(self.linear(torch.cat([inputs, deter], -1)))
        reset, candidate, update = parts.chunk(3, -1)
        candidate = torch.tanh(reset.sigmoid() * candidate)
        update = torch.sigmoid(update - 1)
        return torch.lerp(deter, candidate, update)
