"""Building blocks: a plain multilayer perceptron and the GRU cell with layer norm."""

import torch
from torch import Tensor, nn


def mlp(inputs: int, units: int, layers: int, outputs: int) -> nn.Sequential:
    """`layers` hidden layers of `units` with ELU, then a linear layer: (..., inputs) -> (..., outputs)."""
    modules: list[nn.Module] = []
    for layer in range(layers):
        modules += [nn.Linear(inputs if layer == 0 else units, units), nn.ELU(inplace=True)]
    return nn.Sequential(*modules, nn.Linear(units if layers else inputs, outputs))


class NormGRUCell(nn.Module):
    """GRU cell whose three parts are layer-normed together, with a bias of -1 on the update gate.

    Source: DreamerV2; parts in the order reset, candidate, update, as in the published weights.
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
