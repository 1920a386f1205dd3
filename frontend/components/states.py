"""What a page shows when it is empty, waiting, or has an error: always a sentence and what to do next."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import streamlit as st

from frontend.client import ALIVE_SECONDS, LOOK_AFTER_SECONDS, ApiProblem, ApiUnreachable, client
from frontend.components.markdown import escape_markdown
from frontend.pages import link

P = ParamSpec("P")
R = TypeVar("R")
_LOG = logging.getLogger("diswm.page")


@contextmanager
def guarded() -> Iterator[None]:
    """Show errors of the body as sentences; a programming error goes to the log, never onto the page."""
    try:
        yield
    except ApiUnreachable as error:
        unreachable(error)
    except ApiProblem as problem:
        show_problem(problem)
    except Exception:
        _LOG.exception("a page failed")
        st.error(
            "**This page failed.** The terminal of `diswm app` has the details. "
            "Reload the page; your runs and checkpoints are not affected.",
            icon=":material/bug_report:",
        )


def live(every: float | None = None) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """A guarded fragment: a part that reruns by itself, every `seconds` if given."""

    def wrap(function: Callable[P, None]) -> Callable[P, None]:
        return st.fragment(guarded()(function), run_every=every)

    return wrap


def when_computed(path: str, sentence: str) -> Any | None:
    """The API's answer at `path`. While it is computed: None, with its progress; the page continues once it is done."""
    found, _ = _computed(path)
    if found is None:
        _wait_for(path, sentence)
    return found


@live(every=2.0)
def _wait_for(path: str, sentence: str) -> None:
    found, detail = _computed(path)
    if found is not None:
        st.rerun()
    st.info(f"{escape_markdown(detail)} {sentence}", icon="spinner")


def _computed(path: str) -> tuple[Any | None, str]:
    """The answer, or None and the API's progress message."""
    try:
        return client().get(path), ""
    except ApiProblem as problem:
        if problem.kind != "computing":
            raise
        return None, problem.detail


def unreachable(error: ApiUnreachable) -> None:
    """Nothing answers: say how to start the API, and continue once it answers."""
    with st.container(border=True, key="unreachable"):
        st.subheader("The API is not answering", anchor=False)
        if error.hangs:
            st.markdown(
                f"Something listens at `{error.url}` but has not answered for {LOOK_AFTER_SECONDS + ALIVE_SECONDS:g} "
                "seconds: the machine may be out of memory, or the process may be stopped. If this goes on, restart "
                "`make app`, or `diswm serve` where the API runs alone. Runs continue from their last checkpoint."
            )
        else:
            st.markdown(
                f"Nothing answers at `{error.url}`. Start everything with `make app`, or the API alone with "
                "`diswm serve`. Runs that were in progress continue from their last checkpoint."
            )
        st.button("Try again", icon=":material/refresh:", type="primary", key="retry")
        _wait_for_api()


@st.fragment(run_every=3.0)
def _wait_for_api() -> None:
    if client().alive():
        st.rerun()
    st.caption("This page checks again every three seconds.")


def show_problem(problem: ApiProblem) -> None:
    """The API's error: title, sentence, every field that the sentence does not name, remedy."""
    lines = [f"**{escape_markdown(problem.title)}.** {escape_markdown(problem.detail)}".strip()]
    fields = [field for field in problem.fields if field.detail not in problem.detail]
    lines += [f"- {escape_markdown(field.field)}: {escape_markdown(field.sentence)}" for field in fields]
    if problem.remedy:
        lines.append(f"\n{escape_markdown(problem.remedy)}")
    st.error("\n".join(lines), icon=":material/error:")
    if problem.kind == "too-slow":
        st.button("Try again", icon=":material/refresh:", type="primary", key="retry")


def gone(what: str, id: str, instead: str) -> None:
    """A link to something that does not exist here: says what, and what is shown instead."""
    st.warning(
        f"There is no {what} {escape_markdown(id)} here; it may have been deleted. {instead}".strip(),
        icon=":material/search_off:",
    )


def empty(title: str, sentence: str, icon: str, *, page: str = "", label: str = "") -> None:
    """An empty list: what would be here, and a link to the page that brings it here."""
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown(f"### {icon}\n**{title}**", text_alignment="center")
        st.markdown(sentence, text_alignment="center")
        if page:
            link(page, label)
