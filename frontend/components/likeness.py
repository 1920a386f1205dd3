"""What the page says about the base frame: whether it looks like the training data, and whether it has a history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st


def say_likeness(atlas: Mapping[str, Any]) -> str:
    """Says how well the frame is reconstructed; draws a warning for a frame unlike the training data."""
    history = history_text(atlas)
    known = atlas["likeness"]
    if known is None:
        return history.strip()
    low, middle, high = known["usual"][1:4]
    usual = f"frames of its own clip: {low:.1f} to {high:.1f} dB (5 to 95%), median {middle:.1f}"
    if known["unlike"]:
        st.warning(
            "**This picture is unlike the training data.** "
            f"The model reconstructs it at {known['psnr']:.1f} dB; {usual}. What the rows show says little about the "
            "picture, and names and scores do not apply to it.",
            icon=":material/warning:",
        )
        return history.strip()
    return f"{history}Reconstructed at {known['psnr']:.1f} dB; {usual}."


def history_text(atlas: Mapping[str, Any]) -> str:
    """Why the base frame has no history, where it has none."""
    request = atlas["request"]
    if request.get("base", "clip") not in ("clip", "dataset") or atlas["seen_before"]:
        return ""
    if request.get("history", True):
        return "First frame: no history. "
    return "Without history: the model has seen only this frame. "
