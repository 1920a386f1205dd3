import torch
from torch import nn

from models.config import VideoModelConfig
from models.initialise import scale_initially
from models.vae import Decoder, Encoder

CONFIG = VideoModelConfig()


def spread_at_each_layer(network: nn.Module, entry: torch.Tensor) -> list[float]:
    spreads: list[float] = []

    def note(_module: nn.Module, _inputs: object, outputs: torch.Tensor) -> None:
        spreads.append(float(outputs.std()))

    hooks = [
        m.register_forward_hook(note)
        for m in network.modules()
        if isinstance(m, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)
    ]
    with torch.no_grad():
        network(entry)
    for hook in hooks:
        hook.remove()
    return spreads


def networks_and_inputs() -> list[tuple[nn.Module, torch.Tensor]]:
    torch.manual_seed(0)
    return [(Encoder(CONFIG), torch.randn(16, 3, 64, 64)), (Decoder(CONFIG), torch.randn(16, CONFIG.feature))]


def test_a_signal_keeps_its_size_through_all_layers():
    for network, entry in networks_and_inputs():
        scale_initially(network, torch.Generator().manual_seed(0))
        spreads = spread_at_each_layer(network, entry)
        assert len(spreads) >= 6
        assert all(0.5 < spread < 2 for spread in spreads), spreads


def test_torchs_own_weights_lose_the_signal():
    for network, entry in networks_and_inputs():
        assert spread_at_each_layer(network, entry)[-1] < 0.2


def test_the_same_generator_gives_the_same_weights():
    first, second = (Decoder(CONFIG) for _ in range(2))
    for network in (first, second):
        scale_initially(network, torch.Generator().manual_seed(3))
    for left, right in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(left, right)
