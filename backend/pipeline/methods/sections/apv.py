"""Settings of APV's intrinsic bonus."""

from typing import Annotated

from pydantic import Field

from backend.pipeline.fields import Weight, conflict, described
from backend.pipeline.methods.sections.base import CommonSettings, Section


class BonusSection(Section):
    """How the novelty of a video is measured, and its weight."""

    bonus_weight: Weight = described(0.1, "Weight of the bonus", "Intrinsic bonus", symbol="λ")
    bonus_neighbours: Annotated[int, Field(ge=1, le=1024)] = described(
        16, "Nearest neighbours", "Intrinsic bonus", symbol="k"
    )
    bonus_queue: Annotated[int, Field(ge=1, le=1_000_000)] = described(4096, "Queue", "Intrinsic bonus")
    bonus_size: Annotated[int, Field(ge=1, le=4096)] = described(128, "Projected size", "Intrinsic bonus")
    bonus_length: Annotated[int, Field(ge=1, le=1000)] = described(5, "Steps compared", "Intrinsic bonus")

    def check(self, settings: CommonSettings) -> None:
        """Raises `fields.conflict` if sequences are shorter than the compared windows."""
        if self.bonus_length > settings.length:
            raise conflict("/bonus_length", f"{self.bonus_length} steps do not fit sequences of {settings.length}")
