"""The front matter of a checkpoint's card: what a hub of models reads of it, a few lines of YAML above the text."""

import re

_FRONT = re.compile(r"\A---\n.*?\n---\n+", re.DOTALL)


def front_matter(stage: str, environment: str | None) -> str:
    """The front matter of a card; `environment` is None where a model learned from films."""
    tags = ["world-model", "disentanglement", "diswm", *(["reinforcement-learning"] if stage == "finetune" else [])]
    tags += [environment] if environment else []
    lines = ["license: mit", "library_name: diswm-studio", "tags:", *(f"- {tag}" for tag in tags)]
    return "\n".join(["---", *lines, "---", "", ""])


def without_front_matter(card: str) -> str:
    """The text of a card, for people."""
    return _FRONT.sub("", card, count=1)
