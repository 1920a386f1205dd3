"""A harder look at the same picture: a part hidden, moved by a few pixels, in other light; drawn anew for each."""

import torch
from torch import Tensor
from torch.nn import functional

LEAST_HIDDEN, MOST_HIDDEN = 0.02, 0.2  # share of the picture
MOST_SHIFT = 4  # pixels
DIMMEST, BRIGHTEST = 0.6, 1.4


def harder(image: Tensor, generator: torch.Generator | None) -> Tensor:
    """All three: (N, 3, H, W) in [-0.5, 0.5] -> the same shape and range."""
    return hidden(shifted(relit(image, generator), generator), generator)


def harder_pair(
    first: Tensor, second: Tensor, flow: Tensor, known: Tensor, generator: torch.Generator | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Two frames (N, 3, H, W) moved alike and in the same other light, a part of the second hidden, and their flow.

    `flow` (N, 2, H, W) and `known` (N, 1, H, W) move along; what is repeated at the edge is not known.
    """
    known = functional.pad(known[..., 1:-1, 1:-1], (1, 1, 1, 1))
    moved = shifted(torch.cat((first, second, flow, known), 1), generator)
    first, second, flow, known = moved[:, :3], moved[:, 3:6], moved[:, 6:8], moved[:, 8:]
    first, second = relit(torch.cat((first, second), 2), generator).chunk(2, 2)
    return first, hidden(second, generator), flow, known


def hidden(image: Tensor, generator: torch.Generator | None) -> Tensor:
    """A grey rectangle of 2 to 20% of the picture somewhere in it."""
    count, _, height, width = image.shape
    area, form, down, right, grey = _drawn(image, 5, generator)
    area = LEAST_HIDDEN + (MOST_HIDDEN - LEAST_HIDDEN) * area
    tall = (area * (0.5 + form)).sqrt().clamp(max=1)
    wide = (area / tall).clamp(max=1)
    rows = torch.arange(height, device=image.device).view(1, 1, -1, 1) / height
    columns = torch.arange(width, device=image.device).view(1, 1, 1, -1) / width
    top, left = down * (1 - tall), right * (1 - wide)
    inside = (rows >= top) & (rows < top + tall) & (columns >= left) & (columns < left + wide)
    return torch.where(inside.expand(count, 1, height, width), grey - 0.5, image)


def shifted(image: Tensor, generator: torch.Generator | None) -> Tensor:
    """Moved by up to 4 pixels each way; the edge is repeated."""
    count, channels, height, width = image.shape
    down, right = ((2 * MOST_SHIFT + 1) * part.flatten() for part in _drawn(image, 2, generator))
    rows = torch.arange(height, device=image.device) + down.long().unsqueeze(1) - MOST_SHIFT
    columns = torch.arange(width, device=image.device) + right.long().unsqueeze(1) - MOST_SHIFT
    rows = rows.clamp(0, height - 1).view(count, 1, height, 1).expand(-1, channels, -1, width)
    columns = columns.clamp(0, width - 1).view(count, 1, 1, width).expand(-1, channels, height, -1)
    return image.gather(2, rows).gather(3, columns)


def relit(image: Tensor, generator: torch.Generator | None) -> Tensor:
    """Each colour times 0.6 to 1.4, cut to the range."""
    light = torch.rand((len(image), image.shape[1], 1, 1), generator=generator, device=image.device)
    return ((image + 0.5) * (DIMMEST + (BRIGHTEST - DIMMEST) * light)).clamp(0, 1) - 0.5


def _drawn(image: Tensor, count: int, generator: torch.Generator | None) -> list[Tensor]:
    """So many numbers in [0, 1) of each picture, (N, 1, 1, 1) each."""
    numbers = torch.rand((count, len(image), 1, 1, 1), generator=generator, device=image.device)
    return list(numbers.unbind(0))
