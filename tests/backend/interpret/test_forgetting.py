"""The view of forgetting: what a known matrix says of averages, losses and their intervals."""

import numpy as np
import pytest

from backend.data.checkpoint import FORGETTING, Checkpoint
from backend.data.files import write_json
from backend.data.import_checks import check_content
from backend.data.import_tables import Forgotten
from backend.interpret.charts import forgetting_chart
from backend.interpret.forgetting import forgetting_of, task_names
from backend.interpret.request import ViewError
from tests.support.forgetting import forgotten, write_forgotten


@pytest.fixture
def taught(own_checkpoint: Checkpoint) -> Checkpoint:
    write_forgotten(own_checkpoint.info.folder)
    return own_checkpoint


def test_what_a_task_lost_is_what_it_was_after_its_chapter_less_what_it_is_now(taught: Checkpoint) -> None:
    table = forgetting_of(taught)
    returned, pictures, rewards = table["measures"]
    assert [row["after"] for row in returned["rows"]] == ["random actions", "after 1 square-world", "after 2 pusher"]
    last = returned["rows"][2]
    assert [cell["mean"] for cell in last["cells"]] == [60, 80] and last["average"]["mean"] == 70
    assert returned["rows"][1]["cells"][1] is None, "not learned yet"
    lost = returned["forgotten"][0]
    assert lost["mean"] == 40 and 30 <= lost["interval"][0] < 40 < lost["interval"][1] <= 50
    assert pictures["forgotten"][0]["mean"] == 5
    assert rewards["forgotten"][0]["mean"] == pytest.approx(0.4), "an error that grows is a loss too"
    assert "After 2 tasks the agent returns 70 on average" in table["says"]
    assert "Return: 40 lost since the first task was learned (95% " in table["says"]
    assert "not told from nothing" not in table["says"]


def test_few_episodes_give_no_interval_and_chapters_that_were_not_measured_no_loss(taught: Checkpoint) -> None:
    write_json(taught.info.folder / FORGETTING, forgotten(episodes=2))
    table = forgetting_of(taught)
    assert table["measures"][0]["forgotten"][0]["interval"] is None
    assert "2 episodes are too few for an interval" in table["says"]
    unknown = forgotten() | {"random": [None, [5.0]], "rows": [None, forgotten()["rows"][1]]}
    write_json(taught.info.folder / FORGETTING, unknown)
    table = forgetting_of(taught)
    assert table["measures"][0]["forgotten"] == [None] and "forgetting is unknown" in table["says"]
    alone = {name: part[:1] for name, part in forgotten().items()}
    write_json(taught.info.folder / FORGETTING, alone)
    assert "nothing can have been forgotten yet" in forgetting_of(taught)["says"]
    assert forgetting_chart(taught, forgetting_of(taught)).values.shape == (4, 2)


def test_what_was_gained_is_told_as_such_with_its_interval(taught: Checkpoint) -> None:
    better = forgotten()
    better["rows"][1]["return"][0] = [110.0, 130.0] * 3
    write_json(taught.info.folder / FORGETTING, better)
    says = forgetting_of(taught)["says"]
    assert "Return: 20 gained since the first task was learned (95% 1" in says


def test_its_chart_holds_every_matrix_and_what_was_forgotten(taught: Checkpoint) -> None:
    chart = forgetting_chart(taught, forgetting_of(taught))
    assert chart.columns == ("1 square-world", "2 pusher", "average")
    assert chart.rows[:4] == ("random actions", "after 1 square-world", "after 2 pusher", "forgotten since")
    assert chart.values[3, 0] == 40 and np.isnan(chart.values[3, 1]) and len(set(chart.groups)) == 3


def test_tasks_of_one_environment_are_told_apart_by_what_they_show() -> None:
    same = [{"environment": "pusher", "distraction": "none"}, {"environment": "pusher", "distraction": "episode"}]
    assert task_names(same) == ["1 pusher, none", "2 pusher, episode"]


def test_a_checkpoint_of_another_method_is_refused_and_a_damaged_matrix_too(
    video_checkpoint: Checkpoint, taught: Checkpoint
) -> None:
    with pytest.raises(ViewError, match="not the end of a chapter"):
        forgetting_of(video_checkpoint)
    check_content(taught.info.folder)
    good = forgotten()
    for wrong in ({"rows": good["rows"][:1]}, {"random": [None, None]}, {"rows": [good["rows"][1]] * 2}, {"tasks": []}):
        with pytest.raises(ValueError, match=r"row|tasks"):
            Forgotten.model_validate({**good, **wrong})
