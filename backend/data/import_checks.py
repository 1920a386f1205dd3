"""Checks the files of an imported checkpoint before they are loaded."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from backend.data.archive import ArchiveError, read_arrays, read_headers
from backend.data.checkpoint import CARD, CHECKS, FACTORS, FORGETTING, LABELS, QUALITY, TEACHERS
from backend.data.files import MANIFEST, CorruptFile, verify_folder
from backend.data.import_tables import (
    Description,
    DimensionTable,
    Factors,
    Forgotten,
    Interventions,
    Quality,
    Weighed,
    check_labels,
    first_fault,
    read_object,
)
from backend.data.masks import MASKS, read_masks
from backend.data.networks import CheckpointError, CorruptCheckpoint, IncompatibleCheckpoint, build_networks
from backend.data.second_look import read_flow
from models.actor_critic import ActorCritic
from models.adapters.adapted import Adapted
from models.browsable import Browsable
from models.video_model import VISIONS

WEIGHTS, CONFIG, STATISTICS, CLIP = "model.safetensors", "config.json", "statistics.json", "clip.npz"
REQUIRED = {WEIGHTS, CONFIG, STATISTICS, CLIP}
REMEDY = "Send the zip that GET /api/v1/checkpoints/{id}/download gives, unchanged."
MAX_SIZES = {"latents": 1024, "stoch": 4096, "deter": 8192, "hidden": 8192, "feature": 16384, "action_size": 256}
MAX_SIZES |= {"below_stoch": 4096, "below_deter": 8192, "below_hidden": 8192, "skip": 4096}
MAX_SIZES |= {"head_units": 8192, "units": 8192, "kernels": 2048}
MAX_SIZES |= {"sources": 64, "members": 64, "inducing": 4096, "hint": 1024, "memory_units": 8192}
MAX_SIZES |= {"tasks": 64, "task": 63, "flow_units": 512}
MAX_SIZES |= dict.fromkeys(("reward_layers", "discount_layers", "actor_layers", "critic_layers"), 16)
MAY_BE_ZERO = {"action_size", "discount_layers", "below_stoch", "below_deter", "below_hidden", "skip"}
MAY_BE_ZERO |= {"sources", "members", "inducing", "tasks", "task", "flow_units"}
MAX_WEIGHTS = 250_000_000
MAX_CLIP_FRAMES = 10_000


Read = TypeVar("Read")


class RefusedImport(CheckpointError):
    """An archive that is refused; `parts` names the files or tensors that are wrong."""

    def __init__(self, message: str, remedy: str = REMEDY, parts: list[str] | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.parts = parts or []


def check_content(folder: Path) -> None:
    """Checks the files of a checkpoint, cheapest checks first."""
    if set(_object(folder / MANIFEST)) != REQUIRED:
        raise RefusedImport(f"{MANIFEST} does not list {', '.join(sorted(REQUIRED))}", REMEDY, [MANIFEST])
    try:
        verify_folder(folder)
    except CorruptFile as error:
        raise RefusedImport(str(error), REMEDY, [error.path.name]) from error
    config = _object(folder / CONFIG)
    _check_table(folder / CONFIG, lambda: Description.model_validate(config))
    model, behaviour = _networks(config)
    _check_weights(folder / WEIGHTS, _expected_weights(model, behaviour))
    _check_clip(folder / CLIP, model.image_size)
    statistics = _object(folder / STATISTICS)
    if (quality := statistics.pop("quality", None)) is not None:
        _check_table(folder / STATISTICS, lambda: Quality.model_validate(quality))
    _check_statistics(statistics, model.config.latents)
    _check_tables(folder, model.config.latents)
    _check_card(folder / CARD)


def _networks(config: Mapping[str, Any]) -> tuple[Browsable, ActorCritic | None]:
    """The networks that config.json names; no memory is given to them."""
    networks = config.get("networks")
    known = {"video_model", "world_model", "actor_critic"}
    if not isinstance(networks, dict) or not (networks.keys() <= known or networks.keys() == {Adapted.kind}):
        raise RefusedImport(f"{CONFIG} names no networks that this version knows", REMEDY, [CONFIG])
    for network in networks.values():
        if not isinstance(network, dict):
            raise RefusedImport(f"{CONFIG} does not give the sizes of its networks", REMEDY, [CONFIG])
        for key, value in network.items() if Adapted.kind not in networks else ():  # a layout checks its own
            _check_size(key, value)
    try:
        with torch.device("meta"):
            model, behaviour = build_networks(networks)
    except CorruptCheckpoint as error:
        raise RefusedImport(str(error), REMEDY, [CONFIG]) from error
    if isinstance(model, Adapted) and networks != {Adapted.kind: model.sizes()}:
        raise RefusedImport(f"{CONFIG} does not declare what its model can do", REMEDY, [CONFIG])
    return model, behaviour


def _expected_weights(model: Browsable, behaviour: ActorCritic | None) -> dict[str, tuple[int, ...]]:
    """Shapes of every tensor of the networks."""
    parts = {"model": model, **({"actor_critic": behaviour} if behaviour is not None else {})}
    shapes = {
        f"{name}.{key}": tuple(value.shape) for name, net in parts.items() for key, value in net.state_dict().items()
    }
    weights = sum(torch.Size(shape).numel() for shape in shapes.values())
    if weights > MAX_WEIGHTS:
        raise RefusedImport(f"{CONFIG} describes {weights:,} weights, the limit is {MAX_WEIGHTS:,}", REMEDY, [CONFIG])
    return shapes


def _check_size(key: str, value: object) -> None:
    numbers = value if isinstance(value, list) else [value]
    if key == "kernels" and len(numbers) != 5:
        raise RefusedImport(f"{CONFIG}: kernels must be five numbers", REMEDY, [CONFIG])
    if key == "vision" and value in VISIONS:
        return
    if key == "min_std" and isinstance(value, float) and 0 < value <= 10:
        return
    limit = MAX_SIZES.get(key)
    if limit is None or isinstance(value, list) != (key == "kernels"):
        raise RefusedImport(f"{CONFIG}: {key[:40]!r} is no size of a network", REMEDY, [CONFIG])
    for number in numbers:
        low = 0 if key in MAY_BE_ZERO else 1
        if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= limit:
            raise RefusedImport(f"{CONFIG}: {key} must be from {low} to {limit}, got {number!r:.40}", REMEDY, [CONFIG])


def _check_weights(path: Path, expected: Mapping[str, tuple[int, ...]]) -> None:
    """Keys, shapes and types from the header first, then every number."""
    try:
        with safe_open(path, framework="pt") as file:
            _check_header(file, expected)
            spoilt = sorted(key for key in expected if not bool(torch.isfinite(file.get_tensor(key)).all()))
    except (SafetensorError, ValueError, OverflowError) as error:
        raise RefusedImport(f"{WEIGHTS} is damaged: {error}", REMEDY, [WEIGHTS]) from error
    if spoilt:
        raise RefusedImport(
            f"{len(spoilt)} tensors hold NaN or infinite weights: {', '.join(spoilt[:5])}",
            "Send a checkpoint from before the run diverged.",
            spoilt[:100],
        )


def _check_header(file: Any, expected: Mapping[str, tuple[int, ...]]) -> None:
    keys = set(file.keys())
    problems = [f"missing {key}" for key in expected.keys() - keys]
    problems += [f"unknown {key[:120]}" for key in keys - expected.keys()]
    for key in sorted(keys & expected.keys()):
        piece = file.get_slice(key)
        shape, kind = tuple(piece.get_shape()), piece.get_dtype()
        if shape != expected[key]:
            problems.append(f"{key} is {shape}, needed {expected[key]}")
        elif kind not in ("F32", "F16", "BF16", "F64"):
            problems.append(f"{key} is of type {kind}, needed F32")
    if problems:
        raise IncompatibleCheckpoint(sorted(problems))


def _check_statistics(statistics: Mapping[str, Any], latents: int) -> None:
    """One finite number per dimension in each list, and 101 rows of quantiles."""
    shapes = dict.fromkeys(("mean", "std", "minimum", "maximum", "kl"), (latents,)) | {"quantiles": (101, latents)}
    if statistics.keys() != shapes.keys():
        raise RefusedImport(f"{STATISTICS} does not hold {', '.join(sorted(shapes))}", REMEDY, [STATISTICS])
    for name, shape in shapes.items():
        try:
            values = np.asarray(statistics[name], np.float64)
        except (ValueError, TypeError) as error:
            raise RefusedImport(f"{STATISTICS}: {name} is ragged or holds no numbers", REMEDY, [STATISTICS]) from error
        if values.shape != shape or not np.isfinite(values).all():
            raise RefusedImport(f"{STATISTICS}: {name} must be {shape} finite numbers", REMEDY, [STATISTICS])


def _check_clip(path: Path, size: tuple[int, int]) -> None:
    """Checks that the clip has the arrays of a checkpoint's clip and fits into memory, before its arrays are read."""
    try:
        headers = read_headers(path)
    except (ArchiveError, OSError) as error:
        raise RefusedImport(f"{CLIP}: {error}", REMEDY, [CLIP]) from error
    kinds = {"image": "u", "action": "f", "reward": "f", "factors": "f", "factor_names": "U"}
    if headers.keys() - MASKS - {"flow"} != kinds.keys() or any(headers[name][1].kind != kinds[name] for name in kinds):
        raise RefusedImport(f"{CLIP} must hold {', '.join(kinds)}", REMEDY, [CLIP])
    shapes = {name: shape for name, (shape, _) in headers.items()}
    lengths = shapes["image"][:2]
    fitting = (
        len(shapes["image"]) == 5
        and shapes["image"][2:] == (*size, 3)
        and headers["image"][1].itemsize == 1
        and min(lengths) > 0
        and shapes["reward"] == lengths
        and len(shapes["action"]) == len(shapes["factors"]) == 3
        and shapes["action"][:2] == shapes["factors"][:2] == lengths
        and shapes["factor_names"] == shapes["factors"][2:]
    )
    if not fitting:
        raise RefusedImport(f"{CLIP}: the shapes {shapes} do not go together", REMEDY, [CLIP])
    if lengths[0] * lengths[1] > MAX_CLIP_FRAMES:
        raise RefusedImport(f"{CLIP} holds more than {MAX_CLIP_FRAMES:,} frames", REMEDY, [CLIP])
    try:
        arrays = read_arrays(path)
        read_masks(arrays, lengths)
        read_flow(arrays, lengths)
    except (ValueError, OSError) as error:
        raise RefusedImport(f"{CLIP}: {error}", REMEDY, [CLIP]) from error
    if not all(np.isfinite(arrays[name].astype(np.float64)).all() for name in ("action", "reward", "factors")):
        raise RefusedImport(f"{CLIP} holds NaN or infinity", REMEDY, [CLIP])


