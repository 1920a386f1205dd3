"""A decoder that sees one frame of the clip beside the state, so that the state need not hold what does not move.

Source: ContextWM (arXiv 2305.18499). Layer norm takes the place of batch norm, whose running means differ between
learning and viewing, and the drawn quarter of the context that of dropout.
"""

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.config import VideoModelConfig
from models.harder import hidden
from models.share import ALONE, Share, noise_like
from models.vae import IMAGE_SIZE, ImageDecoder

WIDTH = 32  # channels at 16 x 16; twice as many at 8 x 8
HEADS = 4
SEEN = 0.25  # share of the context's places that learning shows to each frame; views show all


class ContextEncoder(nn.Module):
    """A frame as features at 8 x 8 and at 16 x 16."""

    def __init__(self) -> None:
        super().__init__()
        self.to_16 = nn.Sequential(
            *(nn.Conv2d(3, WIDTH // 2, 4, 2, 1), nn.ELU(inplace=True)),
            *(nn.Conv2d(WIDTH // 2, WIDTH, 4, 2, 1), nn.ELU(inplace=True)),
            Residual(WIDTH),
        )
        self.to_8 = nn.Sequential(nn.Conv2d(WIDTH, 2 * WIDTH, 4, 2, 1), nn.ELU(inplace=True), Residual(2 * WIDTH))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(M, 3, 64, 64) -> (M, 64, 8, 8), (M, 32, 16, 16)."""
        fine = self.to_16(image)
        return self.to_8(fine), fine


class Residual(nn.Module):
    """Two convolutions that are added to their input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """(M, C, s, s) -> the same shape."""
        return functional.elu(features + self.second(functional.elu(self.first(features))))


class Look(NamedTuple):
    """How much of the context is seen: a share of its places, drawn for the rows of `share`."""

    seen: float = 1.0
    generator: torch.Generator | None = None
    share: Share = ALONE


WHOLE = Look()


class ContextAttention(nn.Module):
    """Adds to every place of a picture in the making what it finds in the places of the context."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.place = nn.Parameter(0.02 * torch.randn(side * side, channels))
        self.context_place = nn.Parameter(0.02 * torch.randn(side * side, channels))
        self.query, self.key, self.value, self.out = (nn.Linear(channels, channels) for _ in range(4))
        self.norm = nn.LayerNorm(channels)

    def forward(self, features: Tensor, context: Tensor, look: "Look") -> Tensor:
        """(N, C, s, s) beside contexts (M, C, s, s), each of N / M rows in turn -> (N, C, s, s).

        What each row sees of the context's places is drawn for each.
        """
        rows, each = features.flatten(2).mT, len(features) // len(context)
        held = context.flatten(2).mT + self.context_place
        key, value = (part(held).repeat_interleave(each, 0) for part in (self.key, self.value))
        places = held.shape[1]
        if look.seen < 1:
            chance = noise_like(rows[:, :places, 0].detach(), look.generator, look.share)
            chosen = chance.topk(max(round(look.seen * places), 1)).indices.unsqueeze(-1)
            chosen = chosen.expand(-1, -1, held.shape[2])
            key, value = key.gather(1, chosen), value.gather(1, chosen)
        query = self.query(rows + self.place)
        found = functional.scaled_dot_product_attention(_by_head(query), _by_head(key), _by_head(value))
        found = found.transpose(1, 2).flatten(2)
        joined = functional.relu(rows + self.norm(self.out(found)))
        return joined.mT.reshape(features.shape)


class ContextDecoder(ImageDecoder):
    """Linear to 4 x 4, then doubled to 64 x 64; at 8 x 8 and at 16 x 16 it attends to the context."""

    sees_context: ClassVar[bool] = True

    def __init__(self, config: VideoModelConfig) -> None:
        super().__init__()
        self.erases = False  # whether learning hides a random rectangle of the context
        self.context = ContextEncoder()
        self.widen = nn.Linear(config.feature, 4 * WIDTH * 16)
        self.to_8 = nn.ConvTranspose2d(4 * WIDTH, 2 * WIDTH, 4, 2, 1)
        self.look_at_8 = ContextAttention(2 * WIDTH, 8)
        self.to_16 = nn.ConvTranspose2d(2 * WIDTH, WIDTH, 4, 2, 1)
        self.look_at_16 = ContextAttention(WIDTH, 16)
        self.to_32 = nn.ConvTranspose2d(WIDTH, WIDTH, 4, 2, 1)
        self.to_pixels = nn.ConvTranspose2d(WIDTH, 3, 4, 2, 1)

    def in_context(self, image: Tensor | None) -> "InContext":
        """The decoder that sees this frame, (3, 64, 64) or one for each of M clips in turn; grey if there is none."""
        grey = self.widen.weight.new_zeros(3, IMAGE_SIZE, IMAGE_SIZE)
        return InContext(self, grey if image is None else image)

    def of_clips(self, image: Tensor, generator: torch.Generator | None, share: Share = ALONE) -> "InContext":
        """The decoder that sees a random frame of each clip (B, T, 3, 64, 64), for learning."""
        step = noise_like(image[:, :, 0, 0, 0], generator, share).argmax(1)
        frame = image[torch.arange(len(image), device=image.device), step]
        return InContext(self, hidden(frame, generator) if self.erases else frame, Look(SEEN, generator, share))

    def forward(self, feature: Tensor, image: Tensor, look: Look = WHOLE) -> Tensor:
        """(..., S + D) and M context frames (M, 3, 64, 64) -> image mean (..., 3, 64, 64) around [-0.5, 0.5]."""
        coarse, fine = self.context(image.reshape(-1, 3, IMAGE_SIZE, IMAGE_SIZE))
        hidden = functional.elu(self.widen(feature).reshape(-1, 4 * WIDTH, 4, 4))
        hidden = self.look_at_8(functional.elu(self.to_8(hidden)), coarse, look)
        hidden = self.look_at_16(functional.elu(self.to_16(hidden)), fine, look)
        drawn: Tensor = self.to_pixels(functional.elu(self.to_32(hidden)))
        return drawn.reshape(*feature.shape[:-1], 3, IMAGE_SIZE, IMAGE_SIZE)


class InContext(nn.Module):
    """A decoder together with the frames that it sees."""

    def __init__(self, decoder: ContextDecoder, image: Tensor, look: Look = WHOLE) -> None:
        super().__init__()
        self.decoder, self.image, self.look = decoder, image, look

    def forward(self, feature: Tensor) -> Tensor:
        """(..., S + D) -> image mean (..., 3, 64, 64)."""
        return self.decoder(feature, self.image, self.look)  # type: ignore[no-any-return] # nn.Module call


def _by_head(rows: Tensor) -> Tensor:
    """(N, P, C) -> (N, heads, P, C / heads)."""
    return rows.reshape(*rows.shape[:-1], HEADS, -1).transpose(1, 2)
