import torch

from models.motion import motion_weights, moving_pixels


def a_square_that_moves(step: int) -> torch.Tensor:
    image = torch.zeros(4, 64, 64, 3, dtype=torch.uint8)
    for t in range(4):
        left = 10 + step * t
        image[t, 20:24, left : left + 4] = 100
    return image


def test_pixels_that_move_are_found_and_those_next_to_them():
    moving = moving_pixels(a_square_that_moves(10))
    assert moving.shape == (4, 64, 64)
    assert moving[0, 19:25, 9:15].all(), "the square and one pixel around it"
    assert not moving[0, 18].any() and not moving[0, :, 8].any()


def test_a_square_that_rests_does_not_move():
    assert not moving_pixels(a_square_that_moves(0)).any()


def test_a_change_below_the_threshold_is_no_motion():
    image = torch.zeros(2, 64, 64, 3, dtype=torch.uint8)
    image[1] = 30  # 15 from the mean, where 15.3 is asked
    assert not moving_pixels(image).any()
    image[1, 30, 30] = 32
    assert moving_pixels(image)[:, 29:32, 29:32].all()


def test_where_all_colours_flicker_only_what_changes_against_its_surroundings_moves():
    square = a_square_that_moves(10)
    flicker = square + torch.tensor([0, 90, 20, 60], dtype=torch.uint8)[:, None, None, None]
    moving = moving_pixels(flicker)
    body = moving_pixels(square)
    assert moving[body & (square > 0).any(-1)].all(), "the square, in every frame"
    assert not moving[:, :10].any() and not moving[:, 40:].any(), "away from its path nothing moves"


def test_pixels_that_move_count_more():
    weights = motion_weights(torch.tensor([[[[True, False]]]]), 16.0)
    assert weights.shape == (1, 1, 1, 1, 2) and weights.flatten().tolist() == [17, 1]
