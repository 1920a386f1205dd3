"""The view of teachers: weights beside the frames, and a sentence about what they show."""

import json
from dataclasses import replace

import numpy as np
import pytest

from backend.data.checkpoint import Checkpoint
from backend.data.import_checks import check_content
from backend.data.import_tables import Weighed
from backend.interpret.request import ViewError
from backend.interpret.teachers import WEIGHTS, says, teachers_timeline
from backend.interpret.teachers_request import TeachersRequest
from tests.support.weighing import weighed, write_weighed


@pytest.fixture
def taught(own_checkpoint: Checkpoint) -> Checkpoint:
    write_weighed(own_checkpoint.info.folder, *own_checkpoint.clip.image.shape[:2])
    return own_checkpoint


def test_weights_stand_beside_the_frames_of_the_episode(taught: Checkpoint) -> None:
    timeline = teachers_timeline(taught, TeachersRequest(1), "x")
    assert [strip.title for strip in timeline.strips] == ["episode", "model"]
    assert np.array_equal(timeline.strips[0].frames, taught.clip.image[1])
    assert timeline.curves[WEIGHTS]["cartpole"] == [0.75] * timeline.steps
    assert all(timeline.is_observed(step) for step in range(timeline.steps))
    assert timeline.facts["teachers"][1]["weight"] == 0.25
    assert timeline.facts["teachers"][1]["interval"] is None, "three episodes are too few for one"
    assert json.loads(timeline.settings)["view"] == {"episode": 1}


def test_the_sentence_compares_with_equal_weights_and_with_another_episodes_student() -> None:
    assert "cartpole has 0.75 of the weight over the clip; equal weights would be 0.50" in says(weighed(6, 4))
    assert "Over 6 episodes 95% are 0.65 to 0.85." in says(weighed(6, 4))
    assert "no more than equal weights" in says(weighed(6, 4, share=0.55))
    assert "too few for an interval" in says(weighed(3, 4))
    assert "depend on what the student sees" in says(weighed(6, 4))
    assert "do not depend on what the student sees" in says(weighed(6, 4, moved=0.0))
    assert "student" not in says({**weighed(1, 4), "moved": None}).partition("A weight says")[0]


def test_what_cannot_be_shown_is_refused(video_checkpoint: Checkpoint, taught: Checkpoint) -> None:
    with pytest.raises(ViewError, match="was not learned from several teachers"):
        teachers_timeline(video_checkpoint, TeachersRequest(0), "x")
    with pytest.raises(ViewError, match="episode"):
        teachers_timeline(taught, TeachersRequest(99), "x")
    other = replace(taught, clip=replace(taught.clip, image=taught.clip.image[:, :5]))
    with pytest.raises(ViewError, match="another clip"):
        teachers_timeline(other, TeachersRequest(0), "x")


def test_weights_travel_with_an_upload_if_there_is_one_for_each_teacher(taught: Checkpoint) -> None:
    check_content(taught.info.folder)
    for wrong in ({"mean": [1.0]}, {"teachers": ["one"]}, {"history": {"steps": [1], "weights": []}}):
        with pytest.raises(ValueError, match="teachers"):
            Weighed.model_validate({**weighed(2, 3), **wrong})
