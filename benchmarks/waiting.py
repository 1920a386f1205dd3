"""Waiting for a process that a benchmark starts, and a port for it."""

import socket
import time
from collections.abc import Callable

import httpx


def until(condition: Callable[[], bool], seconds: float = 300) -> None:
    """Returns once the condition holds; a server that does not listen yet counts as not yet. Raises SystemExit."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"nothing within {seconds:.0f} s: is the machine very busy?")


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
