"""The facts of one run, which are all that differs between two equal ones."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gate.evidence.records import Evidence
from gate.evidence.times import as_text
from gate.masking import mask_argument
from gate.utf8 import as_utf8


def run_facts(
    evidence: Evidence,
    *,
    started: datetime,
    command: Sequence[str],
) -> dict[str, Any]:
    """Return when a run began, how long it took until now, and of which call it was."""
    measured_at = evidence.measured_at
    return {
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.time() - started.timestamp(), 3),
        "command": [as_utf8(mask_argument(each)) for each in command],
        "measured_at": None if measured_at is None else as_text(measured_at),
        "answers_from_cache": evidence.answers_from_cache,
        "engines": evidence.packages_of_engines,
    }
