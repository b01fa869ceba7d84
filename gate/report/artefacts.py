"""A verdict covers an artefact where rules that block have compared it with the checkpoint."""

from collections import defaultdict
from collections.abc import Iterable

from gate.checks.base import Outcome
from gate.checks.parity import Parity
from gate.decision import Result


def covered_artefacts(results: Iterable[Result]) -> frozenset[str]:
    """Return the names of the artefacts that a verdict is on, beside the checkpoint.

    Of each a rule of parity that blocks has passed as a whole, against the checkpoint or against
    another one that is covered. A rule that only warns covers nothing, nor does a waiver.
    """
    of_rules: dict[Parity, list[Result]] = defaultdict(list)
    for result in results:
        if isinstance(result.rule, Parity):
            of_rules[result.rule].append(result)
    passed = [
        rule
        for rule, its in of_rules.items()
        if rule.severity == "block" and all(each.outcome is Outcome.PASSED for each in its)
    ]
    covered: set[str] = set()
    for _ in passed:  # a chain is as long as there are rules
        covered |= {
            rule.artefact for rule in passed if rule.versus is None or rule.versus in covered
        }
    return frozenset(covered)
