"""The list of environments over HTTP and in the shell is the same."""

import json

from fastapi.testclient import TestClient
from typer.testing import CliRunner

from backend.__main__ import build_app


def test_tasks_over_http_are_those_of_the_shell(client: TestClient) -> None:
    answer = client.get("/api/v1/tasks")
    assert answer.status_code == 200
    items = answer.json()["items"]
    printed = json.loads(CliRunner().invoke(build_app(), ["tasks", "--json"]).stdout)["items"]
    assert [{key: item[key] for key in printed[0]} for item in items] == printed
    named = {item["name"]: item for item in items}
    assert named["pendulum-swingup"]["factors"] == ["hinge_sin", "hinge_cos", "hinge_velocity"]
    assert named["Hopper-v5"]["distractions"] == ["none", "episode"]
