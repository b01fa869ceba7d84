"""What was done to a copy is told in words from how it lies in its original."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.evidence.records import Alignment
from gate.report.alignments import describe_change

CROP = 1 / 0.76


def alignment(degrees=0.0, zoom=1.0, moved=(0.0, 0.0), *, mirrored=False, inverted=False):
    cos, sin = (zoom * f(math.radians(degrees)) for f in (math.cos, math.sin))
    way = -1 if mirrored else 1
    return Alignment((cos, way * sin, moved[0]), (-sin, way * cos, moved[1]), inverted)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (alignment(), ""),
        (alignment(5), "turned by 5° clockwise"),
        (alignment(-95), "turned by 95° counter-clockwise"),
        (alignment(180), "turned by 180°"),
        (alignment(zoom=CROP, moved=(0.1, 0)), "cropped to 76 %"),
        (alignment(zoom=0.9), "reduced to 90 %"),
        (alignment(moved=(0.12, 0)), "moved by 12 %"),
        (alignment(mirrored=True), "mirrored"),
        (alignment(inverted=True), "inverted"),
        (Alignment((1.2, 0, 0), (0, 1, 0), False), "cropped to 91 %, stretched"),
        (
            alignment(5, CROP, mirrored=True, inverted=True),
            "turned by 5° clockwise, cropped to 76 %, mirrored, inverted",
        ),
    ],
)
def test_a_change_is_told_in_words(given, said):
    assert describe_change(given) == said


@given(
    st.floats(-179, 179),
    st.floats(0.5, 2),
    st.floats(-1, 1),
    st.booleans(),
    st.booleans(),
)
def test_any_similarity_is_told_and_never_as_stretched(degrees, zoom, moved, mirrored, inverted):
    said = describe_change(
        alignment(degrees, zoom, (moved, 0), mirrored=mirrored, inverted=inverted)
    )

    assert ("mirrored" in said) == mirrored
    assert ("inverted" in said) == inverted
    assert "stretched" not in said
