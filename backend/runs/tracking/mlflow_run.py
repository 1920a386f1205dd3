"""A run of an MLflow server, over its REST interface: docs/decisions/trackers.md says why without its package."""

import base64
import contextlib
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http.client import HTTPException
from typing import Any, TypeVar
from urllib.parse import quote

from backend.runs.tracking.lines import Line, Positions
from backend.runs.tracking.tracker import NAME, Ending, NotSent, TrackedRun

TIMEOUT_S = 10.0
MOST_ANSWER = 4 * 2**20
MOST_METRICS, MOST_PARAMS = 1_000, 100
"""How many of them the server takes at once."""
LONGEST = 5_000
"""Characters of a value or tag that every server takes."""
KEY, SENT = "diswm.key", "diswm.sent"
STATUS = {"finished": "FINISHED", "failed": "FAILED", "stopped": "KILLED"}

Item = TypeVar("Item")


class _Missing(NotSent):
    """The server does not have the requested object."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        """None: credentials are only sent to the address in the setting."""


class MlflowRun:
    """Implements Tracker. The server stores which lines it has, in a tag of each batch: no line is sent twice."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._opener = urllib.request.build_opener(_NoRedirects())
        self._id = ""

    def check(self) -> None:
        """Ask the server something. Raises NotSent."""
        self._call("experiments/search", {"max_results": 1})

    def begin(self, run: TrackedRun) -> Positions:
        """The run with this key in the experiment of MLFLOW_EXPERIMENT_NAME, else a new one."""
        experiment = self._experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME") or NAME)
        which = {"experiment_ids": [experiment], "filter": f"tags.`{KEY}` = '{run.key}'", "max_results": 1}
        found = self._call("runs/search", which).get("runs") or [self._new(experiment, run)]
        self._id = found[0]["info"]["run_id"]
        self._call("runs/update", {"run_id": self._id, "status": "RUNNING"})
        data = found[0].get("data", {})
        self._put_settings(run.settings, _by_key(data.get("params", ())))
        return _positions(_by_key(data.get("tags", ())).get(SENT))

    def send(self, lines: Sequence[Line], before: int, positions: Positions) -> None:  # noqa: ARG002 - it counts itself
        """Each value at its agent step, or at its update if it has none; the counters as metrics beside them."""
        metrics = [
            {"key": _allowed(name), "value": value, "timestamp": round(1000 * line.time), "step": step}
            for line in lines
            for step in [line.counters[line.axis]]
            for name, value in line.named().items()
        ]
        *most, last = list(_parts(metrics, MOST_METRICS)) or [[]]
        for part in most:
            self._log(metrics=part)
        self._log(metrics=last, tags=_items({SENT: json.dumps(positions)}))

    def end(self, ending: Ending) -> None:
        """Facts as tags, and the status; stopped is KILLED until the run goes on."""
        for part in _parts(_items(ending.facts), MOST_PARAMS):
            self._log(tags=part)
        status = {"status": STATUS[ending.status], "end_time": round(1000 * time.time())}
        self._call("runs/update", {"run_id": self._id, **status})

    def _experiment(self, name: str) -> str:
        with contextlib.suppress(_Missing):
            found = self._call(f"experiments/get-by-name?experiment_name={quote(name)}")
            return str(found["experiment"]["experiment_id"])
        return str(self._call("experiments/create", {"name": name})["experiment_id"])

    def _new(self, experiment: str, run: TrackedRun) -> dict[str, Any]:
        tags = {KEY: run.key, "diswm.run": run.id, "diswm.preset": run.start.preset, "mlflow.source.name": "diswm"}
        began = round(1000 * time.time())
        body = {"experiment_id": experiment, "run_name": run.name, "start_time": began, "tags": _items(tags)}
        made: dict[str, Any] = self._call("runs/create", body)["run"]
        return made

    def _put_settings(self, settings: Mapping[str, Any], known: Mapping[str, str]) -> None:
        """As params; a param cannot be changed, so that changed settings of a resumed run go into a tag."""
        items = {item["key"]: item["value"] for item in _items(settings)}
        for part in _parts(_items({key: items[key] for key in items.keys() - known.keys()}), MOST_PARAMS):
            self._log(params=part)
        changed = {f"changed.{key}": value for key, value in items.items() if known.get(key, value) != value}
        if changed:
            self._log(tags=_items(changed))

    def _log(self, **what: Sequence[Mapping[str, Any]]) -> None:
        self._call("runs/log-batch", {"run_id": self._id, **what})

    def _call(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        content = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", **_authorization()}
        request = urllib.request.Request(f"{self._address}/api/2.0/mlflow/{path}", content, headers)
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                told = json.loads(answer.read(MOST_ANSWER))
        except urllib.error.HTTPError as error:
            raise self._refusal(error) from None
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise NotSent(f"{self._address} does not answer as MLflow does ({reason})") from None
        return told if isinstance(told, dict) else {}

    def _refusal(self, error: urllib.error.HTTPError) -> NotSent:
        with error:
            try:
                told = json.loads(error.read(MOST_ANSWER))
                code, message = str(told["error_code"]), str(told["message"]).splitlines()[0][:300]
            except (OSError, HTTPException, ValueError, KeyError, TypeError, IndexError):
                code, message = "", error.reason
        kind = _Missing if code == "RESOURCE_DOES_NOT_EXIST" else NotSent
        return kind(f"{self._address} answers {error.code}: {message}")


def _authorization() -> dict[str, str]:
    """As MLflow's own client: a token, or user and password."""
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        return {"authorization": f"Bearer {token}"}
    if user := os.environ.get("MLFLOW_TRACKING_USERNAME"):
        both = f"{user}:{os.environ.get('MLFLOW_TRACKING_PASSWORD', '')}"
        return {"authorization": f"Basic {base64.b64encode(both.encode()).decode()}"}
    return {}


def _items(values: Mapping[str, Any]) -> list[dict[str, str]]:
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    return [{"key": _allowed(key), "value": text[:LONGEST]} for key, text in texts.items()]


def _by_key(items: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {item["key"]: item["value"] for item in items}


def _positions(tag: str | None) -> Positions:
    return {phase: tuple(place) for phase, place in json.loads(tag or "{}").items()}


def _allowed(name: str) -> str:
    """A name with the characters that MLflow allows."""
    return re.sub(r"[^\w\-. /]", "_", name)[:250]


def _parts(items: Sequence[Item], most: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), most):
        yield items[start : start + most]
