"""The gate that decides whether a trained PyTorch image classifier may ship.

::

    from gate import validate

    report = validate("gate.yaml")
    report.verdict, report.to_json()
"""

from typing import TYPE_CHECKING, Any

from gate.version import __version__

if TYPE_CHECKING:
    from gate.policy.model import Policy
    from gate.report.notebook import Report
    from gate.run import judge, validate

__all__ = ["Policy", "Report", "__version__", "judge", "validate"]

_HOME = {
    "Policy": "gate.policy.model",
    "Report": "gate.report.notebook",
    "judge": "gate.run",
    "validate": "gate.run",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 -- a module's attributes are of any type
    """Load a public name when it is asked for: ``--version`` must not wait for pydantic."""
    from importlib import import_module

    if name not in _HOME:
        raise AttributeError(f"module 'gate' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
