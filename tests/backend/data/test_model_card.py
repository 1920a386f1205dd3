"""Cards of checkpoints begin with what a hub of models reads; people are shown the text below it."""

from pathlib import Path

import pytest
import yaml

from backend.data.checkpoint import CARD
from backend.data.model_card import front_matter, without_front_matter

SHIPPED = sorted((Path(__file__).parents[3] / "checkpoints").glob(f"*/{CARD}"))


def test_the_front_matter_is_taken_off_and_nothing_else_is() -> None:
    text = "# mine\n\n---\nrule: no\n---\n"
    assert without_front_matter(front_matter("finetune", "walker-walk") + text) == text
    assert without_front_matter(text) == text


@pytest.mark.parametrize("card", SHIPPED, ids=lambda card: card.parent.name)
def test_every_shipped_card_says_licence_library_and_tags(card: Path) -> None:
    text = card.read_text()
    _, front, _ = text.split("---\n", 2)
    known = yaml.safe_load(front)
    assert known["license"] == "mit" and known["library_name"] == "diswm-studio"
    assert "world-model" in known["tags"]
    assert without_front_matter(text).startswith(f"# {card.parent.name}\n")
