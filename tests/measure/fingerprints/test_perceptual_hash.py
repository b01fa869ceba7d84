import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dctn

from gate.measure.fingerprints import perceptual_hash
from gate.measure.fingerprints.orientations import ORIENTATIONS, turn
from gate.measure.fingerprints.perceptual_hash import hashes, moments, thumbnails, turn_hashes


def noise(count, height, width, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, height, width), dtype=np.uint8)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 150), st.integers(1, 150), st.integers(0, 2**32 - 1))
def test_thumbnails_are_means_over_equal_areas(height, width, seed):
    grey = noise(1, height, width, seed)

    small = thumbnails(grey)

    rows = np.repeat(grey[0].astype(float), 64, axis=0).reshape(64, height, width).mean(axis=1)
    means = np.repeat(rows, 64, axis=1).reshape(64, 64, width).mean(axis=2)
    assert np.abs(small[0] - means).max() <= 0.5 + 1e-4


def test_what_is_kept_does_not_grow_with_the_sizes_of_images():
    for width in range(65, 66 + perceptual_hash._LENGTHS):
        thumbnails(np.zeros((1, 70, width), np.uint8))

    kept = perceptual_hash._bands.cache_info()
    assert kept.misses > kept.currsize == perceptual_hash._LENGTHS


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

    np.testing.assert_array_equal(turned_before, turn_hashes(hashes(small)[0], orientation))


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


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 40), st.integers(0, 2**32 - 1), st.sampled_from([(0, 256), (255, 256)]))
def test_moments_are_those_of_whole_numbers(count, seed, levels):
    small = np.random.default_rng(seed).integers(*levels, (count, 64, 64), dtype=np.uint8)

    lower, right = moments(small)

    places = 2 * np.arange(64, dtype=np.int64) - 63
    grey = small.astype(np.int64)
    np.testing.assert_array_equal(lower, (grey * places[:, None]).sum(axis=(1, 2)))
    np.testing.assert_array_equal(right, (grey * places).sum(axis=(1, 2)))


def test_the_largest_moments_are_exact():
    half = np.zeros((1, 64, 64), np.uint8)
    half[:, 32:] = 255

    lower, right = moments(half)

    assert lower.tolist() == [255 * 64 * 32 * 32]  # the odd numbers up to 63 add up to 32 * 32
    assert right.tolist() == [0]


def test_the_bits_do_not_depend_on_how_many_pictures_are_hashed_together():
    small = noise(300, 64, 64)

    alone = [each for picture in small[250:270] for each in hashes(picture[None])[0]]

    np.testing.assert_array_equal(hashes(small)[0][250:270], np.array(alone))
