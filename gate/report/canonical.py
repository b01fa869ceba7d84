"""JSON in one form of bytes: what is hashed and signed."""

import json
import re
from decimal import Decimal

# What JSON writers leave as it is, and a reader does not see or a terminal obeys: DEL and the
# controls after it, marks that turn the direction of writing, what has no width, line breaks.
_UNSEEN = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)


def visible_json(text: str) -> str:
    r"""Return JSON text that says the same, with what nobody would see as escapes.

    >>> print(visible_json('"\u202egpj.exe"'))
    "\u202egpj.exe"
    """
    if text.isascii() and "\x7f" not in text:
        return text
    return _UNSEEN.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return "\\u007f" if found.group() == "\x7f" else json.dumps(found.group())[1:-1]


def canonical(document: object) -> bytes:
    """Return JSON in ASCII with sorted keys and without spaces; raises ValueError for NaN."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def decimal(value: float) -> str:
    """Return a number as the shortest decimal that is read back as the same float.

    >>> decimal(0.885), decimal(1e-7), decimal(54)
    ('0.885', '0.0000001', '54')
    """
    return format(Decimal(repr(value)), "f")
