"""Print the reference of the likely causes as Markdown: ``python -m gate.report.causes``."""

from collections.abc import Iterator

from gate.checks.accuracy import Accuracy
from gate.checks.model_integrity import ModelIntegrity
from gate.checks.reference import numbers
from gate.decision import judge
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.report.causes.cause import Cause
from gate.report.causes.listing import CAUSES, MOST, likely_causes

_HEAD = f"""\
# Likely causes

<!-- Written by `python -m gate.report.causes` from the causes. Do not edit it by hand. -->

Many failures have one cause. A report on a model that failed, or on which a rule is inconclusive,
names at most {MOST}, the surest first, each only where the evidence is strong. A cause changes no
verdict. Where it makes the remedy of a rule wrong, such as to collect more images, its own stands
there instead.

All of it is measured: no log, no name and no other text of the model's owner is evidence. Leaked
and repeated images are left out. Where images come in groups a group counts once, and with fewer
than ten groups nothing is proven.
"""


def markdown() -> str:
    """Return the reference of all causes as Markdown, with a final line break."""
    return "\n".join([_HEAD, *("\n".join(_section(cause)) for cause in CAUSES)])


def _section(cause: Cause) -> Iterator[str]:
    evidence = synthetic_evidence(cause.example)
    rules = [Accuracy(id="accuracy", check="accuracy", min=0.99), ModelIntegrity(id="integrity")]
    found = next(
        each for each in likely_causes(evidence, judge(rules, evidence)) if each.kind == cause.kind
    )
    yield f"## {cause.kind}\n"
    yield f"{cause.evidence}\n"
    yield f"- Measured: {numbers(cause.example)}"
    yield f"- Said: {found.finding.message}"
    yield f"- To do: {found.finding.remedy}"
    if cause.hides:
        hidden = ", ".join(other.kind for other in CAUSES if other.kind in cause.hides)
        yield f"- Not named beside it, as its symptoms: {hidden}"
    yield ""


if __name__ == "__main__":
    print(markdown(), end="")  # noqa: T201 -- a tool, not the product's output
