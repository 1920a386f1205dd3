"""Each convolution of encoder and decoder in our form beside torch's: forward, and with its gradient.

python -m benchmarks.convolutions     (a minute on one CPU core)
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor, nn

from backend.pipeline.malloc import keep_freed_memory
from models.config import VideoModelConfig
from models.vae import Decoder, Encoder


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=9)
    chosen = parser.parse_args()
    keep_freed_memory()
    print("| layer | image | ours, forward | torch's | ours, with gradient | torch's |\n|---|---|---|---|---|---|")
    for network, channels, size in ((Encoder(VideoModelConfig()), 3, 64), (Decoder(VideoModelConfig()), 256, 1)):
        image = torch.randn(chosen.frames, channels, size, size).contiguous(memory_format=torch.channels_last)
        image.requires_grad_(channels > 3)
        for layer in network.convolutions:
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                print(_row(layer, image, chosen.repeats))
                image = layer(image).detach().requires_grad_()


def _row(layer: nn.Conv2d | nn.ConvTranspose2d, image: Tensor, repeats: int) -> str:
    standard = nn.ConvTranspose2d if isinstance(layer, nn.ConvTranspose2d) else nn.Conv2d
    forms: list[Callable[[Tensor], Tensor]] = [layer.forward, lambda seen: standard.forward(layer, seen)]  # type: ignore[arg-type] # as its base
    outcomes = torch.randn_like(layer(image))
    learned = [*([image] if image.requires_grad else []), *layer.parameters()]

    def learn(form: Callable[[Tensor], Tensor]) -> None:
        torch.autograd.grad(form(image), learned, outcomes)

    works = [*(lambda form=form: form(image) for form in forms), *(lambda form=form: learn(form) for form in forms)]
    times: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for work, taken in zip(works, times, strict=True):
            begun = time.perf_counter()
            work()
            taken.append(1000 * (time.perf_counter() - begun))
    cells = [f"{median(taken):.1f} ms" for taken in times]
    name = f"{type(layer).__name__}, {layer.in_channels} to {layer.out_channels}"
    return f"| {name} | {image.shape[-1]} x {image.shape[-1]} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
