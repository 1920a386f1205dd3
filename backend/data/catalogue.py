"""Finds checkpoints and data sets on disk, by id or name. The files are the source of truth."""

import difflib
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from backend.data.checkpoint import CheckpointInfo, read_info
from backend.data.episode import EpisodeError
from backend.data.episodes import DatasetInfo, read_dataset_info
from backend.data.files import MANIFEST, sha256
from backend.data.networks import CheckpointError
from backend.data.places import SHIPPED

FINDINGS = "shipped"  # in DISWM_HOME: what is found out about shipped checkpoints, a folder each
_UPDATE = ".update-"  # between a run's id and the count, in the id of a checkpoint that is not its last


class NotFound(Exception):
    """No checkpoint or data set has this id or name; the message names the nearest."""


class _Entry(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def created_at(self) -> str: ...


Entry = TypeVar("Entry", bound=_Entry)


def list_checkpoints(home: Path) -> list[CheckpointInfo]:
    """Every readable checkpoint, newest first: of runs, imported, shipped."""
    found = [*_shipped(home), *_in_runs(home), *_imported(home)]
    return sorted(found, key=lambda info: info.created_at, reverse=True)


def find_checkpoint(home: Path, reference: str, *, allow_path: bool = False) -> CheckpointInfo:
    """A checkpoint by id, by name (the newest of that name) or, on the command line, by folder.

    Raises NotFound with the nearest names, CheckpointError where the folder named is none.
    """
    listed = list_checkpoints(home)
    run, _, update = reference.rpartition(_UPDATE)
    if run and update:
        listed += [earlier for entry in listed if entry.id == run for earlier in _before(entry)]
    try:
        return _find("checkpoint", reference, listed)
    except NotFound:
        if not allow_path or not Path(reference).is_dir():
            raise
    folder = Path(reference).resolve()
    return read_info(newest_checkpoint(folder) or folder, folder.name, "import")


def checkpoints_of_run(home: Path, info: CheckpointInfo) -> list[CheckpointInfo]:
    """Every checkpoint of the run that this one comes from, in the order of training: pretraining first.

    The last of a stage goes by its usual id, those before by `<id>.update-<count>`. Without a run it is listed alone.
    """
    listed = {entry.id: entry for entry in list_checkpoints(home)}
    if info.run is None:
        return [info]
    found = []
    for last in (listed.get(f"{info.run}-pretrain"), listed.get(info.run)):
        found += [*_before(last), last] if last is not None else []
    return found


def has_words(search: str, *texts: str | None) -> bool:
    """Whether every word of a search occurs in one of the texts, ignoring case."""
    whole = " ".join(text for text in texts if text).lower()
    return all(word in whole for word in search.lower().split())


def newest_checkpoint(out: Path) -> Path | None:
    """The newest checkpoint in the folder of a run: that of its last stage, of the most updates."""
    for stage in ("finetune", ".", "pretrain"):
        found = sorted((out / stage / "checkpoints").glob("update-*"))
        if found:
            return found[-1]
    return None


def list_datasets(home: Path) -> list[DatasetInfo]:
    """Every readable data set, newest first: collected by runs or imported."""
    folders = [*home.glob("runs/*/dataset"), *home.glob("runs/*/collect/dataset"), *home.glob("datasets/[!.]*")]
    found = _readable(partial(read_dataset_info, folder) for folder in folders)
    return sorted(found, key=lambda info: info.created_at, reverse=True)


def find_dataset(home: Path, reference: str, *, allow_path: bool = False) -> DatasetInfo:
    """A data set by id, by name (the newest of that name) or, on the command line, by folder."""
    try:
        return _find("data set", reference, list_datasets(home))
    except NotFound:
        if not allow_path or not Path(reference).is_dir():
            raise
    folder = Path(reference)
    inner = folder / "dataset"
    return read_dataset_info(inner if inner.is_dir() else folder)


def _shipped(home: Path) -> list[CheckpointInfo]:
    paths = (path for path in SHIPPED.glob("*/") if (path / MANIFEST).is_file())
    return _readable(partial(read_info, path, path.name, "shipped", _findings(home, path)) for path in paths)


def _findings(home: Path, shipped: Path) -> Path:
    """Names hold for these weights: a later version's checkpoint of the same id starts without them."""
    return home / FINDINGS / f"{shipped.name}-{sha256(shipped / MANIFEST)[:12]}"


def _in_runs(home: Path) -> list[CheckpointInfo]:
    """The newest checkpoint of each run, under the run's id; a pipeline's video model under `<id>-pretrain`."""
    found = [(newest, run.name) for run in home.glob("runs/*/") if (newest := newest_checkpoint(run))]
    for run in home.glob("runs/*/pretrain/"):
        newest = newest_checkpoint(run)
        if newest and (newest, run.parent.name) not in found:
            found.append((newest, f"{run.parent.name}-pretrain"))
    return _infos(found, "run")


def _before(last: CheckpointInfo) -> list[CheckpointInfo]:
    """The checkpoints that a run wrote into the same folder before this one."""
    if last.source != "run":
        return []
    folders = sorted(path for path in last.folder.parent.glob("update-*") if path.name < last.folder.name)
    return _infos(((path, f"{last.id}.{path.name}") for path in folders), "run")


def _imported(home: Path) -> list[CheckpointInfo]:
    return _infos(((path, path.name) for path in home.glob("checkpoints/[!.]*")), "import")


def _infos(folders: Iterable[tuple[Path, str]], source: str) -> list[CheckpointInfo]:
    return _readable(partial(read_info, path, id, source) for path, id in folders)


Read = TypeVar("Read")


def _readable(readers: Iterable[Callable[[], Read]]) -> list[Read]:
    found = []
    for read in readers:
        try:
            found.append(read())
        except (CheckpointError, EpisodeError):
            continue  # a half-removed folder or a foreign one: not listed
    return found


def _find(kind: str, reference: str, entries: list[Entry]) -> Entry:
    for matches in ([e for e in entries if e.id == reference], [e for e in entries if e.name == reference]):
        if matches:
            return matches[0]
    known = sorted({name for entry in entries for name in (entry.id, entry.name)})
    near = difflib.get_close_matches(reference, known, 3, 0.5) or known[:5]
    hint = f"there is {', '.join(near)}" if near else f"there is no {kind} yet"
    raise NotFound(f"no {kind} {reference!r}; {hint}")
