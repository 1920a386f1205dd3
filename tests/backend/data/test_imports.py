"""An imported checkpoint is data only: other files in the archive are refused by name, and none is left behind."""

import json
import pickle
import struct
import time
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save

from backend.data.catalogue import find_checkpoint
from backend.data.checkpoint import load_checkpoint, read_info
from backend.data.files import MANIFEST, sha256
from backend.data.import_checks import RefusedImport
from backend.data.imports import import_checkpoint
from backend.data.networks import CheckpointError, IncompatibleCheckpoint
from backend.data.packing import pack_checkpoint
from tests.support.archives import (
    INTERVENTIONS,
    SHIPPED_FACTORS,
    Files,
    RunsCode,
    clip_of,
    described,
    factors,
    flipped_inside_clip,
    home_of,
    in_config,
    in_policy,
    in_statistics,
    interventions,
    left,
    quality,
    replaced,
    without,
    zipped,
)


@pytest.fixture
def files(tiny_checkpoint_home: Path) -> Files:
    """The files of a good checkpoint."""
    return {file.name: file.read_bytes() for file in (tiny_checkpoint_home / "checkpoints" / "tiny-world").iterdir()}


def test_a_good_archive_becomes_a_checkpoint_that_loads_and_the_same_one_again_is_known(
    tmp_path: Path, files: Files
) -> None:
    home = home_of(tmp_path)
    first = import_checkpoint(zipped(tmp_path, files), home)
    again = import_checkpoint(
        zipped(tmp_path, {f"folder/{name}": data for name, data in files.items()}, relist=False), home
    )
    assert (first.known, again.known) == (False, True)
    assert first.info.id == again.info.id
    loaded = load_checkpoint(find_checkpoint(home, first.info.id))
    assert loaded.info.source == "import"
    assert loaded.actor_critic is not None
    assert not list(home.rglob(".partial-*"))


