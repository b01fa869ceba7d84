import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dctn

from gate.measure.orientations import ORIENTATIONS, turn
from gate.measure.perceptual import hashes, thumbnails, turned_hashes


def noise(count, height, width, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, height, width), dtype=np.uint8)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 150), st.integers(1, 150), st.integers(0, 2**32 - 1))
def test_thumbnails_are_means_over_equal_areas(height, width, seed):
    grey = noise(1, height, width, seed)

    small = thumbnails(grey)

    fine = np.repeat(np.repeat(grey[0].astype(float), 64, axis=0), 64, axis=1)
    means = fine.reshape(64, height, 64, width).mean(axis=(1, 3))
    assert np.abs(small[0] - means).max() <= 0.5 + 1e-4


def test_a_thumbnail_of_64_pixels_is_the_picture():
    grey = noise(2, 64, 64)

    np.testing.assert_array_equal(thumbnails(grey), grey)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 300),
    st.integers(1, 300),
    st.sampled_from(ORIENTATIONS),
    st.integers(0, 2**32 - 1),
)
def test_thumbnails_turn_with_their_pictures(height, width, orientation, seed):
    grey = noise(2, height, width, seed)

    turned_before = thumbnails(np.ascontiguousarray(turn(grey, orientation)))

    np.testing.assert_array_equal(turned_before, turn(thumbnails(grey), orientation))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_hash_of_a_turned_picture_is_the_turned_hash(orientation):
    small = noise(50, 64, 64)

    turned_before, _ = hashes(np.ascontiguousarray(turn(small, orientation)))

    np.testing.assert_array_equal(turned_before, turned_hashes(hashes(small)[0], orientation))


def test_bits_are_the_signs_of_the_cosine_transform():
    small = noise(20, 64, 64)

    near, _ = hashes(small)

    bands = np.stack([dctn(each.astype(float))[1:17, 1:17] for each in small])
    even, odd = slice(1, None, 2), slice(0, None, 2)
    words = [bands[:, rows, columns] for rows in (even, odd) for columns in (even, odd)]
    expected = np.concatenate([word.reshape(20, 64) > 0 for word in words], axis=1)
    differing = np.unpackbits(near, axis=1) != expected
    assert differing.mean() < 0.002  # our cosines have ten bits; only coefficients near 0 differ


def test_a_picture_with_half_its_coefficients_near_zero_is_featureless():
    rng = np.random.default_rng(0)
    half = rng.integers(0, 256, (1, 64, 32), dtype=np.uint8)
    symmetric = np.concatenate([half, half[:, :, ::-1]], axis=2)

    assert hashes(symmetric)[1].all()
    assert not hashes(noise(1, 64, 64))[1].any()
