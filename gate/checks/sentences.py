"""Words of findings: what is allowed, what was not checked, and verbs that fit their number."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gate.metrics.estimates import Estimate

_NAMED = 3  # of a list of classes


def allow(limit: float, *, advisory: bool = False) -> str:
    """Return a limit as findings end: ``(allowed: 0)``, of a warn band ``(warns above: 0)``."""
    return f"({'warns above' if advisory else 'allowed'}: {number(limit)})"


def require(limit: float) -> str:
    """Return a minimum as findings end: ``(required: 500)``."""
    return f"(required: {number(limit)})"


def number(value: float) -> str:
    """Return a limit as a policy writes it, with a comma for thousands.

    >>> number(0.9), number(0.005), number(1234), number(1.0)
    ('0.90', '0.005', '1,234', '1')
    """
    if float(value).is_integer():
        return f"{int(value):,}"
    text = f"{value:.6g}"
    return f"{value:.2f}" if len(text) < 4 else text


def agree(count: int, several: str, one: str) -> str:
    """Return the form of a verb that fits a number.

    >>> agree(1, "occur", "occurs"), agree(0, "occur", "occurs")
    ('occurs', 'occur')
    """
    return one if count == 1 else several


def enumerate_names(names: Sequence[str]) -> str:
    """Return some names as a sentence has them.

    >>> enumerate_names(["cat", "dog"]), enumerate_names(["a", "b", "c", "d", "e"])
    ('cat and dog', 'a, b, c and 2 more')
    """
    if len(names) > _NAMED:
        return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED:,} more"
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def not_checked(estimate: "Estimate") -> str:
    """Return that something has no value, and why, as a finding."""
    return f"Not checked: {estimate.reason}"


def add_to_brackets(said: str, more: str) -> str:
    """Return a sentence with more in the brackets that it ends with, or in brackets of its own.

    >>> add_to_brackets("It falls (-84%)", "(allowed: 0)"), add_to_brackets("It falls", "(so)")
    ('It falls (-84%; allowed: 0)', 'It falls (so)')
    """
    return f"{said} {more}".replace(") (", "; ")


def known_or(estimate: "Estimate", finding: str) -> str:
    """Return a finding where there is a value, else that it was not checked."""
    return not_checked(estimate) if estimate.value is None else finding
