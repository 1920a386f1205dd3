"""A preview of an upload: frames, episodes, rates, and what had to be changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from frontend.components.markdown import escape_markdown

CROPS = {
    "centre": "centre",
    "start": "left or top",
    "end": "right or bottom",
    "whole": "whole, with bars",
    "stretch": "whole, stretched",
}


def show_preview(found: Mapping[str, Any]) -> None:
    """Frames, numbers, a line per file, warnings."""
    style = "width:100%;image-rendering:pixelated;border-radius:4px;display:block"
    st.html(f'<img src="{found["sheet"]}" alt="Frames of the episodes after the import" style="{style}">')
    st.caption("One row per episode, from its start to its end, as it will be stored")
    st.markdown(summary(found))
    for warning in found["warnings"]:
        st.warning(escape_markdown(warning))
    st.dataframe(
        [_file_row(file) for file in found["settings"].get("files", [])],
        hide_index=True,
        height="content",
        alt="The files of the upload",
    )


def summary(found: Mapping[str, Any]) -> str:
    """`5 episodes of 48 to 64 frames, 304 frames in all`."""
    shortest, longest = min(found["lengths"]), max(found["lengths"])
    each = f"{shortest:,}" if shortest == longest else f"{shortest:,} to {longest:,}"
    noun = "episode" if found["episodes"] == 1 else "episodes"
    return f"**{found['episodes']:,} {noun}** of {each} frames, {found['frames']:,} frames in all"


def rates(file: Mapping[str, Any]) -> str:
    """`30 → 10` where frames are left out or repeated, `30` where they are kept as recorded, nothing for pictures."""
    recorded, rate = file.get("recorded_rate"), file.get("frame_rate")
    if not rate:
        return ""
    changed = recorded and abs(recorded - rate) > 0.01
    return f"{recorded:.4g} → {rate:.4g}" if changed else f"{rate:.4g}"


def _file_row(file: Mapping[str, Any]) -> dict[str, Any]:
    size = f"{file['width']} x {file['height']}"
    return {
        "file": file["name"],
        "picture": size,
        "frames a second": rates(file),
        "frames": file["frames"],
        "what was done": "; ".join(file.get("notes", [])),
    }
