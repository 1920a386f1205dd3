"""Finds the view that an exported file was made from."""

import json
from typing import Any

from backend.export.metadata import READERS


class NoSettings(ValueError):
    """The file does not say which view it shows."""


def read_settings(content: bytes) -> dict[str, Any]:
    """{"diswm": kind of view, "checkpoint", "weights", "view"} of any file that is made here.

    Nothing in the file is executed or decoded. Raises NoSettings.
    """
    for read in READERS:
        text = read(content)
        settings = _checked(text) if text else None
        if settings is not None:
            return settings
    raise NoSettings(
        "the file carries no settings of DisWM Studio; open a file that was downloaded here and not saved by another "
        "program since"
    )


def _checked(text: str) -> dict[str, Any] | None:
    try:
        settings = json.loads(text)
    except (ValueError, RecursionError):
        return None
    ours = isinstance(settings, dict) and isinstance(settings.get("diswm"), str)
    return settings if ours and isinstance(settings.get("view"), dict) else None
