"""Packs a checkpoint and its findings into one zip, which `imports` reads."""

import io
import json
import zipfile
from dataclasses import asdict
from pathlib import Path

from backend.data.checkpoint import (
    CARD,
    CHECKS,
    FACTORS,
    FORGETTING,
    LABELS,
    QUALITY,
    TEACHERS,
    CheckpointInfo,
    read_labels,
)
from backend.data.files import MANIFEST, CorruptFile, verify_folder
from backend.data.import_checks import REQUIRED
from backend.data.model_card import written_card

NAMES = tuple(sorted([*REQUIRED, MANIFEST, FACTORS, CHECKS, QUALITY, LABELS, TEACHERS, FORGETTING, CARD]))
EPOCH = (1980, 1, 1, 0, 0, 0)  # equal checkpoints give equal bytes


def pack_checkpoint(info: CheckpointInfo, target: Path) -> None:
    """Writes the zip of a checkpoint; raises CorruptFile rather than pass on a damaged one."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in packed_files(info).items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            source = content.open("rb") if isinstance(content, Path) else io.BytesIO(content)
            with source, archive.open(entry, "w", force_zip64=True) as copy:
                while piece := source.read(1 << 20):
                    copy.write(piece)


def packed_files(info: CheckpointInfo) -> dict[str, Path | bytes]:
    """Everything that belongs to a checkpoint, by name: a file or its bytes. Raises CorruptFile for a damaged one."""
    verify_folder(info.folder)
    contents = ((name, _content(info, name)) for name in NAMES)
    found = {name: content for name, content in contents if content is not None}
    for name in sorted(REQUIRED - found.keys()):
        raise CorruptFile(info.folder / name, "is missing")
    return found


def _content(info: CheckpointInfo, name: str) -> Path | bytes | None:
    if name == LABELS:  # a user's own and those that it was shipped with
        labels = {dim: asdict(label) for dim, label in read_labels(info).items()}
        return json.dumps(labels, indent=1).encode() if labels else None
    path = info.found(name) if name in (FACTORS, CHECKS, QUALITY, TEACHERS, FORGETTING) else info.folder / name
    if name == CARD and not path.is_file():
        return written_card(info).encode()
    return path if path.is_file() else None
