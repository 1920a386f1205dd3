"""Reads the tensors of untrusted files as data, in a child process of limited memory and time."""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

SECONDS_LIMIT = 120


class ReaderFailed(Exception):
    """The child refused or was ended; the message is one sentence."""


def read_apart(module: str, source: Path) -> dict[str, Tensor]:
    """What `python -m module SOURCE TARGET` wrote into the safetensors file TARGET, by name. Raises ReaderFailed."""
    with tempfile.TemporaryDirectory() as space:
        target = Path(space) / "tensors.safetensors"
        command = [sys.executable, "-m", module, str(source.resolve()), str(target)]
        try:
            outcome = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_LIMIT, check=False)
        except subprocess.TimeoutExpired:
            raise ReaderFailed(f"reading {source.name} took longer than {SECONDS_LIMIT} s") from None
        if outcome.returncode:
            said = outcome.stderr.strip().splitlines()
            ended = f"{source.name} cannot be read: the reader ended with code {outcome.returncode}"
            raise ReaderFailed(said[-1] if said and outcome.returncode == 1 else ended)
        return load_file(target)


def limit_this_process(memory: int) -> None:
    """For the child, before it reads: bytes of memory, and SECONDS_LIMIT of processor time."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_LIMIT, SECONDS_LIMIT))
