"""Long tests of saves: damage is noticed and costs one save, and an interrupted run resumes bit for bit."""

import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from backend.data.resume import load_training, save_training

pytestmark = pytest.mark.long

SIZES = ["latents=2", "stoch=2", "deter=4", "hidden=4", "batch=2", "length=4", "held_out=2", "dataset=noise"]


def _damaged(content: bytes, chance: random.Random) -> bytes:
    """The content with one bit flipped, or cut."""
    if chance.random() < 0.5:
        return content[: chance.randrange(len(content))]
    copy = bytearray(content)
    copy[chance.randrange(len(copy))] ^= 1 << chance.randrange(8)
    return bytes(copy)


def test_every_flip_and_cut_of_a_save_is_noticed_and_the_one_before_is_taken(tmp_path: Path, ledger: Any) -> None:
    trials, chance = int(os.environ.get("FLIPS", "2000")), random.Random(0)
    good, live = tmp_path / "good", tmp_path / "live"
    for update in (1, 2):
        save_training(good, update, {"updates": update, "weights": torch.randn(2_000)})
    newest = Path("update-000000002", "training.pt")
    content = (good / newest).read_bytes()
    for _ in range(trials):
        shutil.copytree(good, live)
        (live / newest).write_bytes(_damaged(content, chance))
        state = load_training(live)
        assert state is not None and state["updates"] == 1
        shutil.rmtree(live)
    state = load_training(good)
    assert state is not None and state["updates"] == 2  # the control: whole, it is taken
    ledger.write("a damaged save is noticed", "all, the one before is taken", f"{trials} flips and cuts", "all noticed")


def test_a_run_cut_at_random_updates_equals_the_uncut_one(shop: Any, ledger: Any) -> None:
    cuts, chance = int(os.environ.get("CUTS", "20")), random.Random(0)
    for number in range(cuts):
        updates = chance.randrange(8, 60)
        cut = chance.randrange(1, updates)
        outcomes = []
        for name in ("uncut", "cut"):
            out = shop.home / "runs" / f"{name}-{number}"
            settings = [*SIZES, f"updates={updates}", "checkpoint_every=7", "log_every=1"]
            command = ["pretrain", "--out", str(out), "--seed", str(number), "--json", "--resume"]
            command += [part for value in settings for part in ("--set", value)]
            if name == "cut":
                assert shop.finish(shop.fork(*command, DISWM_CRASH_AT=f"metrics-line:{cut}")) == -9
            assert shop.finish(shop.fork(*command)) == 0
            lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
            last = out / "checkpoints" / f"update-{updates:09d}" / "model.safetensors"
            outcomes.append(([line | {"time": 0} for line in lines], last.read_bytes()))
        assert outcomes[0] == outcomes[1]
        assert len(outcomes[0][0]) == updates
    ledger.write("a cut run equals the uncut one", "bit for bit", f"{cuts} kills at random updates", "all equal")
