"""Settings: every preset is valid; every mistake is reported with its field and the nearest valid name."""

from pathlib import Path
from typing import Any

import pytest

from backend.envs.protocol import ENVIRONMENTS, WITH_EXPERT
from backend.pipeline.builder import PRESETS, build_settings, parse_assignments, settings_schema
from backend.pipeline.checks import check_references
from backend.pipeline.methods.catalogue import CATALOGUE
from backend.pipeline.presets import DESCRIPTIONS
from backend.pipeline.settings import STAGES, PretrainSettings, SettingsError


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("stage", STAGES)
def test_every_preset_of_every_stage_is_valid_and_frozen(stage: str, preset: str) -> None:
    settings = build_settings(stage, preset)
    assert isinstance(settings, STAGES[stage])
    with pytest.raises(ValueError, match="frozen"):
        setattr(settings, next(iter(type(settings).model_fields)), 1)
    assert DESCRIPTIONS.keys() == set(PRESETS)


def test_the_paper_preset_holds_the_papers_values() -> None:
    settings = build_settings("pretrain", "paper")
    assert isinstance(settings, PretrainSettings)
    assert (settings.latents, settings.stoch, settings.deter, settings.hidden) == (20, 50, 200, 200)
    assert (settings.beta, settings.dynamics_weight, settings.batch, settings.length) == (0.015, 1.0, 50, 50)
    online: Any = build_settings("finetune", "paper")
    assert (online.horizon, online.gamma, online.lam, online.entropy) == (15, 0.99, 0.95, 1e-4)
    assert (online.learning_rate, online.actor_rate, online.critic_rate) == (3e-4, 8e-5, 8e-5)
    assert (online.prefill, online.train_every, online.first_updates, online.action_repeat) == (2500, 5, 100, 2)
    own = online.section
    assert (own.distill_start, own.distill_end, own.distill_steps) == (0.1, 0.01, 50_000)


BAD: list[tuple[str, dict[str, Any], str, str, str | None]] = [
    ("pretrain", {"bta": 1.0}, "/bta", "did you mean 'beta'", "beta"),
    ("pretrain", {"beta": float("nan")}, "/beta", "finite", None),
    ("pretrain", {"beta": "0.1"}, "/beta", "must be a number", None),
    ("pretrain", {"beta": -1.0}, "/beta", "must be at least 0; it is -1", None),
    ("pretrain", {"batch": True}, "/batch", "must be a whole number", None),
    ("pretrain", {"batch": 2.0}, "/batch", "must be a whole number", None),
    ("pretrain", {"updates": 2**63}, "/updates", "must be at most 100,000,000", None),
    ("collect", {"environment": "walker-wlk"}, "/environment", "not known", "walker-walk"),
    ("collect", {"environment": "os:system"}, "/environment", "not known", None),
    ("pipeline", {"pretrain": {"bta": 1.0}}, "/pretrain/bta", "did you mean 'beta'", "beta"),
    ("pipeline", {"pretrain": {"length": 500}}, "/pretrain/length", "episode_steps is 24", None),
    ("pipeline", {"pretrain": {"held_out": 12}}, "/pretrain/held_out", "leave none to train on", None),
    ("pipeline", {"colect": {}}, "/colect", "did you mean 'collect'", "collect"),
    ("pipeline", {"finetune": 3}, "/finetune", "valid dictionary", None),
    (
        "finetune",
        {"bonus_weight": 0.2},
        "/bonus_weight",
        "bonus_weight is a setting of apv, contextwm and contextwm-beta only",
        None,
    ),
    ("finetune", {"method": "dreamerv2", "distill_end": 0.2}, "/distill_end", "of diswm and diswm-no-dis", None),
    ("finetune", {"distil_end": 0.2}, "/distil_end", "did you mean 'distill_end'", "distill_end"),
    ("finetune", {"method": "apv", "bonus_queue": 0}, "/bonus_queue", "must be at least 1; it is 0", None),
    ("finetune", {"method": "ap"}, "/method", "not known", "apv"),
    ("finetune", {"method": ["apv"]}, "/method", "must be text", None),
    ("finetune", {"section": {}}, "/section", "there is no setting 'section'", None),
    (
        "pipeline",
        {"finetune": {"bonus_weight": 0.2}},
        "/finetune/bonus_weight",
        "of apv, contextwm and contextwm-beta only",
        None,
    ),
]


@pytest.mark.parametrize(("stage", "overrides", "pointer", "message", "suggestion"), BAD)
def test_a_mistake_is_named(
    stage: str, overrides: dict[str, Any], pointer: str, message: str, suggestion: str | None
) -> None:
    with pytest.raises(SettingsError) as refused:
        build_settings(stage, "tiny", overrides)
    problem = refused.value.problems[0]
    assert problem.pointer == pointer
    assert message in problem.message
    assert problem.suggestion == suggestion


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        build_settings("pretrain", "tiny", {"bta": 1, "batch": -1, "learning_rate": "fast"})
    assert {problem.pointer for problem in refused.value.problems} == {"/bta", "/batch", "/learning_rate"}


def test_unknown_stages_and_presets_are_named_with_the_nearest() -> None:
    with pytest.raises(SettingsError, match="did you mean 'pretrain'"):
        build_settings("pretrian", "tiny")
    with pytest.raises(SettingsError, match="did you mean 'small'"):
        build_settings("pretrain", "smal")


def test_assignments_are_typed_and_nested() -> None:
    parsed = parse_assignments(["beta=0.1", "collect.episodes=5", "dataset=my-data", "random_pose=true"])
    assert parsed == {"beta": 0.1, "collect": {"episodes": 5}, "dataset": "my-data", "random_pose": True}
    for wrong in ("beta", "=1"):
        with pytest.raises(SettingsError, match="key=value"):
            parse_assignments([wrong])
    with pytest.raises(SettingsError, match="a value of its own"):
        parse_assignments(["a=1", "a.b=2"])


