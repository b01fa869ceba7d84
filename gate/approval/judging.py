"""Evidence is judged again, and a report is believed as far as the results agree.

Between a run and its attestation a folder passes through many hands. Nothing of the report is taken
from the file but when it was made: evidence and rules are read, and the report is made anew.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import Any

from gate.errors import AttestationError, EvidenceError, RefusalCode, UsageError
from gate.evidence.files import lies_aside, previous
from gate.evidence.records import Evidence
from gate.evidence.regular import IrregularError, read_regular
from gate.evidence.store import FILE_NAME as EVIDENCE
from gate.evidence.store import load
from gate.evidence.times import as_text
from gate.policy.fit import misfits
from gate.report.judgement import FILE_NAME as JUDGED
from gate.report.judgement import Judged, sha256_of
from gate.report.model import Report
from gate.report.reading import FILE_NAME as REPORT
from gate.report.reading import read_with_bytes
from gate.report.statement import judged_at
from gate.wording import list_names, printable

_LARGEST = 1 << 26  # bytes of what was judged by: many times what a policy can have
_MOST_SHOWN = 3
_LAST_BITS = 1e-9  # far below any digit that a sentence of the report shows
_AGAIN = "judge again (`validate-model judge FOLDER --policy POLICY --out DIR`), and attest DIR"


def judge_again(folder: Path) -> Report:
    """Return the report that the evidence in a folder gives, with the times that the file states.

    Raises EvidenceError where report or evidence is missing or damaged, and AttestationError for a
    report alone, and where report, rules and evidence do not belong together; IrregularError for
    evidence that is no regular file.
    """
    _check_folder(folder)
    found, data = read_with_bytes(folder)
    judged = _judge(folder)
    where = printable(str(folder / EVIDENCE))
    if _sha256(folder / EVIDENCE) != judged.evidence_sha256:
        raise AttestationError(
            where,
            RefusalCode.EVIDENCE_DIFFERS,
            f"it is not the evidence that {JUDGED} is of: its sha256 is another",
            _AGAIN,
        )
    evidence = load(folder / EVIDENCE)
    assert evidence.measured_at is not None, "what was saved was measured some time"
    _check_fit(judged, evidence, printable(str(folder / JUDGED)))
    facts = {
        **found.run,
        "measured_at": as_text(evidence.measured_at),
        "answers_from_cache": evidence.answers_from_cache,
        "engines": evidence.packages_of_engines,
    }
    made = judged.judgement.report_on(evidence, at=judged_at(found), run=lambda: facts)
    _check_same(found, data, made, printable(str(folder / REPORT)))
    return made


def _check_folder(folder: Path) -> None:
    if folder.is_file():
        raise AttestationError(
            printable(str(folder)),
            RefusalCode.REPORT_ALONE,
            "this is a file, and a verdict is judged again from its evidence before it is signed",
            "give the folder that `run`, or `judge --out`, left",
        )
    if lies_aside(folder / REPORT):
        raise EvidenceError(
            printable(str(folder)),
            "there is no report: a call that was faulty put the last one aside",
            f"run again, or judge again (`validate-model judge "
            f"{quote(printable(str(previous(folder / EVIDENCE))))} --policy POLICY --out DIR`), "
            "and attest DIR",
        )
    for name in (EVIDENCE, JUDGED):
        if folder.is_dir() and (folder / REPORT).is_file() and not (folder / name).is_file():
            raise AttestationError(
                printable(str(folder)),
                RefusalCode.REPORT_ALONE,
                f"there is a report, and no {name} beside it to judge again from",
                "give the whole folder that `run`, or `judge --out`, left",
            )


def _sha256(file: Path) -> str:
    try:
        return sha256_of(file)
    except IrregularError as error:
        raise EvidenceError(
            printable(str(file)), f"this is no evidence: {error}", _AGAIN
        ) from error
    except OSError as error:
        fact = f"cannot be read ({error.strerror})"
        raise EvidenceError(printable(str(file)), fact, "check the folder") from error


def _judge(folder: Path) -> Judged:
    file = folder / JUDGED
    try:
        return Judged.from_json(read_regular(file, most=_LARGEST))
    except OSError as error:
        fact = f"cannot be read ({error.strerror})"
        raise EvidenceError(printable(str(file)), fact, "check the folder") from error
    except UsageError as error:  # a plugin of the policy is not here, or is another
        raise AttestationError(
            error.where,
            RefusalCode.PLUGIN_DIFFERS,
            f"the policy judged by it: {error.fact}",
            error.remedy,
        ) from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        said = str(error).splitlines()[0] if isinstance(error, ValueError) else "a part is missing"
        raise AttestationError(
            printable(str(file)),
            RefusalCode.JUDGEMENT_MALFORMED,
            f"it does not say by what was judged, or was changed: {printable(said, 120)}",
            _AGAIN,
        ) from error


def _check_fit(judged: Judged, evidence: Evidence, where: str) -> None:
    """Refuse evidence of other classes than the policy speaks of, as `run` and `judge` do."""
    if not evidence.classes:  # none are known where no data could be opened: the failures decide
        return
    for misfit in misfits(judged.judgement.policy.policy, evidence.classes, evidence.critical):
        raise AttestationError(
            where,
            RefusalCode.POLICY_DOES_NOT_FIT,
            f"its policy does not fit the evidence: {printable(misfit.fact, 200)}",
            "judge a model with the classes that the policy speaks of "
            f"({printable(misfit.remedy)})",
        )


def _check_same(found: Report, data: bytes, made: Report, where: str) -> None:
    """Refuse a report that says otherwise than the one that was made again.

    Numbers may differ in the last bits, which another processor computes otherwise; nothing else.
    """
    if data == made.to_json().encode():
        return
    given, again = found.model_dump(by_alias=True), made.model_dump(by_alias=True)
    differing = list(_differences(given, again))
    if not differing and given != again:
        return
    raise AttestationError(
        where,
        RefusalCode.REPORT_DIFFERS,
        "it says otherwise than its evidence, judged again, at "
        f"{list_names(differing, _MOST_SHOWN)}"
        if differing
        else "it is not written as `run` and `judge` write it",
        _AGAIN,
    )


def _differences(found: Any, made: Any, place: str = "") -> Iterator[str]:  # noqa: ANN401 -- what JSON holds
    """Yield the places at which two reports differ."""
    if isinstance(found, dict) and isinstance(made, dict):
        for key in dict.fromkeys((*made, *found)):
            below = f"{place}.{key}".lstrip(".")
            if key not in found or key not in made:
                yield below
            else:
                yield from _differences(found[key], made[key], below)
    elif isinstance(found, list) and isinstance(made, list) and len(found) == len(made):
        for index, (one, other) in enumerate(zip(found, made, strict=True)):
            yield from _differences(one, other, _entry(place, index, other))
    elif not _is_same(found, made):
        yield place


def _is_same(found: Any, made: Any) -> bool:  # noqa: ANN401 -- what JSON holds
    if isinstance(found, float) and isinstance(made, float):
        return math.isclose(found, made, rel_tol=_LAST_BITS, abs_tol=_LAST_BITS)
    return bool(found == made)


def _entry(place: str, index: int, made: Any) -> str:  # noqa: ANN401 -- what JSON holds
    """Return how a message calls an entry of a list: a result by its key."""
    key = made.get("key") if isinstance(made, dict) else None
    return f"{place}.{index if key is None else key}"
