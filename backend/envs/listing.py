"""Every environment that a run can name: its factors, its distractions, and what it still needs."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import NamedTuple

from backend.envs.allowed import registered_as
from backend.envs.protocol import environments, offered_distractions
from backend.envs.suite import known_factors

AT_ONCE = 4
SECONDS = 60.0  # for making one environment, once
_ASK = """
import json, sys
from backend.envs.make import make_environment
environment = make_environment(sys.argv[1], distraction="none")
print("\\n" + json.dumps(list(environment.factor_names)))
"""


class Task(NamedTuple):
    """An environment: factors without a distraction, distractions, and why it cannot be had here ("" if it can)."""

    name: str
    factors: tuple[str, ...]
    distractions: tuple[str, ...]
    missing: str = ""


def tasks() -> list[Task]:
    """All environments in the order of the forms; those that the administrator allows are built to be inspected."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(_described, environments()))


def _described(name: str) -> Task:
    known = known_factors().get(name)
    if known is not None:
        return Task(name, known, offered_distractions(name))
    factors, missing = _asked(name, registered_as(name))
    return Task(name, factors, offered_distractions(name), missing)


@lru_cache(maxsize=256)
def _asked(name: str, _registered: str) -> tuple[tuple[str, ...], str]:
    """(factors, error) of an environment that is made in a separate process."""
    command = [sys.executable, "-c", _ASK, name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return (), f"it was not made within {SECONDS:g} s"
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        wrong = done.stderr.strip().splitlines()
        return (), wrong[-1].rpartition("EnvironmentFailed: ")[2] if wrong else f"exit status {done.returncode}"
    return tuple(json.loads(lines[-1])), ""
