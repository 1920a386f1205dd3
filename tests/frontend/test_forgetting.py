"""Compare, Forgetting: the matrix of tasks, what was lost, and a sentence for a checkpoint without chapters."""

from backend.data.checkpoint import FORGETTING
from tests.support.forgetting import write_forgotten
from tests.support.pages import OpenPage
from tests.support.workplace import Workplace

RUN = "run-cartpole"


def test_the_matrix_of_tasks_is_shown_by_measure_with_what_was_lost(open_page: OpenPage, work: Workplace) -> None:
    found = max((work.home / "runs" / RUN / "checkpoints").glob("*"))
    write_forgotten(found)
    try:
        app = open_page("compare/forgetting", checkpoint=RUN, measure="psnr")
        assert not app.error and not app.exception
        assert any("After 2 tasks the agent returns 70 on average" in text.value for text in app.markdown)
        table = app.dataframe[0].value.set_index("chapter")
        assert table.loc["after 2 pusher", "1 square-world"].startswith("15 (")
        assert table.loc["forgotten since", "1 square-world"].startswith("5 (")
        next(each for each in app.get("button_group") if each.label == "What is measured").set_value("return").run()
        table = app.dataframe[0].value.set_index("chapter")
        assert list(table.index) == ["random actions", "after 1 square-world", "after 2 pusher", "forgotten since"]
        assert table.loc["after 1 square-world", "2 pusher"] == ""
        assert any(f"diswm forgetting {RUN}" in code.value for code in app.code)
    finally:
        (found / FORGETTING).unlink()


def test_a_checkpoint_without_chapters_is_told_what_makes_some(open_page: OpenPage) -> None:
    app = open_page("compare/forgetting", checkpoint=RUN)
    assert not app.error and not app.exception
    assert any("lifelong" in info.value for info in app.info)
