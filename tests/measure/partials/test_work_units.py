"""The grid follows from the data alone, and shares cover it exactly."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gate.evidence.records import Split
from gate.measure.partials.work_units import (
    LEAST,
    MOST,
    ROWS,
    ROWS_A_THREAD,
    WorkUnit,
    batch_of,
    count_threads,
    cut,
    pad,
    share_of,
    stretch_of,
)
from gate.subject.datasets import open_dataset
from gate.subject.datasets.arrays import STRETCH_BYTES, ArrayDataset
from gate.subject.datasets.spec import DataSpec

UNITS = st.integers(0, 300).map(
    lambda count: [WorkUnit(Split.TEST, place, place + 1) for place in range(count)]
)


@given(UNITS, st.integers(1, 400))
def test_the_shares_together_are_all_units_in_order(units, of):
    shares = [share_of(units, index=index, of=of) for index in range(of)]

    assert [unit for share in shares for unit in share] == units


@given(UNITS, st.integers(1, 400))
def test_no_share_is_larger_than_another_by_more_than_a_unit(units, of):
    sizes = [len(share_of(units, index=index, of=of)) for index in range(of)]

    assert max(sizes) - min(sizes) <= 1


@given(st.integers(0, 10_000), st.integers(0, 5_000), st.integers(1, 3_000))
def test_spans_cover_rows_once_in_order(start, length, size):
    rows = range(start, start + length)

    spans = list(cut(rows, size))

    assert [row for span in spans for row in span] == list(rows)
    assert all(len(span) == size for span in spans[:-1])


@given(st.lists(st.integers(1, 5_000), min_size=3, max_size=3))
def test_a_batch_is_a_power_of_two_within_its_bounds(shape):
    batch = batch_of(shape)

    assert LEAST <= batch <= MOST
    assert batch & (batch - 1) == 0


@given(st.sampled_from(Split), st.integers(0, 10**9), st.integers(0, 10**6))
def test_a_unit_is_found_by_its_name(split, start, length):
    unit = WorkUnit(split, start, start + length)

    assert WorkUnit.named(unit.name) == unit


@pytest.mark.parametrize("text", ["", "test", "test-1", "exam-0-1", "test-a-b", "test-1-2-3"])
def test_no_other_text_is_a_unit(text):
    with pytest.raises(ValueError, match=r"unpack|valid"):
        WorkUnit.named(text)


def array_of(count, *shape):
    pixels = np.zeros((1, *shape), np.uint8).repeat(count, axis=0)
    return ArrayDataset("data.npz", "npz", ("a", "b"), pixels, np.zeros(count, np.int32))


@given(
    st.sampled_from([16, 32, 64]),
    st.lists(st.integers(1, 700), min_size=2, max_size=2),
    st.booleans(),
)
def test_an_array_is_read_in_whole_batches_within_a_bound(batch, sides, coloured):
    shape = (*sides, 3) if coloured else tuple(sides)

    rows = stretch_of(array_of(1, *shape), batch)

    assert rows % batch == 0
    assert batch <= rows <= max(batch, ROWS)
    assert rows == batch or rows * 4 * math.prod(shape) <= STRETCH_BYTES


def test_small_images_of_an_array_are_read_many_batches_at_a_time():
    assert stretch_of(array_of(1, 8, 8), 64) == ROWS
    assert stretch_of(array_of(1, 28, 28), 64) == 640  # 2 MiB are 668 of them
    assert stretch_of(array_of(1, 224, 224, 3), 64) == 64


def test_files_are_read_a_batch_at_a_time(tmp_path):
    for label in ("a", "b"):
        (tmp_path / "data" / label).mkdir(parents=True)
        Image.new("L", (8, 8)).save(tmp_path / "data" / label / "0.png")

    dataset = open_dataset(DataSpec(path="data"), base=tmp_path, classes=("a", "b"))

    assert stretch_of(dataset, 64) == 64


@given(st.integers(1, 1000), st.sampled_from([1, 2, 4, 16, 32, 64]))
def test_each_thread_that_shares_a_batch_has_four_rows_or_is_alone(threads, batch):
    shared = count_threads(threads, batch)

    assert 1 <= shared <= threads
    assert shared == 1 or batch // shared >= ROWS_A_THREAD
    assert shared == threads or batch // (shared + 1) < ROWS_A_THREAD  # and no fewer than may


@given(st.integers(1, 64), st.sampled_from([16, 64]))
def test_a_short_batch_is_filled_with_its_last_image(count, batch):
    images = np.arange(min(count, batch), dtype=np.float32).reshape(-1, 1, 1, 1)

    assembler = pad(images, batch)

    assert len(assembler) == batch
    assert assembler[: len(images)].tobytes() == images.tobytes()
    assert set(assembler[len(images) :].ravel().tolist()) <= {images[-1].item()}
