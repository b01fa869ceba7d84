"""Kept parts are found by their plan, and believed while nothing changed.

A part is kept under the digest of its plan, and of the model with the user's code as it was run. It
is believed when the files of its split have not been touched since it was measured; where they
have, when their bytes are still those that were measured. Anything else is measured again. Nothing
here decides a number: with an empty cache the same evidence comes out.
"""

import errno
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from gate.errors import EvidenceError, OutputError
from gate.evidence.contradictions import Contradiction
from gate.evidence.files import remove_unfinished_files, write_text
from gate.evidence.records import Split
from gate.measure.cache_location import PLANS, close_file, make_private, reason_to_distrust
from gate.measure.partials.model_facts import ModelFacts
from gate.measure.partials.partial import PartialResult
from gate.measure.partials.partial_checks import require_entries, require_observations
from gate.measure.partials.partial_files import parse, read_parts, write_parts
from gate.measure.partials.plan import Plan
from gate.measure.partials.work_units import WorkUnit
from gate.subject.datasets.records import Dataset, UnreadableImage
from gate.subject.importing import resolves_otherwise
from gate.subject.touched import is_unchanged

SETTLED = 2.0  # seconds; a file touched later than that ago may be touched again unseen
_PLAN = "plan.json"
_FACTS = "facts.json"
_PART = ".npz"

Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder of parts; several runs may use it at once."""

    root: Path
    warn: Warn  # told, once a run, what could not be used or kept

    def kept(self, plan: Plan, datasets: Mapping[Split, Dataset], base: Path) -> "Kept":
        """Return what is kept of a plan; ``base`` is the folder of the gate file."""
        folder = self.root / PLANS / plan.digest
        witnesses = {split: source_signature(dataset) for split, dataset in datasets.items()}
        found = Kept(folder, plan, datasets, witnesses, base, self.warn)
        found.look_up()
        return found


@dataclass(slots=True)
class Kept:
    """The parts of one plan that were measured before, and a place for those to come."""

    folder: Path
    plan: Plan
    datasets: Mapping[Split, Dataset]
    witnesses: Mapping[Split, str | None]
    base: Path
    warn: Warn
    facts: ModelFacts | None = None
    _variant: Path | None = field(default=None)
    _broken: bool = field(default=False)  # the disk takes nothing more; said once

    def look_up(self) -> None:
        """Find the model that was measured with the user's code as it is now."""
        if self._is_distrusted(self.folder):
            self._broken = True  # nor is anything kept in it
            return
        for folder in (self.folder, *self.folder.glob("*/")):
            if reason_to_distrust(folder) is None:
                remove_unfinished_files(folder)
        for file in sorted(self.folder.glob(f"*/{_FACTS}"), key=_last_use, reverse=True):
            if self._is_distrusted(file.parent) or self._is_distrusted(file):
                continue
            facts = self._facts_in(file)
            if facts is not None and _is_of_today(facts, self.base):
                self.facts, self._variant = facts, file.parent
                return

    def parts(self, units: Sequence[WorkUnit]) -> Iterator[PartialResult]:
        """Yield the parts of these units that may be believed."""
        if self._variant is None:
            return
        for unit in units:
            file = self._variant / f"{unit.name}{_PART}"
            if self.witnesses[unit.split] is None or not file.is_file():
                continue
            if self._is_distrusted(file):
                continue
            try:
                about, part = self._part_in(file, unit)
            except EvidenceError as error:
                self.warn(f"cache: {error.where}: {error.fact}; this part is measured again")
                continue
            if about == self._about(part):
                with suppress(OSError):
                    os.utime(file)  # cleaning goes by when a part was last of use
            elif _same_bytes(part, self.datasets[unit.split]):
                self._write(file, part)  # next time the files need not be read
            else:
                continue
            yield part

    def keep(self, facts: ModelFacts, part: PartialResult) -> None:
        """Keep a part; a disk that does not take it is said once, and ends nothing."""
        if self._broken or self.witnesses[part.unit.split] is None:
            return
        try:
            known = self.facts is not None and facts.agrees(self.facts)
            if self._variant is None or not known or not self._variant.is_dir():
                self._variant = self._start_variant(facts)
        except (OSError, OutputError) as error:
            self._stop(error)
        else:
            self._write(self._variant / f"{part.unit.name}{_PART}", part)

    def _is_distrusted(self, path: Path) -> bool:
        why = reason_to_distrust(path)
        if why is not None:
            self.warn(f"cache: {path}: {why}; what it holds is measured again")
        return why is not None

    def _facts_in(self, file: Path) -> ModelFacts | None:
        """Return the model that a file names; None where it is damaged, which is said."""
        try:
            text = file.read_bytes()
            if _named_after(text) == file.parent.name:
                return ModelFacts.from_json(parse(text))
        except FileNotFoundError:  # another run has cleaned it
            return None
        except (OSError, ValueError, LookupError, TypeError):
            pass
        self.warn(f"cache: {file}: is damaged; what it belongs to is measured again")
        with suppress(OSError):
            file.unlink()
        return None

    def _part_in(self, file: Path, unit: WorkUnit) -> tuple[Mapping[str, Any], PartialResult]:
        """Return a kept part, and what was said of it; raises EvidenceError for any other."""
        stored = read_parts(file)
        of_this = stored.about.get("of") == self._of
        if not of_this or [part.unit for part in stored.parts] != [unit]:
            raise EvidenceError(str(file), "is of another measurement", "measure it again")
        (part,) = stored.parts
        try:
            require_entries(part, self.datasets[unit.split])
            require_observations(part, self.plan.observing(unit.split))
        except Contradiction as error:
            raise EvidenceError(f"{file}: {error.place}", error.fact, "measure it again") from error
        return stored.about, replace(part, cached=True)

    @property
    def _of(self) -> str:
        assert self._variant is not None, "parts belong to a model"
        return f"{self.plan.digest} {self._variant.name}"

    def _about(self, part: PartialResult) -> dict[str, Any]:
        return {"of": self._of, "witness": self.witnesses[part.unit.split]}

    def _write(self, file: Path, part: PartialResult) -> None:
        try:
            write_parts(file, [part], self._about(part))
            close_file(file)
        except OutputError as error:
            self._stop(error)

    def _stop(self, error: OSError | OutputError) -> None:
        if not self._broken:
            said = error.fact if isinstance(error, OutputError) else error.strerror
            self.warn(f"cache: {self.folder}: {said}; nothing more is kept")
        self._broken = True

    def _start_variant(self, facts: ModelFacts) -> Path:
        """Return the folder for the model as it was measured, with its code as it was run."""
        said = json.dumps(facts.as_json(), sort_keys=True)
        folder = self.folder / _named_after(said.encode())
        make_private(folder)
        if (why := reason_to_distrust(folder)) is not None:
            raise OSError(errno.EPERM, why)
        write_text(self.folder / _PLAN, json.dumps(self.plan.document, indent=2, default=str))
        write_text(folder / _FACTS, said)
        close_file(folder / _FACTS)
        self.facts = facts
        return folder


