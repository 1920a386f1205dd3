"""One true number of a simulator."""

from collections.abc import Callable
from typing import NamedTuple


class Factor(NamedTuple):
    """One number of the simulator. Where it comes from the position of a joint, `knob` is what that is called."""

    name: str
    read: Callable[[], float]
    knob: str = ""
    joint: str = ""
