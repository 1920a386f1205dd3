"""Requests about runs: refused ones change nothing, accepted ones are on disk."""

import base64
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from backend.runs.errors import IncompatibleSource, InvalidRun, KeyReused, RunConflict, RunNotFound
from backend.runs.folders import run_folder
from backend.runs.locks import folder_lock, hold
from backend.runs.service import Order, RunService
from backend.runs.states import RunState


@pytest.fixture
def service(engine: Engine, tmp_path: Path) -> RunService:
    return RunService(engine, tmp_path)


def _order(stage: str = "collect", preset: str = "tiny", **overrides: Any) -> Order:
    return Order(stage, preset, overrides, name=None, seed=0, device=None)


def _count(service: RunService) -> int:
    return sum(service.store.counts().values())


def test_a_run_is_queued_with_all_its_settings(service: RunService) -> None:
    row = service.submit(_order(episodes=3)).row
    stored = service.get(row.id)
    assert stored.state == RunState.QUEUED
    assert stored.settings["episodes"] == 3
    assert stored.settings["environment"] == "cartpole-swingup"
    assert stored.overrides == {"episodes": 3}
    assert stored.name == "cartpole-swingup-episode", "what its data set is called"


@pytest.mark.parametrize(
    ("order", "pointer", "suggestion"),
    [
        (_order(episods=3), "/settings/episods", "episodes"),
        (_order("colect"), "/stage", "collect"),
        (_order(preset="smal"), "/preset", "small"),
        (_order(environment="reacher-eazy"), "/settings/environment", "reacher-easy"),
        (_order(episodes=True), "/settings/episodes", None),
        (_order(episodes=3.0), "/settings/episodes", None),
        (_order(episodes=2**63), "/settings/episodes", None),
        (_order("pretrain", learning_rate=float("nan")), "/settings/learning_rate", None),
        (_order("pretrain", learning_rate="nan"), "/settings/learning_rate", None),
        (_order("pretrain"), "/settings/dataset", None),
        (_order("pretrain", dataset="nowhere"), "/settings/dataset", None),
        (_order("finetune", teacher="nobody"), "/settings/teacher", None),
        (_order(environment={"_target_": "os.system"}), "/settings/environment", None),
        (_order(environment="${oc.env:HOME}"), "/settings/environment", None),
        (_order()._replace(device="cuda:99"), "/device", None),
    ],
)
def test_a_run_that_cannot_be_started_is_refused_with_its_place(
    service: RunService, order: Order, pointer: str, suggestion: str | None
) -> None:
    with pytest.raises(InvalidRun) as refused:
        service.submit(order)
    assert pointer in [problem.pointer for problem in refused.value.problems]
    problem = next(problem for problem in refused.value.problems if problem.pointer == pointer)
    assert suggestion is None or problem.suggestion == suggestion
    assert _count(service) == 0


def test_sequences_longer_than_every_episode_are_refused_naming_both(service: RunService, dataset: str) -> None:
    with pytest.raises(InvalidRun) as refused:
        service.submit(_order("pretrain", dataset=dataset, length=13))
    assert refused.value.problems[0].pointer == "/settings/length"
    assert "13" in refused.value.detail and "12" in refused.value.detail
    service.submit(_order("pretrain", dataset=dataset, length=12))


def test_a_teacher_of_another_architecture_is_a_conflict(engine: Engine, tiny_checkpoint_home: Path) -> None:
    service = RunService(engine, tiny_checkpoint_home)
    with pytest.raises(IncompatibleSource, match="6 latents"):
        service.submit(_order("finetune", teacher="tiny-video", latents=7))
    service.submit(_order("finetune", teacher="tiny-video", latents=6))


def test_one_key_makes_one_run_however_many_send_it_at_once(service: RunService) -> None:
    answers = []
    barrier = threading.Barrier(32)

    def send() -> None:
        barrier.wait()
        answers.append(service.submit(_order(episodes=3), "key-1"))

    threads = [threading.Thread(target=send) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer.row.id for answer in answers}) == 1
    assert sum(answer.new for answer in answers) == 1
    assert _count(service) == 1


def test_without_a_key_each_request_makes_a_run(service: RunService) -> None:
    """Negative control of the test above."""
    first, second = service.submit(_order()), service.submit(_order())
    assert first.row.id != second.row.id
    assert _count(service) == 2


def test_a_key_with_another_body_is_refused(service: RunService) -> None:
    service.submit(_order(episodes=3), "key-1")
    with pytest.raises(KeyReused):
        service.submit(_order(episodes=4), "key-1")
    assert _count(service) == 1


def test_a_clone_is_a_new_run_with_the_edits(service: RunService) -> None:
    first = service.submit(_order("pipeline", collect={"episodes": 9, "episode_steps": 12})).row
    clone = service.clone(first.id, {"settings": {"collect": {"episodes": 8}}, "seed": 5}).row
    assert clone.id != first.id
    assert clone.overrides == {"collect": {"episodes": 8, "episode_steps": 12}}
    assert (clone.seed, clone.state, clone.name) == (5, RunState.QUEUED, "pipeline tiny (copy)")
    with pytest.raises(InvalidRun):
        service.clone(first.id, {"settings": {"collekt": {}}})


def test_an_unknown_run_is_not_found(service: RunService) -> None:
    for ask in (service.get, service.cancel, service.resume, service.remove, lambda run: service.clone(run, {})):
        with pytest.raises(RunNotFound):
            ask("../../etc/passwd")


