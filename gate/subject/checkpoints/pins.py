"""The pin of a gate file (`model.sha256`): another artefact than the pinned one is refused."""

from gate.subject.checkpoints.refusals import mismatch
from gate.wording import plain


def require_pinned(found: str, pin: str | None) -> None:
    """Raise RefusedError, as a mismatch, where a digest is not the pinned one; both hexadecimal."""
    if pin is not None and pin.lower() != found:
        raise mismatch(
            f"its sha256 is {found}, and {plain(pin)} is pinned",
            "give the pinned file, or have the pin changed by whoever owns it",
        )
