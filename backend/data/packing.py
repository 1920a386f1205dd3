"""A checkpoint folder as one zip, which `imports` takes in again."""

import zipfile
from pathlib import Path

from backend.data.checkpoint import CARD, CHECKS, FACTORS, LABELS
from backend.data.files import MANIFEST, CorruptFile, verify_folder
from backend.data.import_checks import REQUIRED

EPOCH = (1980, 1, 1, 0, 0, 0)  # the same checkpoint gives the same bytes


def pack_checkpoint(folder: Path, target: Path) -> None:
    """Writes the zip of a checkpoint folder; raises CorruptFile rather than pass on a damaged one."""
    verify_folder(folder)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted([*REQUIRED, MANIFEST, FACTORS, CHECKS, LABELS, CARD]):
            path = folder / name
            if not path.is_file():
                if name in REQUIRED:
                    raise CorruptFile(path, "is missing")
                continue
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as copy:
                while piece := source.read(1 << 20):
                    copy.write(piece)
