"""Times of measurement: UTC, to the second, in ISO 8601."""

from datetime import UTC, datetime, timedelta

from gate.evidence.contradictions import Contradiction

AHEAD = timedelta(days=1)  # clocks of two machines differ, and by less than that


def now() -> datetime:
    """Return the present moment in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def as_text(moment: datetime) -> str:
    """Return a moment as files and reports hold it: ``2026-07-01T12:00:00+00:00``."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def moment_of(text: object) -> datetime:
    """Return the moment that ``as_text`` wrote down.

    Raises Contradiction for what is no moment of UTC, and for one that is more than a day ahead.
    """
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        if moment is None or moment.utcoffset() != timedelta(0):
            raise ValueError("no time of UTC")
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Contradiction("measured_at", "does not say when it was measured") from error
    if moment > now() + AHEAD:
        raise Contradiction(
            "measured_at",
            f"was measured at {as_text(moment)}, which is more than a day in the future",
        )
    return moment
