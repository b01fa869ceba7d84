"""The refusals that all steps of this room share.

A step raises :class:`RefusedError` without knowing the path; :mod:`.opening` and :mod:`.loading`
turn it into a :class:`gate.errors.CheckpointError` once, with the path and what is
known of the file.
"""

from pathlib import Path

from gate.errors import CheckpointError, Identity, Refusal
from gate.healing import Deciding
from gate.wording import plain

AS_IT_RUNS = (
    "judge a quantised model by what it answers: give it as ONNX (`checkpoint: model.onnx`, no "
    "factory), or give its saved predictions (`predictions:` of each split, no `model:`)"
)


class RefusedError(Deciding):
    """A checkpoint that is not evaluated: the class of refusal, a fact and a remedy."""

    def __init__(
        self, refusal: Refusal, fact: str, remedy: str, *, retriable: bool | None = None
    ) -> None:
        self.refusal = refusal
        self.fact = fact
        self.remedy = remedy
        self.retriable = retriable  # None: what it came from decides
        super().__init__(refusal, fact, remedy)

    def at(self, path: Path, identity: Identity) -> CheckpointError:
        """Return the same refusal as an error of the gate, with its place."""
        return CheckpointError(
            plain(path),
            self.refusal,
            self.fact,
            self.remedy,
            identity,
            retriable=self.retriable,
        )


def unsafe(fact: str, remedy: str) -> RefusedError:
    """Return the refusal of a file that could do harm if it were loaded."""
    return RefusedError(Refusal.UNSAFE, fact, remedy)


def corrupt(
    fact: str,
    remedy: str = "copy the file again from where it was made",
    *,
    retriable: bool | None = None,
) -> RefusedError:
    """Return the refusal of a file that is not, or no longer, what it claims to be."""
    return RefusedError(Refusal.CORRUPT, fact, remedy, retriable=retriable)


def mismatch(fact: str, remedy: str) -> RefusedError:
    """Return the refusal of a sound file that does not hold the weights of this model."""
    return RefusedError(Refusal.MISMATCH, fact, remedy)


def numerically_bad(fact: str, remedy: str) -> RefusedError:
    """Return the refusal of weights that fit the model and cannot give sound outputs."""
    return RefusedError(Refusal.NUMERICALLY_BAD, fact, remedy)
