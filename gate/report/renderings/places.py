"""The place of a result: a file, a line, and a fingerprint that two reports share."""

from dataclasses import dataclass
from hashlib import sha256

from gate.report.model import Report, ResultPart


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a policy; lines and columns count from 1."""

    file: str
    line: int = 1
    column: int = 1


def place_of(report: Report, result: ResultPart | None = None) -> Place:
    """Return the line of the result's rule; without one, the beginning of the policy."""
    if result is not None and result.location is not None:
        found = result.location
        return Place(found.file, max(found.line, 1), max(found.column, 1))
    sources = report.policy.sources
    return Place(sources[0].path if sources else "policy.yaml")


def fingerprint(report: Report, key: str) -> str:
    """Return a mark that stays while policy and scope keep their names, whatever the figures."""
    return sha256(f"{report.policy.name}\n{key}".encode("utf-8", "backslashreplace")).hexdigest()