def _is_of_today(facts: ModelFacts, base: Path) -> bool:
    """Return whether the user's code would be the same files today, with the same bytes."""
    return is_unchanged(facts.code, base) and not resolves_otherwise(facts.code, base)


def _named_after(text: bytes) -> str:
    return sha256(text).hexdigest()[:16]


def source_signature(dataset: Dataset) -> str | None:
    """Return a digest of sizes and times of the files of a dataset; None where they do not tell.

    The kernel sets the time of a change (``ctime``); no program can set it back. A file that was
    touched a moment ago might be touched again within the same tick, so it witnesses nothing.
    """
    sources = dataset.sources()
    if sources is None:
        return None
    digest = sha256()
    newest = 0
    for path in sources:
        try:
            status = path.stat()
        except OSError:
            digest.update(b"missing\n")
            continue
        newest = max(newest, status.st_ctime_ns, status.st_mtime_ns)
        state = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        digest.update(f"{os.fspath(path)}\0{state}\n".encode(errors="surrogateescape"))
    if time.time_ns() - newest < SETTLED * 1e9:
        digest.update(os.urandom(16))
    return digest.hexdigest()


def _same_bytes(part: PartialResult, dataset: Dataset) -> bool:
    """Return whether reading the unit again gives the bytes, and the faults, that it gave."""
    known = dict(zip(part.rows.ids, part.fingerprints.file, strict=True))
    faults = {image.id: image.reason for image in part.unreadable}
    for row in part.unit.rows:
        name = dataset.entries[row].id
        try:
            stored = dataset.read(row).stored
        except UnreadableImage as problem:
            if faults.get(name) != problem.reason:
                return False
            continue
        if name not in known or sha256(stored).digest() != known[name].tobytes():
            return False
    return True


def _last_use(file: Path) -> float:
    with suppress(OSError):  # another run may have cleaned it
        return file.stat().st_mtime
    return 0.0
