"""The files of runs in a store that machines share: what a worker brings and copies, and what the API has to show."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from backend.data.files import aside_of, put_in_place
from backend.data.places import names_in
from backend.data.store.download import Seen, bring
from backend.data.store.manifest import Manifest, read_manifest
from backend.data.store.opening import open_store
from backend.data.store.protocol import HaltableObjects, ObjectDamaged, ObjectMissing, Objects, StoreError
from backend.data.store.upload import Upload
from backend.runs.file_rows import FileRows
from backend.runs.folders import delete_aside, run_folder, set_aside
from backend.runs.homes import home_id
from backend.runs.locks import Held, folder_lock, hold, holder
from backend.runs.needs import part_of, place_of, run_of
from backend.runs.store import RunStore
from backend.runs.table import RunRow
from backend.settings import Settings

log = logging.getLogger(__name__)

NOTE = ".stored"
"""In the folder of a run: the manifest that it was last made equal to."""
REMOVED = "removed"
"""Below it the store has an empty object per removed run. That a run is nowhere else does not mean that it was removed:
another database or an empty store may have been set."""
NOT_SHOWN = frozenset({"resume", "replay"})
"""Only whoever carries out a run needs these."""
PLACES = ("datasets", "checkpoints")


class SharedFiles:
    """One home's view of the store; safe to share between threads."""

    def __init__(self, objects: Objects, rows: FileRows, home: Path) -> None:
        self.objects = objects
        self.rows = rows
        self.home = home
        self.home_id = home_id(home)
        self._uploads: dict[str, Upload] = {}
        self._seen: Seen = {}
        self._damaged: set[str] = set()
        self._one_at_a_time = threading.Lock()

    # The worker

    def take_over(self, row: RunRow, halted: Callable[[], bool]) -> None:
        """Bring what a claimed run needs: its own files if they are of another home, and what it reads.

        Copies of removed runs make room first. Raises StoreError, OSError; Held where another process writes into the
        run's folder.
        """
        self.drop_removed()
        objects = HaltableObjects(self.objects, halted)
        if row.files is not None and row.files_home != self.home_id:
            folder = run_folder(self.home, row.id)
            with hold(folder_lock(folder)):
                bring(objects, read_manifest(objects, row.files), folder)
                note_stored(folder, row.files)
        for need in row.needs or []:
            if run_of(need) is None:
                self._bring_place(objects, need)
            else:
                self._bring_part(objects, need)

    def upload_of(self, row: RunRow) -> Upload:
        """The upload of an attempt; it refers to what earlier attempts put there. Raises StoreError."""
        scope = f"runs/{row.id}/{row.attempt:09d}"
        try:
            before = Manifest() if row.files is None else read_manifest(self.objects, row.files)
        except (ObjectMissing, ObjectDamaged):
            return Upload(self.objects, scope)
        return Upload(self.objects, scope, before, row.files)

    def _bring_place(self, objects: Objects, place: str) -> None:
        key, folder = self.rows.of_place(place), self.home / place
        if key is None:
            return  # nobody put it there: the run says that it is missing
        manifest = read_manifest(objects, key)
        if folder.exists():
            bring(objects, manifest, folder)
            return
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = aside_of(folder)
        bring(objects, manifest, aside)
        with suppress(FileExistsError):  # another worker of this home was faster
            put_in_place(aside, folder)

    def _bring_part(self, objects: Objects, need: str) -> None:
        run, place = run_of(need), place_of(need)
        files = None if run is None else self.rows.of_run(run)
        key = self.rows.of_place(place) if files is None else files.files
        if key is None or (files is not None and files.home == self.home_id):
            return
        with suppress(Held), hold(folder_lock(self.home / place)):  # else that run goes on here: its files are here
            bring(objects, read_manifest(objects, key), self.home / place, part_of(need))

    # Both

    def drop_removed(self) -> None:
        """Delete this home's copies of runs that the store says were removed. Raises OSError.

        What an active run reads stays, and everything while the store does not answer.
        """
        unlisted = set(names_in(self.home / "runs")) - self.rows.in_use()
        try:
            removed = {key.rpartition("/")[2] for key in self.objects.keys(REMOVED)} if unlisted else set()
        except StoreError:
            return
        for run in unlisted & removed:
            with suppress(Held):
                with hold(folder_lock(run_folder(self.home, run))):
                    aside = set_aside(self.home, run)
                delete_aside(aside)

    # The API

    def show_runs(self) -> None:
        """Make the folders of other homes' runs what their manifests say, but for saves. Raises StoreError, OSError."""
        for files in self.rows.from_other_homes(self.home_id):
            folder = run_folder(self.home, files.run)
            if _noted(folder) == files.files:
                continue
            try:
                with hold(folder_lock(folder)) as lock:
                    lock.announce(copies=True)
                    bring(self.objects, read_manifest(self.objects, files.files), folder, is_shown, self._seen)
                    note_stored(folder, files.files)
            except (Held, ObjectMissing):
                continue  # a process here writes into it; or a newer manifest counts by now
            except ObjectDamaged as error:
                if files.files not in self._damaged:
                    log.warning("run %s is not shown: %s", files.run, error)
                self._damaged.add(files.files)

    def put_new_places(self) -> None:
        """Put data sets and checkpoints of this home into the store that are not there yet. Raises StoreError."""
        known = self.rows.places()
        here = (f"{kind}/{name}" for kind in PLACES for name in names_in(self.home / kind))
        for place in here:
            if place not in known:
                self._put(place)

    def put_old_runs(self) -> Iterator[str]:
        """Put runs of this home into the store, saves included, that were made before it was set; yields their ids.

        Raises StoreError, Unsteady, OSError.
        """
        for run, attempt in self.rows.without_files():
            folder = run_folder(self.home, run)
            if folder.is_dir() and holder(folder_lock(folder)) is None:
                key = Upload(self.objects, f"runs/{run}/{attempt:09d}").put(folder)
                if self.rows.adopt(run, attempt, key, self.home_id):
                    yield run

    def put_needed(self, needs: Iterable[str]) -> None:
        """Put what a run needs into the store, as it is now, unless a worker's copy is there. Raises StoreError."""
        for need in needs:
            run = run_of(need)
            if run is None or self.rows.of_run(run) is None:
                self._put(place_of(need))

    def forget_place(self, place: str) -> None:
        """Delete a place from the store."""
        self.rows.remove_places([place])
        self._delete(f"places/{place}")

    def forget_run(self, run: str) -> None:
        """Delete the files of a run whose row is gone."""
        self.rows.remove_places([f"runs/{run}"])
        self._delete(f"runs/{run}")
        self._delete(f"places/runs/{run}")

    def drop_copies(self, run: str) -> None:
        """Have other homes delete their copies of a run whose row is gone: its id is that of no other run."""
        try:
            self.objects.create(f"{REMOVED}/{run}", b"")
        except StoreError as error:
            log.warning("copies of %s stay in other homes: %s", run, error)

    def _put(self, place: str) -> None:
        folder = self.home / place
        if not folder.is_dir():
            return
        with self._one_at_a_time:
            upload = self._uploads.setdefault(place, Upload(self.objects, f"places/{place}"))
            key = upload.put(folder, is_shown)
            if self.rows.of_place(place) != key:
                self.rows.set_place(place, key)

    def _delete(self, prefix: str) -> None:
        try:
            self.objects.delete(self.objects.keys(prefix))
        except StoreError as error:
            log.warning("%s stays in the store: %s", prefix, error)


def open_shared(settings: Settings, store: RunStore) -> SharedFiles | None:
    """The shared files of a home; None if there is no store. Raises StoreError."""
    objects = open_store(settings.store)
    return None if objects is None else SharedFiles(objects, FileRows(store), settings.home)


def is_shown(name: str) -> bool:
    """Whether a file of a run is needed by those who only look at it."""
    return not NOT_SHOWN & set(PurePosixPath(name).parts)


def note_stored(folder: Path, files: str) -> None:
    """Note the manifest that a folder is equal to."""
    (folder / NOTE).write_text(files)


def _noted(folder: Path) -> str | None:
    try:
        return (folder / NOTE).read_text()
    except OSError:
        return None
