"""An MLflow server on this machine: the part of its REST interface that runs are sent by, with its limits.

Made after mlflow 3.17: the answers, the error codes and the numbers are that server's.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from tests.support.serving import served

LIMITS = {"metrics": 1000, "params": 100, "tags": 100}
NAME = re.compile(r"[\w\-. /:]{1,250}")


@dataclass
class Run:
    """What the server knows of one run."""

    info: dict[str, Any]
    tags: dict[str, str]
    params: dict[str, str] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)

    def curve(self, key: str) -> list[tuple[int, float]]:
        """(step, value) of every point of a metric, those that came twice twice."""
        return [(point["step"], point["value"]) for point in self.metrics if point["key"] == key]


@dataclass
class Server:
    """Experiments by id and runs by id, and the authorization of each request."""

    url: str = ""
    experiments: dict[str, str] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    seen: list[str | None] = field(default_factory=list)
    away: bool = False
    loses_answers: int = 0  # so many batches are taken and answered with an error
    redirects_to: str = ""

    @property
    def run(self) -> Run:
        """The only run."""
        [run] = self.runs.values()
        return run


@contextmanager
def running_mlflow() -> Iterator[Server]:
    """A server over a real socket."""
    server = Server()
    with served(_app(server), log_level="critical") as server.url:
        yield server


def _refused(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error_code": code, "message": message}, status)


def _told(run: Run) -> dict[str, Any]:
    data = {name: [{"key": key, "value": value} for key, value in values.items()] for name, values in _stored(run)}
    return {"info": run.info, "data": data}


def _stored(run: Run) -> list[tuple[str, dict[str, str]]]:
    return [("tags", run.tags), ("params", run.params)]


def _app(server: Server) -> FastAPI:
    app = FastAPI()
    base = "/api/2.0/mlflow"

    @app.middleware("http")
    async def watch(request: Request, answer: Any) -> Response:
        server.seen.append(request.headers.get("authorization"))
        if server.away:
            return Response("<html>Bad gateway</html>", 502)
        if server.redirects_to:
            return RedirectResponse(server.redirects_to + request.url.path)
        found: Response = await answer(request)
        return found

    @app.post(f"{base}/experiments/search")
    async def experiments() -> dict[str, Any]:
        return {"experiments": []}

    @app.get(f"{base}/experiments/get-by-name")
    async def by_name(experiment_name: str) -> Response:
        found = next((key for key, name in server.experiments.items() if name == experiment_name), None)
        if found is None:
            message = f"Could not find experiment with name '{experiment_name}'"
            return _refused(404, "RESOURCE_DOES_NOT_EXIST", message)
        return JSONResponse({"experiment": {"experiment_id": found, "name": experiment_name}})

    @app.post(f"{base}/experiments/create")
    async def create_experiment(request: Request) -> dict[str, Any]:
        key = str(len(server.experiments) + 1)
        server.experiments[key] = (await request.json())["name"]
        return {"experiment_id": key}

    @app.post(f"{base}/runs/search")
    async def search(request: Request) -> dict[str, Any]:
        asked = await request.json()
        named = re.fullmatch(r"tags\.`([^`]+)` = '([^']+)'", asked["filter"])
        assert named is not None
        found = [
            run
            for run in server.runs.values()
            if run.info["experiment_id"] in asked["experiment_ids"] and run.tags.get(named[1]) == named[2]
        ]
        return {"runs": [_told(run) for run in found]} if found else {}

    @app.post(f"{base}/runs/create")
    async def create(request: Request) -> dict[str, Any]:
        asked = await request.json()
        key = f"run{len(server.runs)}"
        info = {"run_id": key, "status": "RUNNING", "experiment_id": asked["experiment_id"]}
        tags = {tag["key"]: tag["value"] for tag in asked["tags"]}
        server.runs[key] = Run({**info, "run_name": asked["run_name"], "start_time": asked["start_time"]}, tags)
        return {"run": _told(server.runs[key])}

    @app.post(f"{base}/runs/log-batch")
    async def log_batch(request: Request) -> Response:
        asked = await request.json()
        for name, most in LIMITS.items():
            if len(asked.get(name, ())) > most:
                return _refused(400, "INVALID_PARAMETER_VALUE", f"A batch logging request can contain at most {most}")
            if wrong := [one["key"] for one in asked.get(name, ()) if not NAME.fullmatch(one["key"])]:
                return _refused(400, "INVALID_PARAMETER_VALUE", f"Invalid value {wrong[0]!r} for parameter 'key'")
        run = server.runs[asked["run_id"]]
        for param in asked.get("params", ()):
            if run.params.setdefault(param["key"], param["value"]) != param["value"]:
                return _refused(400, "INVALID_PARAMETER_VALUE", "Changing param values is not allowed.")
        run.metrics += asked.get("metrics", ())
        run.tags |= {tag["key"]: tag["value"] for tag in asked.get("tags", ())}
        if asked.get("metrics") and server.loses_answers:
            server.loses_answers -= 1
            return _refused(500, "INTERNAL_ERROR", "the answer is lost")
        return JSONResponse({})

    @app.post(f"{base}/runs/update")
    async def update(request: Request) -> dict[str, Any]:
        asked = await request.json()
        run = server.runs[asked["run_id"]]
        run.info |= {name: asked[name] for name in ("status", "end_time") if name in asked}
        return {"run_info": run.info}

    return app
