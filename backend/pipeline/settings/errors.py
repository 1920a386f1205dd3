"""Problems with settings, as one error that names every place."""

from collections.abc import Sequence
from typing import NamedTuple


class Problem(NamedTuple):
    """One problem with settings: where (a JSON pointer), what, and what may have been meant."""

    pointer: str
    message: str
    suggestion: str | None = None


class SettingsError(Exception):
    """Settings that cannot be run; `problems` lists everything that is wrong with them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{p.pointer.lstrip('/').replace('/', '.')}: {p.message}" for p in problems))
        self.problems = list(problems)
