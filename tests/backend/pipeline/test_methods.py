"""Methods by name: each is what its name says, learns, and leaves a checkpoint that loads and plays."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from backend.data.checkpoint import FACTORS, Clip, load_checkpoint, read_info, save_checkpoint
from backend.data.episodes import frames_only
from backend.data.import_checks import check_content
from backend.data.official import OfficialError, export_official
from backend.interpret.factors import analyse
from backend.interpret.latents import encode_frames
from backend.interpret.request import ViewError
from backend.pipeline.builder import build_settings, settings_schema
from backend.pipeline.distill import with_target
from backend.pipeline.finetune import Finetuning
from backend.pipeline.methods import METHODS, Parts, Source, build_parts, check_source
from backend.pipeline.publish import FACTOR_EPISODES, Provenance, publish
from backend.pipeline.settings import METHOD_NAMES, FinetuneSettings, SettingsError
from models.agent import Agent
from models.config import VideoModelConfig, WorldModelConfig
from models.losses import distillation_as_released
from models.rssm import StackedRSSM
from models.traversal import LatentStatistics
from models.types import Batch, Gaussian
from models.video_model import VideoModel
from models.world_model import WorldModel

SMALL = {"latents": 4, "stoch": 8, "deter": 16, "hidden": 16, "units": 16, "batch": 2, "length": 6, "horizon": 3}
VIDEO = VideoModelConfig(latents=4, stoch=8, deter=16, hidden=16)


def settings(method: str, **changes: object) -> FinetuneSettings:
    built = build_settings("finetune", "tiny", {**SMALL, "method": method, "free_nats": 0.0, **changes})
    assert isinstance(built, FinetuneSettings)
    return built


def a_source(action_size: int = 0) -> Source:
    torch.manual_seed(7)
    return Source(VideoModel(VIDEO), action_size)


def parts_of(method: str, source: Source | None = None, **changes: object) -> Parts:
    return build_parts(settings(method, **changes), source or a_source(), 1, seed=0)


def a_run(method: str, **changes: object) -> Finetuning:
    return Finetuning(settings(method, **changes), parts_of(method, **changes), 0, "cpu")


def a_batch(action_size: int = 1) -> Batch:
    generator = torch.Generator().manual_seed(3)
    image = torch.randint(0, 255, (2, 6, 64, 64, 3), dtype=torch.uint8, generator=generator)
    is_first = torch.zeros(2, 6, dtype=torch.bool)
    is_first[:, 0] = True
    action = torch.rand(2, 6, action_size, generator=generator) * 2 - 1
    return Batch(image, action, torch.rand(2, 6, generator=generator), torch.ones(2, 6), is_first, torch.zeros(2, 6, 0))


def learn(run: Finetuning) -> dict[str, torch.Tensor]:
    return run.learn(with_target(a_batch(), run.parts.distiller), 0)


def test_the_form_offers_every_method_and_diswm_first() -> None:
    assert tuple(METHODS) == METHOD_NAMES == tuple(settings_schema("finetune")["properties"]["method"]["enum"])
    assert FinetuneSettings().method == "diswm"


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_a_checkpoint_of_every_method_loads_again_and_plays_alike(method: str, tmp_path: Path) -> None:
    run = a_run(method)
    metrics = learn(run)
    assert all(torch.isfinite(value).all() for value in metrics.values())
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (1, 6, 64, 64, 3), np.uint8)
    empty = np.zeros((1, 6, 1), np.float32)
    model = run.agent.world_model
    moments = np.zeros((3, model.config.latents)), np.zeros((3, model.config.latents))
    save_checkpoint(
        tmp_path / "c",
        model=model,
        actor_critic=run.agent.actor_critic,
        config={"name": method, "stage": "finetune", "steps": 1, "created_at": "2026-01-01T00:00:00+00:00"},
        clip=Clip(image, empty, empty[..., 0], empty, ("nothing",)),
        statistics=LatentStatistics.of(*moments),
    )
    check_content(tmp_path / "c")  # as an upload it would be taken in
    loaded = load_checkpoint(read_info(tmp_path / "c", "c", "run"))
    assert isinstance(loaded.model, WorldModel) and loaded.actor_critic is not None
    again = Agent(loaded.model, loaded.actor_critic)
    memory, memory_again = run.agent.begin(1), again.begin(1)
    for frame in torch.from_numpy(image[0, :3]):
        action, memory = run.agent.act(frame.unsqueeze(0), memory)
        action_again, memory_again = again.act(frame.unsqueeze(0), memory_again)
        torch.testing.assert_close(action_again, action, rtol=0, atol=0)
    assert action.shape == (1, 1) and action.abs().max() <= 1


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_the_video_model_stands_still_under_every_method(method: str) -> None:
    source = a_source()
    before = {key: value.clone() for key, value in source.model.state_dict().items()}
    run = Finetuning(settings(method), parts_of(method, source), 0, "cpu")
    for _ in range(2):
        learn(run)
    for key, value in source.model.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)


def test_diswm_and_its_ablations_differ_by_what_their_names_say() -> None:
    runs = {method: a_run(method, beta=0.3) for method in METHOD_NAMES[:3]}
    weights = {method: run.parts.weights for method, run in runs.items()}
    assert [run.parts.constraints for run in runs.values()] == [("latent",), ("latent",), ()], "what beta weighs"
    full = {"image": 1.0, "reward": 2.0}
    assert weights["diswm"] == full
    assert weights["diswm-no-disentanglement"] == full | {"latent": 0.0}
    assert weights["diswm-no-distillation"] == full
    assert [a_run(method).eta(0) for method in METHOD_NAMES[:3]] == [0.1, 0.0, 0.1]


def test_dreamerv2_has_a_deep_encoder_without_a_prior_and_without_a_teacher() -> None:
    run = a_run("dreamerv2")
    assert run.parts.weights.keys() == {"image", "reward"} and run.parts.distiller is None
    model = run.agent.world_model
    channels = [layer.out_channels for layer in model.encoder.convolutions if isinstance(layer, torch.nn.Conv2d)]
    assert channels == [32, 64, 128, 256]
    latent = model.encode(torch.rand(2, 3, 64, 64) - 0.5)
    assert latent.mean.shape == (2, 1024)
    torch.testing.assert_close(latent.sample(torch.ones(2, 1024)), latent.mean, rtol=0, atol=2e-6)
    assert model.decode(torch.zeros(2, model.config.feature)).shape == (2, 3, 64, 64)


def test_dv2_finetune_goes_on_with_the_pretrained_weights_and_pads_the_action() -> None:
    source = a_source(action_size=3)
    parts = build_parts(settings("dv2-finetune"), source, 1, seed=0)
    assert parts.world_model.config.action_size == parts.actor_critic.config.action_size == 3
    image = torch.rand(2, 5, 3, 64, 64) - 0.5
    latent = parts.world_model.encode(image).mean
    torch.testing.assert_close(latent, source.model.encode(image).mean)
    still = parts.world_model.observe(latent, torch.zeros(2, 5, 3)).states
    torch.testing.assert_close(still, source.model.observe(latent).states)  # without actions: the video model itself
    torch.testing.assert_close(parts.world_model.decode(still.feature), source.model.decode(still.feature))
    assert parts.weights["latent"] == 0 and parts.distiller is None
    wider = build_parts(settings("dv2-finetune"), a_source(action_size=1), 4, seed=0)
    assert wider.world_model.config.action_size == 4


def test_apv_stacks_a_new_model_with_actions_on_the_pretrained_one_and_rewards_the_new() -> None:
    source = a_source()
    run = Finetuning(settings("apv", bonus_neighbours=2), parts_of("apv", source, bonus_neighbours=2), 0, "cpu")
    rssm = run.agent.world_model.rssm
    assert isinstance(rssm, StackedRSSM)
    latent = torch.randn(2, 5, 4)
    torch.testing.assert_close(rssm.below.observe(latent).states, source.model.observe(latent).states)
    assert run.parts.bonus is not None and run.parts.weights["latent"] == 0
    batch = a_batch()
    first = run.parts.bonus(batch)
    torch.testing.assert_close(first.reward, batch.reward)  # an empty memory finds nothing new
    second = run.parts.bonus(batch._replace(image=255 - batch.image))
    added = (second.reward - batch.reward) / run.settings.bonus_weight
    assert (added >= 0).all() and added.mean() == pytest.approx(1, abs=0.6)
    torch.testing.assert_close(second.image, 255 - batch.image, rtol=0, atol=0)


def test_apv_remembers_what_it_saw_in_a_save(tmp_path: Path) -> None:
    whole, cut = a_run("apv", bonus_neighbours=2), a_run("apv", bonus_neighbours=2)
    learn(whole)
    torch.save(whole.state_dict(), tmp_path / "state.pt")
    cut.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    expected, found = learn(whole), learn(cut)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=0)


def test_a_baseline_without_its_video_model_is_refused_in_a_sentence() -> None:
    for method in ("apv", "dv2-finetune"):
        with pytest.raises(SettingsError, match=f"{method} starts from a pretrained video model") as refused:
            check_source(settings(method), None)
        assert refused.value.problems[0].pointer == "/teacher"
        with_actions = Source(WorldModel(WorldModelConfig(latents=4, stoch=8, deter=16, hidden=16)), 1)
        with pytest.raises(SettingsError, match="starts from an action-free video model"):
            parts_of(method, with_actions)
    with pytest.raises(SettingsError, match="no latents to distil"):
        config = replace(VIDEO, vision="conv", latents=1024, kernels=(32, 64, 128, 256, 1024))
        parts_of("diswm", Source(VideoModel(config), 0))
    with pytest.raises(SettingsError, match="is not known"):
        settings("dreamer-v2")


def test_published_distillation_keeps_its_first_weight_and_moves_the_video_models_encoder() -> None:
    run = a_run("diswm", distillation="as-released", distill_steps=10)
    assert {run.eta(step) for step in (0, 5, 10_000)} == {0.1}
    late = a_run("diswm", distillation="as-released", distill_delay=50_000)
    assert {late.eta(step) for step in (0, 50_000, 100_000)} == {0.0}
    assert run.parts.distiller is not None
    teacher = run.parts.distiller.teacher
    before = {key: value.clone() for key, value in teacher.state_dict().items()}
    learn(run)
    moved = {key.split(".")[0] for key, value in teacher.state_dict().items() if not torch.equal(value, before[key])}
    assert moved == {"encoder"}


def test_published_distillation_is_averaged_over_b_and_summed_over_t() -> None:
    run = a_run("diswm", distillation="as-released")
    assert run.parts.distiller is not None
    batch, student = a_batch(), Gaussian(torch.randn(2, 6, 4), torch.rand(2, 6, 4) + 0.1)
    value = run.parts.distiller.loss(batch, student, torch.Generator().manual_seed(5)).mean()
    generator = torch.Generator().manual_seed(5)
    latent = run.parts.distiller.teacher.encode((batch.image.movedim(-1, -3).float() / 255) - 0.5)
    left, right = (side.sample(torch.randn(2, 6, 4, generator=generator)) for side in (latent, student))
    by_hand = torch.nn.functional.kl_div(
        right.log_softmax(-1).flatten(1), left.softmax(-1).flatten(1), reduction="batchmean"
    )
    torch.testing.assert_close(value, by_hand)
    assert distillation_as_released(left, right).shape == (2, 6)


def test_an_embedding_without_latents_is_browsed_but_not_explained_nor_exported(tmp_path: Path) -> None:
    model = VideoModel(replace(VIDEO, vision="conv", latents=1024, kernels=(32, 64, 128, 256, 1024)))
    rng = np.random.default_rng(0)
    episodes = [
        frames_only(image)._replace(factors=rng.normal(size=(2, 1)).astype(np.float32), factor_names=("x",))
        for image in rng.integers(0, 255, (FACTOR_EPISODES, 2, 64, 64, 3)).astype(np.uint8)
    ]
    provenance = Provenance("conv", "pretrain", 0, None, {})
    folder = publish(tmp_path, model, None, episodes, provenance, 1, 1, note=lambda _: None)
    assert load_checkpoint(read_info(folder, "c", "run")).model.config.vision == "conv"
    assert not (folder / FACTORS).exists()
    with pytest.raises(ViewError, match="embedding of 1,024 numbers"):
        analyse(encode_frames(model, episodes))
    with pytest.raises(OfficialError, match="no place for DreamerV2's image networks"):
        export_official(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()
