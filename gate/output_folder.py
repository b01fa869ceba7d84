"""The output folder: made ready for a run, and what a run or a judgement leaves in it."""

import shutil
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gate.errors import UsageError, refuse_address
from gate.subject.gatefile import GateFile

if TYPE_CHECKING:
    from gate.evidence.records import Evidence
    from gate.report.judgement import Judgement
    from gate.report.model import Report

REPORT_NAME = "report.json"
# Rows that a copy of this process saves. Fewer are saved sooner than a copy is made; with more it
# would take more memory than the process that measured, which is gone by then.
SAVED_IN_FORK = range(20_000, 200_000)


def refuse_overwriting_baseline(subject: GateFile, out: Path) -> None:
    """Raise UsageError for an output folder that holds the champion: it would be overwritten."""
    if subject.baseline is None:
        return
    baseline = (subject.base / subject.baseline).resolve()
    if out.resolve() in (baseline, baseline.parent if baseline.is_file() else baseline):
        raise UsageError(
            f"--out {out}", "holds the baseline, which the run would overwrite", "name another"
        )


def prepare(out: Path, *, anew: bool = True, keep: bool = False) -> Path:
    """Return the output folder, there and writable, without what an earlier run left.

    An old verdict must not be taken for that of a run which did not get as far as one. What was
    measured stays unless it is measured ``anew``. What must be gone is put aside where it is to be
    kept: until all was measured, the call may still turn out to be faulty. Raises UsageError for a
    URL, and where the folder cannot be written.
    """
    from gate.evidence.files import remove_unfinished_files
    from gate.evidence.store import FILE_NAME
    from gate.report import broken, pairs
    from gate.report.judgement import FILE_NAME as JUDGED_NAME
    from gate.report.set_aside import set_aside

    refuse_address(out, "--out")
    lists = (pairs.FILE_NAME, broken.FILE_NAME)
    try:
        out.mkdir(parents=True, exist_ok=True)
        if keep:
            set_aside(out)
        for name in (REPORT_NAME, JUDGED_NAME, *((FILE_NAME, *lists) if anew else ())):
            (out / name).unlink(missing_ok=True)
        remove_unfinished_files(out)
        probe = out / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"--out {out}", f"cannot be written ({error.strerror})", "name another folder"
        ) from error
    return out


def save_evidence(evidence: "Evidence", out: Path) -> "AbstractContextManager[None]":
    """Return a context at whose end the evidence is saved, where it pays while the block runs.

    Raises OutputError where it cannot be written.
    """
    from gate.measure.engines.background import run_in_fork

    if sum(len(each.rows) for each in evidence.splits.values()) in SAVED_IN_FORK:
        return run_in_fork(partial(_save, evidence, out))
    _save(evidence, out)
    return nullcontext()


def copy_evidence(
    evidence: "Evidence", source: "Evidence | str | Path", out: Path, *, restated: bool = False
) -> None:
    """Leave evidence that was judged again in a folder: the very file that it was read from.

    Where it is ``restated``, judged at another operating point, the copy states that one.

    Raises UsageError where the folder cannot be written, OutputError where a file cannot.
    """
    from gate.evidence.files import replace_file
    from gate.evidence.store import FILE_NAME, restate

    if not isinstance(source, str | Path):
        _save(evidence, prepare(out))
        return
    file = Path(source)
    file = (file / FILE_NAME if file.is_dir() else file).resolve()
    place = out / FILE_NAME
    is_same = place.resolve() == file
    prepare(out, anew=not is_same)
    if restated:
        with replace_file(place) as unfinished:
            shutil.copyfile(file, unfinished)
            restate(unfinished, evidence)
        _save_lists(evidence, out)
        return
    if is_same:
        return
    with replace_file(place) as unfinished:
        try:
            unfinished.hardlink_to(file)
        except OSError:  # another disk, or one that knows no such links
            shutil.copyfile(file, unfinished)
    _save_lists(evidence, out)


def save_verdict(judgement: "Judgement", report: "Report", out: Path) -> None:
    """Leave the report, and by what the evidence that lies in the folder was judged.

    Raises OutputError where they cannot be written.
    """
    from gate.evidence.files import write_text
    from gate.evidence.store import FILE_NAME
    from gate.report import judgement as judged

    written = judged.Judged(judgement, judged.sha256_of(out / FILE_NAME))
    write_text(out / judged.FILE_NAME, written.to_json())
    write_text(out / REPORT_NAME, report.to_json())


def _save(evidence: "Evidence", out: Path) -> None:
    from gate.evidence.store import FILE_NAME, save

    save(evidence, out / FILE_NAME)
    _save_lists(evidence, out)


def _save_lists(evidence: "Evidence", out: Path) -> None:
    from gate.evidence.files import write_text
    from gate.metrics.operating_point import at_operating_point
    from gate.report import broken, pairs

    lists = {
        pairs.FILE_NAME: pairs.pairs_list(evidence),
        broken.FILE_NAME: broken.broken_list(at_operating_point(evidence)),
    }
    for name, lines in lists.items():
        if lines is not None:
            write_text(out / name, lines)