def test_each_file_of_an_upload_is_hashed_once(tmp_path: Path, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []

    def counting(path: Path) -> str:
        hashed.append(path.name)
        return sha256(path)

    monkeypatch.setattr("backend.data.files.sha256", counting)
    import_checkpoint(zipped(tmp_path, files), home_of(tmp_path))
    assert sorted(hashed) == sorted(files.keys() - {MANIFEST})


def _by_the_finder(files: Files) -> Files:
    """Compressed by a Mac: the folder, its settings, and a twin of every file."""
    inside = {f"my model/{name}": content for name, content in files.items()}
    twins = {f"__MACOSX/my model/._{name}": b"\0\5\x16\7" for name in files}
    return {"my model/": b"", **inside, "my model/.DS_Store": b"Bud1", "__MACOSX/._my model": b"", **twins}


def _by_windows(files: Files) -> Files:
    """Packed on Windows from a folder in a folder, in another order."""
    inside = {f"Downloads\\my model\\{name}": files[name] for name in sorted(files, reverse=True)}
    return {"Downloads\\": b"", **inside, "Downloads\\desktop.ini": b"", "Downloads\\my model\\Thumbs.db": b"x"}


def _at_the_root(files: Files) -> Files:
    return {".DS_Store": b"", **files, "__MACOSX/._model.safetensors": b""}


@pytest.mark.parametrize("pack", [_by_the_finder, _by_windows, _at_the_root])
def test_a_checkpoint_that_was_unpacked_and_packed_again_elsewhere_is_the_same_one(
    tmp_path: Path, files: Files, pack: Callable[[Files], Files]
) -> None:
    home = home_of(tmp_path)
    first = import_checkpoint(zipped(tmp_path, files, relist=False), home)
    again = import_checkpoint(zipped(tmp_path, pack(files), relist=False), home)
    assert again.known and again.info.id == first.info.id
    assert {path.name for path in first.info.folder.iterdir()} == set(files)


@pytest.mark.parametrize(
    ("edit", "part"),
    [
        (replaced("model.pkl", pickle.dumps(RunsCode())), "model.pkl"),
        (replaced("../../evil.json", b"{}"), "../../evil.json"),
        (replaced("/etc/evil", b""), "/etc/evil"),
        (replaced("a\\b", b""), "a/b"),
        (replaced("..\\..\\evil.json", b"{}"), "../../evil.json"),
        (replaced("C:\\evil.json", b"{}"), "C:/evil.json"),
        (replaced("more/config.json", b"{}"), "more/config.json"),
        (replaced("extra.bin", b""), "extra.bin"),
        (without("config.json"), "config.json"),
        (without("manifest.json"), "manifest.json"),
        (replaced("config.json", b"[]"), "config.json"),
        (replaced("config.json", b"{" * 100_000), "config.json"),
        (replaced("config.json", b"{}"), "config.json"),
        (in_config(latents=10**12), "config.json"),
        (in_config(latents=True), "config.json"),
        (in_config(latents="8"), "config.json"),
        (in_config(latents=-1), "config.json"),
        (in_config(kernels=[1]), "config.json"),
        (in_config(vision="conv"), "config.json"),
        (in_config(vision="context"), "config.json"),
        (in_config(vision="film"), "config.json"),
        (in_config(deter=8192, hidden=8192, head_units=8192, reward_layers=16), "config.json"),
        (in_config(_target_="os.system"), "config.json"),
        (replaced("statistics.json", b'{"mean": []}'), "statistics.json"),
        (replaced("clip.npz", b"no archive"), "clip.npz"),
        (clip_of(image=np.array([RunsCode()], dtype=object)), "clip.npz"),
        (clip_of(image=np.zeros((1, 4, 32, 32, 3), np.uint8)), "clip.npz"),
        (clip_of(action=np.zeros((1, 2, 2), np.float32)), "clip.npz"),
        (clip_of(extra=np.zeros(3, np.float32)), "clip.npz"),
        (clip_of(reward=np.full((3, 24), np.nan, np.float32)), "clip.npz"),
        (clip_of(agent=np.zeros((3, 24, 64, 64), np.float32)), "clip.npz"),
        (clip_of(agent_part=np.zeros((3, 23, 64, 64), np.uint8)), "clip.npz"),
        (flipped_inside_clip, "clip.npz"),
        (in_statistics("quality", b"7"), "statistics.json"),
        (in_statistics("quality", quality(sees=5)), "statistics.json"),
        (in_statistics("more", b"7"), "statistics.json"),
        (replaced("quality.json", b"{}"), "quality.json"),
        (replaced("quality.json", quality(agent_right={"observed": "most", "imagined": {}})), "quality.json"),
        (replaced("quality.json", quality(intervals={"psnr": [1.0]})), "quality.json"),
        (replaced("quality.json", quality(intervals={"a": {"b": {"c": {"d": {"e": {}}}}}})), "quality.json"),
        (replaced("quality.json", quality(mask="drawn")), "quality.json"),
        (replaced("labels.json", b'{"x": 1}'), "labels.json"),
        (replaced("labels.json", b'{"99": {"name": "hip"}}'), "labels.json"),
        (replaced("labels.json", b'{"0": {"name": 5}}'), "labels.json"),
        (replaced("labels.json", b'{"0": {"nmae": "hip"}}'), "labels.json"),
        (replaced("factors.json", b"{}"), "factors.json"),
        (replaced("factors.json", factors(5)), "factors.json"),
        (replaced("factors.json", factors(6, nmi=[[0.5]] * 6)), "factors.json"),
        (replaced("factors.json", factors(6, dimensions=[7])), "factors.json"),
        (replaced("factors.json", factors(6, metrics={"mig": float("nan")})), "factors.json"),
        (replaced("interventions.json", b"[]"), "interventions.json"),
        (replaced("interventions.json", interventions(5)), "interventions.json"),
        (replaced("interventions.json", interventions(6, why=["none"])), "interventions.json"),
        (replaced("interventions.json", interventions(6).replace(b'"scenes": 12', b'"scenes": 1e999')), INTERVENTIONS),
        (described(environment={"_target_": "os.system"}), "config.json"),
        (described(steps=-1), "config.json"),
        (described(steps=1e300), "config.json"),
        (described(name=""), "config.json"),
        (described(created_at=5), "config.json"),
        (described(settings={"learning_rate": float("nan")}), "config.json"),
        (replaced("README.md", b"\xff"), "README.md"),
    ],
)
def test_an_archive_that_is_not_just_a_checkpoint_is_refused_naming_the_file(
    tmp_path: Path, files: Files, edit: Callable[[Files], Files], part: str
) -> None:
    edited = edit(files)
    home = home_of(tmp_path)
    with pytest.raises(RefusedImport) as caught:
        import_checkpoint(zipped(tmp_path, edited, relist="manifest.json" in edited), home)
    assert caught.value.parts == [part]
    assert caught.value.remedy
    assert left(home) == []
    assert not Path("/tmp/diswm-pickle-ran").exists()
    assert not (tmp_path.parent / "evil.json").exists()


def test_what_was_found_out_about_the_dimensions_travels_along(tmp_path: Path, files: Files) -> None:
    """Negative control of the tables refused above: a checkpoint with all of them is imported completely."""
    taken = files | {
        "factors.json": factors(6),
        INTERVENTIONS: interventions(6),
        "labels.json": b'{"5": {"name": "x"}}',
    }
    assert not import_checkpoint(zipped(tmp_path, taken), home_of(tmp_path)).known
    pack_checkpoint(read_info(SHIPPED_FACTORS, "shipped", "shipped"), tmp_path / "shipped.zip")
    folder = import_checkpoint(tmp_path / "shipped.zip", home_of(tmp_path)).info.folder
    for name in ("factors.json", INTERVENTIONS, "README.md", "manifest.json"):
        assert (folder / name).read_bytes() == (SHIPPED_FACTORS / name).read_bytes()


def test_masks_and_what_the_model_sees_travel_along(tmp_path: Path, files: Files) -> None:
    masks = np.random.default_rng(0).random((3, 24, 64, 64)) < 0.1
    edited = clip_of(agent=np.packbits(masks, axis=-1), agent_part=masks.astype(np.uint8))(files)
    taken = in_statistics("quality", quality(sees="At first."))(edited)
    first = load_checkpoint(import_checkpoint(zipped(tmp_path, taken), home_of(tmp_path)).info)
    assert first.quality is not None and first.quality["sees"] == "At first."
    assert first.clip.agent is not None and np.array_equal(first.clip.agent, masks)
    assert first.clip.agent_part is not None and np.array_equal(first.clip.agent_part, masks)
    (tmp_path / "other").mkdir()
    later = import_checkpoint(zipped(tmp_path / "other", taken | {"quality.json": quality()}), tmp_path / "other").info
    pack_checkpoint(later, tmp_path / "again.zip")
    info = import_checkpoint(tmp_path / "again.zip", tmp_path / "third").info
    assert load_checkpoint(info).quality == json.loads(quality())  # what was measured later counts


def test_one_archive_sent_by_several_at_once_becomes_one_checkpoint(tmp_path: Path, files: Files) -> None:
    home, archive = home_of(tmp_path), zipped(tmp_path, files)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: import_checkpoint(archive, home), range(4)))
    assert len({imported.info.id for imported in made}) == 1
    assert [path.name for path in (home / "checkpoints").iterdir()] == [made[0].info.id]


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (in_policy(action_size=3), "policy"),
        (in_policy(feature=8), "policy"),
        (in_policy(skip=1), "policy"),
        (clip_of(action=np.zeros((3, 24, 3), np.float32)), "3 actions per step"),
        (clip_of(action=np.zeros((3, 24, 0), np.float32)), "0 actions per step"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(
    tmp_path: Path, files: Files, edit: Callable[[Files], Files], says: str
) -> None:
    """Each part is valid alone; together they would fail at the first rollout."""
    home = home_of(tmp_path)
    with pytest.raises(RefusedImport, match=says):
        import_checkpoint(zipped(tmp_path, edit(files)), home)
    assert left(home) == []
    import_checkpoint(zipped(tmp_path, in_policy()(files)), home)  # the control: the same way, with its own sizes


@pytest.mark.parametrize(
    "content", [b"", b"text", pickle.dumps(RunsCode()), b"PK\x03\x04 cut", b"#EXTM3U\n/etc/passwd\n"]
)
def test_a_file_that_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    path, home = tmp_path / "upload.zip", home_of(tmp_path)
    path.write_bytes(content)
    with pytest.raises(RefusedImport):
        import_checkpoint(path, home)
    assert left(home) == []
    assert not Path("/tmp/diswm-pickle-ran").exists()


def test_a_saved_torch_module_is_refused_without_being_opened(tmp_path: Path) -> None:
    path, home = tmp_path / "model.pt", home_of(tmp_path)
    torch.save({"weight": RunsCode()}, path)
    with pytest.raises(RefusedImport, match="pickle"):
        import_checkpoint(path, home)
    assert not Path("/tmp/diswm-pickle-ran").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "statistics.json", "clip.npz"])
