"""The states of a run, and which requests each of them allows."""

from enum import StrEnum


class RunState(StrEnum):
    """queued -> running -> one of the others; resume leads from some of those back to queued."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DIVERGED = "diverged"


ACTIVE = (RunState.QUEUED, RunState.RUNNING)
CANCELLABLE = (RunState.QUEUED, RunState.RUNNING, RunState.PAUSED)
RESUMABLE = (RunState.PAUSED, RunState.FAILED, RunState.CANCELLED)
"""A diverged run would diverge again from the same settings: it must be cloned with others instead."""

CONTINUABLE = (*RESUMABLE, RunState.SUCCEEDED)
"""A finished run continues if it is given more to do."""

SILENT_S = 60.0
"""A running run whose worker was silent for this long waits for another worker."""
GUARD_S = 20.0
"""This long before that, a worker without database saves and ends its run, so that two never execute it at once."""
