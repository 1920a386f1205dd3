"""Every benchmark runs and says what was measured; how fast is nobody's test."""

import json

import pytest
from typer.testing import CliRunner

from backend.__main__ import build_app

SMALL = ["--batch", "2", "--length", "3", "--rows", "4", "--columns", "3", "--repeats", "2", "--device", "cpu"]


@pytest.mark.parametrize("name", ["update", "pretrain", "imagine", "traversal", "atlas", "gif", "collect"])
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
