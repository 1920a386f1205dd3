"""What every section is."""

from typing import TYPE_CHECKING

from backend.pipeline.fields import Closed

if TYPE_CHECKING:
    from backend.pipeline.settings import FinetuneSettings


class Section(Closed):
    """A method's own settings; this one is that of methods without any."""

    def check(self, settings: "FinetuneSettings") -> None:
        """Raises `fields.conflict` where the section does not go with the settings that all methods have."""
