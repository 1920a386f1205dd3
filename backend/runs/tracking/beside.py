"""The process beside a run that sends its metrics: a tracker that is away or slow costs training nothing.

`python -m backend.runs.tracking.beside FOLDER TRACKER`; the run has ended when its standard input is closed.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from backend.runs.tracking.sender import Sender, sending
from backend.runs.tracking.tracker import NotSent

LOOK_S = 2.0
PAUSES_S = (5.0, 10.0, 20.0, 40.0, 60.0)
"""Between attempts at a tracker that is away; the last one repeats."""
END_S = 60.0
"""How long the rest is tried after the run has ended."""
NICENESS = 10

Say = Callable[[str], None]


def follow(folder: Path, tracker: str, ended: threading.Event, say: Say, end_s: float = END_S) -> None:
    """Send what the run reports until it has ended and all is sent, or `end_s` seconds more have passed."""
    with sending(folder, wait=True):
        sender = Sender(folder, tracker)
        failures, deadline = 0, float("inf")
        while True:
            over = ended.is_set()
            deadline = min(deadline, time.monotonic() + end_s) if over else deadline
            try:
                if over:
                    sender.end()
                    return
                sender.advance()
                if failures:
                    say("The tracker answers again and has every metric so far.")
                failures = 0
            except (NotSent, OSError) as error:
                if not folder.is_dir():
                    return  # deleted
                if not failures:
                    say(f"Metrics are not sent: {error}. The run goes on, and they are sent later.")
                failures += 1
                if time.monotonic() >= deadline:
                    say(f"{sender.left} lines of metrics are not sent; diswm track {folder.name} sends them.")
                    return
            pause = PAUSES_S[min(failures, len(PAUSES_S)) - 1] if failures else LOOK_S
            if over:
                time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
            else:
                ended.wait(pause)


def main() -> None:
    """Follow the run in the folder of the first argument until standard input is closed."""
    os.nice(NICENESS)
    folder, tracker = Path(sys.argv[1]), sys.argv[2]
    ended = threading.Event()
    threading.Thread(target=_listen, args=(ended,), daemon=True).start()
    follow(folder, tracker, ended, _say)


def _listen(ended: threading.Event) -> None:
    sys.stdin.buffer.read()
    ended.set()
    time.sleep(2 * END_S)
    _say("The tracker's client does not end; diswm track sends what it has not taken.")
    os._exit(1)


def _say(sentence: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S', time.gmtime())} {sentence}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
