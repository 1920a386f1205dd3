"""The page's server: each page's document says where the server is, at the root and below a path of a reverse proxy."""

import json
import subprocess
import sys

import pytest

from frontend.pages import PAGES, moved

ASK = """
import json, sys
from starlette.testclient import TestClient
from streamlit import config
config.set_option("server.baseUrlPath", sys.argv[1])
from frontend.server import app
with TestClient(app) as browser:
    answers = {path: browser.get(path, follow_redirects=False) for path in sys.argv[2:]}
text = lambda answer: answer.headers.get("location") or answer.text
print(json.dumps({path: [answer.status_code, text(answer)] for path, answer in answers.items()}))
"""  # one server a process: Streamlit has no second


@pytest.mark.parametrize("below", ["", "/lab/diswm"])
def test_every_page_is_told_where_its_server_is(below: str) -> None:
    paths = [f"{below}/{name}" for name in PAGES]
    old = f"{below}/temporal?checkpoint=a&dims=2%2C0"
    asked = [*paths, f"{below}/_stcore/health", "/elsewhere/factors", old]
    command = [sys.executable, "-c", ASK, below.strip("/"), *asked]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    answers = json.loads(told.splitlines()[-1])
    where = f'window.__streamlit = {{ BACKEND_BASE_URL: window.location.origin + "{below}" }}'
    for name, path in zip(PAGES, paths, strict=True):
        status, text = answers[path]
        assert status == 200
        assert (where in text) == (name != "home")  # from the start page a browser finds the server by itself
    assert answers[f"{below}/_stcore/health"] == [200, "ok"]
    assert answers[old] == [307, f"{below}/imagine?section=branch&checkpoint=a&dims=2%2C0"]
    assert not below or answers["/elsewhere/factors"][0] == 404


@pytest.mark.parametrize(
    ("old", "query", "page", "now"),
    [
        ("runs", {"id": "r"}, "train", {"section": "runs", "id": "r"}),
        ("rollouts", {"checkpoint": "a", "dim": "3"}, "imagine", {"checkpoint": "a", "dim": "3"}),
        ("rollouts", {"mode": "steer", "context": "7"}, "imagine", {"section": "play", "context": "7"}),
        ("rollouts", {"mode": "training", "others": "b"}, "compare", {"section": "rollouts", "others": "b"}),
        ("temporal", {"dims": "2,0"}, "imagine", {"section": "branch", "dims": "2,0"}),
        ("counterfactual", {"factor": "light"}, "imagine", {"section": "simulator", "factor": "light"}),
        ("counterfactual", {"dataset": "d"}, "factors", {"section": "policy", "dataset": "d"}),
        ("returns", {"runs": "a,b"}, "compare", {"section": "returns", "runs": "a,b"}),
        ("datasets", {"id": "d"}, "data", {"id": "d"}),
        ("compare", {"first": "a", "second": "b"}, "compare", {"checkpoint": "a", "second": "b"}),
        (
            "compare",
            {"first": "a", "second": "b", "over_training": "true", "at": "c"},
            "compare",
            {"section": "training", "checkpoint": "a", "second": "b", "at": "c"},
        ),
        (
            "factors",
            {"checkpoint": "a", "dim": "3"},
            "factors",
            {"section": "dimensions", "checkpoint": "a", "dim": "3"},
        ),
    ],
)
def test_an_address_of_an_older_version_leads_to_where_its_view_lies_now(
    old: str, query: dict[str, str], page: str, now: dict[str, str]
) -> None:
    assert moved(old, query) == (page, now)
    assert moved(page, now) is None, "and nowhere else from there"


def test_an_address_of_today_stays() -> None:
    for page in ("home", "traversals", "train", "compare", "factors"):
        assert moved(page, {"checkpoint": "a"}) is None
