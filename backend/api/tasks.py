"""Lists the environments that a run can name."""

from fastapi import APIRouter

from backend.api.schemas import View
from backend.envs.listing import tasks

router = APIRouter(tags=["presets"])


class TaskView(View):
    """An environment: the factors known without a distraction, and the distractions that it can show.

    `missing` says why it cannot be made here, and is empty if it can.
    """

    name: str
    factors: list[str]
    distractions: list[str]
    missing: str


class TaskList(View):
    """All environments, in the order of the forms."""

    items: list[TaskView]
    next_cursor: str | None = None


@router.get("/tasks")
def list_tasks() -> TaskList:
    """Every environment that a run can name."""
    return TaskList(items=[TaskView.model_validate(task._asdict()) for task in tasks()])
