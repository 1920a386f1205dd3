"""The card of a checkpoint: for people, under a front matter of YAML that hubs of models read."""

import re
from typing import Any

import yaml

from backend.data.checkpoint import FACTORS, CheckpointInfo, read_quality
from backend.data.files import read_json

_FRONT = re.compile(r"\A---\n.*?\n---\n+", re.DOTALL)
_STAGES = {
    "pretrain": "A video model, pretrained without actions.",
    "finetune": "A world model with its policy, learned in the environment.",
    "offline": "A world model with its policy, learned from recorded episodes.",
    "import": "A model that was trained elsewhere.",
}


def front_matter(stage: str, environment: str | None, licence: str | None = "mit") -> str:
    """The front matter of a card; `environment` is None where a model learned from films, `licence` if it is open."""
    tags = ["world-model", "disentanglement", "diswm"]
    tags += ["reinforcement-learning"] if stage in ("finetune", "offline") else []
    values = {
        "license": licence,
        "library_name": "diswm-studio",
        "tags": [*tags, *([environment] if environment else [])],
    }
    said = yaml.safe_dump({key: value for key, value in values.items() if value}, sort_keys=False, allow_unicode=True)
    return f"---\n{said}---\n\n"


def without_front_matter(card: str) -> str:
    """The text of a card, for people."""
    return _FRONT.sub("", card, count=1)


def written_card(info: CheckpointInfo) -> str:
    """The card of a checkpoint that nobody wrote one for: what it is, what it sees and which dimensions have names."""
    config = info.config
    facts = {
        "Environment": info.environment,
        "Data set": config.get("dataset"),
        "Video model": config.get("teacher"),
        "Origin": config.get("origin"),
        "Seed": config.get("seed"),
        "Updates": f"{info.steps:,}" if info.steps else None,
        "Latent dimensions": info.latents,
        "Made": info.created_at,
    }
    rows = "\n".join(f"- {name}: {_line(value)}" for name, value in facts.items() if value is not None)
    parts = [f"# {_line(info.name)}", _STAGES.get(info.stage, f"A checkpoint of the stage {_line(info.stage)}."), rows]
    if (seen := (read_quality(info) or {}).get("sees")) is not None:
        parts += ["## What it sees", str(seen)]
    if named := _named(info):
        parts += ["## Named dimensions", "\n".join(f"- {dim}: {_line(name)}" for dim, name in named)]
    parts += ["Made with DisWM Studio: `diswm pull REPO` of a hub, or the page's upload, opens its traversals."]
    return front_matter(info.stage, info.environment, licence=None) + "\n\n".join(parts) + "\n"


def _named(info: CheckpointInfo) -> list[tuple[int, Any]]:
    report = read_json(info.found(FACTORS)) or {}
    return [(one["dim"], one["name"]) for one in report.get("dimensions", ()) if one.get("status") == "named"]


def _line(value: object) -> str:
    """A value on one line, so that a name cannot begin another part of the card."""
    return " ".join(str(value).split())
