"""Pictures that a few numbers make look alike and are no copies; the same pixels are found."""

from dataclasses import replace

import numpy as np
import pytest

from gate.evidence.records import EXACT, Split
from gate.measure.duplicates.exact_copies import FingerprintedSplit
from gate.measure.duplicates.find_overlap import find_duplicates, find_overlap
from gate.measure.fingerprints.fingerprint import fingerprint_batch

SIDE = 96


def straight_edges(count, seed, noise=0):
    """Return pictures, (count, 96, 96), of one edge of any angle and place, and two levels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    found = np.empty((count, SIDE, SIDE))
    for each in found:
        angle, place = rng.uniform(0, 2 * np.pi), rng.uniform(-0.5, 0.5)
        low, high = rng.uniform(20, 110), rng.uniform(150, 235)
        beyond = (x * np.cos(angle) + y * np.sin(angle) - place) * SIDE
        each[:] = low + (high - low) / (1 + np.exp(-np.clip(beyond, -50, 50)))
    return (found + rng.normal(0, 1, found.shape) * noise).clip(0, 255).astype(np.uint8)


def mosaics(count, seed):
    """Return pictures, (count, 96, 96), of 4 x 4 blocks of any level."""
    blocks = np.random.default_rng(seed).integers(0, 256, (count, 4, 4), np.uint8)
    return blocks.repeat(SIDE // 4, axis=1).repeat(SIDE // 4, axis=2)


def frames(count, seed=0):
    """Return frames, (count, 48, 48), of one video: a scene, and a little that moves."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(48), np.fft.fftfreq(48)))
    frequency[0, 0] = 1
    noise = np.random.default_rng(seed).normal(size=(count + 1, 48, 48))
    pictures = np.fft.ifft2(np.fft.fft2(noise) / frequency).real
    pictures /= pictures.std(axis=(1, 2), keepdims=True)
    return (128 + 30 * pictures[:1] + 5 * pictures[1:]).clip(0, 255).astype(np.uint8)


def side(split, pixels):
    return FingerprintedSplit(
        split=split,
        ids=np.array([f"{row:05d}" for row in range(len(pixels))], dtype=object),
        labels=np.array(["?"] * len(pixels), dtype=object),
        fingerprints=fingerprint_batch([each.tobytes() for each in pixels], pixels),
    )


@pytest.mark.parametrize("noise", [0, 2])
def test_of_pictures_of_one_straight_edge_none_is_a_copy_of_another(noise):
    train, test = (straight_edges(200, seed, noise) for seed in (1, 2))

    overlap = find_overlap(side(Split.TRAIN, train), side(Split.TEST, test))

    assert len({pair.b for pair in overlap.pairs}) <= 2
    assert overlap.look_alikes >= 100


def test_pictures_of_one_straight_edge_are_found_as_they_are_and_flipped():
    train = straight_edges(200, 1)
    test = np.concatenate([train[:50], train[50:100, ::-1]])

    overlap = find_overlap(side(Split.TRAIN, train), side(Split.TEST, test))

    assert len({pair.b for pair in overlap.pairs if pair.kind in EXACT}) == 100
    assert overlap.look_alikes == 0


def test_a_few_straight_edges_among_photographs_are_compared_as_those_are():
    photographs = np.concatenate([frames(1, seed) for seed in range(150)]).repeat(2, 1).repeat(2, 2)
    edges = straight_edges(5, 1).astype(float)[:, :SIDE, :SIDE]
    darker = (edges * 0.9).astype(np.uint8)
    train = np.concatenate([photographs, edges.astype(np.uint8)])

    overlap = find_overlap(side(Split.TRAIN, train), side(Split.TEST, darker))

    assert {(int(pair.a) - 150, int(pair.b)) for pair in overlap.pairs} >= {(0, 0), (1, 1)}
    assert overlap.look_alikes == 0


def test_of_mosaics_of_a_few_blocks_hardly_any_is_a_copy_of_another():
    overlap = find_overlap(side(Split.TRAIN, mosaics(200, 1)), side(Split.TEST, mosaics(200, 2)))

    assert len({pair.b for pair in overlap.pairs}) <= 10


def test_frames_of_one_video_are_counted_where_no_copy_can_be_told():
    shown = frames(300)
    train, test = side(Split.TRAIN, shown[:200]), side(Split.TEST, shown[200:])

    across, inside = find_overlap(train, test), find_duplicates(train)

    unknown = across.look_alikes + len({pair.b for pair in across.pairs})
    assert across.look_alikes >= 50
    assert unknown <= 100
    assert inside.look_alikes >= 100


def test_what_has_a_partner_is_not_counted_among_the_look_alikes():
    shown = frames(300)
    train = side(Split.TRAIN, shown[:200])
    again = replace(train, split=Split.TEST)

    assert find_overlap(train, again).look_alikes == 0
