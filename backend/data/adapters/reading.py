"""Tensors of a foreign file, read as data: in a child process of limited memory and time, as plain tensors only."""

import json
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import load_file, save_file
from torch import Tensor

from backend.data.archive import UNREADABLE_ZIP
from backend.data.tensors_apart import ReaderFailed, limit_this_process, read_apart
from models.adapters.adapter import LayoutError

MEMORY_LIMIT = 8 * 2**30
MAX_FILE_BYTES = 4 * 2**30
MAX_TENSOR_BYTES = 3 * 2**30  # of all tensors together, as float32
MAX_TENSORS = 20_000
MAX_CONFIG_BYTES = 2**20
WEIGHTS = ("model.pt", "latest.pt", "model.safetensors")  # in a folder, in this order
CONFIGS = ("specs.json", "config.yaml", "config.yml", "config.json", ".hydra/config.yaml")
INNER = ("agent_state_dict", "state_dict", "model_state_dict", "model")  # if a file contains more than tensors


def find_files(path: Path, config: Path | None) -> tuple[Path, Path | None]:
    """The weights and, where there are any, the settings of a file or folder. Raises LayoutError."""
    if not path.exists():
        raise LayoutError(f"there is no file {path}")
    if path.is_file():
        folder, weights = path.parent, path
    else:
        folder = path
        weights = next((path / name for name in WEIGHTS if (path / name).exists()), path / WEIGHTS[0])
        _stays(weights, folder)
    beside = next((folder / name for name in CONFIGS if (folder / name).is_file()), None)
    if config is None and beside is not None:
        _stays(beside, folder)
    if not weights.is_file():
        raise LayoutError(f"{path} holds none of {', '.join(WEIGHTS)}")
    return weights, config or beside


def read_config(path: Path | None) -> dict[str, Any]:
    """Settings from JSON or YAML as plain values; none without a file. Raises LayoutError."""
    if path is None:
        return {}
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise LayoutError(f"{path.name} is larger than {MAX_CONFIG_BYTES:,} bytes")
        text = path.read_text("utf-8")
        values = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise LayoutError(f"{path.name} cannot be read: {type(error).__name__}") from error
    if not isinstance(values, dict):
        raise LayoutError(f"{path.name} holds no settings by name")
    return values


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The float32 tensors of a `.pt` or `.safetensors` file by name. Raises LayoutError with one sentence."""
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise LayoutError(f"{path.name} has {size:,} bytes; the limit is {MAX_FILE_BYTES:,}")
    try:
        return read_apart("backend.data.adapters.reading", path)
    except ReaderFailed as error:
        raise LayoutError(str(error)) from None


def _stays(path: Path, folder: Path) -> None:
    if path.exists() and not path.resolve().is_relative_to(folder.resolve()):
        raise LayoutError(f"{path.name} is a link that leaves its folder")


def _read_here(path: Path, target: Path) -> None:
    """The child's work: plain tensors into one safetensors file."""
    limit_this_process(MEMORY_LIMIT)
    _check_zip(path)
    try:
        content = _load(path)
    except Exception as error:  # any error that a hostile file provokes becomes one refusal
        sys.exit(f"{path.name} is damaged, or not a file of plain tensors ({type(error).__name__})")
    tensors = dict(_floats(_inner(content, path), path))
    if not tensors:
        sys.exit(f"{path.name} holds no tensors of numbers")
    save_file(tensors, target)


def _load(path: Path) -> Any:
    with path.open("rb") as file:
        head = file.read(9)
    if head[8:] == b"{":
        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _check_zip(path: Path) -> None:
    """Refuses a file whose parts are packed, or together larger than it: torch stores them as they are."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist())
            total = sum(entry.file_size for entry in archive.infolist())
    except UNREADABLE_ZIP as error:
        sys.exit(f"{path.name} is damaged ({type(error).__name__})")
    if packed or total > path.stat().st_size:
        sys.exit(f"{path.name} is packed, which files of tensors are not: unpack it first")


def _inner(content: Any, path: Path) -> Mapping[Any, Any]:
    """The state dict in a file that may also contain others, such as that of an optimiser."""
    if isinstance(content, Mapping) and not any(isinstance(value, Tensor) for value in content.values()):
        content = next((content[name] for name in INNER if name in content), content)
    if not isinstance(content, Mapping):
        sys.exit(f"{path.name} holds {type(content).__name__}, not tensors by name")
    return content


def _floats(content: Mapping[Any, Any], path: Path) -> Iterator[tuple[str, Tensor]]:
    """A float32 copy of each numeric tensor; refused if they exceed the limit together."""
    if len(content) > MAX_TENSORS:
        sys.exit(f"{path.name} holds more than {MAX_TENSORS:,} tensors")
    total = 0
    for name, value in content.items():
        if not isinstance(value, Tensor) or not isinstance(name, str):
            sys.exit(f"{path.name}: {str(name)[:60]!r} is no tensor")
        if value.is_sparse or value.is_quantized or value.is_complex():
            sys.exit(f"{path.name}: {name[:60]!r} is of type {value.dtype}, which is not read")
        total += 4 * value.numel()
        if total > MAX_TENSOR_BYTES:
            sys.exit(f"{path.name} claims more than {MAX_TENSOR_BYTES:,} bytes of tensors")
        if value.is_floating_point():
            yield name, value.detach().float().contiguous().clone()


if __name__ == "__main__":
    _read_here(Path(sys.argv[1]), Path(sys.argv[2]))
