"""What is said of a base frame: why it has no history, where it has none."""

import pytest

from frontend.components.likeness import history_text


@pytest.mark.parametrize(
    ("request_", "seen_before", "said"),
    [
        ({"frame": 0, "history": True}, 0, "First frame: no history. "),
        ({"frame": 25, "history": False}, 0, "Without history: the model has seen only this frame. "),
        ({"frame": 25, "history": True}, 25, ""),
        ({"base": "prior", "history": True}, 0, ""),
    ],
)
def test_a_missing_history_is_said_with_its_reason(request_: dict[str, object], seen_before: int, said: str) -> None:
    assert history_text({"request": request_, "seen_before": seen_before}) == said
