"""Which training form is open and its starting values, kept for the session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from frontend.places import start_anew
from frontend.schema import Section, flatten
from frontend.state import View

PLACE = "train/new"
STAGES = {
    "pipeline": "Everything: collect, pretrain, fine-tune",
    "collect": "Collect videos",
    "pretrain": "Pretrain the video model",
    "finetune": "Distil and fine-tune the world model",
    "offline": "Learn from recorded episodes, offline",
}
SHORT = {"collect": "Collect", "pretrain": "Pretrain", "finetune": "Fine-tune", "offline": "Offline"}
START = f"{PLACE}.start"  # the settings that the form was filled with
WRONG = f"{PLACE}.wrong"  # the API's error messages, by setting


@dataclass(frozen=True)
class Form(View):
    """Which form is open; it may start from the settings of a `run`, or from a `dataset`."""

    stage: str = "pipeline"
    preset: str = "tiny"
    run: str = ""
    dataset: str = ""


def start_from(form: Mapping[str, Any]) -> None:
    """Fill the form from a saved form or another run."""
    st.session_state[START] = {"name": "", "seed": 0, **form, "settings": flatten(form.get("settings", {}))}
    st.session_state[WRONG] = {}
    stage, preset = str(form.get("stage", "pipeline")), str(form.get("preset") or "tiny")
    start_anew(PLACE, Form(stage=stage if stage in STAGES else "pipeline", preset=preset))


def titles_of(parts: list[Section]) -> dict[str, str]:
    """What each setting is called: `Pretrain: Sequence length`."""
    return {
        field.name: f"{SHORT[section.title]}: {field.title}" if section.title else field.title
        for section in parts
        for field in section.fields
    }
