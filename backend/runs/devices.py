"""What runs may ask of a worker, and what workers have: devices, and labels that an administrator gives them.

A run asks for `cuda`, or for `cuda@a100`: a GPU of a worker that was started with the label a100. Workers report both
in one list, labels as `@a100`. The machine that executes a run decides whether it has the device.
"""

import re
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from backend.settings import LABEL

KNOWN = re.compile(rf"(auto|cpu|cuda(:([0-9]|[1-5][0-9]|6[0-3]))?)(@{LABEL})?")
FORMS = "a device is auto, cpu, cuda or cuda:N with N from 0 to 63, and @LABEL after it for workers with that label"
DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
_COUNT = "import torch; print(torch.cuda.device_count())"


def devices_here() -> list[str]:
    """The devices that runs on this machine may ask for; torch is asked in a separate process, if there is a driver."""
    count = 0
    if any(Path(driver).exists() for driver in DRIVERS):
        done = subprocess.run([sys.executable, "-c", _COUNT], capture_output=True, text=True, check=False)
        count = int(done.stdout) if done.returncode == 0 else 0
    return ["cpu", *(f"cuda:{index}" for index in range(count))]


def apart(wanted: str) -> tuple[str, str | None]:
    """The device and the label of what a run asks for."""
    device, _, label = wanted.partition("@")
    return device, label or None


def labels_in(devices: Iterable[str]) -> list[str]:
    """The labels in a worker's list."""
    return [device[1:] for device in devices if device.startswith("@")]


def without_labels(devices: Iterable[str]) -> list[str]:
    """The devices in a worker's list."""
    return [device for device in devices if not device.startswith("@")]


def has(devices: Collection[str], wanted: str) -> bool:
    """Whether a worker with these devices and labels can execute a run that asks for `wanted`."""
    device, label = apart(wanted)
    if label is not None and f"@{label}" not in devices:
        return False
    if device == "cuda":
        return any(held.startswith("cuda:") for held in devices)
    return device == "auto" or device in devices


def why_not(wanted: str, workers: Mapping[str, Collection[str]]) -> str | None:
    """Why a run may not ask for `wanted`, given the devices of each living worker; None if it may.

    Without a living worker nothing is refused: the next worker checks the device. Nor is a label: a run waits for a
    worker that has it.
    """
    if not KNOWN.fullmatch(wanted):
        return f"there is no device {wanted[:80]!r}: {FORMS}"
    if apart(wanted)[1] is not None or not workers or any(has(devices, wanted) for devices in workers.values()):
        return None
    theirs = "; ".join(f"{name} has {', '.join(without_labels(held))}" for name, held in sorted(workers.items()))
    return f"no worker has a device {wanted!r}: {theirs}"
