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
    image[1] = 32
    assert moving_pixels(image).all()


def test_pixels_that_move_count_more():
    weights = motion_weights(torch.tensor([[[[True, False]]]]), 16.0)
    assert weights.shape == (1, 1, 1, 1, 2) and weights.flatten().tolist() == [17, 1]
