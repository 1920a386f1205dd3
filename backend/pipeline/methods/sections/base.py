"""What every section is."""

from typing import Protocol

from backend.pipeline.fields import Closed


class CommonSettings(Protocol):
    """What sections ask of the settings that all methods have."""

    @property
    def length(self) -> int:
        """Steps of a sequence."""


class Section(Closed):
    """A method's own settings; this one is that of methods without any."""

    def check(self, settings: CommonSettings) -> None:
        """Raises `fields.conflict` where the section does not go with the settings that all methods have."""
