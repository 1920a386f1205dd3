"""The name of each failure of a stage, and its remedy."""

import errno
import json
from pathlib import Path

import pytest
import torch

from backend.cli.failures import describe
from backend.data.files import write_json
from backend.envs.protocol import EnvironmentFailed
from backend.pipeline.report import Diverged

CPU_ALLOCATOR = (
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: 1099511627776"
)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Diverged("image is NaN at update 3"), "diverged"),
        (MemoryError(), "out_of_memory"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"), "out_of_memory"),
        (RuntimeError(CPU_ALLOCATOR), "out_of_memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
        (RuntimeError("[enforce fail at inline_container.cc:659] . unexpected pos"), "disk_full"),
        (EnvironmentFailed("walker-walk", "died", "its process ended with signal 9"), "environment_failed"),
        (ValueError("a defect"), "error"),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), "error"),
    ],
)
def test_failures_are_told_apart(tmp_path: Path, error: Exception, kind: str) -> None:
    failure = describe(error, tmp_path)
    assert failure.type == kind
    assert failure.message and failure.hint
    assert failure.unexpected == (kind == "error")


def test_out_of_memory_names_the_sizes_of_the_run(tmp_path: Path) -> None:
    write_json(tmp_path / "settings.json", {"settings": {"batch": 50, "length": 64}})
    assert "50 x 64" in describe(MemoryError(), tmp_path).hint
    (tmp_path / "settings.json").write_text(json.dumps({"settings": {"episodes": 3}}))
    assert "now" not in describe(MemoryError(), tmp_path).hint


def test_torch_really_says_it_so_on_the_cpu(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError) as refused:
        torch.empty(2**60, dtype=torch.uint8)
    assert describe(refused.value, tmp_path).type == "out_of_memory"
