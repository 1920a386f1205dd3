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
from backend.data.networks import CheckpointError, CorruptCheckpoint
from backend.data.places import SHIPPED, is_folder_name, is_there, names_in

FINDINGS = "shipped"  # in DISWM_HOME: the findings about shipped checkpoints, one folder per checkpoint
_PRETRAIN = "-pretrain"  # suffix of a pipeline's id in the id of its video model
_OF_A_RUN = ("dataset", "collect/dataset")  # the folder of a run's collected episodes
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
Reader = Callable[[Path | str, str, str], CheckpointInfo]  # folder, id, source; raises CheckpointError


def list_checkpoints(home: Path, read: Reader | None = None) -> list[CheckpointInfo]:
    """Every readable checkpoint, newest first: of runs, imported, shipped. `read` describes each but the shipped."""
    runs, imported = names_in(home / "runs"), names_in(home / "checkpoints")
    found = [*_shipped(home, names_in(SHIPPED)), *_in_runs(home, runs, read), *_imported(home, imported, read)]
    return sorted(found, key=lambda info: info.created_at, reverse=True)


def find_checkpoint(home: Path, reference: str, *, allow_path: bool = False) -> CheckpointInfo:
    """A checkpoint by id, by name (the newest of that name) or, on the command line, by folder.

    Raises NotFound with the nearest names, CheckpointError where the folder named is none.
    """
    run, _, update = reference.rpartition(_UPDATE)
    earlier = [info for last in _with_id(home, run) for info in _before(last)] if run and update else []
    by_id = [info for info in (*_with_id(home, reference), *earlier) if info.id == reference]
    if by_id:
        return by_id[0]
    try:
        return _find("checkpoint", reference, [*list_checkpoints(home), *earlier])
    except NotFound:
        if not allow_path or not Path(reference).is_dir():
            raise
    folder = Path(reference).resolve()
    return read_info(newest_checkpoint(folder) or folder, folder.name, "import")


def checkpoints_of_run(home: Path, info: CheckpointInfo) -> list[CheckpointInfo]:
    """Every checkpoint of the run that this one comes from, in the order of training: pretraining first.

    The last of a stage goes by its usual id, those before by `<id>.update-<count>`. Without a run it is listed alone.
    """
    if info.run is None:
        return [info]
    found = []
    for id in (f"{info.run}-pretrain", info.run):
        for last in _with_id(home, id)[:1]:
            found += [*_before(last), last]
    return found


def has_words(search: str, *texts: str | None) -> bool:
    """Whether every word of a search occurs in one of the texts, ignoring case."""
    if not search:
        return True
    whole = " ".join(text for text in texts if text).lower()
    return all(word in whole for word in search.lower().split())


def newest_checkpoint(out: Path | str) -> Path | None:
    """The newest checkpoint in the folder of a run: that of its last stage, of the most updates."""
    for stage in ("finetune", ".", "pretrain"):
        folder = f"{out}/{stage}/checkpoints"
        found = [name for name in names_in(folder) if name.startswith("update-")]
        if found:
            return Path(folder, max(found))
    return None


def list_datasets(home: Path) -> list[DatasetInfo]:
    """Every readable data set, newest first: collected by runs or imported."""
    return _datasets(home, names_in(home / "runs"), names_in(home / "datasets"))


def find_dataset(home: Path, reference: str, *, allow_path: bool = False) -> DatasetInfo:
    """A data set by id, by name (the newest of that name) or, on the command line, by folder."""
    names = [reference] if is_folder_name(reference) else []
    by_id = [info for info in _datasets(home, names, names) if info.id == reference]
    if by_id:
        return by_id[0]
    try:
        return _find("data set", reference, list_datasets(home))
    except NotFound:
        if not allow_path or not Path(reference).is_dir():
            raise
    folder = Path(reference)
    inner = folder / "dataset"
    return read_dataset_info(inner if inner.is_dir() else folder)


def _with_id(home: Path, id: str) -> list[CheckpointInfo]:
    """The checkpoints with this id, newest first; only the folders that such an id can have are read."""
    if not is_folder_name(id):
        return []
    found = [*_shipped(home, [id]), *_in_runs(home, [id, id.removesuffix(_PRETRAIN)]), *_imported(home, [id])]
    return sorted((info for info in found if info.id == id), key=lambda info: info.created_at, reverse=True)


def _shipped(home: Path, names: Iterable[str]) -> list[CheckpointInfo]:
    return _readable(partial(_read_shipped, home, SHIPPED / name) for name in names)


def _read_shipped(home: Path, folder: Path) -> CheckpointInfo:
    """A shipped checkpoint and its folder of findings: those about other weights of the same id are not its own.

    Raises CheckpointError.
    """
    try:
        weights = sha256(folder / MANIFEST)[:12]
    except OSError as error:
        raise CorruptCheckpoint(f"{folder.name}/{MANIFEST} cannot be read: {error}") from error
    return read_info(folder, folder.name, "shipped", home / FINDINGS / f"{folder.name}-{weights}")


def _in_runs(home: Path, names: Iterable[str], read: Reader | None = None) -> list[CheckpointInfo]:
    """The newest checkpoint of each run, under the run's id; a pipeline's video model under `<id>-pretrain`."""
    found = []
    for run in dict.fromkeys(names):
        newest = newest_checkpoint(f"{home}/runs/{run}")
        before = newest_checkpoint(f"{home}/runs/{run}/pretrain") if newest else None
        found += [(newest, run)] if newest else []
        found += [(before, f"{run}{_PRETRAIN}")] if before and before != newest else []
    return _infos(found, "run", read)


def _before(last: CheckpointInfo) -> list[CheckpointInfo]:
    """The checkpoints that a run wrote into the same folder before this one."""
    if last.source != "run":
        return []
    folders = sorted(path for path in last.folder.parent.glob("update-*") if path.name < last.folder.name)
    return _infos(((path, f"{last.id}.{path.name}") for path in folders), "run")


def _imported(home: Path, names: Iterable[str], read: Reader | None = None) -> list[CheckpointInfo]:
    return _infos(((f"{home}/checkpoints/{name}", name) for name in names), "import", read)


def _datasets(home: Path, runs: Iterable[str], imported: Iterable[str]) -> list[DatasetInfo]:
    """The readable data sets of some runs and of some imports, newest first."""
    folders = [f"{home}/runs/{run}/{inner}" for run in runs for inner in _OF_A_RUN]
    folders += [f"{home}/datasets/{name}" for name in imported]
    found = _readable(partial(read_dataset_info, folder) for folder in folders if is_there(folder))
    return sorted(found, key=lambda info: info.created_at, reverse=True)


def _infos(folders: Iterable[tuple[Path | str, str]], source: str, read: Reader | None = None) -> list[CheckpointInfo]:
    look = read or read_info
    return _readable(partial(look, path, id, source) for path, id in folders)


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
