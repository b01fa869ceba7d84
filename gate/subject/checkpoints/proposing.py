"""Propose the architecture that weights look like, from the names and shapes of their tensors.

A proposal is for a person to confirm: other architectures may have the same names and shapes.
"""

import re
from collections.abc import Iterable
from hashlib import sha256

from gate.subject.checkpoints.inspection import Inspection
from gate.subject.checkpoints.known_architectures import TORCHVISION
from gate.subject.checkpoints.tensors import TensorSpec

# A layer whose first axis counts the classes, in the names of torchvision.
_COUNTS_CLASSES = re.compile(r"(.*\.)?(fc2?|head|classifier)(\.[0-9]+)?\.(weight|bias)")


def proposed_architecture(looked: Inspection) -> str | None:
    """Return the name of torchvision's classifier with these names and shapes; None without one.

    The number of classes and a wrapper's prefix before every name make no difference.
    """
    classes = looked.classes
    if looked.refusal is not None or classes is None:
        return None
    return TORCHVISION.get(fingerprint(looked.tensors, classes, prefix=looked.prefix))


def fingerprint(tensors: Iterable[TensorSpec], classes: int, *, prefix: str = "") -> str:
    """Return 16 hexadecimal digits over the names and shapes of weights, but for their classes."""
    lines = []
    for spec in tensors:
        name = spec.name.removeprefix(prefix)
        if name.endswith("num_batches_tracked"):
            continue
        shape = list(spec.shape)
        if shape and shape[0] == classes and _COUNTS_CLASSES.fullmatch(name):
            shape[0] = 0
        lines.append(f"{name} {shape}")
    return sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]
