"""Named crash points: tests kill a process at an exact moment and check what it leaves behind."""

import os
import signal
from collections.abc import Callable

VARIABLE = "DISWM_CRASH_AT"
_passed: dict[str, int] = {}


def crash_point(name: str, last_words: Callable[[], None] | None = None) -> None:
    """Dies by SIGKILL here where `DISWM_CRASH_AT` is `name`, or `name:3` for the third time; else does nothing.

    `last_words` runs first: it simulates a write that the kill interrupts half way.
    """
    wanted = os.environ.get(VARIABLE)
    if wanted is None:
        return
    point, _, time = wanted.partition(":")
    if point != name:
        return
    _passed[name] = _passed.get(name, 0) + 1
    if _passed[name] == int(time or 1):
        if last_words is not None:
            last_words()
        os.kill(os.getpid(), signal.SIGKILL)
