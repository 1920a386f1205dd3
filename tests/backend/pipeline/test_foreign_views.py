"""Models of other projects offer the views that they support, and say which they do not."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backend.data.checkpoint import IncompatibleCheckpoint, load_checkpoint
from backend.export.animation import render_animation
from backend.export.captions import caption_text
from backend.export.figure import render_figure
from backend.export.options import ExportOptions
from backend.interpret.encode_adapted import encode_adapted
from backend.interpret.latents import encode_images
from backend.interpret.request import ViewError
from backend.interpret.stored_quality import quality_of
from backend.interpret.traversal_request import TraversalRequest
from backend.interpret.view import build_atlas, build_view
from backend.pipeline.foreign_models import Source, import_model
from backend.views.catalogue import KINDS
from backend.views.kinds import lacking
from tests.support.foreign_models import (
    dreamer_folder,
    pictures,
    r2_folder,
    vae_folder,
)

pytestmark = pytest.mark.usefixtures("forked_readers")


def test_a_model_without_decoder_sees_and_says_that_it_draws_nothing(tmp_path: Path) -> None:
    info = import_model(Source(r2_folder(tmp_path / "theirs", decoder=False)), "blind", tmp_path)
    assert info.capabilities == (False, True, True, False, False)
    got = encode_adapted(load_checkpoint(info).model, {"image": pictures(1, 2, 16, 16, 3)})
    assert got.keys() == {"post_logit", "deter"}
    assert lacking(KINDS["traversal"], info) == "blind draws no pictures"


def test_a_grey_vae_of_32_pixels_can_be_traversed(tmp_path: Path) -> None:
    info = import_model(Source(vae_folder(tmp_path / "theirs")), "digits", tmp_path)
    assert info.capabilities == (True, False, True, True, False)
    checkpoint = load_checkpoint(info)
    view = build_view(checkpoint, TraversalRequest(dims=(0, 2), columns=3))
    assert view.images.shape == (2, 3, 32, 32, 3)
    assert (view.images[..., 0] == view.images[..., 1]).all()  # grey stays grey
    assert build_atlas(checkpoint, TraversalRequest(columns=3)).image.shape == (3 * 32, 3 * 32, 3)
    assert view.seen_before == 0


def test_an_edit_of_a_categorical_latent_swaps_its_class(tmp_path: Path) -> None:
    info = import_model(Source(dreamer_folder(tmp_path / "theirs")), "classes", tmp_path)
    assert info.capabilities == (True, True, True, False, False)
    checkpoint = load_checkpoint(info)
    view = build_view(checkpoint, TraversalRequest(dims=(5,), columns=3))
    assert view.values.tolist() == [[0, 1, 1]]  # two classes; the last again
    assert view.unit == "class"
    own = int(view.frame[5])
    np.testing.assert_array_equal(view.images[0, own], view.reconstruction)
    assert (view.images[0, 0] != view.images[0, 1]).any()


def test_figures_and_films_say_classes_and_follow_the_size(tmp_path: Path) -> None:
    view = build_view(
        load_checkpoint(import_model(Source(dreamer_folder(tmp_path / "theirs")), "classes", tmp_path)),
        TraversalRequest(dims=(5,), columns=3),
    )
    assert "numbers of classes" in caption_text(view)
    assert "σ" not in caption_text(view)
    assert render_figure(view, "png")[:4] == b"\x89PNG"
    film = Image.open(io.BytesIO(render_animation(view, "gif", ExportOptions(upscale=2, captions=False))))
    assert film.size == (4 + 32 + 4, 4 + 32 + 4)


def test_a_foreign_model_cannot_be_trained_on(tmp_path: Path) -> None:
    checkpoint = load_checkpoint(import_model(Source(vae_folder(tmp_path / "theirs")), "digits", tmp_path))
    with pytest.raises(IncompatibleCheckpoint, match="can be looked at only"):
        _ = checkpoint.video_model


def test_frames_of_another_size_are_fitted_where_a_model_only_sees_them(tmp_path: Path) -> None:
    checkpoint = load_checkpoint(import_model(Source(vae_folder(tmp_path / "theirs")), "digits", tmp_path))
    small = pictures(3, 32, 32, 3)
    large = small.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(*(encode_images(checkpoint.model, each)[0] for each in (small, large)), atol=1e-6)


def test_what_a_model_without_imagination_sees_is_not_measured_and_that_is_said(tmp_path: Path) -> None:
    checkpoint = load_checkpoint(import_model(Source(vae_folder(tmp_path / "theirs")), "digits", tmp_path))
    with pytest.raises(ViewError, match="digits does not imagine pictures"):
        quality_of(checkpoint)
