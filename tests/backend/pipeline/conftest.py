"""What a stage draws from its episodes."""

from typing import Any

import pytest

from backend.data.replay import Sequences
from models.types import Batch


@pytest.fixture
def shapes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Batch and sequence length of every batch drawn so far, by any stage."""
    drawn: list[tuple[int, int]] = []
    sample = Sequences.sample

    def noted(self: Sequences, batch: int, length: int, *others: Any) -> Batch:
        drawn.append((batch, length))
        return sample(self, batch, length, *others)

    monkeypatch.setattr(Sequences, "sample", noted)
    return drawn
