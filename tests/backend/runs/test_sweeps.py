"""Sweeps: every combination and seed is a run of its own; all are queued, or none."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from typer.testing import CliRunner

from backend.__main__ import build_app
from backend.main import create_app
from backend.runs.errors import InvalidRun, KeyReused, RunConflict, RunNotFound
from backend.runs.service import RunService
from backend.runs.states import RunState
from backend.runs.sweeps import MOST_RUNS, SweepOrder, SweepService, varied_in
from backend.settings import Settings


@pytest.fixture
def sweeps(engine: Engine, tmp_path: Path) -> SweepService:
    return SweepService(RunService(engine, tmp_path))


def _order(grid: dict[str, list[Any]], seeds: list[int] | None = None, **common: Any) -> SweepOrder:
    return SweepOrder("finetune", "tiny", common, grid, seeds or [0], "My Sweep", None)


def test_every_combination_and_seed_is_queued_once_and_the_seed_changes_fastest(sweeps: SweepService) -> None:
    sweep = sweeps.submit(_order({"method": ["diswm", "dreamerv2"], "beta": [0.1]}, [3, 4], agent_steps=700))
    assert sweep.id.startswith("my-sweep-") and sweep.states == {"queued": 4} and sweep.varied == ("method",)
    rows = sweeps.members(sweep.id)
    assert [(row.settings["method"], row.seed) for row in rows] == [
        ("diswm", 3),
        ("diswm", 4),
        ("dreamerv2", 3),
        ("dreamerv2", 4),
    ]
    assert {row.settings["agent_steps"] for row in rows} == {700} and {row.settings["beta"] for row in rows} == {0.1}
    assert rows[0].name == "My Sweep, method diswm, beta 0.1, seed 3"


def test_a_sweep_sent_twice_with_a_key_is_one_and_another_body_is_refused(sweeps: SweepService) -> None:
    first = sweeps.submit(_order({"beta": [0.1, 0.2]}), "key")
    assert sweeps.submit(_order({"beta": [0.1, 0.2]}), "key") == first
    with pytest.raises(KeyReused):
        sweeps.submit(_order({"beta": [0.1, 0.3]}), "key")
    with pytest.raises(KeyReused):
        sweeps.submit(_order({"beta": [0.1, 0.2, 0.3]}), "key")
    assert sum(sweeps.runs.store.counts().values()) == 2


def test_what_a_broken_first_request_had_not_queued_is_queued_by_the_second(sweeps: SweepService) -> None:
    first = sweeps.submit(_order({"beta": [0.1, 0.2]}, [0, 1]), "key")
    lost = sweeps.members(first.id)[-1]
    sweeps.runs.cancel(lost.id)
    sweeps.runs.store.remove(lost.id)
    assert sweeps.submit(_order({"beta": [0.1, 0.2]}, [0, 1]), "key").states == {"queued": 4}


@pytest.mark.parametrize(
    ("order", "pointer"),
    [
        (_order({"method": ["diswm", "dreamerv3"]}), "/grid/method"),
        (_order({"betta": [1]}), "/grid/betta"),
        (_order({"beta": []}), "/grid/beta"),
        (_order({"beta": [0.1, 0.1]}), "/grid/beta"),
        (_order({}, [1, 1]), "/seeds"),
        (_order({"beta": list(range(MOST_RUNS))}, [0, 1]), "/grid"),
        (_order({}, agent_stepps=3), "/settings/agent_stepps"),
        (_order({"a=b": [1]}), "/grid/a=b"),
        (_order({"": [1]}), "/grid/"),
    ],
)
def test_one_wrong_run_refuses_the_whole_sweep(sweeps: SweepService, order: SweepOrder, pointer: str) -> None:
    with pytest.raises(InvalidRun) as refused:
        sweeps.submit(order)
    assert refused.value.problems[0].pointer == pointer
    assert sweeps.runs.store.counts() == {}


def test_the_runs_of_a_sweep_are_cancelled_and_resumed_together(sweeps: SweepService) -> None:
    sweep = sweeps.submit(_order({"beta": [0.1, 0.2]})).id
    assert sweeps.cancel(sweep).states == {"cancelled": 2}
    with pytest.raises(RunConflict):
        sweeps.cancel(sweep)
    assert sweeps.resume(sweep).states == {"queued": 2}
    with pytest.raises(RunNotFound):
        sweeps.cancel("nobody")


def test_sweeps_are_listed_newest_first_and_a_word_of_its_id_finds_its_runs(sweeps: SweepService) -> None:
    first, second = (sweeps.submit(_order({"beta": [value]})).id for value in (0.1, 0.2))
    assert [sweep.id for sweep in sweeps.newest(10)] == [second, first]
    found = sweeps.runs.page(10, None, [], None, first).rows
    assert [row.sweep for row in found] == [first]
    assert all(row.state == RunState.QUEUED for row in found)


def test_settings_of_sections_count_as_varied_by_their_whole_name() -> None:
    assert varied_in([{"finetune": {"beta": 1, "gamma": 2}}, {"finetune": {"beta": 3, "gamma": 2}}]) == (
        "finetune.beta",
    )


def test_the_shell_queues_what_the_api_shows_and_curves_are_grouped_by_what_varies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISWM_HOME", str(tmp_path))
    asked = ["sweep", "--grid", "beta=0.1,0.2", "--seeds", "0-1", "--name", "Betas", "--json"]
    made = json.loads(CliRunner().invoke(build_app(), asked).stdout)
    assert [run["seed"] for run in made["runs"]] == [0, 1, 0, 1]
    for number, run in enumerate(made["runs"]):
        folder = tmp_path / "runs" / run["id"]
        folder.mkdir(parents=True)
        settings = {"environment": "cartpole-swingup", **run["settings"]}
        begun = {"stage": "finetune", "seed": run["seed"], "settings": settings}
        (folder / "settings.json").write_text(json.dumps(begun))
        (folder / "metrics.jsonl").write_text(json.dumps({"environment_steps": 10, "evaluation_return": number}) + "\n")
    with TestClient(create_app(Settings(home=tmp_path)), base_url="http://127.0.0.1:8000") as client:
        listed = client.get("/api/v1/sweeps").json()["items"]
        shown = client.get(f"/api/v1/sweeps/{made['id']}").json()
        curves = client.get("/api/v1/curves", params={"sweep": made["id"]}).json()
        missing = client.get("/api/v1/curves", params={"sweep": "nobody"})
        refused = client.post("/api/v1/sweeps", json={"grid": {"method": ["diswm", "disvm"]}})
    assert [(sweep["id"], sweep["count"], sweep["varied"]) for sweep in listed] == [(made["id"], 4, ["beta"])]
    assert [run["sweep"] for run in shown["runs"]] == [made["id"]] * 4
    assert [(group["label"], group["mean"]) for group in curves["groups"]] == [
        ("diswm, beta 0.1", [0.5]),
        ("diswm, beta 0.2", [2.5]),
    ]
    assert missing.status_code == 404
    assert refused.status_code == 422 and refused.json()["errors"][0]["pointer"] == "/grid/method"
    told = CliRunner().invoke(build_app(), ["compare", "--sweep", made["id"]]).stdout
    assert "beta 0.1" in told and "beta 0.2" in told


@pytest.mark.parametrize("given", ["--seeds=4-0", "--seeds=x", "--grid=beta", "--grid=betta=1", "--seeds=0-99999"])
def test_a_wrong_sweep_in_the_shell_is_one_sentence_and_exit_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("DISWM_HOME", str(tmp_path))
    told = CliRunner().invoke(build_app(), ["sweep", given])
    assert told.exit_code == 2 and "Traceback" not in told.output and len(told.stderr.strip().splitlines()) == 1
