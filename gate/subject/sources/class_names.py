"""Class names as configurations state them: a list, or a mapping of positions to names."""

import re
from collections.abc import Mapping

from gate.wording import list_names, quote

_DEFAULT = re.compile(r"LABEL_[0-9]+")  # what transformers writes where nobody named the classes


class UnnamedError(Exception):
    """A configuration does not name the classes; its message is a fact."""


def in_order_of_outputs(names: object, outputs: object, *, key: str) -> tuple[str, ...]:
    """Return names in the order of the outputs, from a list or a mapping of positions to names.

    Raises UnnamedError where there are none, for positions that leave gaps, for default names
    (LABEL_0) and for another number of names than of ``outputs``, an int or None.
    """
    if not names:
        raise UnnamedError(f"no {key} say what the outputs are called, or in which order")
    listed = _listed(names)
    if listed is None:
        raise UnnamedError(f"{key} is neither a list of names nor a name for each position")
    if any(map(_DEFAULT.fullmatch, listed)):
        raise UnnamedError(f"{key} has no names of classes: {list_names(map(quote, listed), 3)}")
    if isinstance(outputs, int) and outputs != len(listed):
        raise UnnamedError(f"{key} names {len(listed)} classes, and num_classes is {outputs}")
    return listed


def _listed(names: object) -> tuple[str, ...] | None:
    if isinstance(names, Mapping):
        positions = [str(position) for position in range(len(names))]
        if set(map(str, names)) != set(positions):
            return None
        by_position = {str(position): name for position, name in names.items()}
        names = [by_position[position] for position in positions]
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        return None
    return tuple(names)
