"""A run's metrics in the files of W&B's own client, which works without a network."""

import json
from pathlib import Path

import pytest

from backend.pipeline.report import Reporter
from backend.runs.tracking.sender import Sender
from tests.support.tracked import begin_run, report
from tests.support.wandb_file import history, records


def written(folder: Path) -> list[Path]:
    """The files of each session, in their order."""
    return sorted(folder.glob("wandb/offline-run-*/run-*.wandb"), key=lambda path: path.stat().st_mtime_ns)


def test_offline_a_resumed_run_continues_the_same_run_with_each_value_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "of-ours")
    begin_run(tmp_path)
    report(tmp_path, "pretrain", 10, loss=4.0)
    report(tmp_path, "finetune", 20, 200, loss=2.0)
    Sender(tmp_path, "wandb:offline").end()
    Reporter(tmp_path, quiet=True).cut_metrics("finetune", 10, 100)
    report(tmp_path, "finetune", 20, 200, loss=2.0)
    report(tmp_path, "finetune", 30, 300, loss=1.0)
    (tmp_path / "result.json").write_text('{"checkpoint": "c1"}')
    Sender(tmp_path, "wandb:offline").end()
    first, second = written(tmp_path)
    assert first.name == second.name, "one key"
    rows = [*history(first), *history(second)]
    assert [row["_step"] for row in rows] == [0, 1, 2]
    assert [row.get("finetune/loss") for row in rows] == [None, 2.0, 1.0]
    assert (rows[0]["pretrain/loss"], rows[0]["pretrain/updates"]) == (4.0, 10)
    assert (rows[1]["finetune/agent_steps"], rows[1]["finetune/environment_steps"]) == (200, 400)
    assert [row["_timestamp"] for row in rows] == [1010.0, 1020.0, 1030.0]
    about = list(records(second))
    [run] = [record.run for record in about if record.HasField("run")]
    assert (run.project, run.display_name, run.run_id) == ("of-ours", "a run", second.stem.removeprefix("run-"))
    assert run.host == "diswm" and not any(record.HasField("files") for record in about), "nothing about the machine"
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    assert config["collect.environment"] == "reacher-easy" and config["seed"] == 7
    axes = {record.metric.glob_name: record.metric.step_metric for record in about if record.HasField("metric")}
    assert axes["finetune/*"] == "finetune/agent_steps"
    facts = {
        item.key: json.loads(item.value_json)
        for record in about
        if record.HasField("summary")
        for item in record.summary.update
    }
    assert (facts["result.checkpoint"], facts["status"]) == ("c1", "finished")
    [ending] = [record.exit.exit_code for record in about if record.HasField("exit")]
    assert ending == 0
