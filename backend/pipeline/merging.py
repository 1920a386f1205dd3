"""Nested settings laid over others."""

from collections.abc import Mapping
from typing import Any


def merged(base: Mapping[str, Any], edits: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with every key of `edits`, section by section."""
    result = dict(base)
    for key, value in edits.items():
        inner = result.get(key)
        result[key] = merged(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
    return result