@pytest.mark.parametrize("stage", STAGES)
def test_the_schema_is_closed_and_groups_every_field(stage: str) -> None:
    schema = settings_schema(stage)
    objects = [schema, *schema.get("$defs", {}).values()]
    assert all(part["additionalProperties"] is False for part in objects)
    fields = [field for part in objects for field in part["properties"].values() if "$ref" not in field]
    assert all("x-group" in field and "title" in field for field in fields)


@pytest.mark.parametrize("stage", STAGES)
def test_whole_settings_need_no_preset_to_come_out_the_same(stage: str) -> None:
    settings = build_settings(stage, "tiny")
    assert build_settings(stage, None, settings.model_dump(mode="json")) == settings


@pytest.mark.parametrize(
    ("overrides", "pointer", "sentence"),
    [
        ({"pretrain": {"latents": 6}}, "/finetune/latents", "the video model has 6 latents, the world model 8"),
        ({"finetune": {"latents": 9}}, "/finetune/latents", "the video model has 8 latents, the world model 9"),
        ({"pretrain": {"vision": "conv"}}, "/pretrain/vision", "no latents to distil"),
        ({"pretrain": {"dataset": "mine"}}, "/pretrain/dataset", "leave out 'mine'"),
        ({"finetune": {"teacher": "mine"}}, "/finetune/teacher", "leave out 'mine'"),
        ({"pretrain": {"length": 25}}, "/pretrain/length", "collect.episode_steps is 24"),
        ({"pretrain": {"held_out": 12}}, "/pretrain/held_out", "collect.episodes is 12"),
        (
            {"collect": {"environment": "pusher", "action_repeat": 5, "episode_steps": 24}, "pretrain": {"length": 22}},
            "/pretrain/length",
            "collected episodes of 21",
        ),
        (
            {"finetune": {"environment": "pusher", "action_repeat": 16, "length": 9}},
            "/finetune/length",
            "longer than an episode of pusher (8)",
        ),
    ],
)
def test_what_a_later_stage_cannot_do_with_an_earlier_one_is_refused_before_the_first(
    tmp_path: Path, overrides: dict[str, Any], pointer: str, sentence: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        check_references(build_settings("pipeline", "tiny", overrides), tmp_path)
    assert [problem.pointer for problem in refused.value.problems] == [pointer]
    assert sentence in refused.value.problems[0].message


@pytest.mark.parametrize(
    "overrides",
    [
        {"pretrain": {"latents": 6}, "finetune": {"latents": 6}},
        {"pretrain": {"latents": 6}, "finetune": {"method": "dreamerv2"}},
        {"pretrain": {"vision": "conv"}, "finetune": {"method": "dv2-finetune"}},
        {"pretrain": {"latents": 6}, "finetune": {"method": "apv", "bonus_length": 2}},
    ],
)
def test_stages_that_go_together_are_accepted(tmp_path: Path, overrides: dict[str, Any]) -> None:
    check_references(build_settings("pipeline", "tiny", overrides), tmp_path)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_a_pipeline_that_goes_together(tmp_path: Path, preset: str) -> None:
    check_references(build_settings("pipeline", preset), tmp_path)


@pytest.mark.parametrize("method", CATALOGUE)
def test_a_preset_fits_every_method(method: str) -> None:
    stage = CATALOGUE[method].stage
    for preset in PRESETS:
        alone: Any = build_settings(stage, preset, {"method": method})
        assert type(alone.section) is CATALOGUE[method].section
        if stage != "finetune":
            continue
        whole: Any = build_settings("pipeline", preset, {"finetune": {"method": method}})
        assert type(whole.finetune.section) is CATALOGUE[method].section


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_preset_fits_every_environment(environment: str) -> None:
    for preset in PRESETS:
        chosen: dict[str, Any] = {"environment": environment, "distraction": "none"}
        if environment == "Reacher-v5" and preset == "paper":  # episodes of 25 agent steps, sequences of 50 frames
            with pytest.raises(SettingsError, match="longer than an episode of Reacher-v5"):
                build_settings("finetune", preset, chosen)
            chosen |= {"length": 20}
        online: Any = build_settings("finetune", preset, chosen)
        assert bool(online.advice) == (preset == "small" and environment in WITH_EXPERT)
        assert bool(online.demonstrations) == bool(online.advice)
    with pytest.raises(SettingsError, match="walker-walk has no expert"):
        build_settings("finetune", "small", {"environment": "walker-walk", "advice": 1.0})


BEFORE_SECTIONS = ("diswm", "diswm-no-distillation", "diswm-no-disentanglement", "dreamerv2", "dv2-finetune", "apv")
"""The methods that there were then."""


@pytest.mark.parametrize("method", BEFORE_SECTIONS)
def test_settings_from_before_methods_had_sections_load(method: str) -> None:
    """Such settings hold those of all methods, whatever the method was."""
    parts = [build_settings("finetune", "tiny", {"method": name}).model_dump(mode="json") for name in BEFORE_SECTIONS]
    before = {name: value for part in parts for name, value in part.items()} | {"method": method}
    assert {"distill_delay", "bonus_size"} <= before.keys()
    assert build_settings("finetune", None, before) == build_settings("finetune", "tiny", {"method": method})
    whole = build_settings("finetune", "tiny", {"method": "apv"}).model_dump(mode="json")
    if method != "apv":
        with pytest.raises(SettingsError, match="bonus_size is a setting of apv, contextwm and contextwm-beta only"):
            build_settings("finetune", None, whole | {"method": method})
