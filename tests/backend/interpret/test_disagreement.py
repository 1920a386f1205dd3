"""The ensemble's disagreement along a rollout: 1 where it is as on data, more where nothing was seen."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

from backend.data.checkpoint import Checkpoint
from backend.export.options import ExportOptions
from backend.export.render import export_rollout
from backend.export.tables import traversal_csv
from backend.interpret.disagreement import DISAGREEMENT, PROCESS, doubt_of, doubt_of_cells
from backend.interpret.fields import Edit
from backend.interpret.rollout import build_rollout
from backend.interpret.rollout_request import RolloutRequest
from backend.interpret.traversal_request import TraversalRequest
from backend.interpret.view import build_view
from backend.views.serializers import rollout_json, traversal_json
from models.config import WorldModelConfig
from models.ensemble import EnsembleRSSM
from models.process_rssm import ProcessRSSM, process_deter
from models.types import State, normalise
from models.world_model import WorldModel

REQUEST = RolloutRequest(1, 4, 6)


@pytest.fixture
def process(world_checkpoint: Checkpoint) -> Checkpoint:
    """The tiny world model with a Gaussian process that has seen nothing in place of the recurrent network."""
    config = world_checkpoint.model.config
    assert isinstance(config, WorldModelConfig)
    torch.manual_seed(0)
    deter = process_deter(config.stoch, config.action_size)
    model = WorldModel(replace(config, deter=deter, inducing=4)).eval().requires_grad_(False)
    return replace(world_checkpoint, model=model, actor_critic=None)


@pytest.fixture
def ensemble(world_checkpoint: Checkpoint) -> Checkpoint:
    """The tiny world model with three random priors in place of one."""
    config = world_checkpoint.model.config
    assert isinstance(config, WorldModelConfig)
    torch.manual_seed(0)
    model = WorldModel(replace(config, members=3)).eval().requires_grad_(False)
    return replace(world_checkpoint, model=model)


def test_it_is_one_on_average_along_the_clip(ensemble: Checkpoint) -> None:
    clip = ensemble.clip
    latent = ensemble.model.encode(normalise(torch.from_numpy(clip.image))).mean
    states = ensemble.model.observe(latent, torch.from_numpy(clip.action)).states.flatten()
    doubt = doubt_of(ensemble, State(states.deter, states.stoch))
    assert doubt is not None
    assert float(doubt.steps.mean()) == pytest.approx(1, rel=1e-4)
    assert doubt.image.shape == (len(states.deter), 64, 64, 3)


def test_members_that_are_one_do_not_disagree_and_a_stranger_among_them_makes_them(ensemble: Checkpoint) -> None:
    rssm = ensemble.model.rssm
    assert isinstance(rssm, EnsembleRSSM)
    state = State(torch.randn(2, rssm.config.deter), torch.randn(2, rssm.config.stoch))
    with torch.no_grad():
        rssm.priors.get_parameter("0.2.bias").add_(50.0)
    before = doubt_of(ensemble, state)
    for member in rssm.priors:
        member.load_state_dict(rssm.priors[0].state_dict())
    alike = doubt_of(ensemble, state)
    assert before is not None and alike is not None
    assert before.image.max() > 0 and alike.image.max() == 0


def test_a_rollout_has_it_per_step_as_picture_and_in_its_files(ensemble: Checkpoint) -> None:
    rollout = build_rollout(ensemble, replace(REQUEST, edits=(Edit(0, 3.0, 5),)))
    timeline = rollout.timeline("x")
    assert list(timeline.curves)[-1] == DISAGREEMENT.chart and list(timeline.curves[DISAGREEMENT.chart]) == [
        "model",
        "edited",
    ]
    assert timeline.curves[DISAGREEMENT.chart]["model"][:5] == timeline.curves[DISAGREEMENT.chart]["edited"][:5]
    assert "members" in [strip.title for strip in rollout.strips]
    told = rollout_json(rollout)
    assert len(told["disagreement"]) == len(told["edited_disagreement"]) == 10
    assert told["members"].startswith("data:image/jpeg")
    lines = export_rollout(ensemble, REQUEST, "csv", ExportOptions()).content.decode("utf-8-sig")
    assert "disagreement" in lines.splitlines()[0]
    png = export_rollout(ensemble, REQUEST, "png", ExportOptions()).content
    assert png.startswith(b"\x89PNG")


def test_a_traversal_has_it_for_what_follows_each_cell_on_the_page_and_in_tables(ensemble: Checkpoint) -> None:
    view = build_view(ensemble, TraversalRequest(dims=(0, 2), columns=5))
    assert view.doubt is not None and view.doubt.shape == (2, 5)
    moved = view.doubt.max(1) - view.doubt.min(1)
    assert (moved > 0).all(), "what follows depends on the cell"
    assert [len(row["doubt"]) for row in traversal_json(ensemble, view)["dims"]] == [5, 5]
    head, line, *_ = traversal_csv(view).decode("utf-8-sig").splitlines()
    assert "disagreement_5" in head and len(next(csv.reader([line]))) == len(head.split(","))


def test_what_follows_a_cell_is_imagined_without_an_action(ensemble: Checkpoint) -> None:
    rssm = ensemble.model.rssm
    assert isinstance(rssm, EnsembleRSSM)
    deter, latent = torch.randn(rssm.config.deter), torch.randn(2, 3, rssm.config.latents)
    found = doubt_of_cells(ensemble, deter, latent)
    state = State(deter[None], ensemble.model.stoch_of(deter[None], latent[1:, 2]))
    after = rssm.imagine_step(state, torch.zeros(1, rssm.config.action_size))
    expected = doubt_of(ensemble, after)
    assert found is not None and expected is not None
    assert float(found[1, 2]) == pytest.approx(float(expected.steps[0]), rel=1e-5)


def test_the_doubt_of_a_process_is_shown_under_its_own_name_and_is_small_where_it_knows(process: Checkpoint) -> None:
    rssm, states = process.model.rssm, build_rollout(process, REQUEST)
    assert isinstance(rssm, ProcessRSSM)
    timeline, told = states.timeline("x"), rollout_json(states)
    assert PROCESS.chart in timeline.curves and "guesses" in [strip.title for strip in timeline.strips]
    assert len(told["process_doubt"]) == 10 and not {"disagreement", "members"} & told.keys()
    head = export_rollout(process, REQUEST, "csv", ExportOptions()).content.decode("utf-8-sig").splitlines()[0]
    assert "process_doubt" in head
    deter = torch.randn(2, rssm.config.deter)
    deter[:, -1] = 1
    rssm.process.points[0] = deter[0, :-1]
    rssm.process.spread_stored.fill_(-0.5)
    known, unknown = rssm.doubt(deter).tolist()
    assert known < 0.2 * unknown
    assert rssm.guesses(deter).std(1).mean(-1)[0] < rssm.guesses(deter).std(1).mean(-1)[1]
    view = build_view(process, TraversalRequest(dims=(0,), columns=3))
    assert view.doubt is not None and "process_doubt_3" in traversal_csv(view).decode("utf-8-sig")


def test_a_model_with_one_prior_has_none(world_checkpoint: Checkpoint) -> None:
    rollout = build_rollout(world_checkpoint, REQUEST)
    assert rollout.doubt is None and DISAGREEMENT.chart not in rollout.timeline("x").curves
    assert not {"disagreement", "members"} & rollout_json(rollout).keys()
    assert np.array_equal(rollout.truth[:4], world_checkpoint.clip.image[1, :4])
