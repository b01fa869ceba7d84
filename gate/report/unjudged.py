"""Copies that no rule of the policy judges are reported before all else."""

from collections.abc import Sequence

from gate.checks.base import Copies, Rule
from gate.errors import PluginError
from gate.evidence.records import EXACT, Evidence, Overlap, Split

_VERBS = {True: ("also occurs", "nearly equals"), False: ("also occur", "nearly equal")}
_KINDS: tuple[Copies, ...] = ("exact", "near")


def unjudged_copies(rules: Sequence[Rule], evidence: Evidence) -> list[str]:
    """Return a sentence for each kind of copies, of two splits or in test, that no rule judges.

    Such copies decide nothing, as metrics must hold with them and without; but whoever reads a pass
    has to know of them.
    """
    return [
        sentence
        for overlap in evidence.overlaps
        for kind in _KINDS
        if (images := _copied(overlap, kind))
        and not any(_judges(rule, overlap, kind) for rule in rules)
        and (sentence := _sentence(overlap, kind, images))
    ]


def _judges(rule: Rule, overlap: Overlap, kind: Copies) -> bool:
    """Return whether a rule judges such copies; one of another package that raises does not."""
    try:
        return rule.judges_copies(overlap.split_a, overlap.split_b, kind)
    except PluginError:
        return False


def _copied(overlap: Overlap, kind: Copies) -> int:
    """Return how many images of the later split stand in pairs of this kind."""
    return len({pair.b for pair in overlap.pairs if (pair.kind in EXACT) is (kind == "exact")})


def _sentence(overlap: Overlap, kind: Copies, images: int) -> str:
    """Return what was found; nothing of copies inside train or validation, where they may be."""
    earlier, later = overlap.split_a, overlap.split_b
    one = images == 1
    counted = f"{images:,} {later} {'image' if one else 'images'}"
    if earlier is later:
        if later is not Split.TEST:
            return ""
        repeat = "repeats" if one else "repeat"
        return f"{counted} {repeat} another; each set of copies counts as one observation"
    exact, near = _VERBS[one]
    share = f"{exact} in {earlier}" if kind == "exact" else f"{near} a {earlier} image"
    return f"{counted} {share}; metrics are shown with and without them"
