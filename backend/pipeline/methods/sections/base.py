"""The base class of every section."""

from typing import Protocol

from backend.pipeline.fields import Closed


class CommonSettings(Protocol):
    """What sections need of the settings that all methods have."""

    @property
    def length(self) -> int:
        """Steps of a sequence."""


class Section(Closed):
    """A method's own settings; this class serves methods without any."""

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """The teachers that the method starts from, where it takes several."""
        return ()

    def check(self, settings: CommonSettings) -> None:
        """Raises `fields.conflict` if the section contradicts the settings that all methods have."""
