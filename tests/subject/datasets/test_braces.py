import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import DataError
from gate.subject.datasets.braces import expanded, has_braces


@pytest.mark.parametrize(
    ("written", "paths"),
    [
        ("a.tar", ["a.tar"]),
        ("a-{0..2}.tar", ["a-0.tar", "a-1.tar", "a-2.tar"]),
        ("a-{008..010}", ["a-008", "a-009", "a-010"]),
        ("a-{8..10}", ["a-8", "a-9", "a-10"]),
        ("{2..1}{x,y}", ["2x", "2y", "1x", "1y"]),
        ("{c..a}", ["c", "b", "a"]),
        ("s3://b/{train,test}/{00..01}.tar", [
            "s3://b/train/00.tar", "s3://b/train/01.tar",
            "s3://b/test/00.tar", "s3://b/test/01.tar",
        ]),
        ("a{,-b}", ["a", "a-b"]),
        ("{0..1}{,0}", ["0", "00", "1", "10"]),
        ("{name}-{0..1}", ["{name}-0", "{name}-1"]),
    ],
)  # fmt: skip
def test_braces_stand_for_what_a_shell_makes_of_them(written, paths):
    assert list(expanded(written)) == paths


@given(
    st.integers(0, 120), st.integers(0, 120), st.integers(1, 4), st.lists(st.sampled_from("abc"))
)
def test_ranges_are_those_of_the_package_that_webdataset_uses(first, last, width, more):
    braceexpand = pytest.importorskip("braceexpand", reason="an oracle that is not installed")
    choices = "{" + ",".join(sorted(set(more))) + "}" if len(set(more)) > 1 else ""
    written = f"x-{{{first:0{width}}..{last:0{width}}}}{choices}.tar"

    assert list(expanded(written)) == list(braceexpand.braceexpand(written))


@pytest.mark.parametrize(
    ("written", "yes"),
    [("a{0..3}", True), ("a{b,c}", True), ("a{b}", False), ("a", False), ("a{0..", False)],
)
def test_only_a_range_or_a_list_makes_a_path_stand_for_several(written, yes):
    assert has_braces(written) == yes


@pytest.mark.parametrize(
    ("written", "fact"),
    [
        ("{a,{0..1}}", "braces in braces"),
        ("{0..1}}", "without its pair"),
        ("{0..99999999}", "stands for 100,000,000 files"),
        ("{0..999}{0..999}", "stands for 1,000,000 files"),
        ("{a,b,a}", "names 'a' twice"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_it_is_written_out(written, fact, says):
    with says(DataError, fact=fact):
        expanded(written)
