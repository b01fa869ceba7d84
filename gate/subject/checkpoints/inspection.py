"""Say what a checkpoint is without loading it: no torch, no factory, nothing runs."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gate.errors import CheckpointError, Identity
from gate.subject.checkpoints.formats import Format
from gate.subject.checkpoints.opening import open_checkpoint
from gate.subject.checkpoints.readings import wrapper_prefix
from gate.subject.checkpoints.tensors import FLOATING, TensorSpec

_HEAD = re.compile(r"(^|\.)(fc|head|heads|classifier|logits|linear)(\.|$)")


@dataclass(frozen=True, slots=True, eq=False)
class Inspection:
    """What is known of a checkpoint, as far as it could be read without loading it."""

    path: Path
    identity: Identity
    refusal: CheckpointError | None  # None: vetted; only the model it is for is not known
    key: str = ""
    prefix: str = ""  # of a training wrapper, before every name
    tensors: tuple[TensorSpec, ...] = ()
    notes: tuple[str, ...] = ()  # what lies beside the weights, unread

    @property
    def dtypes(self) -> Mapping[str, int]:
        """Return how many tensors there are of each dtype, in the order they appear."""
        return Counter(spec.dtype for spec in self.tensors)

    @property
    def elements(self) -> int:
        """Return the numbers in all tensors together."""
        return sum(spec.elements for spec in self.tensors)

    @property
    def bytes(self) -> int:
        """Return the bytes that the tensors fill in memory."""
        return sum(spec.bytes for spec in self.tensors)

    @property
    def head(self) -> TensorSpec | None:
        """Return the weight whose first axis counts the classes: by its name, or the last one."""
        weights = [spec for spec in self.tensors if _is_weight(spec)]
        named = [spec for spec in weights if len(spec.shape) == 2 and _HEAD.search(spec.name)]
        return next(reversed(named or (weights if self._in_order else [])), None)

    @property
    def classes(self) -> int | None:
        """Return the classes of the head, as its shape says it; None without a head."""
        return self.head.shape[0] if self.head else None

    @property
    def channels(self) -> int | None:
        """Return the input channels of the first convolution; None when it is not known."""
        first = next((spec for spec in self.tensors if _is_weight(spec)), None)
        if not self._in_order:
            return None
        return first.shape[1] if first and len(first.shape) == 4 else None

    @property
    def _in_order(self) -> bool:
        """Whether the file keeps the order of the model's layers; safetensors sorts by name."""
        return self.identity.format in (
            Format.TORCH_ZIP,
            Format.TORCH_LEGACY,
            Format.PT2_WEIGHTS,
        )


def inspect(path: Path, *, key: str | None = None) -> Inspection:
    """Return what a file or model folder is, and why it would be refused; never raises for it."""
    try:
        checkpoint = open_checkpoint(path, key=key)
    except CheckpointError as refusal:
        return Inspection(Path(path), refusal.identity, refusal)
    return Inspection(
        checkpoint.path,
        checkpoint.identity,
        None,
        checkpoint.key,
        wrapper_prefix([spec.name for spec in checkpoint.tensors]),
        checkpoint.tensors,
        checkpoint.notes,
    )


def _is_weight(spec: TensorSpec) -> bool:
    return len(spec.shape) >= 2 and spec.dtype in FLOATING
