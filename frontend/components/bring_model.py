"""Brings a model to the page: a checkpoint's zip, or the weights of another project."""

from __future__ import annotations

from typing import Any

import streamlit as st

from frontend.client import ApiProblem, client
from frontend.components.listing import listing
from frontend.components.markdown import escape_markdown
from frontend.components.states import guarded, show_problem
from frontend.pages import link

TYPES = ["zip", "pt", "pth", "safetensors", "json", "yaml", "yml"]
FOUND_OUT = "found out from the file"


def bring_button() -> None:
    """A button that opens the form."""
    if st.button("Bring a model", icon=":material/upload:"):
        _bring()


@st.dialog("Bring a model", width="medium")
def _bring() -> None:
    with guarded():
        files = list(
            st.file_uploader(
                "A checkpoint's zip, or another project's weights with the settings of their run",
                accept_multiple_files=True,
                type=TYPES,
                help="Weights as .pt, .pth or .safetensors; settings as .json or .yaml.",
            )
            or []
        )
        zipped = len(files) == 1 and files[0].name.lower().endswith(".zip")
        fields = {} if zipped else _fields()
        if st.button("Import", type="primary", icon=":material/download_done:", disabled=not files):
            _import(files, fields, zipped=zipped)


def _fields() -> dict[str, str]:
    """Name, layout and data set, as far as they are chosen."""
    about = {item["name"]: item["about"] for item in client().items("/adapters")}
    datasets = listing("/datasets").items
    name = st.text_input("Name", placeholder="dsprites")
    layout = st.selectbox("Layout", [FOUND_OUT, *about])
    if layout in about:
        st.caption(escape_markdown(about[layout]))
    dataset = st.selectbox(
        "Frames to look at it with",
        [None, *datasets],
        format_func=lambda id: "drawn by the model itself" if id is None else str(datasets[id]["name"]),
    )
    fields = {"name": name, "layout": "" if layout == FOUND_OUT else layout, "dataset": dataset or ""}
    return {key: value for key, value in fields.items() if value}


def _import(files: list[Any], fields: dict[str, str], *, zipped: bool) -> None:
    for file in files:
        file.seek(0)
    parts = [(file.name, file) for file in files]
    try:
        with st.spinner("Reading the weights …"):
            path, part = ("/checkpoints", "file") if zipped else ("/models", "files")
            status, made = client().upload(path, parts, part=part, fields=fields)
    except ApiProblem as problem:
        show_problem(problem)
        return
    st.success(f"{escape_markdown(made['name'])} {'was here already' if status == 200 else 'is here now'}.")
    link("traversals", "Its traversals", {"checkpoint": made["id"]})
