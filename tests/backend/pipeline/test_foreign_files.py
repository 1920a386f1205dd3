"""Model files of other projects: wrong ones are refused with a sentence, and imported ones can be packed as a zip."""

import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from backend.data.checkpoint import CheckpointInfo, load_checkpoint
from backend.data.import_checks import RefusedImport
from backend.data.imports import import_checkpoint
from backend.data.packing import pack_checkpoint
from backend.interpret.traversal_request import TraversalRequest
from backend.interpret.view import build_view
from backend.pipeline import foreign_models
from backend.pipeline.foreign_models import Source, import_model, read_model
from models.adapters.adapter import LayoutError
from tests.support.archives import zipped
from tests.support.foreign_models import (
    dreamer_shapes,
    r2_shapes,
    tensors_of,
    vae_folder,
    vae_shapes,
)

pytestmark = pytest.mark.usefixtures("forked_readers")


def _repacked(info: CheckpointInfo, folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The zip of a checkpoint with another config.json, truthfully listed."""
    pack_checkpoint(info, folder / "packed.zip")
    with zipfile.ZipFile(folder / "packed.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(files["config.json"])
    change(config["networks"]["adapter"])
    return zipped(folder, {**files, "config.json": json.dumps(config).encode()})


def test_an_imported_model_goes_out_and_comes_in_as_a_zip(tmp_path: Path) -> None:
    info = import_model(Source(vae_folder(tmp_path / "theirs")), "digits", tmp_path)
    (tmp_path / "other").mkdir()
    again, known = import_checkpoint(_repacked(info, tmp_path, lambda _: None), tmp_path / "other")
    assert not known
    assert again.capabilities == info.capabilities
    request = TraversalRequest(columns=3, dims=(0,))
    one, other = (build_view(load_checkpoint(each), request).images for each in (info, again))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda sizes: sizes.update(layout="os:system"), "there is no layout 'os:system'"),
        (lambda sizes: sizes["options"].update(latents=10**9), "latents must be a whole number"),
        (lambda sizes: sizes["options"].update(channels=4), "of 4 channels"),
        (lambda sizes: sizes["spec"].update(recurrent=True), "does not declare what its model can do"),
        (lambda sizes: sizes.update(options=[]), "does not describe a model"),
    ],
)
def test_a_zip_that_lies_about_its_model_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], sentence: str
) -> None:
    info = import_model(Source(vae_folder(tmp_path / "theirs")), "digits", tmp_path)
    (tmp_path / "other").mkdir()
    with pytest.raises(RefusedImport, match=sentence):
        import_checkpoint(_repacked(info, tmp_path, change), tmp_path / "other")
    assert list((tmp_path / "other" / "checkpoints").iterdir()) == []


class _Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch hostile-code-ran",)


def _cut(folder: Path) -> None:
    content = (folder / "model.pt").read_bytes()
    (folder / "model.pt").write_bytes(content[: len(content) // 2])


def _saved(folder: Path, **changes: object) -> None:
    torch.save({**tensors_of(vae_shapes()), **changes}, folder / "model.pt")


def _linked(folder: Path) -> None:
    outside = folder.parent / "outside.pt"
    (folder / "model.pt").rename(outside)
    (folder / "model.pt").symlink_to(outside)


def _packed(folder: Path) -> None:
    with zipfile.ZipFile(folder / "model.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10_000_000))


BAD = {
    "hostile": (lambda folder: (folder / "model.pt").write_bytes(pickle.dumps(_Hostile())), "not a file of plain"),
    "cut": (_cut, "model.pt is damaged"),
    "empty": (lambda folder: (folder / "model.pt").write_bytes(b""), "model.pt is damaged"),
    "absent": (lambda folder: (folder / "model.pt").unlink(), "holds none of model.pt, latest.pt"),
    "link": (_linked, "model.pt is a link that leaves its folder"),
    "packed": (_packed, "model.pt is packed"),
    "rows": (lambda folder: _saved(folder, extra=torch.zeros(1).expand(10**10)), "claims more than"),
    "type": (lambda folder: _saved(folder, extra=torch.zeros(2, dtype=torch.complex64)), "'extra' is of type"),
    "object": (lambda folder: _saved(folder, extra="text"), "'extra' is no tensor"),
    "shape": (lambda folder: _saved(folder, **{"encoder.lin2.bias": torch.zeros(3)}), r"lin2.bias is \(3,\), needed"),
    "unknown": (lambda folder: _saved(folder, **{"encoder.more": torch.zeros(3)}), "unknown encoder.more"),
    "nan": (lambda folder: _saved(folder, **{"encoder.lin2.bias": torch.full((256,), torch.nan)}), "NaN"),
    "foreign": (lambda folder: torch.save({"fc.weight": torch.zeros(2)}, folder / "model.pt"), "of no known layout"),
    "settings": (lambda folder: (folder / "specs.json").write_text("{"), "specs.json cannot be read"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_wrong_file_is_one_sentence_and_leaves_nothing(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spoil, sentence = BAD[kind]
    folder = vae_folder(tmp_path / "theirs")
    spoil(folder)
    with pytest.raises(LayoutError, match=sentence) as refused:
        import_model(Source(folder), "digits", tmp_path / "home")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "home").exists()
    assert not (tmp_path / "hostile-code-ran").exists()


LAYOUTS = {
    "disentangling-vae": (vae_shapes(), ("latent_dim", "img_size")),
    "dreamerv3-torch": (
        {f"_wm.{name}": shape for name, shape in dreamer_shapes().items()},
        ("dyn_stoch", "dyn_discrete", "act", "norm", "size", "dyn_min_std"),
    ),
    "r2dreamer": (r2_shapes(), ("model", "rep_loss")),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_whatever_tensor_or_setting_is_wrong_a_layout_answers_with_one_sentence(
    layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without reading files, which the tests above do."""
    shapes, settings = LAYOUTS[layout]
    whole = tensors_of(shapes)
    attempts: list[tuple[dict[str, torch.Tensor], dict[str, Any]]] = []
    for name, value in whole.items():
        attempts += [({key: value for key, value in whole.items() if key != name}, {})]
        attempts += [({**whole, name: wrong}, {}) for wrong in (value.flatten(), value[:0], value * torch.nan)]
    attempts += [(whole, {key: wrong}) for key in settings for wrong in (None, "x", -1, 1.5, 10**12, [1], {"a": 1})]
    monkeypatch.setattr(foreign_models, "find_files", lambda path, config: (path, config))
    refused = 0
    for tensors, config in attempts:
        monkeypatch.setattr(foreign_models, "read_tensors", lambda _, found=tensors: found)
        monkeypatch.setattr(foreign_models, "read_config", lambda _, found=config: found)
        try:
            model = read_model(Source(Path("latest.pt")))
        except LayoutError as error:
            refused += 1
            assert "\n" not in str(error) and len(str(error)) < 400
        else:
            assert model.config.layout == layout
    assert refused >= len(whole), "most tensors are needed"


def test_half_precision_and_safetensors_are_read_too(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    folder = vae_folder(tmp_path)
    halves = {name: value.half() for name, value in tensors_of(vae_shapes()).items()}
    (folder / "model.pt").unlink()
    save_file(halves, folder / "model.safetensors")
    weight = read_model(Source(folder)).adapter.state_dict()["encoder.lin2.weight"]
    torch.testing.assert_close(weight, halves["encoder.lin2.weight"].float(), rtol=0, atol=0)