def test_what_a_state_does_not_allow_is_a_conflict(service: RunService) -> None:
    run = service.submit(_order()).row.id
    for refused in (service.resume, service.remove):
        with pytest.raises(RunConflict):
            refused(run)
    service.cancel(run)
    with pytest.raises(RunConflict):
        service.cancel(run)
    assert service.resume(run).state == RunState.QUEUED


def test_a_removed_run_takes_its_folder_along(service: RunService, tmp_path: Path) -> None:
    run = service.submit(_order()).row.id
    folder = run_folder(tmp_path, run)
    folder.mkdir(parents=True)
    (folder / "result.json").write_text("{}")
    service.cancel(run)
    service.remove(run)
    assert not folder.exists()
    with pytest.raises(RunNotFound):
        service.get(run)


def test_a_run_whose_folder_is_written_by_hand_is_not_removed(service: RunService, tmp_path: Path) -> None:
    run = service.submit(_order()).row.id
    service.cancel(run)
    with hold(folder_lock(run_folder(tmp_path, run))), pytest.raises(RunConflict):
        service.remove(run)
    assert run_folder(tmp_path, run).exists()


def test_pages_lead_through_all_runs(service: RunService) -> None:
    runs = [service.submit(_order()).row.id for _ in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = service.page(2, cursor, [], [])
        seen += [row.id for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break
    shipped = seen[len(runs) :]
    assert seen[: len(runs)] == runs[::-1] and {"finger-episode-factors"} <= set(shipped)
    assert service.page(5, None, [RunState.RUNNING], []).rows == []
    assert len(service.page(5, None, [RunState.QUEUED], ["collect"]).rows) == 5
    assert {row.id for row in service.page(50, None, [], ["pretrain"]).rows} < set(shipped)


def cursor_of(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "====",
        "W10",
        "e30",
        "WzEsMl0gIA\x00",
        *map(cursor_of, ([1, "a\0"], [float("nan"), "a"], [1, "\ud800"], [10**400, "a"])),
    ],
)
def test_a_cursor_that_nobody_handed_out_is_refused(service: RunService, cursor: str) -> None:
    with pytest.raises(InvalidRun):
        service.page(2, cursor, [], [])


def _finished(service: RunService, row_id: str) -> None:
    """As the worker writes it down."""
    claimed = service.store.claim(row_id, service.get(row_id).generation, "worker-1")
    assert claimed is not None
    folder = run_folder(service.home, row_id)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_text("{}")
    service.store.finish(row_id, claimed.attempt, RunState.SUCCEEDED, result={})


def test_a_run_that_is_over_goes_on_with_more_to_do(service: RunService) -> None:
    row = service.submit(_order(episodes=12)).row
    _finished(service, row.id)
    for edits in ({}, {"episodes": 12}, {"workers": 1}):
        with pytest.raises(RunConflict, match="has done its 12 episodes") as refused:
            service.resume(row.id, edits)
        assert "larger number for episodes" in refused.value.remedy
    assert (run_folder(service.home, row.id) / "result.json").exists()
    going = service.resume(row.id, {"episodes": 24})
    assert going.state == RunState.QUEUED
    assert going.settings["episodes"] == going.overrides["episodes"] == 24
    assert not (run_folder(service.home, row.id) / "result.json").exists(), "the worker would take it for done"


def test_a_run_does_not_go_on_as_another_one(service: RunService) -> None:
    row = service.submit(_order(episodes=12)).row
    _finished(service, row.id)
    for edits, place in (
        ({"episodes": 24, "environment": "reacher-easy"}, "/settings/environment"),
        ({"episods": 24}, "/settings/episods"),
        ({"episodes": "many"}, "/settings/episodes"),
    ):
        with pytest.raises(InvalidRun) as refused:
            service.resume(row.id, edits)
        assert [problem.pointer for problem in refused.value.problems] == [place]
    assert service.get(row.id).state == RunState.SUCCEEDED
    assert service.get(row.id).settings["episodes"] == 12


def test_a_device_is_refused_only_where_the_workers_that_live_have_none(service: RunService) -> None:
    """The devices of the API's machine do not matter: runs are executed by workers."""
    assert service.submit(_order()._replace(device="cuda")).row.device == "cuda"
    assert service.submit(_order()).row.device == "auto"
    service.store.announce("laptop", ["cpu"])
    with pytest.raises(InvalidRun, match="laptop has cpu"):
        service.submit(_order()._replace(device="cuda"))
    service.store.announce("gpu-1", ["cpu", "cuda:0"])
    for device in ("cuda", "cuda:0", "cpu", "auto"):
        service.submit(_order()._replace(device=device))
    with pytest.raises(InvalidRun, match="gpu-1 has cpu, cuda:0; laptop has cpu"):
        service.submit(_order()._replace(device="cuda:1"))
    service.store.withdraw("gpu-1")
    with pytest.raises(InvalidRun):
        service.submit(_order()._replace(device="cuda:0"))


@pytest.mark.parametrize(
    "device", ["gpu", "cuda:", "cuda:-1", "cuda:64", "cuda:01", "CPU", "mps", "cuda:0 ", "@big", "cpu@", "cpu@B"]
)
def test_a_device_of_no_known_form_is_refused_by_name(service: RunService, device: str) -> None:
    order = _order()._replace(device=device)
    with pytest.raises(InvalidRun, match="a device is auto, cpu, cuda or cuda:N"):
        service.submit(order)
