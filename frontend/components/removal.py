"""Deleting with a confirmation: a button that asks, and one inside it that deletes."""

from __future__ import annotations

import streamlit as st

from frontend.client import ApiProblem, client
from frontend.components.markdown import escape_markdown
from frontend.components.states import show_problem


def removal(address: str, name: str, along: str = "") -> None:
    """Ask whether to delete the resource at `address` of the API, and say what is deleted `along` with it; shows a
    refusal.
    """
    with st.popover("Delete", icon=":material/delete:", key=f"ask.{address}"):
        also = f", with {along}" if along else ""
        st.markdown(f"**{escape_markdown(name)}** will be deleted permanently{also}.")
        if not st.button("Delete it", type="primary", icon=":material/delete:", key=f"delete.{address}"):
            return
        try:
            client().delete(address)
        except ApiProblem as problem:
            show_problem(problem)
            return
        st.toast(f"{escape_markdown(name)} was deleted.")
        st.rerun()
