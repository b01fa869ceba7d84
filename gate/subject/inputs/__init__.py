"""The way of an image to the model's input: what is declared, and what does it.

``spec`` is the `input:` of a gate file; ``declared`` does it with Pillow or torch; ``user_code``
calls a function of the user's in its place.
"""

from pathlib import Path

from gate.subject.inputs.declared import DeclaredTransform
from gate.subject.inputs.spec import Deviation, InputSpec, Length
from gate.subject.inputs.transform import Transform
from gate.subject.inputs.user_code import FactoryTransform, user_transform

__all__ = [
    "DeclaredTransform",
    "Deviation",
    "FactoryTransform",
    "InputSpec",
    "Length",
    "Transform",
    "build_transform",
]


def build_transform(spec: InputSpec, *, base: Path) -> Transform:
    """Return the transform that the gate file declares; raises FactoryError or UsageError.

    ``base`` is the folder of the gate file, from which a user's factory is imported.
    """
    if spec.factory is not None:
        return user_transform(spec.factory, base)
    return DeclaredTransform.of(spec)
