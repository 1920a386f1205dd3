"""Imported models of other projects equal their layers written out in full, and trained models where available."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from backend.interpret.encode_adapted import encode_adapted
from backend.interpret.request import ViewError
from backend.pipeline.foreign_models import Source, read_model
from models.adapters.adapter import LayoutError
from tests.support.foreign_models import (
    dreamer_folder,
    dreamer_shapes,
    pictures,
    r2_folder,
    r2_shapes,
    tensors_of,
    vae_folder,
    vae_shapes,
)

pytestmark = pytest.mark.usefixtures("forked_readers")

PEERS = os.environ.get("DISWM_PEERS_FIXTURE")
VAES = ("VAE_mnist", "betaB_celeba", "betaB_chairs", "btcvae_dsprites")
DREAMERS = ("small_discrete", "small_onehot_actions")


def test_a_static_vae_agrees_with_its_layers_written_out(tmp_path: Path) -> None:
    """Means and log variances stand in turn among the outputs."""
    image = pictures(2, 32, 32, 1)
    got = encode_adapted(read_model(Source(vae_folder(tmp_path))), {"image": image})
    w = tensors_of(vae_shapes())
    hidden = torch.from_numpy(image).movedim(-1, 1).float() / 255
    for name in ("encoder.conv1", "encoder.conv2", "encoder.conv3"):
        hidden = functional.conv2d(hidden, w[f"{name}.weight"], w[f"{name}.bias"], 2, 1).relu()
    hidden = hidden.flatten(1)
    for name in ("encoder.lin1", "encoder.lin2", "encoder.mu_logvar_gen"):
        hidden = functional.linear(hidden, w[f"{name}.weight"], w[f"{name}.bias"])
        hidden = hidden if name.endswith("gen") else hidden.relu()
    np.testing.assert_allclose(got["latent_mean"], hidden[:, [0, 2, 4]], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(got["latent_logvar"], hidden[:, [1, 3, 5]], rtol=1e-4, atol=1e-4)
    assert got["decoded"].shape == (2, 32, 32, 1)
    assert 0 <= got["decoded"].min() <= got["decoded"].max() <= 1


def test_an_rssm_with_classes_agrees_with_its_step_written_out(tmp_path: Path) -> None:
    image, action = pictures(1, 1, 16, 16, 3), np.ones((1, 1, 2), np.float32)
    got = encode_adapted(read_model(Source(dreamer_folder(tmp_path))), {"image": image, "action": action})
    w = tensors_of(dreamer_shapes())

    def normed(value: torch.Tensor, linear: str, norm: str) -> torch.Tensor:
        value = functional.linear(value, w[f"{linear}.weight"])
        return functional.layer_norm(value, value.shape[-1:], w[f"{norm}.weight"], w[f"{norm}.bias"], 1e-3)

    def hidden(value: torch.Tensor, name: str) -> torch.Tensor:
        return functional.silu(normed(value, f"dynamics._{name}_layers.0", f"dynamics._{name}_layers.1"))

    def logits(value: torch.Tensor, name: str) -> torch.Tensor:
        layer = f"dynamics._{name}_stat_layer"
        return functional.linear(value, w[f"{layer}.weight"], w[f"{layer}.bias"]).reshape(1, 32, 2)

    seen = torch.from_numpy(image[0]).movedim(-1, 1).float() / 255 - 0.5
    for conv, norm in ((0, 1), (3, 4)):
        seen = functional.conv2d(seen, w[f"encoder._cnn.layers.{conv}.weight"], None, 2, 1).movedim(1, -1)
        name = f"encoder._cnn.layers.{norm}.norm"
        seen = functional.layer_norm(seen, seen.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"], 1e-3)
        seen = functional.silu(seen).movedim(-1, 1)
    deter = w["dynamics.W"].tanh()
    stoch = functional.one_hot(logits(hidden(deter, "img_out"), "imgs").argmax(-1), 2).float().flatten(1)
    entered = hidden(torch.cat([stoch, torch.zeros(1, 2)], -1), "img_in")  # the first action of an episode is none
    cell = "dynamics._cell.layers.GRU_"
    reset, candidate, update = normed(torch.cat([entered, deter], -1), f"{cell}linear", f"{cell}norm").chunk(3, -1)
    update = (update - 1).sigmoid()
    deter = update * (reset.sigmoid() * candidate).tanh() + (1 - update) * deter
    posterior = logits(hidden(torch.cat([deter, seen.flatten(1)], -1), "obs_out"), "obs")
    np.testing.assert_allclose(got["deter"][0], deter, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(got["post_logit"][0], posterior, rtol=1e-4, atol=1e-5)


def test_a_state_in_blocks_agrees_with_its_step_written_out(tmp_path: Path) -> None:
    image, action = pictures(1, 2, 16, 16, 3), np.full((1, 2, 2), 3.0, np.float32)
    got = encode_adapted(read_model(Source(r2_folder(tmp_path))), {"image": image, "action": action})
    assert got["decoded"].shape == (1, 2, 16, 16, 3)
    w = tensors_of(r2_shapes())
    net = "rssm._deter_net"

    def entered(value: torch.Tensor, part: int) -> torch.Tensor:
        value = functional.linear(value, w[f"{net}._dyn_in{part}.0.weight"], w[f"{net}._dyn_in{part}.0.bias"])
        return functional.silu(functional.rms_norm(value, value.shape[-1:], w[f"{net}._dyn_in{part}.1.weight"], 1e-4))

    def in_blocks(blocks: list[torch.Tensor], name: str) -> torch.Tensor:
        """Each block through its own matrix."""
        weight = w[f"{net}.{name}.weight"]
        return torch.cat([weight[:, :, index] @ block for index, block in enumerate(blocks)]) + w[f"{net}.{name}.bias"]

    deter = torch.from_numpy(got["deter"][0, 0])
    chosen = torch.from_numpy(got["post_logit"][0, 0]).argmax(-1)
    stoch = functional.one_hot(chosen, 2).float().flatten()
    shared = torch.cat([entered(deter, 0), entered(stoch, 1), entered(torch.ones(2), 2)])  # 3 is brought back to 1
    hidden = in_blocks([torch.cat([part, shared]) for part in deter.split(2)], "_dyn_hid.dyn_hid_0")
    hidden = functional.silu(functional.rms_norm(hidden, (16,), w[f"{net}._dyn_hid.norm_0.weight"], 1e-4))
    gates = in_blocks(list(hidden.split(2)), "_dyn_gru").reshape(8, 3, 2)
    reset, candidate, update = (gates[:, gate].flatten() for gate in range(3))
    update = (update - 1).sigmoid()
    new = update * (reset.sigmoid() * candidate).tanh() + (1 - update) * deter
    np.testing.assert_allclose(got["deter"][0, 1], new, rtol=1e-4, atol=1e-5)


def test_a_second_episode_in_a_sequence_starts_anew(tmp_path: Path) -> None:
    model = read_model(Source(dreamer_folder(tmp_path)))
    image = pictures(1, 4, 16, 16, 3)
    first = np.array([[1, 0, 1, 0]])
    together = encode_adapted(model, {"image": image, "is_first": first})
    alone = encode_adapted(model, {"image": image[:, 2:]})
    np.testing.assert_array_equal(together["deter"][:, 2:], alone["deter"])
    assert not np.allclose(encode_adapted(model, {"image": image})["deter"][:, 2:], alone["deter"])


def test_compiled_weights_are_the_same_model(tmp_path: Path) -> None:
    image = pictures(1, 2, 16, 16, 3)
    interpreted, compiled = (
        encode_adapted(read_model(Source(dreamer_folder(tmp_path / mark, mark=mark))), {"image": image})
        for mark in ("", "_orig_mod.")
    )
    np.testing.assert_array_equal(interpreted["post_logit"], compiled["post_logit"])


def test_gaussian_states_are_told_by_their_shapes(tmp_path: Path) -> None:
    model = read_model(Source(dreamer_folder(tmp_path, groups=4, classes=1)))
    assert (model.config.spec.latents, model.classes) == (4, 0)
    got = encode_adapted(model, {"image": pictures(1, 2, 16, 16, 3)})
    assert got["latent_mean"].shape == got["latent_logvar"].shape == (1, 2, 4)


def test_groups_come_from_the_settings(tmp_path: Path) -> None:
    folder = dreamer_folder(tmp_path, groups=8, classes=4)
    assert read_model(Source(folder)).config.latents == 32  # what most runs have
    (folder / "config.yaml").write_text("dyn_stoch: 8\ndyn_discrete: 4\n")
    assert (read_model(Source(folder)).config.latents, read_model(Source(folder)).classes) == (8, 4)
    (folder / "config.yaml").write_text("dyn_stoch: 7\n")
    with pytest.raises(LayoutError, match="32 classes do not divide into 7 groups"):
        read_model(Source(folder))


def test_images_of_another_size_are_refused_with_both_shapes(tmp_path: Path) -> None:
    with pytest.raises(ViewError, match=r"is uint8 \(2, 64, 64, 3\), needed is uint8 \(N, 32, 32, 1\)"):
        encode_adapted(read_model(Source(vae_folder(tmp_path))), {"image": pictures(2, 64, 64, 3)})


def _close(got: Any, expected: Any, tolerance: float) -> None:
    assert np.abs(got - expected).max() <= tolerance * np.abs(expected).max()


@pytest.mark.skipif(PEERS is None, reason="DISWM_PEERS_FIXTURE names no folder of other projects' models")
@pytest.mark.parametrize("name", VAES)
def test_trained_vaes_are_reproduced(name: str) -> None:
    folder = Path(str(PEERS)) / "disentangling-vae" / name
    expected = np.load(folder / "io.npz")
    got = encode_adapted(read_model(Source(folder)), expected)
    for key, value in got.items():
        _close(value, expected[key], 1e-5)


@pytest.mark.skipif(PEERS is None, reason="DISWM_PEERS_FIXTURE names no folder of other projects' models")
@pytest.mark.parametrize("name", DREAMERS)
def test_recurrent_models_are_reproduced(name: str) -> None:
    folder = Path(str(PEERS)) / "dreamerv3-torch" / name
    expected = np.load(folder / "io.npz")
    model = read_model(Source(folder))
    got = encode_adapted(model, expected)
    for key, value in got.items():
        _close(value, expected[key], 1e-4)
    seen = torch.from_numpy(expected["embed"])
    states = model.observe(
        seen, torch.from_numpy(expected["action"]), torch.from_numpy(expected["is_first"] > 0)
    ).states
    ahead = model.imagine(states.at(-1), 5, torch.from_numpy(expected["imagine_action"]))
    reward = model.reward(ahead.feature)
    assert reward is not None
    _close(ahead.deter.numpy(), expected["imagine_deter"], 1e-4)
    _close(reward.numpy(), expected["imagine_reward"][..., 0], 1e-4)
    _close(model.decode(ahead.feature).numpy().transpose(0, 1, 3, 4, 2) + 0.5, expected["imagine_decoded"], 1e-4)
