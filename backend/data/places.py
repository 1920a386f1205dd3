"""Where the checkpoints lie that come with the program."""

from pathlib import Path

SHIPPED = Path(__file__).resolve().parents[2] / "checkpoints"  # read only
