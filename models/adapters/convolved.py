"""What the sizes of both Dreamer layouts have in common: an encoder that halves pictures, and a recurrent state."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from models.adapters.adapter import Spec

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"SiLU": nn.SiLU, "ELU": nn.ELU, "ReLU": nn.ReLU, "Tanh": nn.Tanh}
GROUPS = 32  # used if the settings do not give the number


@dataclass(frozen=True, kw_only=True)
class ConvolvedSizes:
    """Sizes of the encoder and of the state."""

    channels: int
    depths: tuple[int, ...]  # channels of the encoder's stages
    latents: int
    classes: int  # 0: Gaussian
    deter: int
    hidden: int
    action_size: int
    act: str = "SiLU"
    uniform: float = 0.01

    @property
    def decodes(self) -> bool:
        """Whether the model draws pictures."""
        return True

    @property
    def spec(self) -> Spec:
        """What the model declares; pictures are halved to 4 x 4. Raises LayoutError."""
        side = 4 * 2 ** len(self.depths)
        return Spec(
            channels=self.channels,
            height=side,
            width=side,
            latents=self.latents,
            classes=self.classes,
            deter=self.deter,
            action_size=self.action_size,
            decodes=self.decodes,
            recurrent=True,
        )

    @property
    def stages(self) -> list[tuple[int, int]]:
        """Channels in and out of each stage of the encoder."""
        return list(zip((self.channels, *self.depths), self.depths, strict=False))

    @property
    def embedding(self) -> int:
        """E."""
        return 16 * self.depths[-1]

    def activation(self) -> nn.Module:
        """The layer between two others."""
        return ACTIVATIONS[self.act]()
