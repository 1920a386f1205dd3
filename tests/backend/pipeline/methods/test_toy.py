"""A method registered by a test is in the form and in the shell, and uses every extension point."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from backend.__main__ import build_app
from backend.data.checkpoint import load_checkpoint, read_info
from backend.main import create_app
from backend.pipeline.builder import build_settings, settings_schema
from backend.pipeline.finetune import Finetuning
from backend.pipeline.methods.behaviour import Behaviour
from backend.pipeline.methods.catalogue import CATALOGUE
from backend.pipeline.settings import SettingsError
from backend.runs.database import open_database
from backend.runs.executor import RunExecutor
from backend.runs.store import RunStore
from backend.settings import Settings
from frontend.schema import Field, nest, sections
from models.actor_critic import Imagined
from models.rssm import Observed, Recurrence
from models.types import Batch, Gaussian, State
from models.world_model import WorldModel
from tests.support.making import a_batch, a_run, learn, parts_of, settings
from tests.support.toy import TOY, Brightness, Strict, ToySection

SHORT = {
    **{"latents": 4, "stoch": 8, "deter": 16, "hidden": 16, "units": 16, "batch": 2, "length": 4, "horizon": 2},
    **{"environment": "square-world", "distraction": "none", "action_repeat": 8, "held_out": 2, "held_out_steps": 4},
    **{"agent_steps": 30, "prefill": 14, "first_updates": 1, "train_every": 5, "log_every": 1},
    **{"evaluate_every": 30, "evaluate_episodes": 1},
}

KNOWN = """from backend.pipeline.methods.catalogue import CATALOGUE
from tests.support.toy import TOY
CATALOGUE["toy"] = TOY
"""


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOGUE, "toy", TOY)


def form() -> list[Field]:
    (section,) = sections(settings_schema("finetune"))
    return section.fields


def test_the_form_shows_its_settings_with_it_and_those_of_others_without() -> None:
    fields = {field.name: field for field in form()}
    assert "toy" in fields["method"].choices
    for method, offered in (("toy", "toy_weight"), ("diswm", "distill_start"), ("apv", "bonus_size")):
        own = {name for name, field in fields.items() if field.methods and field.is_offered({"method": method})}
        assert offered in own and len({fields[name].methods for name in own}) == 1
    values = {name: field.default for name, field in fields.items() if field.is_offered({"method": "toy"})}
    sent = nest(values | {"method": "toy", "toy_weight": 0.25})
    built = build_settings("finetune", None, json.loads(json.dumps(sent)))
    assert settings("toy", toy_weight=0.25).own(ToySection) == built.own(ToySection)  # type: ignore[union-attr]
    with pytest.raises(SettingsError, match="toy_weight is a setting of toy only"):
        build_settings("finetune", "tiny", {"toy_weight": 0.25})


def test_the_shell_runs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISWM_HOME", str(tmp_path / "home"))
    assignments = [part for name, value in SHORT.items() for part in ("--set", f"{name}={value}")]
    own = ["--set", "method=toy", "--set", "toy_weight=0.25", "--device", "cpu", "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(build_app(), ["finetune", *assignments, *own, "--json"])
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    learned = [line for line in lines if line["phase"] == "finetune"]
    assert learned and all(line["brightness_weight"] == 0.25 and line["brightness"] >= 0 for line in learned)
    written = json.loads((tmp_path / "run" / "settings.json").read_text())["settings"]
    assert written["toy_weight"] == 0.25 and "bonus_size" not in written
    folder = max((tmp_path / "run" / "checkpoints").iterdir())
    assert isinstance(load_checkpoint(read_info(folder, "c", "run")).model, WorldModel)


def test_the_form_sends_it_and_a_worker_carries_it_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site, root = tmp_path / "site", Path(__file__).parents[4]
    site.mkdir()
    (site / "sitecustomize.py").write_text(KNOWN)  # the run's own process knows the method, too
    monkeypatch.setenv("PYTHONPATH", f"{site}{os.pathsep}{root}")
    offered = {field.name for field in form() if field.is_offered({"method": "toy"})}
    sent = {**SHORT, "method": "toy", "toy_weight": 0.25}
    assert sent.keys() <= offered
    settings = Settings(home=tmp_path / "home")
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8000") as client:
        body = {"stage": "finetune", "preset": "tiny", "settings": nest(sent), "device": "cpu"}
        run = client.post("/api/v1/runs", json=body).json()["id"]
        engine = open_database(settings)
        assert RunExecutor(RunStore(engine), settings.home, "worker-1").attempt(run, 0) == "succeeded"
        engine.dispose()
        done = client.get(f"/api/v1/runs/{run}").json()
        assert (done["state"], done["checkpoint"], done["settings"]["toy_weight"]) == ("succeeded", run, 0.25)
        lines = client.get(f"/api/v1/runs/{run}/metrics").json()["items"]
    assert {line["brightness_weight"] for line in lines if line["phase"] == "finetune"} == {0.25}


def test_a_lesson_is_kept_beside_frames_learned_along_and_saved(tmp_path: Path) -> None:
    whole, cut = a_run("toy"), a_run("toy")
    lesson = whole.parts.lessons["brightness"]
    assert isinstance(lesson, Brightness)
    learn(whole)
    assert lesson.scale != 1
    torch.save(whole.state_dict(), tmp_path / "state.pt")
    cut.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    expected, found = learn(whole), learn(cut)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=0)


def test_two_lessons_are_handed_their_own_targets() -> None:
    parts = parts_of("toy")
    first, second = Brightness(1.0), Brightness(1.0)
    second.target = lambda image: 1 - first.target(image)  # type: ignore[method-assign]
    run = Finetuning(settings("toy"), replace(parts, lessons={"light": first, "dark": second}), 0, "cpu")
    learned = learn(run)
    alone = learn(Finetuning(settings("toy"), replace(parts_of("toy"), lessons={"light": Brightness(1.0)}), 0, "cpu"))
    torch.testing.assert_close(learned["light"], alone["light"], rtol=0, atol=0)
    assert not torch.equal(learned["dark"], learned["light"])


def test_a_tutor_adds_to_the_actors_loss_and_a_judge_says_what_is_earned() -> None:
    class Nothing:
        def begin(self, observed: Observed, _batch: Batch) -> State:
            return observed.states.flatten()

        def reward(self, _world_model: WorldModel, imagined: Imagined, _rows: slice) -> torch.Tensor:
            return torch.zeros_like(imagined.entropy)

    def actor_loss(behaviour: Behaviour) -> float:
        run = Finetuning(settings("toy"), replace(parts_of("toy"), behaviour=behaviour), 0, "cpu")
        return float(learn(run)["actor"])

    class Counted(Strict):
        begun = 0

        def begin(self, _observed: Observed, _batch: Batch) -> None:
            self.begun += 1

    tutor = Counted()
    paid, fined = actor_loss(Behaviour(Nothing())), actor_loss(Behaviour(Nothing(), (tutor,)))
    assert fined == pytest.approx(paid + 1, abs=1e-5)
    assert tutor.begun == 1
    assert actor_loss(Behaviour()) != pytest.approx(paid, abs=1e-6)


def test_behaviour_is_learned_in_the_dream_that_the_method_names() -> None:
    class Standstill(Recurrence):
        """A recurrence whose state never changes."""

        def initial(self, batch: int) -> State:
            return State(torch.zeros(batch, 16), torch.zeros(batch, 8))

        def advance(self, state: State, _action: torch.Tensor | None) -> torch.Tensor:
            return state.deter

        def prior(self, deter: torch.Tensor) -> Gaussian:
            return Gaussian(deter[..., :8], torch.ones_like(deter[..., :8]))

        def posterior(self, deter: torch.Tensor, _latent: torch.Tensor) -> Gaussian:
            return self.prior(deter)

    seen: list[State] = []

    class Watching:
        def begin(self, observed: Observed, _batch: Batch) -> State:
            return observed.states.flatten()

        def reward(self, _world_model: WorldModel, imagined: Imagined, _rows: slice) -> torch.Tensor:
            seen.append(State(imagined.states.deter[:, 1:], imagined.states.stoch[:, 1:]))
            return imagined.states.stoch[:, 1:, 0]

    behaviour = Behaviour(Watching(), dream=Standstill())
    Finetuning(settings("toy"), replace(parts_of("toy"), behaviour=behaviour), 0, "cpu").learn(
        a_batch()._replace(target=torch.zeros(2, 6, 1)), 0
    )
    (arrived,) = seen
    torch.testing.assert_close(arrived.deter, arrived.deter[:, :1].expand_as(arrived.deter), rtol=0, atol=0)
