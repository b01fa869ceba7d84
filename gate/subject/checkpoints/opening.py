"""A checkpoint is opened: sealed, recognised, vetted, chosen. No tensor is built, nothing runs."""

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import assert_never

from gate.errors import Identity
from gate.subject.checkpoints.beside import beside
from gate.subject.checkpoints.budgets import Budget
from gate.subject.checkpoints.choosing import choose, part_of
from gate.subject.checkpoints.exported_programs import read_exported_program
from gate.subject.checkpoints.folders import is_folder, read_folder
from gate.subject.checkpoints.formats import (
    Format,
    is_exported_program,
    refuse_keras,
    refuse_old_program,
    refuse_script,
)
from gate.subject.checkpoints.inflating import MAPPED, REPACK
from gate.subject.checkpoints.layouts import weights_of
from gate.subject.checkpoints.pins import require_pinned
from gate.subject.checkpoints.recognising import Container, recognise
from gate.subject.checkpoints.refusals import RefusedError, corrupt, mismatch, unsafe
from gate.subject.checkpoints.safetensors_files import read_safetensors
from gate.subject.checkpoints.sealing import MAX_BYTES, seal
from gate.subject.checkpoints.tensors import TensorSpec, Weights, check_names
from gate.subject.checkpoints.torch_files import read_legacy, read_zip
from gate.subject.checkpoints.zips import member_names, read_directory, read_members


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A vetted checkpoint: its identity, and its tensors as checked bytes."""

    path: Path
    identity: Identity
    key: str  # where in the file the weights lie; empty: at its top
    tensors: tuple[TensorSpec, ...]  # in the order of the file
    others: dict[str, str] = field(default_factory=dict)  # names without a tensor -> kind
    notes: tuple[str, ...] = ()  # what lies beside the weights, unread
    versions: dict[str, int] = field(default_factory=dict)  # of modules, by their names in the file
    twins: dict[str, str] = field(default_factory=dict)  # shared: a name left out -> the one kept

    @property
    def sha256(self) -> str:
        """Return the digest of the bytes that were vetted, in hexadecimal."""
        return self.identity.sha256 or ""

    @property
    def size_bytes(self) -> int:
        """Return the number of bytes that were vetted."""
        return self.identity.size_bytes or 0

    @property
    def format(self) -> str:
        """Return the format, one of :class:`.formats.Format`."""
        return self.identity.format or ""


def open_checkpoint(path: Path, *, key: str | None = None, sha256: str | None = None) -> Checkpoint:
    """Return a checkpoint that was read once, hashed, recognised and vetted, without torch.

    ``key`` names the set of weights where a file holds several; ``sha256`` pins the file. The
    digest of a folder is the sha256 of what ``sha256sum`` prints for its weight files, indexes and
    configurations, sorted by name. Raises CheckpointError with the class of refusal, and with what
    is known of the file as its ``identity``.
    """
    opening = _Opening(Path(path), key, sha256)
    try:
        weights = opening.folder() if is_folder(opening.path) else opening.file()
        check_names(weights.tensors)
    except RefusedError as refused:
        raise refused.at(opening.path, opening.identity) from refused
    except MemoryError as error:
        shortage = corrupt("there is not enough memory to read it", "run on a larger machine")
        raise shortage.at(opening.path, opening.identity) from error
    return Checkpoint(
        opening.path,
        opening.identity,
        weights.key,
        weights.tensors,
        dict(weights.others),
        weights.notes,
        dict(weights.versions),
        dict(weights.twins),
    )


class _Opening:
    """One file or folder on its way in; ``identity`` grows as far as the file is understood."""

    def __init__(self, path: Path, key: str | None, pin: str | None) -> None:
        self.path = path
        self.key = key
        self.pin = pin
        self.budget = Budget()
        self.mapped = False  # whether loaders map the file into memory unasked
        self.identity = Identity()

    def file(self) -> Weights:
        sealed = seal(self.path)
        self._identified(sealed.sha256, sealed.size)
        return self._weights(sealed.data)

    def folder(self) -> Weights:
        self.mapped = True
        folder = read_folder(self.path, most=MAX_BYTES)
        self._identified(hashlib.sha256(folder.manifest).hexdigest(), folder.size)
        configs = {name: each.sha256 for name, each in folder.configs.items()}
        self.identity = replace(self.identity, files=configs)
        weights = weights_of(folder, lambda sealed: self._weights(sealed.data))
        self._recognised(Format.HUGGINGFACE)
        return replace(weights, notes=(*weights.notes, *beside(self.path, folder)))

    def _identified(self, sha256: str, size: int) -> None:
        self.identity = Identity(sha256, size)
        require_pinned(sha256, self.pin)

    def _recognised(self, form: Format) -> None:
        self.identity = replace(self.identity, format=form.value)

    def _weights(self, data: memoryview) -> Weights:
        self.budget.packed += data.nbytes
        match recognise(data):
            case Container.ZIP:
                self._recognised(Format.TORCH_ZIP)
                return self._zipped(data)
            case Container.LEGACY:
                self._recognised(Format.TORCH_LEGACY)
                return choose(read_legacy(data, self.budget), self.key)
            case Container.SAFETENSORS:
                self._recognised(Format.SAFETENSORS)
                return self._safetensors(data)
            case Container.ONNX:
                self._recognised(Format.ONNX)
                raise mismatch(
                    "it is an ONNX model, which brings its own graph",
                    "give it without a factory, to be run with onnxruntime",
                )
            case strange:
                assert_never(strange)

    def _safetensors(self, data: memoryview) -> Weights:
        if self.key is None:
            return read_safetensors(data)
        if self.mapped:
            raise mismatch("a folder holds one set of weights, no keys", "remove `key`")
        return part_of(read_safetensors(data), self.key)

    def _zipped(self, data: memoryview) -> Weights:
        directory = read_directory(data, self.budget)
        names = member_names(directory.members)
        if is_exported_program(names):
            self._recognised(Format.PT2_WEIGHTS)
            return read_exported_program(
                read_members(directory, self.budget), self.key, self.budget
            )
        refuse_old_program(names)
        refuse_script(names)
        refuse_keras(names)
        packed = any(each.is_deflated for each in directory.members)
        if packed and self.mapped:
            raise unsafe(f"its members are packed; {MAPPED}", REPACK)
        weights = choose(read_zip(read_members(directory, self.budget), self.budget), self.key)
        notes = (f"its members are packed; {MAPPED}",) if packed else ()
        return replace(weights, notes=(*weights.notes, *notes))
