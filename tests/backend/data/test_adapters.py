"""A user's own model: the example in docs/adapters.md works as printed, and a wrong adapter gets a precise error."""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import torch

from backend.data.adapters import registry
from backend.data.adapters.registry import find_layout, layouts
from backend.data.adapters.trial import AdapterError, try_adapter
from backend.data.checkpoint import load_checkpoint
from backend.interpret.traversal_request import TraversalRequest
from backend.interpret.view import build_view
from backend.pipeline.foreign_models import Source, import_model
from models.adapters.adapter import LayoutError, Spec
from models.adapters.dreamerv3_layout import DreamerV3TorchLayout
from models.types import Gaussian
from tests.support.foreign_models import dreamer_shapes, tensors_of

PAGE = Path(__file__).parents[3] / "docs" / "adapters.md"


def example(number: int = 0) -> str:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)[number]


def names_of_example() -> dict[str, Any]:
    found: dict[str, Any] = {}
    exec(compile(example(), str(PAGE), "exec"), found)
    return found


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The example as a package that announces itself."""
    name = f"own_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(example())
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    announced = EntryPoint("my-vae", f"{name}:MyLayout", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [announced] if group == registry.GROUP else [])
    layouts.cache_clear()
    yield name
    layouts.cache_clear()


def test_the_example_is_short_and_keeps_every_rule() -> None:
    assert len(example().splitlines()) <= 45
    assert len(try_adapter(names_of_example()["MyModel"](2))) == 7
    assert "try_adapter" in example(1)


def test_an_installed_model_is_imported_and_traversed(tmp_path: Path, installed: str) -> None:
    assert installed
    (tmp_path / "theirs").mkdir()
    torch.save(names_of_example()["MyModel"](2).state_dict(), tmp_path / "theirs" / "model.pt")
    info = import_model(Source(tmp_path / "theirs"), "mine", tmp_path)
    assert info.config["networks"]["adapter"]["layout"] == "my-vae"
    view = build_view(load_checkpoint(info), TraversalRequest(columns=3, dims=(0, 1)))
    assert view.images.shape == (2, 3, 16, 16, 3)


def test_without_the_package_its_checkpoint_says_what_is_missing() -> None:
    with pytest.raises(LayoutError, match="there is no layout 'my-vae'; known are disentangling-vae"):
        find_layout("my-vae")


def test_an_installed_layout_cannot_take_a_built_in_name(installed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = __import__(installed)
    monkeypatch.setattr(module.MyLayout, "name", "disentangling-vae")
    with pytest.raises(LayoutError, match="takes the name 'disentangling-vae', which is taken"):
        layouts()


def test_a_package_that_cannot_be_loaded_is_named(installed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(__import__(installed), "MyLayout")
    with pytest.raises(LayoutError, match=r"the adapter 'my-vae' .* cannot be loaded"):
        layouts()


def test_a_recurrent_model_with_classes_keeps_every_rule() -> None:
    layout = DreamerV3TorchLayout()
    options, weights = layout.convert({f"_wm.{key}": value for key, value in tensors_of(dreamer_shapes()).items()}, {})
    adapter = layout.build(options)
    adapter.load_state_dict(weights)
    assert "no state depends on a later picture" in try_adapter(adapter)


def test_a_trial_says_what_an_adapter_gets_wrong() -> None:
    model = names_of_example()["MyModel"]

    class Draws(model):  # type: ignore[misc, valid-type] # a class of the example
        def posterior(self, deter: torch.Tensor, seen: torch.Tensor) -> Gaussian:
            found = super().posterior(deter, seen)
            return Gaussian(found.mean + torch.randn_like(found.mean), found.std)

    class Small(model):  # type: ignore[misc, valid-type] # a class of the example
        def decode(self, state: Any) -> torch.Tensor:
            return torch.zeros(len(state.stoch), 1, 8, 8)

    class Bright(model):  # type: ignore[misc, valid-type] # a class of the example
        def decode(self, state: Any) -> torch.Tensor:
            return torch.full((len(state.stoch), 1, 16, 16), 255.0)

    for wrong, sentence in (
        (Draws, "something is drawn"),
        (Small, r"decode gives pictures of \(3, 1, 8, 8\)"),
        (Bright, "pictures up to 255; they must be about 0..1"),
    ):
        with pytest.raises(AdapterError, match=sentence):
            try_adapter(wrong(2))


def test_a_spec_that_cannot_be_shown_is_refused() -> None:
    with pytest.raises(LayoutError, match="64 x 32; only squares"):
        Spec(channels=3, height=64, width=32, latents=2)
    with pytest.raises(LayoutError, match="of 4 channels; 1 and 3"):
        Spec(channels=4, height=64, width=64, latents=2)
    with pytest.raises(LayoutError, match="latents must be from 1 to 256, got 0"):
        Spec(channels=3, height=64, width=64, latents=0)
