"""The drawer tasks' process: a stand-in server for what goes over the pipe, Meta-World itself in the long form."""

import sys
from pathlib import Path

import numpy as np
import pytest

from backend.data.catalogue import NotFound
from backend.envs import drawerworld
from backend.envs.drawerworld import DrawerEnvironment, metaworld_python
from backend.envs.make import check_installed, make_environment
from backend.envs.protocol import EnvironmentFailed, MissingExtra
from backend.pipeline.builder import build_settings
from backend.pipeline.checks import check_references
from backend.pipeline.settings import SettingsError

SERVER = """
import json, sys
requests, answers = sys.stdin.buffer, sys.stdout.buffer
assert json.loads(requests.readline()) == {"task": "drawer-open", "changing": True, "fast": True}
answers.write(b"{}\\n"); answers.flush()
steps = 0
for line in requests:
    request = json.loads(line)
    if "seed" in request:
        steps, reward = 0, 0.0
    else:
        steps, reward = steps + request["repeat"], sum(request["action"])
        if reward < -3:
            sys.exit(3)
    seen = {"reward": reward, "success": steps >= 4, "first": steps == 0, "last": steps >= 6, "factors": [steps] * 7}
    answers.write(json.dumps(seen).encode() + b"\\n" + bytes([steps]) * 64 * 64 * 3); answers.flush()
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DrawerEnvironment:
    server = tmp_path / "server.py"
    server.write_text(SERVER)
    monkeypatch.setattr(drawerworld, "_SERVER", server)
    monkeypatch.setenv("METAWORLD_PYTHON", sys.executable)
    made = make_environment("drawer-open", distraction="episode")
    assert isinstance(made, DrawerEnvironment)
    return made


def test_steps_come_over_the_pipe_as_they_were_made(stand_in: DrawerEnvironment) -> None:
    first = stand_in.reset(7)
    assert first.is_first and not first.is_last and first.success is False and len(first.factors) == 7
    assert stand_in.factor_names[-1] == "table_texture"
    seen = [stand_in.step(np.array([0.5, 0.5, -2, 0], np.float32)) for _ in range(3)]  # cut to the range
    assert [step.reward for step in seen] == [0.0] * 3
    assert [int(step.image[0, 0, 0]) for step in seen] == [2, 4, 6]
    assert [step.success for step in seen] == [False, True, True] and seen[-1].is_last
    with pytest.raises(RuntimeError, match="over"):
        stand_in.step(np.zeros(4, np.float32))
    stand_in.close()


def test_a_process_that_ends_is_a_typed_failure(stand_in: DrawerEnvironment) -> None:
    stand_in.reset(0)
    with pytest.raises(EnvironmentFailed, match="exit status") as caught:
        stand_in.step(np.full(4, -1, np.float32))
    assert caught.value.kind == "died"
    stand_in.close()


def test_without_meta_world_the_command_that_installs_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METAWORLD_PYTHON", str(tmp_path / "nowhere"))
    with pytest.raises(MissingExtra, match="make metaworld"):
        check_installed("drawer-close")
    settings = build_settings("collect", "tiny", {"environment": "drawer-open"})
    with pytest.raises(SettingsError, match="run `make metaworld`") as refused:
        check_references(settings, tmp_path)
    assert refused.value.problems[0].pointer == "/environment"
    assert not list(tmp_path.iterdir())


@pytest.mark.long
def test_the_drawer_opens_its_table_changes_and_episodes_follow_their_seeds() -> None:
    try:
        metaworld_python()
    except MissingExtra as error:
        raise NotFound(f"{error} before the long tests") from None
    environment = make_environment("drawer-open", distraction="episode")
    first, other, again = (environment.reset(seed) for seed in (3, 4, 3))
    assert first.image.tobytes() == again.image.tobytes() and not np.array_equal(first.image, other.image)
    textures = [(int(step.factors[-1]), step.image) for step in (environment.reset(seed) for seed in range(12))]
    assert {texture for texture, _ in textures} == {0, 1, 2}
    contrast = {texture: float(image[36:56, 24:44].std()) for texture, image in textures}
    assert contrast[0] > contrast[2]  # a grid is busier than plain metal
    step = environment.step(np.ones(4, np.float32))
    assert step.reward > 0 and step.success is False
    environment.close()
