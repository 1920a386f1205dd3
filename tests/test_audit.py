"""What `make audit` says about a report: a package without an answer is not clean."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "audit.py"
CLEAN = {"name": "numpy", "version": "2.0", "vulns": []}
WEAK = {"name": "pillow", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
SILENT = {"name": "torch", "skip_reason": "not found"}


def audit(report: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), str(report)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([CLEAN], 0, ["1 of 1 pinned packages were compared with the public advisories: 0 findings."]),
        ([CLEAN, WEAK], 1, ["pillow 1.0: PYSEC-1, fixed in 1.1", "2 of 2 pinned packages", "1 findings"]),
        ([CLEAN, SILENT], 1, ["1 of 2 pinned packages", "1 had no answer (torch): of those nothing is known."]),
        ([], 1, ["0 of 0 pinned packages"]),
    ],
)
def test_an_audit_says_what_it_compared_and_passes_only_where_all_had_an_answer(
    tmp_path: Path, packages: list[dict[str, Any]], code: int, said: list[str]
) -> None:
    (tmp_path / "report.json").write_text(json.dumps({"dependencies": packages, "fixes": []}))
    ended = audit(tmp_path / "report.json")
    assert ended.returncode == code
    assert all(sentence in ended.stdout for sentence in said)


def test_an_audit_without_a_report_says_that_nothing_was_compared(tmp_path: Path) -> None:
    ended = audit(tmp_path / "audit.json")
    assert ended.returncode == 1
    assert "Nothing was compared" in ended.stdout and "audit.txt" in ended.stdout
