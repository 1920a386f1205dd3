"""Which devices runs may ask for: the machine that executes a run decides, and workers report what they have."""

import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

KNOWN = re.compile(r"auto|cpu|cuda(:([0-9]|[1-5][0-9]|6[0-3]))?")
FORMS = "a device is auto, cpu, cuda or cuda:N with N from 0 to 63"
DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
_COUNT = "import torch; print(torch.cuda.device_count())"


def devices_here() -> list[str]:
    """The devices that runs on this machine may ask for; torch is asked in a separate process, if there is a driver."""
    count = 0
    if any(Path(driver).exists() for driver in DRIVERS):
        done = subprocess.run([sys.executable, "-c", _COUNT], capture_output=True, text=True, check=False)
        count = int(done.stdout) if done.returncode == 0 else 0
    return ["cpu", *(f"cuda:{index}" for index in range(count))]


def has(devices: Iterable[str], wanted: str) -> bool:
    """Whether a machine with these devices can execute a run that asks for `wanted`."""
    if wanted == "cuda":
        return any(device.startswith("cuda:") for device in devices)
    return wanted == "auto" or wanted in devices


def why_not(wanted: str, workers: Mapping[str, Iterable[str]]) -> str | None:
    """Why a run may not ask for `wanted`, given the devices of each living worker; None if it may.

    Without a living worker nothing is refused: the next worker checks the device.
    """
    if not KNOWN.fullmatch(wanted):
        return f"there is no device {wanted[:80]!r}: {FORMS}"
    if not workers or any(has(devices, wanted) for devices in workers.values()):
        return None
    theirs = "; ".join(f"{name} has {', '.join(devices)}" for name, devices in sorted(workers.items()))
    return f"no worker has a device {wanted!r}: {theirs}"
