"""Every benchmark runs and reports what it measured; the speed itself is not tested."""

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from backend.__main__ import build_app
from backend.bench.workloads import NAMES
from backend.pipeline.pretrain import Pretraining
from benchmarks import gpu

SMALL = ["--batch", "2", "--length", "3", "--rows", "4", "--columns", "3", "--repeats", "2", "--device", "cpu"]


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_reports_value_unit_sizes_device_threads_and_repeats(name: str) -> None:
    outcome = CliRunner().invoke(build_app(), ["bench", name, *SMALL, "--episodes", "2", "--steps", "3", "--json"])
    assert outcome.exit_code == 0, outcome.output
    report = json.loads(outcome.stdout)
    assert report["value"] > 0 and len(report["repeats"]) == 2
    assert report["unit"] == ("agent steps/s" if name == "collect" else "s")
    assert report["sizes"]["batch"] == 2 and report["threads"] >= 1 and report["device"].startswith("cpu")


def test_even_columns_are_refused() -> None:
    outcome = CliRunner().invoke(build_app(), ["bench", "atlas", "--columns", "4"])
    assert outcome.exit_code == 2
    assert "odd" in outcome.output


def test_the_checks_for_a_gpu_run_on_a_cpu_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(gpu, "SIZES", gpu.Sizes(batch=2, length=3))
    monkeypatch.setattr(gpu, "ROWS", (gpu.Row("act", gpu.Sizes(), "soon"), gpu.Row("imagine", gpu.Sizes(2, 3))))
    table = tmp_path / "table.md"
    monkeypatch.setattr("sys.argv", ["gpu", "--device", "cpu", "--repeats", "2", "--out", str(table)])
    gpu.main()
    text = table.read_text()
    assert "losses within 0 relative" in text and "float32 within" in text
    assert "| act |" in text and "| soon |" in text and "not reached" not in text


def test_a_device_that_computes_something_else_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control of the check above: a run whose weights differ a little."""
    monkeypatch.setattr(gpu, "SIZES", gpu.Sizes(batch=2, length=3))
    honest = gpu._pretraining
    places = iter(("cpu", "other"))

    def different(device: str, kind: torch.dtype) -> Pretraining:
        run = honest(device, kind)
        if next(places) == "other":
            with torch.no_grad():
                run.model.decoder.convolutions[-1].bias.add_(0.01)
        return run

    monkeypatch.setattr(gpu, "_pretraining", different)
    with pytest.raises(AssertionError, match="updates on cpu and on the CPU differ by"):
        gpu._agrees_with_the_cpu("cpu")
