"""The folder of the shipped checkpoints."""

from pathlib import Path

SHIPPED = Path(__file__).resolve().parents[2] / "checkpoints"  # read only
