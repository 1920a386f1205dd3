"""Answers of the real API about the shipped checkpoints, as JSON and pictures: what the stand-in's answers are made of.

`python -m tests.support.recorded` records them again, after the API has changed.
"""

import base64
import io
import json
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from PIL import Image

from backend.main import create_app
from backend.settings import Settings

FOLDER = Path(__file__).parent / "recorded"
FINGER, CARTPOLE = "finger-episode-factors", "cartpole-swingup-policy"
ASKED = {
    "atlas": f"{FINGER}/atlas?columns=5",
    "traversal": f"{FINGER}/traversal?dims=9",
    "factors": f"{FINGER}/factors",
    "card": f"{FINGER}/factors/9",
    "leakage": f"{FINGER}/leakage",
    "quality": f"{CARTPOLE}/quality",
    "interventions": f"{FINGER}/interventions",
    "sensitivity": f"{CARTPOLE}/sensitivity",
    "compare": f"{FINGER}/compare?other={CARTPOLE}",
    "rollout": f"{CARTPOLE}/rollout?samples=2&edit=9:2@6%2B&horizon=9",
    "rollout-scores": f"{CARTPOLE}/rollout-scores?horizon=5",
    "temporal": f"{CARTPOLE}/temporal?horizon=5",
    "rollouts": f"{CARTPOLE}/rollouts?with={CARTPOLE}&horizon=5",
    "carried": f"{CARTPOLE}/carried?reference={FINGER}",
    "counterfactual": f"{CARTPOLE}/counterfactual?factor=light&to=0.8&dim=9&horizon=5",
}
"""What is asked for each answer: a path below /checkpoints."""
PICTURES, PICTURE_COLUMNS = "atlas.webp", 7  # what one checkpoint draws: a row per dimension
BY_DATA = ("outcomes", "seen", "parts", "baselines")
"""Objects whose keys are names from the data: only what they hold is compared."""
MOST, LONGEST = 3, 60  # entries of a list and letters of a text that are kept


def ask(client: TestClient, name: str) -> Any:
    """The real answer, shortened: a few entries of each list, the beginning of each text."""
    answer = client.get(f"/api/v1/checkpoints/{ASKED[name]}")
    assert answer.status_code == 200, (name, answer.text[:500])
    return shortened(answer.json())


def ask_pictures(client: TestClient) -> bytes:
    """The real picture of every dimension at every value, a WebP of cells beside and below each other."""
    answer = client.get(f"/api/v1/checkpoints/{FINGER}/atlas?columns={PICTURE_COLUMNS}")
    content = base64.b64decode(answer.json()["image"].partition(",")[2])
    small = io.BytesIO()
    with Image.open(io.BytesIO(content)) as atlas:
        atlas.convert("RGB").save(small, "WEBP", quality=80, method=6)
    return small.getvalue()


@cache
def recorded(name: str) -> Any:
    """A recorded answer."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def like(name: str, made: Any) -> Any:
    """`made`, with missing fields filled in from the recorded answer.

    Raises AssertionError if it has a field or a type of value that the real answer does not have.
    """
    wrong = list(differences(made, recorded(name)))
    assert not wrong, (name, wrong)
    return _filled(made, recorded(name))


def differences(made: Any, truth: Any, place: str = "") -> Iterator[str]:
    """Fields and types of values that the true answer does not have. Null values are not compared."""
    if made is None or truth is None:
        return
    kinds = [kind_of(value) for value in (made, truth)]
    if kinds[0] != kinds[1]:
        yield f"{place}: {kinds[0]}, in the real answer {kinds[1]}"
    elif isinstance(made, dict):
        free = place.endswith(tuple(f"/{name}" for name in BY_DATA))
        for name, value in made.items():
            if name in truth:
                yield from differences(value, truth[name], f"{place}/{name}")
            elif free and truth:
                yield from differences(value, next(iter(truth.values())), f"{place}/{name}")
            elif not free:
                yield f"{place}/{name}: the real answer has no such field"
    elif isinstance(made, list) and made and truth:
        yield from differences(made[0], truth[0], f"{place}/0")


def kind_of(value: Any) -> str:
    """The kind of a JSON value, in words."""
    if isinstance(value, bool):
        return "true or false"
    kinds = {(int, float): "a number", (str,): "text", (list, tuple): "a list", (dict,): "an object"}
    return next(words for types, words in kinds.items() if isinstance(value, types))


def shortened(value: Any) -> Any:
    """An answer without its bulk."""
    if isinstance(value, dict):
        return {name: shortened(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shortened(inner) for inner in value[:MOST]]
    return value[:LONGEST] if isinstance(value, str) else value


def _filled(made: Any, truth: Any, name: str = "") -> Any:
    if isinstance(made, Mapping) and isinstance(truth, Mapping) and name not in BY_DATA:
        return {key: _filled(made[key], value, key) if key in made else value for key, value in truth.items()}
    if isinstance(made, list) and isinstance(truth, list) and truth:
        return [_filled(inner, truth[0]) for inner in made]
    return made


def main() -> None:
    """Records every answer again."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        with TestClient(create_app(settings), base_url="http://127.0.0.1:8000") as client:
            (FOLDER / PICTURES).write_bytes(ask_pictures(client))
            for name in ASKED:
                text = json.dumps(ask(client, name), indent=1, ensure_ascii=False)
                (FOLDER / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
