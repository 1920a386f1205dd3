"""Names of workers: one living process per name; by default the first free name."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from backend.runs.names import NameTaken, taken_name
from backend.runs.states import SILENT_S
from backend.runs.store import Owner, RunStore
from tests.backend.runs.conftest import Clock

ELSEWHERE = Owner("another-machine", "1")


def test_workers_without_a_wish_take_the_first_free_names(store: RunStore, tmp_path: Path) -> None:
    with ExitStack() as living:
        names = [living.enter_context(taken_name(store, tmp_path, None, ["cpu"])).name for _ in range(3)]
        assert names == ["worker-1", "worker-2", "worker-3"]
        with (
            pytest.raises(NameTaken, match="another worker 'worker-2' lives"),
            taken_name(store, tmp_path, "worker-2", ["cpu"]),
        ):
            pass
    with taken_name(store, tmp_path, None, ["cpu"]) as again:
        assert again.name == "worker-1"


def test_a_name_of_another_machine_is_free_once_nobody_is_heard_under_it(
    store: RunStore, tmp_path: Path, clock: Clock
) -> None:
    assert store.take_name("worker-1", ["cpu"], ELSEWHERE) is None
    with pytest.raises(NameTaken, match="another-machine"), taken_name(store, tmp_path, "worker-1", ["cpu"]):
        pass
    with taken_name(store, tmp_path, None, ["cpu"]) as second:
        assert second.name == "worker-2"
    clock.now += SILENT_S + 1
    with taken_name(store, tmp_path, "worker-1", ["cpu"]) as first:
        assert first.name == "worker-1"
        assert not store.announce("worker-1", ["cpu"], ELSEWHERE)  # it learns that the name is another's now
        store.withdraw("worker-1", ELSEWHERE)
        assert list(store.workers()) == ["worker-1"]
