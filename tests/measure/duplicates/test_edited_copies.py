import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gate.evidence.records import OF_IMAGES, PairKind, Split
from gate.measure.duplicates import coarse_candidates
from gate.measure.duplicates import edited_copies as room
from gate.measure.duplicates.coarse_candidates import ThumbnailView, surely_alike
from gate.measure.duplicates.edited_copies import NONE, edited_copies
from gate.measure.duplicates.find_overlap import FingerprintedSplit, find_duplicates, find_overlap
from gate.measure.fingerprints.fingerprint import fingerprint_batch
from gate.measure.fingerprints.orientations import turn
from gate.measure.fingerprints.perceptual_hash import thumbnails


def scenes(count, size=128, seed=0):
    """Return pictures with a spectrum like that of photographs, (count, size, size)."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size)))
    frequency[0, 0] = 1
    pictures = np.fft.ifft2(np.fft.fft2(rng.normal(size=(count, size, size))) / frequency).real
    low, high = (f(axis=(1, 2), keepdims=True) for f in (pictures.min, pictures.max))
    return ((pictures - low) / (high - low) * 255).astype(np.uint8)


def cropped(pixels, left, top, size):
    part = Image.fromarray(pixels).crop((left, top, left + size, top + size))
    return np.asarray(part.resize(pixels.shape[::-1], Image.Resampling.BICUBIC))


def compressed(pixels):
    stored = io.BytesIO()
    Image.fromarray(pixels).save(stored, "JPEG", quality=75)
    return np.asarray(Image.open(stored))


def copies(a, b, *, same=False):
    small_a, small_b = thumbnails(a), thumbnails(b)
    views = ThumbnailView(small_a, np.arange(len(a))), ThumbnailView(small_b, np.arange(len(b)))
    return edited_copies(*views, coarse_candidates.candidates(*views, same=same))


def side(split, pixels):
    return FingerprintedSplit(
        split=split,
        ids=np.array([f"{split}/{row:05d}" for row in range(len(pixels))], dtype=object),
        labels=np.array(["bag"] * len(pixels), dtype=object),
        fingerprints=fingerprint_batch([each.tobytes() for each in pixels], pixels),
    )


@pytest.mark.parametrize(("left", "top", "size"), [(0, 0, 122), (9, 3, 115), (6, 12, 112)])
def test_a_crop_is_found_from_either_side(left, top, size):
    a = scenes(30)
    crop = cropped(a[7], left, top, size)

    forth = copies(a, crop[None])
    back = copies(crop[None], a)

    assert forth.row.tolist() == [7]
    assert np.flatnonzero(back.row != NONE).tolist() == [7]
    assert forth.correlation[0] >= room.COPY
    assert back.correlation[7] == forth.correlation[0]


def test_a_darker_compressed_crop_is_found():
    a = scenes(30)

    found = copies(a, compressed(cropped(a[7], 2, 4, 120) // 4 * 3)[None])

    assert found.row.tolist() == [7]
    assert found.correlation[0] >= room.COPY


@pytest.mark.parametrize("pairs", [1, 3])
def test_however_few_pairs_are_aligned_at_a_time_each_copy_is_found(monkeypatch, pairs):
    a = scenes(30)
    crops = np.stack([cropped(each, 5, 8, 114) for each in a[:12]])
    together = copies(a, crops)

    monkeypatch.setattr(room, "_AT_ONCE", pairs * 64**2)
    few = copies(a, crops)

    assert few.row.tolist() == together.row.tolist() == list(range(12))
    assert few.correlation.tolist() == together.correlation.tolist()


@pytest.mark.parametrize("size", [32, 29, 25])
def test_what_lies_under_a_picture_is_added_up_at_each_place(size):
    ground = scenes(1, size=32)[0].astype(np.float32)
    under = room._stretches(32, size)

    found = under @ ground @ under.T

    windows = np.lib.stride_tricks.sliding_window_view(ground, (size, size))
    np.testing.assert_allclose(found, windows.sum(axis=(2, 3)), rtol=1e-5)


@pytest.mark.parametrize("places", [1, 2, 8])
def test_the_first_places_of_a_correlation_are_those_of_the_whole(places):
    spectrum = np.fft.rfft2(scenes(3, size=32).astype(np.float32))
    down, right = room._first_places(32, places)

    found = (down @ (spectrum @ right)).real

    whole = np.fft.irfft2(spectrum, s=(32, 32))
    np.testing.assert_allclose(found, whole[:, :places, :places], rtol=1e-5)


def captioned(pixels, top, height, seed=3):
    """Return a picture with bright letters, as random blocks, over some of its rows."""
    covered = pixels.copy()
    blocks = np.random.default_rng(seed).random((height // 4, pixels.shape[1] // 4)) < 0.5
    letters = np.kron(blocks, np.ones((4, 4), bool))
    covered[top : top + height][letters] = 255
    return covered


@pytest.mark.parametrize("top", [4, 100])
def test_a_copy_under_a_caption_is_found(top):
    a = scenes(30)

    found = copies(a, captioned(a[7], top, 24)[None])

    assert found.row.tolist() == [7]
    assert found.correlation[0] >= room.COPY


def test_letters_across_the_middle_leave_no_three_quarters_to_compare():
    a = scenes(30)

    assert copies(a, captioned(a[7], 48, 32)[None]).correlation[0] < room.COPY


def test_three_quarters_alone_must_agree_better_than_a_whole_picture():
    a = scenes(30)

    found = copies(a, captioned(a[7], 100, 24)[None])

    assert found.correlation[0] <= 0.97


@pytest.mark.parametrize(("contrast", "alike"), [(40, True), (1, False)])
def test_the_faintest_pictures_are_told_from_the_noise_of_rounding(contrast, alike):
    a = (120 + scenes(30) / 255 * contrast).round().astype(np.uint8)

    found = copies(a, cropped(a[7], 3, 3, 122)[None])

    assert (found.correlation[0] >= room.COPY) == alike


def test_unrelated_scenes_do_not_correlate():
    found = copies(scenes(200), scenes(50, seed=1))

    assert (found.row == NONE).all()


def crowd(count, seed=0, own=0.2):
    """Return pictures of one thing, each a little different: as alike as copies are."""
    common, each = scenes(1, 64, seed=99) * 1.0, scenes(count, 64, seed=seed) * 1.0
    return (0.8 * (common + own * each) / (1 + own)).astype(np.uint8)


def test_pictures_that_are_all_alike_are_no_copies_of_each_other():
    alone, among = (copies(crowd(count), crowd(5, seed=1)) for count in (6, 200))

    assert (alone.correlation >= room.COPY).all()
    assert (among.row == NONE).all()


def test_among_pictures_that_are_all_alike_a_copy_is_found():
    a = crowd(200)

    found = copies(a, np.stack([a[7] // 4 * 3, crowd(1, seed=1)[0]]))

    assert found.row.tolist() == [7, NONE]


@pytest.mark.parametrize(("siblings", "hidden"), [(6, False), (7, True)])
def test_up_to_six_more_crops_of_a_picture_do_not_hide_it(siblings, hidden):
    a = scenes(150)
    a[1 : siblings + 1] = [cropped(a[0], 1 + each, 2, 120) for each in range(siblings)]

    found = copies(a, cropped(a[0], 4, 4, 121)[None])

    assert (found.row[0] == NONE) == hidden


def test_below_a_hundred_pictures_the_crowd_is_not_asked():
    some = crowd(room.FEW - 1)

    assert (copies(some, crowd(2, seed=1)).row != NONE).all()


def test_files_of_one_picture_are_no_crowd_around_it():
    train = scenes(120)
    train[20:60] = train[50]
    test = cropped(train[50], 8, 4, 116)[None]

    overlap = find_overlap(side(Split.TRAIN, train), side(Split.TEST, test))

    assert [(pair.a, pair.kind) for pair in overlap.pairs] == [("train/00020", PairKind.EDITED)]


def test_flat_pictures_correlate_with_nothing():
    flat = np.full((5, 64, 64), 99, np.uint8)
    flat[1:, 3, 3] += np.arange(4, dtype=np.uint8)

    assert (copies(flat, flat, same=True).row == NONE).all()


def test_gradients_do_not_correlate_in_the_band():
    down, right = np.mgrid[:64, :64]
    gradients = np.stack([down + right, down + right + 20, 2 * down + right]).astype(np.uint8)

    assert (copies(gradients, gradients, same=True).correlation < room.COPY).all()


def test_slopes_of_brightness_are_no_picture_however_steep():
    down, right = np.mgrid[:64, :64]
    slopes = np.stack([down + right, down + right + 20, 3 * down, 2 * right + down])

    found = copies(slopes.astype(np.uint8), slopes.astype(np.uint8), same=True)

    assert (found.row == NONE).all()


def test_a_picture_is_not_its_own_copy():
    a = scenes(12)

    assert (copies(a, a, same=True).row == NONE).all()


def test_of_equal_partners_the_first_is_taken():
    a = scenes(10)
    a[6] = a[4]

    assert copies(a, cropped(a[4], 3, 3, 120)[None]).row.tolist() == [4]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 9))
def test_candidates_do_not_depend_on_how_the_work_is_cut(seed, rows_a, rows_b):
    a, b = (thumbnails(scenes(count, 64, seed % 1000 + count)) for count in (30, 12))
    sides = [ThumbnailView(each, np.arange(len(each))) for each in (a, b)]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(coarse_candidates, "ALIKE", 0.1)
        whole = coarse_candidates.candidates(*sides, same=False)
        patched.setattr(coarse_candidates, "_ROWS_A", rows_a)
        patched.setattr(coarse_candidates, "_ROWS_B", rows_b)
        cut = coarse_candidates.candidates(*sides, same=False)

    assert sorted(zip(*whole, strict=True)) == sorted(zip(*cut, strict=True))


def test_candidates_are_the_most_alike():
    a, b = thumbnails(scenes(60, 64)), thumbnails(scenes(5, 64, seed=1))
    views = [
        [
            np.stack(
                [
                    np.asarray(Image.fromarray(p[m : 64 - m, m : 64 - m]).resize((16, 16), 4))
                    for p in side
                ]
            ).reshape(len(side), -1)
            for m in (0, coarse_candidates.MARGIN)
        ]
        for side in (a, b)
    ]
    (whole_a, middle_a), (whole_b, middle_b) = views
    likeness = np.max(
        [
            np.corrcoef(x, y)[:60, 60:]
            for x, y in [(whole_a, whole_b), (middle_a, whole_b), (whole_a, middle_b)]
        ],
        axis=0,
    )

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(coarse_candidates, "ALIKE", 0.0)
        rows_a, rows_b = coarse_candidates.candidates(
            ThumbnailView(a, np.arange(60)), ThumbnailView(b, np.arange(5)), same=False
        )

    for row in range(5):
        chosen = likeness[rows_a[rows_b == row], row]
        assert len(chosen) == 8
        assert np.sort(chosen) == pytest.approx(np.sort(likeness[:, row])[-8:], abs=0.02)


def test_turned_pictures_are_alike_once_turned_back():
    small = thumbnails(scenes(3))
    turned = np.stack([turn(small[:1], 1)[0], turn(small[1:2], 5)[0], small[2]])

    assert surely_alike(small, turned, np.array([1, 6, 0])).all()
    assert not surely_alike(small, turned, np.array([0, 5, 2])).any()


def test_crops_are_edited_pairs_and_doubtful_ones_are_for_review(monkeypatch):
    train = scenes(120)
    test = scenes(6, seed=1)
    test[2] = cropped(train[50], 8, 4, 116)
    sides = side(Split.TRAIN, train), side(Split.TEST, test)

    sure = find_overlap(*sides)
    monkeypatch.setattr("gate.measure.duplicates.visual_copies._SURE", -1.0)
    monkeypatch.setattr("gate.measure.duplicates.aligned_copies.EVIDENCE", np.inf)
    doubtful = find_overlap(*sides)

    assert [(p.a, p.b, p.kind) for p in sure.pairs] == [
        ("train/00050", "test/00002", PairKind.EDITED)
    ]
    assert 0 <= sure.pairs[0].distance <= 0.05
    assert sure.review == ()
    assert doubtful.pairs == ()
    assert doubtful.review == sure.pairs
    assert sure.compared == OF_IMAGES


def test_crops_inside_a_split_are_duplicates_listed_once():
    train = scenes(60)
    train[40] = cropped(train[9], 8, 4, 116)

    overlap = find_duplicates(side(Split.TRAIN, train))

    assert [(pair.a, pair.b, pair.kind) for pair in overlap.pairs] == [
        ("train/00009", "train/00040", PairKind.EDITED)
    ]


def test_small_images_are_not_compared_for_edits_and_that_is_said():
    overlap = find_overlap(side(Split.TRAIN, scenes(9, 32)), side(Split.TEST, scenes(9)))

    assert PairKind.EDITED not in overlap.compared
    assert PairKind.NEAR in overlap.compared


def test_too_many_images_are_not_compared_for_edits_and_that_is_said(monkeypatch):
    monkeypatch.setattr(coarse_candidates, "MOST_PAIRS", 80)

    overlap = find_overlap(side(Split.TRAIN, scenes(9)), side(Split.TEST, scenes(9)))

    assert PairKind.EDITED not in overlap.compared


def test_gradients_with_like_hashes_are_not_near_when_their_thumbnails_disagree(monkeypatch):
    monkeypatch.setattr("gate.measure.duplicates.near_copies.RADIUS", 256)
    train, test = side(Split.TRAIN, scenes(30)), side(Split.TEST, scenes(30, seed=1))
    monkeypatch.setattr("gate.measure.duplicates.hamming_search.MAX_RADIUS", 64)

    overlap = find_overlap(train, test)

    assert overlap.pairs == ()
