"""Files that a training script saved: what lies beside the weights, and the script's arguments.

The arguments are an ``argparse.Namespace`` in the pickle: it is walked as all of a pickle is, and
plain values alone are taken out of it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from gate.subject.checkpoints.budgets import Budget
from gate.subject.checkpoints.names import NAMESPACES
from gate.subject.checkpoints.pickles import MAX_PICKLE, Opaque, Table, walk
from gate.subject.checkpoints.refusals import RefusedError, mismatch
from gate.subject.checkpoints.saved_values import NotPlainError, Plain, as_plain, read_saved
from gate.subject.checkpoints.sealing import Sealed

_ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True, eq=False)
class TrainingFile:
    """The entries of a training file and the arguments of the script, described."""

    entries: Mapping[str, object]
    _args: Mapping[str, object]

    def text(self, key: str) -> str | None:
        """Return the text under a key; None where there is none."""
        entry = self.entries.get(key)
        return entry if isinstance(entry, str) else None

    def has_weights(self, key: str) -> bool:
        """Return whether a dictionary with something in it lies under a key."""
        entry = self.entries.get(key)
        return isinstance(entry, Table) and bool(entry.entries)

    def arguments(self, names: Collection[str]) -> Mapping[str, Plain]:
        """Return the named arguments of the script, as far as they are plain values."""
        plain: dict[str, Plain] = {}
        for name in names:
            try:
                if name in self._args:
                    plain[name] = as_plain(self._args[name])
            except NotPlainError:
                continue
        return plain

    def has_arguments(self, names: Collection[str]) -> bool:
        """Return whether the script has all of the named arguments, whatever their values."""
        return all(name in self._args for name in names)


def read_training_file(sealed: Sealed) -> TrainingFile:
    """Return a training file out of its bytes, vetted as every checkpoint is.

    Raises RefusedError for a file that no checkpoint may be, or that holds no dictionary.
    """
    saved = read_saved(sealed)
    if saved is None:
        raise mismatch("it holds no dictionary", "give the file that the training script saved")
    return _training_file(saved)


def glance(path: Path) -> TrainingFile | None:
    """Return a training file with arguments, read in haste to recognise it; None for all others.

    Nothing of it is vetted, and no weights are read. It never raises.
    """
    try:
        pickle = _pickle(path)
        if not any(name.rpartition(".")[2].encode() in pickle for name in NAMESPACES):
            return None
        saved = walk(pickle, Budget()).value
    except (OSError, ValueError, RefusedError):
        return None
    return _training_file(saved) if isinstance(saved, Table) else None


def _pickle(path: Path) -> bytes:
    """Return the pickle in an archive of torch.save; nothing where there is none."""
    import zipfile
    import zlib

    if not path.is_file():  # opening a pipe would wait for ever
        return b""
    with path.open("rb") as file:
        if file.read(len(_ZIP)) != _ZIP:
            return b""
        try:
            with zipfile.ZipFile(file) as archive:
                names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
                if not names:
                    return b""
                with archive.open(names[0]) as member:
                    return member.read(MAX_PICKLE)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError):  # encrypted, or unknown
            return b""


def _training_file(saved: Table) -> TrainingFile:
    args = saved.entries.get("args")
    if isinstance(args, Opaque) and args.kind in NAMESPACES:
        return TrainingFile(saved.entries, args.attributes)
    return TrainingFile(saved.entries, {})
