"""Memory that is freed and allocated again is not requested from the kernel again."""

import subprocess
import sys

from backend.pipeline.out_of_memory import is_out_of_memory

FAULTS_OF_AN_UPDATE = """
import resource
import torch
from backend.pipeline.malloc import keep_freed_memory

def work():
    for _ in range(20):
        torch.ones(10_000_000).add(1)  # two blocks of 40 MB, freed at once

def faults():
    work()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    work()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(faults())
keep_freed_memory()
print(faults())
"""


def test_freed_blocks_are_kept_for_the_next_update() -> None:
    command = [sys.executable, "-c", FAULTS_OF_AN_UPDATE]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    fetched, retained = map(int, done.stdout.split())
    assert retained < 1_000
    assert fetched > 10_000


def test_what_running_out_of_memory_looks_like() -> None:
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"))
    assert not is_out_of_memory(RuntimeError("shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("out of memory"))
