"""Results of the last run are set aside, so that nobody takes them for those of this call.

Nothing is deleted: each file gets ``.previous`` into its name. The newest is kept, and a second
faulty call, which finds nothing to put aside, leaves it alone. A name is changed in one step, so
that a call which is killed between two of them is completed by the next.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gate.evidence.files import previous
from gate.evidence.store import FILE_NAME as EVIDENCE
from gate.evidence.tables import APPLICATION
from gate.report.broken import FILE_NAME as BROKEN
from gate.report.judgement import FILE_NAME as JUDGED
from gate.report.pairs import FILE_NAME as PAIRS
from gate.report.reading import FILE_NAME as REPORT

_HEAD = 100  # bytes: the header of an SQLite file
_APPLICATION_AT = slice(68, 72)  # in it: whose file it is


@dataclass(frozen=True, slots=True)
class SetAside:
    """What became of a folder: the files that lie aside now, and those that could not be moved."""

    kept: tuple[Path, ...]
    left: tuple[tuple[Path, str], ...]  # with the reason


def set_aside(out: Path, *, evidence: bool = True) -> SetAside:
    """Put aside report, evidence and lists of the last run in a folder; all else there stays.

    With ``evidence`` false what was measured keeps its name: the call was about to judge it.
    """
    left = [(path, "it is a link") for path in _links(out, evidence=evidence)]
    for path in _ours(out, evidence=evidence):
        if _is_foreign(previous(path)):
            left.append((path, f"{previous(path).name} there is no file of this program"))
            continue
        try:
            path.replace(previous(path))  # a link of that name is replaced, and never followed
        except FileNotFoundError:  # another call was faster
            continue
        except OSError as error:
            left.append((path, error.strerror or type(error).__name__))
    aside = [previous(out / name) for name in (REPORT, EVIDENCE)]
    return SetAside(tuple(path for path in aside if _is_file(path)), tuple(left))


def drop_previous(out: Path) -> None:
    """Remove what was put aside in a folder, where a run is about to leave its own."""
    report, measured = previous(out / REPORT), previous(out / EVIDENCE)
    if not (_is_report(report) or _is_evidence(measured)):
        return
    for name in (BROKEN, PAIRS, JUDGED, EVIDENCE, REPORT):
        aside = previous(out / name)
        if _is_file(aside):
            with suppress(OSError):  # who saves beside it will say so
                aside.unlink()


def _ours(out: Path, *, evidence: bool) -> Iterator[Path]:
    """Yield the files of a run, the report as the last; nothing where a folder is another's."""
    report, measured = out / REPORT, out / EVIDENCE
    is_report, is_evidence = _is_report(report), _is_evidence(measured)
    if not (is_report or is_evidence):
        return
    names = (BROKEN, PAIRS, JUDGED) if evidence else (JUDGED,)
    yield from (out / name for name in names if _is_file(out / name))
    if evidence and is_evidence:
        yield measured
    if is_report:
        yield report


def _links(out: Path, *, evidence: bool) -> Iterator[Path]:
    """Yield what is called like a result, and is a link to a file: it stays what it is."""
    for name in (REPORT, EVIDENCE) if evidence else (REPORT,):
        with suppress(OSError):
            if (out / name).is_symlink() and (out / name).is_file():
                yield out / name


def _is_foreign(aside: Path) -> bool:
    """Return whether a user has a file of their own where a report or evidence would lie aside."""
    known = {previous(Path(REPORT)).name: _is_report, previous(Path(EVIDENCE)).name: _is_evidence}
    is_ours = known.get(aside.name)
    return is_ours is not None and _is_file(aside) and not is_ours(aside)


def _is_report(path: Path) -> bool:
    if not _is_file(path):
        return False
    from gate.report.renderings.marks import is_ours

    return is_ours(path, "json")


def _is_evidence(path: Path) -> bool:
    if not _is_file(path):
        return False
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError:
        return False
    ours = head[_APPLICATION_AT] == APPLICATION.to_bytes(4, "big")
    return ours and head.startswith(b"SQLite format 3\0")


def _is_file(path: Path) -> bool:
    """Return whether a regular file lies there itself, and no link to one."""
    try:
        return path.is_file() and not path.is_symlink()
    except OSError:  # nobody may look, or the name is too long
        return False
