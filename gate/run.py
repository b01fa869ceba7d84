"""The whole story on one screen: a policy is read, a model measured, every rule judged."""

import shutil
import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gate.errors import SubjectError, UsageError, refuse_address
from gate.masking import mask_argument
from gate.measure.settings import MeasureSettings
from gate.policy.needs import Need, needs_of
from gate.policy.reading import PolicyDocument, check_classes, read_policy
from gate.policy.waivers import PlacedWaiver, read_waivers
from gate.subject.folder import in_this_folder
from gate.subject.gatefile import GateFile, read_gatefile
from gate.subject.named_policy import policy_of
from gate.utf8 import as_utf8

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.evidence.records import Evidence
    from gate.measure.progress import Advance, Progress
    from gate.report.judgement import Judgement
    from gate.report.model import Report

REPORT_NAME = "report.json"
DEFAULT_OUT = Path("gate-out")
# Rows that a copy of this process saves. Fewer are saved sooner than a copy is made; with more it
# would take more memory than the process that measured, which is gone by then.
BESIDE = range(20_000, 200_000)


class Silent:
    """Progress that nobody watches."""

    def stage(self, name: str, total: int) -> "AbstractContextManager[Advance]":  # noqa: ARG002 -- Progress
        """Return a context in which nothing is shown."""
        return _unseen()

    def warn(self, text: str) -> None:
        """Say nothing."""


@contextmanager
def _unseen() -> "Iterator[Advance]":
    yield lambda count: None  # noqa: ARG005 -- Advance names it so


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a run is made, none of which changes what is measured."""

    out: Path = DEFAULT_OUT
    enforced: bool = True
    measure: MeasureSettings = field(default_factory=MeasureSettings)
    progress: "Progress" = field(default_factory=Silent)
    command: tuple[str, ...] = ()


def validate(
    gatefile: GateFile | str | Path = "gate.yaml", *, settings: Settings | None = None
) -> "Report":
    """Return the report on a gate file, and leave it with its evidence in the output folder.

    Raises UsageError where the gate file or the policy is wrong: then nothing was measured and
    nothing is written. What cannot be measured is an error in the report.
    """
    from gate.report.set_aside import drop_previous

    settings = settings or Settings()
    started = time.time()
    subject = gatefile if isinstance(gatefile, GateFile) else read_gatefile(Path(gatefile))
    refuse_overwriting_baseline(subject, settings.out)
    subject.require_complete()
    document, waivers = policy_of(subject), _waivers_of(subject)
    needs = needs_of(document.policy.rules)
    subject = subject.bound_by(document)
    out = _prepared(settings.out, keep=True)
    with in_this_folder():
        evidence = _measured(subject, document, needs, settings)
    drop_previous(out)
    judgement = _judgement(document, waivers, settings)
    with _saved(evidence, out):
        report = _judged(evidence, judgement, settings, started)
    _write_judged(judgement, out)
    write_report(report, out / REPORT_NAME)
    return report


def judge(
    evidence: "Evidence | str | Path",
    policy: PolicyDocument | str,
    *,
    waivers: Sequence[str] = (),
    enforced: bool = True,
    out: Path | None = None,
) -> "Report":
    """Return the report on evidence, or on the file or folder that holds it; no model, no data.

    ``waivers`` are paths of documents. With ``out``, a folder, the report is left there with the
    evidence and what it was judged by, for `attest`; without it nothing is. Raises UsageError where
    the policy or a waiver is wrong, EvidenceError where the evidence cannot be read.
    """
    from gate.evidence.records import Evidence
    from gate.evidence.store import load

    started = time.time()
    document = policy if isinstance(policy, PolicyDocument) else read_policy(policy)
    accepted = read_waivers(waivers)
    found = evidence if isinstance(evidence, Evidence) else load(Path(evidence))
    if found.classes:  # none are known where no data could be opened: the failures then decide
        check_classes(document, found.classes, found.critical)
    settings = Settings(enforced=enforced)
    judgement = _judgement(document, accepted, settings)
    if out is not None:
        _leave(found, evidence, out)
    report = _judged(found, judgement, settings, started)
    if out is not None:
        _write_judged(judgement, out)
        write_report(report, out / REPORT_NAME)
    return report


def write_report(report: "Report", path: Path) -> None:
    """Write the report as JSON, whole or not at all."""
    from gate.evidence.files import write_text

    write_text(path, report.to_json())


def _measured(
    subject: GateFile, document: PolicyDocument, needs: Sequence[Need], settings: Settings
) -> "Evidence":
    """Return the evidence; where the data cannot be opened, evidence of nothing but that."""
    from gate.evidence.records import Evidence
    from gate.evidence.times import now
    from gate.measure.evidence_builder import failure
    from gate.measure.measurement import measure
    from gate.subject.splits import open_splits

    runs_a_model = subject.model is not None and not settings.measure.shards
    with settings.measure.prestart() if runs_a_model else nullcontext():
        if settings.measure.apart is not None:  # while that process starts, this one has time
            threading.Thread(target=_import_judging).start()  # no import is cut off at the exit
        try:
            datasets, classes = open_splits(subject)
        except SubjectError as error:
            if subject.classes:
                check_classes(document, subject.classes, subject.critical)
            return Evidence(
                classes=subject.classes,
                critical=subject.critical,
                failures=(failure(error),),
                measured_at=now(),
            )
        check_classes(document, classes, subject.critical)
        subject.require_critical(classes)
        return measure(
            subject,
            datasets,
            classes,
            settings=settings.measure,
            progress=settings.progress,
            needs=needs,
        )


def _judgement(
    document: PolicyDocument, waivers: tuple[PlacedWaiver, ...], settings: Settings
) -> "Judgement":
    from gate.policy.record import PolicyRecord
    from gate.report.judgement import Judgement

    return Judgement(PolicyRecord.of(document), waivers, settings.enforced)


def _judged(
    evidence: "Evidence", judgement: "Judgement", settings: Settings, started: float
) -> "Report":
    at = datetime.fromtimestamp(started, UTC)
    return judgement.report_on(evidence, at=at, run=lambda: _run_facts(evidence, settings, started))


def _write_judged(judgement: "Judgement", out: Path) -> None:
    """Leave by what the evidence that lies in the folder was judged."""
    from gate.evidence.files import write_text
    from gate.evidence.store import FILE_NAME
    from gate.report import judgement as judged

    written = judged.Judged(judgement, judged.sha256_of(out / FILE_NAME))
    write_text(out / judged.FILE_NAME, written.to_json())


def _import_judging() -> None:
    import scipy.special  # noqa: F401 -- the slowest: the first interval would wait for it

    import gate.evidence.store
    import gate.report.judgement
    import gate.report.renderings  # noqa: F401


def _waivers_of(subject: GateFile) -> tuple[PlacedWaiver, ...]:
    try:
        return read_waivers(subject.waivers, base=subject.base)
    except UsageError as error:
        for index, path in enumerate(subject.waivers):
            if error.where == str(subject.base / path):
                raise subject.place_of(error, path, "waivers", index) from None
        raise


def _prepared(out: Path, *, anew: bool = True, keep: bool = False) -> Path:
    """Return the output folder, there and writable, without what an earlier run left.

    An old verdict must not be taken for that of a run which did not get as far as one. What was
    measured stays unless it is measured ``anew``. What must be gone is put aside where it is to be
    kept: until all was measured, the call may still turn out to be faulty.
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


