"""Starts a decoding process for each file, with limits on its memory and time."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from backend.data.containers import VideoError
from backend.data.decode.sandbox import Decoded, Limits, Request, read_decoded, write_request

_DEPTH = __name__.count(".")  # folders between this file and the one that its first package lies in
_ROOT = Path(__file__).resolve().parents[_DEPTH]
# The child runs the same code as this process, even where another checkout is the one that is installed.
_START = f"import sys; sys.path.insert(0, sys.argv[1]); from {__package__}.__main__ import main; main()"


def decode_in_child(request: Request) -> Decoded:
    """Decode in a separate process; raises VideoError for anything that goes wrong there."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _START, str(_ROOT)],
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
