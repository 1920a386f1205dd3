"""One process's rows of a batch that several processes learn from; together they do what one process would."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Share:
    """Part `rank` of `size` equal parts of a batch; `average` gives the mean of a tensor over all processes."""

    rank: int = 0
    size: int = 1
    average: Callable[[Tensor], Tensor] = lambda value: value

    def rows(self, batch: int) -> slice:
        """This process's rows of a whole batch. ValueError if the batch does not divide evenly."""
        part, left = divmod(batch, self.size)
        if left:
            raise ValueError(f"{batch} sequences do not divide evenly among {self.size} processes")
        return slice(self.rank * part, (self.rank + 1) * part)


ALONE = Share()


def noise_like(like: Tensor, generator: torch.Generator | None, share: Share = ALONE) -> Tensor:
    """Standard normal noise for the rows (b, ...) of `share`, drawn for the whole batch as one process would."""
    batch = len(like) * share.size
    noise = torch.randn((batch, *like.shape[1:]), generator=generator, device=like.device, dtype=like.dtype)
    return noise[share.rows(batch)]
