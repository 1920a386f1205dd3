"""The page's server: each page's document says where the server is, at the root and below a path of a reverse proxy."""

import json
import subprocess
import sys

import pytest

from frontend.pages import PAGES

ASK = """
import json, sys
from starlette.testclient import TestClient
from streamlit import config
config.set_option("server.baseUrlPath", sys.argv[1])
from frontend.server import app
with TestClient(app) as browser:
    answers = {path: browser.get(path) for path in sys.argv[2:]}
print(json.dumps({path: [answer.status_code, answer.text] for path, answer in answers.items()}))
"""  # one server a process: Streamlit has no second


@pytest.mark.parametrize("below", ["", "/lab/diswm"])
def test_every_page_is_told_where_its_server_is(below: str) -> None:
    paths = [f"{below}/{name}" for name in PAGES]
    asked = [*paths, f"{below}/_stcore/health", "/elsewhere/factors"]
    command = [sys.executable, "-c", ASK, below.strip("/"), *asked]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    answers = json.loads(told.splitlines()[-1])
    where = f'window.__streamlit = {{ BACKEND_BASE_URL: window.location.origin + "{below}" }}'
    for name, path in zip(PAGES, paths, strict=True):
        status, text = answers[path]
        assert status == 200
        assert (where in text) == (name != "home")  # from the start page a browser finds the server by itself
    assert answers[f"{below}/_stcore/health"] == [200, "ok"]
    assert not below or answers["/elsewhere/factors"][0] == 404
