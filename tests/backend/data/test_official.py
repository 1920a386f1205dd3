"""Published weights are imported numerically equal and exported again; hostile or wrong files are refused."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from backend.data.official import FILES, OfficialError, export_official, import_official
from models.config import VideoModelConfig
from models.losses import latent_kl
from models.types import Gaussian, normalise
from models.video_model import VideoModel

PUBLISHED = os.environ.get("DISWM_PUBLISHED_FIXTURE")


def a_model() -> VideoModel:
    torch.manual_seed(3)
    return VideoModel(VideoModelConfig(latents=5, stoch=7, deter=9, hidden=11, kernels=(4, 4, 8, 8, 16))).eval()


@pytest.mark.usefixtures("forked_readers")
def test_what_goes_out_comes_in_again(tmp_path: Path) -> None:
    model = a_model()
    export_official(model, tmp_path, action_size=6)
    assert torch.load(tmp_path / "rssm.pt", weights_only=True)["_inp_layers.0.weight"].shape == (11, 7 + 6)
    again = import_official(tmp_path)
    assert again.config == model.config
    for key, value in model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[key], value, rtol=0, atol=0)


@pytest.mark.usefixtures("forked_readers")
def test_a_plain_reference_of_the_published_cell_agrees(tmp_path: Path) -> None:
    """The published update written out, with their key names, beside our recurrent model."""
    model = a_model()
    export_official(model, tmp_path, action_size=2)
    theirs = torch.load(tmp_path / "rssm.pt", weights_only=True)

    def linear(name: str, value: torch.Tensor) -> torch.Tensor:
        return value @ theirs[f"{name}.weight"].T + theirs[f"{name}.bias"]

    latent, deter, stoch = torch.randn(2, 4, 5), torch.zeros(2, 9), torch.zeros(2, 7)
    observed = import_official(tmp_path).observe(latent)
    for t in range(4):
        entered = torch.nn.functional.elu(linear("_inp_layers.0", torch.cat([stoch, torch.zeros(2, 2)], -1)))
        parts = linear("_cell._layer", torch.cat([entered, deter], -1))
        parts = torch.nn.functional.layer_norm(parts, (27,), theirs["_cell._norm.weight"], theirs["_cell._norm.bias"])
        reset, candidate, update = parts[:, :9].sigmoid(), parts[:, 9:18], (parts[:, 18:] - 1).sigmoid()
        deter = update * torch.tanh(reset * candidate) + (1 - update) * deter
        hidden = torch.nn.functional.elu(linear("_obs_out_layers.0", torch.cat([deter, latent[:, t]], -1)))
        mean, raw = linear("_obs_stat_layer", hidden).chunk(2, -1)
        stoch = mean
        torch.testing.assert_close(observed.states.deter[:, t], deter)
        torch.testing.assert_close(observed.posterior.mean[:, t], mean)
        torch.testing.assert_close(observed.posterior.std[:, t], 2 * torch.sigmoid(raw / 2) + 0.1)


@pytest.mark.skipif(PUBLISHED is None, reason="DISWM_PUBLISHED_FIXTURE names no folder of published files")
@pytest.mark.usefixtures("forked_readers")
def test_the_published_fixture_is_reproduced() -> None:
    folder = Path(str(PUBLISHED))
    model, expected = import_official(folder), np.load(folder / "io.npz")
    with torch.no_grad():
        latent = model.encode(normalise(torch.from_numpy(expected["image"])))
        observed = model.observe(latent.mean)
        decoded = model.decode(observed.states.feature).movedim(-3, -1)
    got = {
        "latent_mean": latent.mean,
        "latent_logvar": latent.logvar,
        "prior_mean": observed.prior.mean,
        "prior_std": observed.prior.std,
        "post_mean": observed.posterior.mean,
        "post_std": observed.posterior.std,
        "deter": observed.states.deter,
        "decoded": decoded,
    }
    for name, value in got.items():
        scale = np.abs(expected[name]).max()
        assert np.abs(value.numpy() - expected[name]).max() <= 1e-5 * scale, name
    total = latent_kl(Gaussian(latent.mean, latent.std)).mean().item()
    assert total == pytest.approx(float(expected["latent_kl"]), rel=1e-3)


@pytest.mark.usefixtures("forked_readers")
def test_every_wrong_key_and_shape_is_listed(tmp_path: Path) -> None:
    export_official(a_model(), tmp_path)
    state = torch.load(tmp_path / "rssm.pt", weights_only=True)
    state["surprise"] = state.pop("_obs_stat_layer.bias")
    torch.save(state, tmp_path / "rssm.pt")
    with pytest.raises(OfficialError) as refused:
        import_official(tmp_path)
    assert refused.value.problems == ["missing rssm._obs_stat_layer.bias", "unknown rssm.surprise"]


@pytest.mark.usefixtures("forked_readers")
def test_a_misshaped_tensor_is_named_with_both_shapes(tmp_path: Path) -> None:
    export_official(a_model(), tmp_path)
    state = torch.load(tmp_path / "decoder.pt", weights_only=True)
    state["decoder.11.bias"] = torch.zeros(4)
    torch.save(state, tmp_path / "decoder.pt")
    with pytest.raises(OfficialError, match=r"model\.decoder\.convolutions\.9\.bias is \(4,\), needed \(3,\)"):
        import_official(tmp_path)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(OfficialError, match=r"encoder\.pt is missing; decoder\.pt is missing; rssm\.pt is missing"):
        import_official(tmp_path)


class _Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch hostile-code-ran",)


@pytest.mark.parametrize("name", FILES)
def test_pickled_code_is_refused_and_never_runs(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    export_official(a_model(), tmp_path)
    (tmp_path / f"{name}.pt").write_bytes(pickle.dumps(_Hostile()))
    with pytest.raises(OfficialError, match=rf"{name}\.pt is not a file of plain tensors"):
        import_official(tmp_path)
    assert not (tmp_path / "hostile-code-ran").exists()
