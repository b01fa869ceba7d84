"""The page draws a copy where it lies in its original."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gate.report.model import AlignmentPart
from gate.report.renderings.html.pictures import laid_on_a

numbers = st.floats(-2, 2)
SLOPE = st.floats(-0.3, 0.3)


@given(st.floats(0.5, 2), SLOPE, numbers, SLOPE, st.floats(0.5, 2), numbers, numbers, numbers)
def test_what_lies_somewhere_in_b_is_drawn_where_it_is_in_a(a, b, c, d, e, f, y, x):
    alignment = AlignmentPart(down=[a, b, c], right=[d, e, f], inverted=False)
    down, right = a * y + b * x + c, d * y + e * x + f

    xx, yx, xy, yy, x0, y0 = map(float, laid_on_a(alignment).split())

    drawn = xx * right + xy * down + x0, yx * right + yy * down + y0
    np.testing.assert_allclose(drawn, (x, y), atol=0.01)


def test_without_an_alignment_nothing_is_drawn_over_another():
    assert laid_on_a(None) == ""
