"""When something was measured: read back as it was written, and never from the future."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.evidence.contradictions import Contradiction
from gate.evidence.times import as_text, moment_of, now


@given(st.datetimes(datetime(1970, 1, 1), datetime(2025, 1, 1)))  # noqa: DTZ001 -- made aware
def test_a_moment_is_read_as_it_was_written(moment):
    moment = moment.replace(microsecond=0, tzinfo=UTC)

    assert moment_of(as_text(moment)) == moment


def test_a_clock_may_be_ahead_by_less_than_a_day():
    soon = now() + timedelta(hours=23)

    assert moment_of(as_text(soon)) == soon


def test_what_is_more_than_a_day_ahead_is_refused_in_words():
    later = now() + timedelta(days=1, hours=1)

    with pytest.raises(Contradiction, match="more than a day in the future") as caught:
        moment_of(as_text(later))

    assert as_text(later) in caught.value.fact


@pytest.mark.parametrize(
    "text",
    [
        None, 7, "", "yesterday", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00+02:00",
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-13-01T00:00:00+00:00",
    ],
)  # fmt: skip
def test_what_is_no_moment_of_utc_is_refused(text):
    with pytest.raises(Contradiction, match="does not say when it was measured"):
        moment_of(text)
