"""Command lines and curl commands that reproduce what the page shows."""

import shlex

import pytest
import streamlit as st

from frontend.commands import compare, curl_get, curl_post, stage, view
from frontend.state import Rollout, Traversal


@pytest.mark.usefixtures("api")
def test_the_command_of_a_traversal_says_everything_that_shapes_it() -> None:
    shown = Traversal(
        checkpoint="cartpole-small", episode=1, frame=4, mode="fixed", range=3.0, edits=((2, 0.5),), history=False
    )
    style = {"fps": 20.0, "captions": False, "loop": True}
    words = shlex.split(view("traversal", "cartpole-small", {**shown.api(), "dims": "7"}, "gif", style))
    assert words[:3] == ["diswm", "traverse", "cartpole-small"]
    said = " ".join(words[3:])
    for part in ("--dims 7", "--columns 11", "--mode fixed", "--range 3", "--episode 1", "--frame 4", "--no-history"):
        assert part in said
    assert "--edits 2:0.5" in said
    assert "--base" not in words
    assert said.endswith("--fps 20 --no-captions --format gif")


def test_the_command_of_a_stage_sets_only_what_was_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISWM_HOME", raising=False)
    command = stage("pretrain", "tiny", 3, {"beta": 0.1, "dataset": None, "augment": True})
    assert command == "diswm pretrain --preset tiny --seed 3 --set beta=0.1 --set dataset=null --set augment=true"


def test_the_command_of_a_run_carries_the_home_that_the_page_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISWM_HOME", "/data/my runs")
    assert stage("collect", "tiny", 0, {}) == "DISWM_HOME='/data/my runs' diswm collect --preset tiny --seed 0"
    assert compare("a,b") == "DISWM_HOME='/data/my runs' diswm compare a b --figure returns.pdf"


@pytest.mark.usefixtures("api")
def test_the_command_of_a_rollout_carries_its_branch() -> None:
    assert "--edit 4:1.5@9+" in view("rollout", "a", Rollout(checkpoint="a", dim=4, value=1.5, step=9).api(), "gif")


@pytest.mark.usefixtures("api")
def test_a_table_that_has_no_command_of_its_own_is_exported() -> None:
    assert view("intervals", "a", {}, "pdf", {"width": 5.5}) == "diswm export a --kind intervals --format pdf"
    assert view("compare", "a", {"other": "b"}, "csv", {"width": 3.25}) == "diswm match a b --width 3.25 --format csv"


def test_curl_carries_the_token_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISWM_TOKEN", "secret")
    header = '-H "Authorization: Bearer $DISWM_TOKEN"'
    assert curl_get("http://h.example", "/a", {"x": 1}) == f"curl -OJ {header} 'http://h.example/api/v1/a?x=1'"
    assert curl_post("http://h.example", "/runs", "{}").startswith(
        f"curl -X POST {header} http://h.example/api/v1/runs "
    )


@pytest.mark.usefixtures("api")
def test_curl_is_quoted_for_the_shell() -> None:
    assert (
        curl_get("http://h.example", "/a", {"x": 1.0, "y": None, "z": True})
        == "curl -OJ 'http://h.example/api/v1/a?x=1&z=true'"
    )
    assert "'\"'\"'" in curl_post("http://h.example", "/runs", '{"name": "it\'s"}')


@pytest.mark.parametrize(
    ("api", "page", "shown"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8501/x", "http://127.0.0.1:8000"),
        ("http://127.0.0.1:8000", "https://studio.example.org/x", None),  # the server's own loopback, not the person's
        ("http://api:8000", "http://127.0.0.1:8501/x", None),  # a name between containers
        ("http://10.0.0.5:8000", "https://studio.example.org/x", "http://10.0.0.5:8000"),
        ("http://gpu.example.org:8000", "https://studio.example.org/x", "http://gpu.example.org:8000"),
    ],
)
def test_curl_shows_an_address_that_people_can_reach_or_says_which_is_missing(
    monkeypatch: pytest.MonkeyPatch, api: str, page: str, shown: str | None
) -> None:
    monkeypatch.delenv("DISWM_PUBLIC_API_URL", raising=False)
    monkeypatch.setattr(type(st.context), "url", property(lambda _: page))
    line = curl_get(api, "/a", {"x": 1})
    assert line == (f"curl -OJ '{shown}/api/v1/a?x=1'" if shown else "curl -OJ \"$DISWM_API_URL\"'/api/v1/a?x=1'")
    monkeypatch.setenv("DISWM_PUBLIC_API_URL", "https://api.example.org/")
    assert curl_get(api, "/a", {"x": 1}) == "curl -OJ 'https://api.example.org/api/v1/a?x=1'"
