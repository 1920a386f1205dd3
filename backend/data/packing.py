"""Packs a checkpoint and what was found out about it into one zip, which `imports` reads."""

import io
import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from backend.data.checkpoint import CARD, CHECKS, FACTORS, LABELS, QUALITY, TEACHERS, CheckpointInfo, read_labels
from backend.data.files import MANIFEST, CorruptFile, verify_folder
from backend.data.import_checks import REQUIRED

EPOCH = (1980, 1, 1, 0, 0, 0)  # the same checkpoint gives the same bytes


def pack_checkpoint(info: CheckpointInfo, target: Path) -> None:
    """Writes the zip of a checkpoint; raises CorruptFile rather than pass on a damaged one."""
    verify_folder(info.folder)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted([*REQUIRED, MANIFEST, FACTORS, CHECKS, QUALITY, LABELS, TEACHERS, CARD]):
            source = _opened(info, name)
            if source is None:
                if name in REQUIRED:
                    raise CorruptFile(info.folder / name, "is missing")
                continue
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            with source, archive.open(entry, "w", force_zip64=True) as copy:
                while piece := source.read(1 << 20):
                    copy.write(piece)


def _opened(info: CheckpointInfo, name: str) -> BinaryIO | None:
    if name == LABELS:  # a user's own and those that it was shipped with
        labels = {dim: asdict(label) for dim, label in read_labels(info).items()}
        return io.BytesIO(json.dumps(labels, indent=1).encode()) if labels else None
    path = info.found(name) if name in (FACTORS, CHECKS, QUALITY, TEACHERS) else info.folder / name
    return path.open("rb") if path.is_file() else None