def refuse_overwriting_baseline(subject: GateFile, out: Path) -> None:
    """Refuse an output folder that holds the champion: the run would overwrite it."""
    if subject.baseline is None:
        return
    baseline = (subject.base / subject.baseline).resolve()
    if out.resolve() in (baseline, baseline.parent if baseline.is_file() else baseline):
        raise UsageError(
            f"--out {out}", "holds the baseline, which the run would overwrite", "name another"
        )


def _saved(evidence: "Evidence", out: Path) -> "AbstractContextManager[None]":
    """Return a context at whose end the evidence is saved, where it pays while the block runs."""
    from gate.measure.engines.background import run_in_fork

    if sum(len(each.rows) for each in evidence.splits.values()) in BESIDE:
        return run_in_fork(partial(_save, evidence, out))
    _save(evidence, out)
    return nullcontext()


def _leave(evidence: "Evidence", source: "Evidence | str | Path", out: Path) -> None:
    """Leave evidence that was judged again in a folder: the very file that it was read from."""
    from gate.evidence.files import replace_file
    from gate.evidence.store import FILE_NAME

    if not isinstance(source, str | Path):
        _save(evidence, _prepared(out))
        return
    file = Path(source)
    file = (file / FILE_NAME if file.is_dir() else file).resolve()
    place = out / FILE_NAME
    if place.resolve() == file:
        _prepared(out, anew=False)
        return
    _prepared(out)
    with replace_file(place) as unfinished:
        try:
            unfinished.hardlink_to(file)
        except OSError:  # another disk, or one that knows no such links
            shutil.copyfile(file, unfinished)
    _save_lists(evidence, out)


def _save(evidence: "Evidence", out: Path) -> None:
    from gate.evidence.store import FILE_NAME, save

    save(evidence, out / FILE_NAME)
    _save_lists(evidence, out)


def _save_lists(evidence: "Evidence", out: Path) -> None:
    from gate.evidence.files import write_text
    from gate.report import broken, pairs

    lists = {
        pairs.FILE_NAME: pairs.pairs_list(evidence),
        broken.FILE_NAME: broken.broken_list(evidence),
    }
    for name, lines in lists.items():
        if lines is not None:
            write_text(out / name, lines)


def _run_facts(evidence: "Evidence", settings: Settings, started: float) -> dict[str, Any]:
    from gate.evidence.times import as_text

    finished = time.time()
    measured_at = evidence.measured_at
    return {
        "started": datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds"),
        "seconds": round(finished - started, 3),
        "command": [as_utf8(mask_argument(each)) for each in settings.command],
        "measured_at": None if measured_at is None else as_text(measured_at),
        "answers_from_cache": evidence.answers_from_cache,
    }
