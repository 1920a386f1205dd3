"""Methods by name: each learns, and leaves a checkpoint that loads and plays."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from backend.data.checkpoint import FACTORS, load_checkpoint, read_info, save_checkpoint
from backend.data.clip import Clip
from backend.data.episodes import frames_only
from backend.data.import_checks import check_content
from backend.data.official import OfficialError, export_official
from backend.interpret.factors import analyse
from backend.interpret.latents import encode_frames
from backend.interpret.request import ViewError
from backend.pipeline.finetune import Finetuning
from backend.pipeline.methods.flat import methods_of_stage
from backend.pipeline.methods.needs import check_source
from backend.pipeline.methods.parts import Source
from backend.pipeline.publish import FACTOR_EPISODES, Provenance, publish
from backend.pipeline.settings import SettingsError
from models.agent import Agent
from models.config import WorldModelConfig
from models.traversal import LatentStatistics
from models.video_model import VideoModel
from models.world_model import WorldModel
from tests.support.making import VIDEO, a_run, learn, parts_of, settings, source_of


@pytest.mark.parametrize("method", methods_of_stage("finetune"))
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


@pytest.mark.parametrize("method", methods_of_stage("finetune"))
def test_the_video_model_stands_still_under_every_method(method: str) -> None:
    source = source_of(method)
    before = [{key: value.clone() for key, value in one.model.state_dict().items()} for one in source.all]
    run = Finetuning(settings(method), parts_of(method, source), 0, "cpu")
    for _ in range(2):
        learn(run)
    for one, weights in zip(source.all, before, strict=True):
        for key, value in one.model.state_dict().items():
            torch.testing.assert_close(value, weights[key], rtol=0, atol=0)


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
