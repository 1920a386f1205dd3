"""What is said of the base frame of a traversal: whether it looks like the training data and has a history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st


def say_likeness(atlas: Mapping[str, Any]) -> None:
    """A warning for a frame unlike those that the model knows; else how well the frame is reconstructed."""
    base = atlas["request"].get("base", "clip")
    history = "First frame: no history. " if base in ("clip", "dataset") and atlas["seen_before"] == 0 else ""
    known = atlas["likeness"]
    if known is None:
        if history:
            st.caption(history.strip())
        return
    low, middle, high = known["usual"][1:4]
    usual = f"frames of its own clip: {low:.1f} to {high:.1f} dB (5 to 95%), median {middle:.1f}"
    if known["unlike"]:
        st.warning(
            "**This picture is unlike the training data.** "
            f"The model reconstructs it at {known['psnr']:.1f} dB; {usual}. What the rows show says little about the "
            "picture, and names and scores do not apply to it.",
            icon=":material/warning:",
        )
        return
    st.caption(f"{history}Reconstructed at {known['psnr']:.1f} dB; {usual}.")