def _check_tables(folder: Path, latents: int) -> None:
    """The tables about the model, where there are any: factors, interventions, quality and labels."""
    kinds: dict[str, type[DimensionTable]] = {FACTORS: Factors, CHECKS: Interventions}
    for name, kind in kinds.items():
        path = folder / name
        if path.exists():
            table = _check_table(path, partial(kind.model_validate, _object(path)))
            if not table.fits(latents):
                raise RefusedImport(f"{name} does not describe the {latents} dimensions", REMEDY, [name])
    if (folder / QUALITY).exists():
        measured = _object(folder / QUALITY)
        _check_table(folder / QUALITY, lambda: Quality.model_validate(measured))
    if (folder / TEACHERS).exists():
        weighed = _object(folder / TEACHERS)
        _check_table(folder / TEACHERS, lambda: Weighed.model_validate(weighed))
    if (folder / FORGETTING).exists():
        known = _object(folder / FORGETTING)
        _check_table(folder / FORGETTING, lambda: Forgotten.model_validate(known))
    if (folder / LABELS).exists():
        labels = _object(folder / LABELS)
        _check_table(folder / LABELS, lambda: check_labels(labels, latents))


def _check_table(path: Path, read: Callable[[], Read]) -> Read:
    try:
        return read()
    except ValidationError as error:
        raise RefusedImport(f"{path.name}: {first_fault(error)}", REMEDY, [path.name]) from None
    except ValueError as error:
        raise RefusedImport(f"{path.name}: {error}", REMEDY, [path.name]) from None


def _check_card(card: Path) -> None:
    try:
        text = card.read_text("utf-8") if card.exists() else ""
    except UnicodeDecodeError as error:
        raise RefusedImport(f"{CARD} is not UTF-8", REMEDY, [CARD]) from error
    if "\0" in text:
        raise RefusedImport(f"{CARD} holds NUL characters", REMEDY, [CARD])


def _object(path: Path) -> dict[str, Any]:
    try:
        return read_object(path)
    except ValueError as error:
        raise RefusedImport(
            f"{path.name} is not JSON object that this version reads: {error}", REMEDY, [path.name]
        ) from error
