"""A user's name takes precedence over a factor's, and captions say how certain a name is."""

import json
import shutil
from pathlib import Path

import pytest

from backend.data.checkpoint import Checkpoint, Label, load_checkpoint, read_info, write_label
from backend.interpret.names import dimension_names, fate_of_names, told_apart


@pytest.fixture
def labelled(tiny_checkpoint_home: Path, tmp_path: Path) -> Checkpoint:
    folder = tmp_path / "named"
    shutil.copytree(tiny_checkpoint_home / "checkpoints" / "tiny-video", folder)
    entries = [
        {"dim": 0, "status": "named", "name": "hip angle", "factor": "hip_angle_sin", "nmi": 0.814},
        {"dim": 1, "status": "mixed", "name": None, "factor": "red", "nmi": 0.3},
        {"dim": 2, "status": "named", "name": "red", "factor": "red", "nmi": 0.5},
    ]
    (folder / "factors.json").write_text(json.dumps({"dimensions": entries, "guessed": False}))
    info = read_info(folder, "named", "import")
    write_label(info, 2, Label("glow", author="ada"))
    write_label(info, 3, Label("cart", carried_from="older"))
    return load_checkpoint(info)


def test_captions_carry_name_and_nmi(labelled: Checkpoint) -> None:
    captions = [name.caption for name in dimension_names(labelled)]
    assert captions[:5] == ["dim 0: hip angle (NMI .81)", "dim 1 (mixed)", "dim 2: glow", "dim 3: cart", "dim 4"]


def test_the_source_of_each_name_is_told(labelled: Checkpoint) -> None:
    sources = [name.source for name in dimension_names(labelled)]
    assert sources == ["factor", "number", "person", "carried", "number", "number"]


def test_guesses_are_marked(labelled: Checkpoint) -> None:
    path = labelled.info.folder / "factors.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"guessed": True}))
    assert dimension_names(labelled)[0].caption == "dim 0: hip angle? (NMI .81)"


def test_two_dimensions_of_one_name_are_told_apart_wherever_the_name_stands_alone(labelled: Checkpoint) -> None:
    write_label(labelled.info, 5, Label("glow"))
    names = dimension_names(labelled)
    assert [names[dim].text for dim in (0, 2, 5)] == ["hip angle", "glow (dim 2)", "glow (dim 5)"]
    assert [names[dim].title for dim in (2, 5)] == ["dim 2: glow", "dim 5: glow"]
    assert [names[dim].short for dim in (2, 4)] == ["glow", "dim 4"]


def test_a_name_that_two_dimensions_bear_can_be_kept_and_lost_at_once() -> None:
    before = ["cart", None, "cart", "light"]
    assert told_apart(before) == ["cart (dim 0)", None, "cart (dim 2)", "light"]
    fate = fate_of_names(before, {0, 1}, ["cart", "pole", "pole", "light"])
    assert fate == {
        "kept": ["cart (dim 0)"],
        "lost": ["cart (dim 2)", "light"],
        "gained": ["pole (dim 1)", "pole (dim 2)"],
    }