def test_one_flipped_bit_is_noticed_and_the_file_named(tmp_path: Path, files: Files, name: str) -> None:
    content = bytearray(files[name])
    content[len(content) // 2] ^= 1
    home = home_of(tmp_path)
    with pytest.raises(RefusedImport) as caught:
        import_checkpoint(zipped(tmp_path, {**files, name: bytes(content)}, relist=False), home)
    assert caught.value.parts == [name]
    assert left(home) == []


def test_a_bit_flipped_inside_the_zip_is_noticed(tmp_path: Path, files: Files) -> None:
    path = zipped(tmp_path, files)
    content = bytearray(path.read_bytes())
    content[content.index(files["model.safetensors"]) + 4_000] ^= 1
    path.write_bytes(content)
    with pytest.raises(RefusedImport) as caught:
        import_checkpoint(path, home_of(tmp_path))
    assert caught.value.parts == ["model.safetensors"]


def weights(tmp_path: Path, files: Files) -> dict[str, torch.Tensor]:
    (tmp_path / "weights").write_bytes(files["model.safetensors"])
    return load_file(tmp_path / "weights")


def test_missing_extra_and_misshaped_keys_are_all_listed(tmp_path: Path, files: Files) -> None:
    tensors = weights(tmp_path, files)
    gone, bent, *_ = sorted(tensors)
    del tensors[gone]
    tensors[bent] = torch.zeros(3, 3)
    tensors["model.stranger"] = torch.zeros(1)
    home = home_of(tmp_path)
    with pytest.raises(IncompatibleCheckpoint) as caught:
        import_checkpoint(zipped(tmp_path, {**files, "model.safetensors": save(tensors)}), home)
    assert f"missing {gone}" in caught.value.problems
    assert "unknown model.stranger" in caught.value.problems
    assert any(problem.startswith(f"{bent} is (3, 3)") for problem in caught.value.problems)
    assert left(home) == []


def test_weights_that_are_not_finite_are_refused_naming_the_tensors(tmp_path: Path, files: Files) -> None:
    tensors = weights(tmp_path, files)
    first, second, *_ = sorted(tensors)
    tensors[first].view(-1)[0] = torch.nan
    tensors[second].view(-1)[-1] = torch.inf
    with pytest.raises(RefusedImport) as caught:
        import_checkpoint(zipped(tmp_path, {**files, "model.safetensors": save(tensors)}), home_of(tmp_path))
    assert caught.value.parts == [first, second]


def lying_header(length: int, header: Mapping[str, object]) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", length or len(text)) + text


@pytest.mark.parametrize(
    "content",
    [
        lying_header(2**62, {}),
        lying_header(0, {"model.a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}),
        lying_header(0, {"model.a": {"dtype": "F32", "shape": [2**63, 2**63], "data_offsets": [0, 4]}}) + b"\0" * 4,
        b"",
        b"\0" * 8,
    ],
)
def test_a_header_that_lies_about_sizes_is_refused_within_a_second(
    tmp_path: Path, files: Files, content: bytes
) -> None:
    path, home = zipped(tmp_path, {**files, "model.safetensors": content}), home_of(tmp_path)
    started = time.process_time()
    with pytest.raises(RefusedImport) as caught:
        import_checkpoint(path, home)
    assert time.process_time() - started < 1
    assert caught.value.parts == ["model.safetensors"]


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, files: Files) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, b"\0" * 60_000_000 if name == "config.json" else content)
    home = home_of(tmp_path)
    started = time.process_time()
    with pytest.raises(RefusedImport) as caught:
        import_checkpoint(path, home)
    assert time.process_time() - started < 1
    assert caught.value.parts == ["config.json"]
    assert left(home) == []


def test_a_link_in_the_archive_is_refused(tmp_path: Path, files: Files) -> None:
    path = zipped(tmp_path, files)
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("README.md")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(RefusedImport, match="link"):
        import_checkpoint(path, home_of(tmp_path))


def test_every_refusal_is_an_error_of_checkpoints() -> None:
    assert issubclass(RefusedImport, CheckpointError)
