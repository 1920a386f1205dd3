"""The other way round: the view that an exported file was made from."""

import json
from typing import Any

from backend.export.carried import READERS
from backend.interpret.charts import KINDS as CHARTS

KINDS = ("traversal", "rollout", "temporal", "together", "counterfactual", *CHARTS)


class NoSettings(ValueError):
    """The file does not say which view it shows."""


def read_settings(content: bytes) -> dict[str, Any]:
    """{"diswm": one of KINDS, "checkpoint", "weights", "view"} of any file that is made here.

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
    known = isinstance(settings, dict) and settings.get("diswm") in KINDS
    return settings if known and isinstance(settings.get("view"), dict) else None
