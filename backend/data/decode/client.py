"""Starts a decoding process for each file, with limits on its memory and time."""

import json
import signal
import subprocess
import sys
from typing import Any

from backend.data.containers import VideoError
from backend.data.decode.sandbox import Decoded, Limits, Request, read_decoded, write_request


def decode_in_child(request: Request) -> Decoded:
    """Decode in a process of its own; raises VideoError for everything that goes wrong there."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-m", "backend.data.decode"],
            input=write_request(request),
            stdout=subprocess.PIPE,
            text=True,
            timeout=request.limits.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _too_slow(request.limits) from None
    if done.returncode == -signal.SIGXCPU:
        raise _too_slow(request.limits)
    reply = _reply(done.stdout)
    if reply is None:
        message = f"the decoder gave up on it (exit status {done.returncode})"
        raise VideoError("damaged", message, "Encode it again as H.264 mp4, or scale it down.")
    if "error" in reply:
        raise VideoError(**reply["error"])
    return read_decoded(reply["decoded"])


def _too_slow(limits: Limits) -> VideoError:
    message = f"decoding takes longer than {limits.seconds:g} s"
    return VideoError("too_slow", message, "Cut the film or scale it down.")


def _reply(output: str) -> dict[str, Any] | None:
    try:
        reply: dict[str, Any] = json.loads(output.strip().rsplit("\n", 1)[-1])
    except ValueError:
        return None
    return reply
