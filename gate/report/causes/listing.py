"""The list of causes, the surest first, and those that hold."""

from dataclasses import dataclass

from gate.decision import Decision, Result, Verdict
from gate.evidence.records import Evidence
from gate.report.causes.batch_norm import BATCH_NORM
from gate.report.causes.cause import Facts, Finding, is_unmet
from gate.report.causes.chance import CHANCE
from gate.report.causes.class_order import CLASS_ORDER
from gate.report.causes.ignored_class import IGNORED_CLASS
from gate.report.causes.input_preparation import INPUT_PREPARATION
from gate.report.causes.leaked_test import LEAKED_TEST
from gate.report.causes.overfit import OVERFIT

MOST = 2  # told in a report
CAUSES = (
    BATCH_NORM,
    INPUT_PREPARATION,
    CLASS_ORDER,
    LEAKED_TEST,
    IGNORED_CLASS,
    OVERFIT,
    CHANCE,
)


@dataclass(frozen=True, slots=True)
class LikelyCause:
    """A cause that holds."""

    kind: str
    finding: Finding


def likely_causes(evidence: Evidence, decision: Decision) -> list[LikelyCause]:
    """Return at most two causes that the evidence is strong for, the surest first.

    None of a verdict that is neither a failure nor open: a pass has no cause to look for, and an
    error is mended first. Each is looked for only where a blocking rule that it could lie behind is
    not met, and where no surer cause has it for a symptom.
    """
    if decision.verdict not in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        return []
    unmet = {result.rule.family for result in decision.results if _blocks(result)}
    facts = Facts(evidence, decision)
    found: list[LikelyCause] = []
    hidden: set[str] = set()
    for cause in CAUSES:
        if len(found) == MOST:
            break
        if cause.kind in hidden or not unmet & cause.families:
            continue
        if (finding := cause.find(facts)) is not None:
            found.append(LikelyCause(cause.kind, finding))
            hidden |= cause.hides
    return found


def remedy_of(result: Result, causes: list[LikelyCause]) -> str:
    """Return the remedy of the surest cause that explains a result; nothing where none does."""
    explaining = (each.finding.remedy for each in causes if each.finding.explains(result))
    return next(explaining, "")


def _blocks(result: Result) -> bool:
    return result.severity == "block" and is_unmet(result)
