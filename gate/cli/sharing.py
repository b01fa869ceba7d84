"""The output of ``overlap``, for people and for tools."""

import json
from dataclasses import dataclass
from typing import Any

from gate.evidence.records import EXACT, Overlap, Pair, PairKind
from gate.report.canonical import visible_json
from gate.report.copies_found import IF_SMALL, NOT_TURNED, describe_look_alikes
from gate.report.pairs import pair_part
from gate.wording import escape, pluralize

_MOST_SHOWN = 20  # pairs on a terminal; JSON has them all
_WORDS = {"pass": "PASS", "fail": "FAIL", "error": "ERROR: images could not be read"}


@dataclass(frozen=True, slots=True)
class Groups:
    """Patients, scenes or batches of two datasets; images without one are in none."""

    in_a: int
    in_b: int
    shared: tuple[str, ...]
    without: int  # images of both that have no group


@dataclass(frozen=True, slots=True)
class Sharing:
    """What was found between A and B, and what was allowed."""

    a: str
    b: str
    overlap: Overlap
    limit: int  # near and edited copies
    unreadable: int
    groups: Groups | None = None  # None: no group was declared
    assumed: tuple[str, ...] = ()
    labelled: bool = True  # False: of one of them no label is known, so no conflict can be told

    @property
    def verdict(self) -> str:
        """Return pass, fail or error."""
        counts = self.counts
        exact = counts["bytes"] + counts["pixels"] + counts["flipped"]
        alike = counts.get("near", 0) + counts.get("edited", 0)
        shared = self.groups is not None and self.groups.shared
        if exact or shared or counts.get("label_conflicts") or alike > self.limit:
            return "fail"
        return "error" if self.unreadable else "pass"

    @property
    def counts(self) -> dict[str, int]:
        """Return the images of B by kind, in the order of the kinds, and what else is counted.

        Without labels on both sides there is no ``label_conflicts``.
        """
        found = self.overlap
        by_kind = {
            kind.value: len({pair.b for pair in found.pairs if pair.kind is kind})
            for kind in found.compared
        }
        conflicts = {
            pair.b for pair in found.pairs if pair.kind in EXACT and pair.label_a != pair.label_b
        }
        counts = {
            **by_kind,
            **({"label_conflicts": len(conflicts)} if self.labelled else {}),
            "featureless": found.featureless,
            "look_alikes": found.look_alikes,
            "images_a": found.images_a,
            "images_b": found.images_b,
        }
        if self.groups is not None:
            counts |= {
                "groups_a": self.groups.in_a,
                "groups_b": self.groups.in_b,
                "shared_groups": len(self.groups.shared),
            }
        return counts

    def as_json(self) -> str:
        """Return a document with every pair; those in ``review`` count for nothing.

        ``turned`` says whether copies that were turned, moved or cropped were looked for.
        """
        document: dict[str, Any] = {
            "verdict": self.verdict,
            "pairs": [pair_part(pair).model_dump() for pair in self.overlap.pairs],
            "counts": self.counts,
            "turned": self.overlap.turned,
            "review": [pair_part(pair).model_dump() for pair in self.overlap.review],
            "assumed": list(self.assumed),
        }
        if self.groups is not None:
            document["shared_groups"] = list(self.groups.shared)
        return visible_json(json.dumps(document, indent=2, ensure_ascii=False))

    def as_text(self) -> str:
        """Return lines for people, the verdict last."""
        found, counts = self.overlap, self.counts
        lines = [
            f"A  {self.a}: {found.images_a:,} images",
            f"B  {self.b}: {found.images_b:,} images",
            f"compared by {', '.join(kind.value for kind in found.compared)}",
            *self._turned(),
            *self.assumed,
            f"only compared exactly, for want of features: {pluralize(found.featureless, 'image')}",
        ]
        if found.look_alikes:
            lines.append(describe_look_alikes(found.look_alikes, "B", "A"))
        if found.identical:
            lines.append("A and B hold the same files: was one dataset given twice?")
        lines += ["", *(f"{counts[kind.value]:>8,}  {kind.value}" for kind in found.compared)]
        if self.labelled:
            lines.append(f"{counts['label_conflicts']:>8,}  with another label")
        lines += self._groups()
        if found.pairs:
            lines += ["", *(self._in_words(pair) for pair in found.pairs[:_MOST_SHOWN])]
            lines += _and_more(len(found.pairs))
        if found.review:
            lines += [
                "",
                f"{pluralize(len(found.review), 'pair')} may be copies; look, they do not count:",
            ]
            lines += [self._in_words(pair) for pair in found.review[:_MOST_SHOWN]]
            lines += _and_more(len(found.review))
        exact = sum(counts[kind.value] for kind in found.compared if kind in EXACT)
        near = sum(counts[kind.value] for kind in found.compared if kind not in EXACT)
        allowed = (
            f"{exact:,} exact copies, allowed: 0; {near:,} near copies, allowed: {self.limit:,}"
        )
        lines += ["", f"{_WORDS[self.verdict]} ({allowed})"]
        return "\n".join(escape(line) for line in lines)

    def _in_words(self, pair: Pair) -> str:
        labels = f" ({pair.label_b})"
        if not self.labelled:
            labels = ""
        elif pair.label_a != pair.label_b:
            labels = f" (labelled {pair.label_b} in B, {pair.label_a} in A)"
        once = f", once {pair.orientation}" if pair.orientation else ""
        change = pair_part(pair).change
        changed = f": {change}" if change else ""
        return f"{pair.kind.value:8}  B {pair.b} = A {pair.a}{labels}{once}{changed}"

    def _turned(self) -> list[str]:
        """Return what of copies that were turned, moved or cropped was not looked for."""
        if PairKind.NEAR not in self.overlap.compared:
            return []
        return [IF_SMALL if self.overlap.turned else NOT_TURNED]

    def _groups(self) -> list[str]:
        groups = self.groups
        if groups is None:
            return []
        each = f"({groups.in_a:,} groups in A, {groups.in_b:,} in B)"
        lines = [f"{len(groups.shared):>8,}  groups shared, none allowed {each}"]
        if groups.without:
            lines.append(f"{groups.without:>8,}  images without a group, which match nothing")
        if groups.shared:
            lines.append(f"          {', '.join(groups.shared[:_MOST_SHOWN])}")
        return lines


def _and_more(count: int) -> list[str]:
    more = count - _MOST_SHOWN
    return [f"... and {more:,} more; --format json has them all"] if more > 0 else []
