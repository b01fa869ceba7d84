"""The weights of an exported program (.pt2): its graph is vetted and not run.

What whoever saved it put beside the graph, as `extra_files`, may name the classes.
"""

import json
from pathlib import Path

from gate.errors import Identity
from gate.subject.checkpoints.budgets import Budget
from gate.subject.checkpoints.peeking import read_ends
from gate.subject.checkpoints.refusals import RefusedError
from gate.subject.checkpoints.zips import read_directory, read_members
from gate.subject.sources.proposals import CLASSES, as_names, input_question, kept, stated_classes
from gate.subject.sources.source import Artefact
from gate.subject.sources.statements import Ask, Statements
from gate.subject.sources.torch_checkpoint import TorchCheckpoint
from gate.wording import plain

_ARCHIVE, _MARK = b"PK\x03\x04", b"/archive_format"
_EXTRA = "extra/"
_LARGEST = 1 << 20  # bytes of one extra file

_FACTORY = Ask(
    "factory",
    "an exported program is never run here, and nothing else says how the model is built",
    "under model: add factory: package.module:function, or use --model",
)


class ExportedProgram(TorchCheckpoint):
    """The weights in what torch.export.save wrote."""

    name = "exported-program"

    def matches(self, path: Path) -> bool:
        """Return whether the file is an archive that says it holds an exported program."""
        ends = read_ends(path)
        return ends.head.startswith(_ARCHIVE) and _MARK in ends.tail

    def states(self, artefact: Artefact) -> Statements:
        """Return the classes that its extra files name, and what is not known.

        Raises CheckpointError where the file is refused or cannot be read.
        """
        inspection = self.inspect(artefact)
        if inspection.refusal is not None:
            raise inspection.refusal
        extra = _extra_files(artefact)
        values: dict[str, object] = {}
        for name, content in extra.items():
            stem = Path(name).stem
            values |= content if isinstance(content, dict) and as_names(content) is None else {}
            values.setdefault(stem, content)
        classes = stated_classes(values, inspection.classes, where="extra_files")
        fact = "nothing says how images are prepared"
        if has := kept(values):
            fact += f": its extra_files have {has}, which torch.export gives no meaning"
        asks = [_FACTORY, input_question(fact, values, channels=inspection.channels)]
        if artefact.factory is None and classes is None:
            asks.append(CLASSES)
        read = {artefact.path.name: artefact.sealed.sha256} if classes else {}
        return Statements(classes=classes, asks=tuple(asks), read=read)


def _extra_files(artefact: Artefact) -> dict[str, object]:
    """Return the JSON among the extra files by name; raises CheckpointError."""
    sealed = artefact.sealed
    budget = Budget()
    budget.packed += sealed.size
    try:
        members = read_members(read_directory(sealed.data, budget), budget)
    except RefusedError as refused:
        identity = Identity(sealed.sha256, sealed.size)
        raise refused.at(artefact.path, identity) from refused
    found = {}
    for member, content in members.items():
        name = member.partition("/")[2]
        if name.startswith(_EXTRA) and content.nbytes <= _LARGEST:
            try:
                found[plain(name.removeprefix(_EXTRA))] = json.loads(bytes(content))
            except (ValueError, RecursionError):
                continue  # a text, or a picture: they have no agreed form
    return found


SOURCE = ExportedProgram()
