"""The networks of YannDubs/disentangling-vae (`Burgess`, MIT licence): 32 x 32 or 64 x 64 pixels, ten latents."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.adapters.adapter import Adapter, LayoutError, Spec
from models.adapters.checks import checked_sizes, shape_of
from models.types import Belief, Gaussian, State

PREFIXES = ("encoder.", "decoder.")
CHANNELS, SIDE, HIDDEN = 32, 4, 256


class Encoder(nn.Module):
    """Halvings to 4 x 4, then two hidden layers. The outputs alternate between mean and log variance."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(spec.channels, CHANNELS, 4, 2, 1)
        self.conv2 = nn.Conv2d(CHANNELS, CHANNELS, 4, 2, 1)
        self.conv3 = nn.Conv2d(CHANNELS, CHANNELS, 4, 2, 1)
        self.conv_64 = nn.Conv2d(CHANNELS, CHANNELS, 4, 2, 1) if spec.height == 64 else None
        self.lin1 = nn.Linear(CHANNELS * SIDE * SIDE, HIDDEN)
        self.lin2 = nn.Linear(HIDDEN, HIDDEN)
        self.mu_logvar_gen = nn.Linear(HIDDEN, 2 * spec.latents)

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) in 0..1 -> (B, 2 Z)."""
        hidden = image
        for layer in (self.conv1, self.conv2, self.conv3, self.conv_64):
            hidden = hidden if layer is None else torch.relu(layer(hidden))
        hidden = torch.relu(self.lin2(torch.relu(self.lin1(hidden.flatten(1)))))
        return self.mu_logvar_gen(hidden)  # type: ignore[no-any-return] # nn.Module call


class Decoder(nn.Module):
    """Three hidden layers to 4 x 4, then doublings."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.lin1 = nn.Linear(spec.latents, HIDDEN)
        self.lin2 = nn.Linear(HIDDEN, HIDDEN)
        self.lin3 = nn.Linear(HIDDEN, CHANNELS * SIDE * SIDE)
        self.convT_64 = nn.ConvTranspose2d(CHANNELS, CHANNELS, 4, 2, 1) if spec.height == 64 else None
        self.convT1 = nn.ConvTranspose2d(CHANNELS, CHANNELS, 4, 2, 1)
        self.convT2 = nn.ConvTranspose2d(CHANNELS, CHANNELS, 4, 2, 1)
        self.convT3 = nn.ConvTranspose2d(CHANNELS, spec.channels, 4, 2, 1)

    def forward(self, latent: Tensor) -> Tensor:
        """(B, Z) -> (B, C, H, W) in 0..1."""
        hidden = functional.relu(self.lin2(functional.relu(self.lin1(latent))))
        hidden = functional.relu(self.lin3(hidden)).reshape(-1, CHANNELS, SIDE, SIDE)
        for layer in (self.convT_64, self.convT1, self.convT2):
            hidden = hidden if layer is None else torch.relu(layer(hidden))
        return torch.sigmoid(self.convT3(hidden))


class DisentanglingVae(Adapter):
    """A static VAE with Gaussian latents."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec
        self.encoder = Encoder(spec)
        self.decoder = Decoder(spec)

    def encode(self, image: Tensor) -> Tensor:
        return self.encoder(image)  # type: ignore[no-any-return] # nn.Module call

    def posterior(self, deter: Tensor, seen: Tensor) -> Belief:  # noqa: ARG002 # nothing was before
        return Gaussian(seen[..., 0::2], (0.5 * seen[..., 1::2]).exp())

    def decode(self, state: State) -> Tensor:
        return self.decoder(state.stoch)  # type: ignore[no-any-return] # nn.Module call


class DisentanglingVaeLayout:
    """`model.pt`, a bare state dict; `specs.json` may be next to it, but is not needed."""

    name = "disentangling-vae"
    about = "model.pt of YannDubs/disentangling-vae: static VAEs with Gaussian latents, 32 x 32 or 64 x 64 pixels"

    def recognises(self, keys: frozenset[str]) -> bool:
        """Recognised by the layer that computes means and log variances."""
        return "encoder.mu_logvar_gen.weight" in keys

    def convert(
        self, tensors: Mapping[str, Tensor], config: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """All sizes come from the shapes. Raises LayoutError."""
        kind = config.get("model_type", "Burgess")
        if kind != "Burgess":
            raise LayoutError(f"specs.json names the networks {kind!r:.40}; only Burgess is known")
        channels = shape_of(tensors, "encoder.conv1.weight", 4)[1]
        latents = shape_of(tensors, "decoder.lin1.weight", 2)[1]
        side = 64 if "encoder.conv_64.weight" in tensors else 32
        return {"channels": channels, "side": side, "latents": latents}, {
            key: value for key, value in tensors.items() if key.startswith(PREFIXES)
        }

    def build(self, options: Mapping[str, Any]) -> Adapter:
        """The networks of these sizes. Raises LayoutError."""
        channels, side, latents = checked_sizes(options, ("channels", "side", "latents"))
        if side not in (32, 64):
            raise LayoutError(f"these networks take 32 x 32 or 64 x 64 pixels, not {side}")
        return DisentanglingVae(Spec(channels=channels, height=side, width=side, latents=latents))
