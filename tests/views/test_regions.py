import numpy as np
import pytest

from gate.views.drawing import draw
from gate.views.names import outer_cells, parse_view
from gate.views.pixels import Surroundings
from gate.views.regions import cell_of, frame_mask


def drawn(name, pixels, donor=None):
    return draw(parse_view(name), pixels, "key", Surroundings(donor=donor))


def test_the_cells_of_a_grid_are_the_picture_each_pixel_once():
    covered = np.zeros((29, 31), int)
    for cell in range(16):
        covered[cell_of(29, 31, 4, cell)] += 1

    assert (covered == 1).all()


def test_the_outer_cells_are_those_along_the_sides():
    assert outer_cells(4) == (0, 1, 2, 3, 4, 7, 8, 11, 12, 13, 14, 15)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_a_frame_covers_its_share_of_the_area(share):
    assert frame_mask(400, 300, share).mean() == pytest.approx(share, abs=0.01)


def test_a_swapped_frame_leaves_the_middle_and_lends_the_rest():
    picture, donor = np.zeros((30, 30), np.uint8), np.full((30, 30), 200, np.uint8)

    swapped = drawn("swap:frame:0.2:other", picture, donor)

    assert (swapped == np.where(frame_mask(30, 30, 0.2), 200, 0)).all()


def test_a_donor_of_another_size_and_mode_is_fitted():
    picture = np.zeros((30, 40, 3), np.uint8)

    swapped = drawn("swap:cell:2:0:same", picture, np.full((7, 9), 90, np.uint8))

    assert (swapped[:15, :20] == 90).all()
    assert not swapped[15:].any()


def test_tint_lends_the_mean_colour_and_nothing_else():
    picture = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    donor = np.full((3, 3, 3), (40, 50, 60), np.uint8)

    swapped = drawn("swap:tint:other", picture, donor)

    assert swapped.mean(axis=(0, 1)).tolist() == [40, 50, 60]
    assert (swapped - swapped[0, 0] == picture - picture[0, 0]).all()


def test_without_a_donor_nothing_is_swapped():
    with pytest.raises(ValueError, match="no image lends"):
        drawn("swap:tint:other", np.zeros((3, 3), np.uint8))


def test_no_patch_stays_where_it_was():
    picture = np.repeat(np.repeat(np.arange(16, dtype=np.uint8).reshape(4, 4), 5, 0), 5, 1)

    shuffled = drawn("shuffle:4", picture)

    patches = shuffled[::5, ::5].ravel()
    assert sorted(patches) == list(range(16))
    assert (patches != np.arange(16)).all()


def test_a_picture_that_is_too_small_for_the_grid_stays():
    picture = np.arange(9, dtype=np.uint8).reshape(3, 3)

    assert (drawn("shuffle:4", picture) == picture).all()
