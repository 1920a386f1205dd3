"""Two answers of the real API that start a simulator, too slow for a page's tests: they are replayed unchanged.

`python -m tests.support.recorded` records them again, after the API has changed.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from backend.main import create_app
from backend.settings import Settings

LOCAL = "http://127.0.0.1:8000"  # the API answers to no other host
FOLDER = Path(__file__).parent / "recorded"
FINGER, CARTPOLE = "finger-episode-factors", "cartpole-swingup-policy"  # shipped: with many names, with a policy
COUNTERFACTUAL = f"{FINGER}/counterfactual?factor=light&to=0.9&seed=3&context=2&horizon=3"
ASKED = {"counterfactual": ("GET", COUNTERFACTUAL), "plays": ("POST", f"{CARTPOLE}/plays")}
"""What is asked for each answer: a method, and a path below /checkpoints."""


def ask(client: TestClient, name: str) -> Any:
    """The real answer."""
    method, path = ASKED[name]
    body = {"json": {"seed": 0, "steps": []}} if method == "POST" else {}
    answer = client.request(method, f"/api/v1/checkpoints/{path}", **body)
    assert answer.is_success, (name, answer.text[:500])
    return answer.json()


def recorded(name: str) -> Any:
    """A recorded answer."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def differences(made: Any, truth: Any, place: str = "") -> Iterator[str]:
    """Fields and kinds of values in which two answers differ; null values are not compared."""
    if made is None or truth is None:
        return
    kinds = [kind_of(value) for value in (made, truth)]
    if kinds[0] != kinds[1]:
        yield f"{place}: {kinds[0]} and {kinds[1]}"
    elif isinstance(made, dict):
        yield from (f"{place}/{name}: in one of them only" for name in sorted(made.keys() ^ truth.keys()))
        for name in made.keys() & truth.keys():
            yield from differences(made[name], truth[name], f"{place}/{name}")
    elif isinstance(made, list) and made and truth:
        yield from differences(made[0], truth[0], f"{place}/0")


def kind_of(value: Any) -> str:
    """The kind of a JSON value, in words."""
    if isinstance(value, bool):
        return "true or false"
    kinds = {(int, float): "a number", (str,): "text", (list,): "a list", (dict,): "an object"}
    return next(words for types, words in kinds.items() if isinstance(value, types))


def _app(home: str) -> FastAPI:
    return create_app(Settings(home=Path(home)))


def main() -> None:
    """Records every answer again."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, TestClient(_app(home), base_url=LOCAL) as client:
        for name in ASKED:
            text = json.dumps(ask(client, name), indent=1, ensure_ascii=False)
            (FOLDER / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
