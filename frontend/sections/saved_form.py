"""The training form outside the page: the same run from the shell and over HTTP, and the form as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st

from frontend import commands
from frontend.client import client
from frontend.components.share import show_curl
from frontend.places import edition
from frontend.sections.run_form import PLACE, STAGES, Form, start_from


def elsewhere(view: Form, body: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """The same run from the shell and over HTTP; the form as a file."""
    st.caption("The same from the shell")
    st.code(commands.stage(view.stage, view.preset, int(body["seed"]), changes), language=None, wrap_lines=True)
    with st.expander("curl"):
        text = json.dumps({name: value for name, value in body.items() if value is not None})
        show_curl(commands.curl_post(client().url, "/runs", text))
    with st.expander("Save, load or reset this form"):
        st.download_button(
            "Save as JSON",
            json.dumps(body, indent=2),
            f"diswm_{view.stage}_{view.preset}.json",
            "application/json",
            icon=":material/save:",
            on_click="ignore",
        )
        saved = st.file_uploader("Load a saved form", type="json", key=f"{PLACE}.load.{edition(PLACE)}")
        if saved is not None:
            _load(saved.getvalue())
        if st.button("Back to the preset", icon=":material/undo:"):
            start_from({"stage": view.stage, "preset": view.preset})
            st.rerun()


def _load(content: bytes) -> None:
    try:
        form = json.loads(content)
    except ValueError:
        st.error("This file is not JSON. Choose one that “Save as JSON” wrote.")
        return
    if not isinstance(form, dict) or form.get("stage") not in STAGES or not isinstance(form.get("settings", {}), dict):
        st.error(f"This JSON is not a saved form: it needs a `stage` ({', '.join(STAGES)}) and `settings`.")
        return
    start_from(form)
    st.rerun()
