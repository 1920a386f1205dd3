"""A student of harder pictures finds what is partly hidden; what the teacher is unsure of is not taught."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from backend.pipeline.builder import build_settings
from backend.pipeline.methods.diswm_hidden import HiddenDistillation
from models.harder import MOST_HIDDEN, hidden, relit, shifted
from models.losses import distillation
from models.types import Batch, Gaussian, normalise
from tests.support.making import a_batch, a_source, parts_of

SIDE, SQUARE, UPDATES = 64, 12, 200


def squares(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Dark pictures (N, 1, H, W, 3) of a white square, and where it is, (N, 1, 2) in [-1, 1]."""
    generator = torch.Generator().manual_seed(seed)
    corner = torch.randint(6, SIDE - SQUARE - 6, (count, 2), generator=generator)
    image = torch.full((count, 1, SIDE, SIDE, 3), 40, dtype=torch.uint8)
    for picture, (top, left) in zip(image, corner.tolist(), strict=True):
        picture[0, top : top + SQUARE, left : left + SQUARE] = 230
    return image, (2 * corner / (SIDE - SQUARE) - 1).unsqueeze(1).float()


class Student(nn.Module):
    """Sees small pictures, and says where the square is."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(
            *(nn.AvgPool2d(2), nn.Conv2d(3, 8, 5, 2), nn.ELU(), nn.Conv2d(8, 16, 5, 2), nn.ELU()),
            *(nn.Flatten(), nn.Linear(400, 2)),
        )

    def forward(self, image: Tensor) -> Gaussian:
        mean = self.net(image.flatten(0, -4)).view(*image.shape[:-3], 2)
        return Gaussian(mean, torch.full_like(mean, 0.3))


def taught(loss: Callable[[Student, Batch, Tensor, torch.Generator], Tensor]) -> float:
    """The student's mean error where a part is hidden, after learning with a loss."""
    student, generator = Student(), torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam(student.parameters(), 3e-3)
    image, place = squares(512, 0)
    for _ in range(UPDATES):
        rows = torch.randint(len(image), (64,), generator=generator)
        batch = a_batch()._replace(image=image[rows])
        target = torch.cat([place[rows], torch.full_like(place[rows], 0.1)], -1)
        optimiser.zero_grad()
        loss(student, batch, target, generator).mean().backward()
        optimiser.step()
    image, place = squares(128, 2)
    with torch.no_grad():
        seen = student(hidden(normalise(image).flatten(0, 1), generator)).mean
    return float((seen - place.flatten(0, 1)).abs().mean())


def lesson_of(encode: Callable[[Tensor], Gaussian], unsure: float = 0.5) -> HiddenDistillation:
    return HiddenDistillation(a_source().model, lambda _: 1.0, lambda _: 1.0, encode, unsure)


def test_the_student_of_harder_pictures_finds_what_is_partly_hidden() -> None:
    inference = parts_of("diswm").world_model.infer_online(a_batch())
    hard = taught(lambda student, batch, target, chance: lesson_of(student).loss(batch, target, inference, chance))
    plainly = taught(
        lambda student, batch, target, _: distillation(Gaussian(*target.chunk(2, -1)), student(normalise(batch.image)))
    )
    assert hard < 0.5 * plainly


def test_a_dimension_that_the_teacher_does_not_know_is_not_taught() -> None:
    batch = a_batch()
    inference = parts_of("diswm").world_model.infer_online(batch)
    std = torch.tensor([0.1, 0.9, 0.1, 2.0]).expand(2, 6, 4)
    target = torch.cat([torch.ones(2, 6, 4), std], -1)

    def pulled(unsure: float) -> list[bool]:
        mean = torch.zeros(2, 6, 4, requires_grad=True)
        lesson = lesson_of(lambda _: Gaussian(mean, torch.ones(2, 6, 4)), unsure)
        lesson.loss(batch, target, inference, torch.Generator()).sum().backward()  # type: ignore[no-untyped-call] # torch stub
        assert mean.grad is not None
        return [bool(value) for value in (mean.grad.abs().sum((0, 1)) > 0).tolist()]

    assert pulled(0.5) == [True, False, True, False]
    assert pulled(10.0) == [True] * 4


def test_a_harder_picture_is_moved_relit_and_hidden_within_its_bounds() -> None:
    generator, image = torch.Generator().manual_seed(0), torch.full((200, 3, SIDE, SIDE), -0.25)
    share = (hidden(image, generator) != image).float().mean((1, 2, 3))
    assert float(share.min()) > 0 and float(share.max()) <= MOST_HIDDEN * 1.1
    light = (relit(image, generator) + 0.5) / 0.25
    assert float(light.min()) >= 0.6 and float(light.max()) <= 1.4 and float(light.std()) > 0.1
    point = torch.zeros(200, 3, SIDE, SIDE)
    point[..., 32, 32] = 1
    places = shifted(point, generator).sum(1).flatten(1).argmax(1)
    assert {int(place) // SIDE - 32 for place in places} == set(range(-4, 5))
    assert torch.equal(shifted(image, generator), image)


def test_the_method_needs_a_video_model_and_has_its_own_weights() -> None:
    parts = parts_of("diswm-hidden", hidden_start=0.3)
    lesson = parts.lessons["distillation"]
    assert isinstance(lesson, HiddenDistillation)
    assert lesson.weight(0, 10_000) == 0.3
    assert "hidden_unsure" in build_settings("finetune", "tiny", {"method": "diswm-hidden"}).model_dump()
