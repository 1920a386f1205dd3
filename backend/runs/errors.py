"""What can be wrong with a request about runs; the API turns each into its problem+json."""

from collections.abc import Sequence

from backend.pipeline.settings.errors import Problem


class RunError(Exception):
    """Base of the errors below: a sentence, and what to do about it."""

    def __init__(self, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy


class RunNotFound(RunError):
    """There is no run with that id."""


class RunConflict(RunError):
    """The run's state does not allow the request."""


class IncompatibleSource(RunError):
    """The checkpoint that a run should start from belongs to another architecture."""


class KeyReused(RunError):
    """An Idempotency-Key was reused with a different body."""


class InvalidRun(RunError):
    """The body of a request is well-formed JSON, but not a run that can be started."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems), "Correct the fields that are listed.")
        self.problems = list(problems)
