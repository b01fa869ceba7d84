"""The grid follows from the data alone, and shares cover it exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.evidence.records import Split
from gate.measure.grid import LEAST, MOST, Cell, batch_of, cut, share_of

CELLS = st.integers(0, 300).map(
    lambda count: [Cell(Split.TEST, place, place + 1) for place in range(count)]
)


@given(CELLS, st.integers(1, 400))
def test_the_shares_together_are_all_cells_in_order(cells, of):
    shares = [share_of(cells, index=index, of=of) for index in range(of)]

    assert [cell for share in shares for cell in share] == cells


@given(CELLS, st.integers(1, 400))
def test_no_share_is_larger_than_another_by_more_than_a_cell(cells, of):
    sizes = [len(share_of(cells, index=index, of=of)) for index in range(of)]

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
def test_a_cell_is_found_by_its_name(split, start, length):
    cell = Cell(split, start, start + length)

    assert Cell.named(cell.name) == cell


@pytest.mark.parametrize("text", ["", "test", "test-1", "exam-0-1", "test-a-b", "test-1-2-3"])
def test_no_other_text_is_a_cell(text):
    with pytest.raises(ValueError, match=r"unpack|valid"):
        Cell.named(text)
