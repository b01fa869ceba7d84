"""A policy is read, from a path or a name, into rules that know the place of each key."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from gate.checks.base import Rule
from gate.checks.plugins import CheckPackage, is_package, package_of, registry_with
from gate.documents.document import Document, read_document
from gate.documents.source_text import MOST_FAULTS, refuse
from gate.documents.yaml_tree import Key, Kind, Node
from gate.errors import DocumentError, Fault, UsageError
from gate.keys import name_key
from gate.policy.fit import Misfit, misfits
from gate.policy.layers import Layer, read_layer
from gate.policy.locks import broken_locks
from gate.policy.merging import Origin, PlacedRule, merge
from gate.policy.model import MOST_PACKAGES, Header, Policy, rule_faults
from gate.policy.operating_point import OperatingPointPin
from gate.policy.shipped import find_policy
from gate.policy.views import forbidden_views, never_asked, with_images
from gate.wording import list_names, quote, suggestion

_DEEPEST = 10  # policies above a policy; each is read once, however many extend it
_MOST_PARENTS = 10


@dataclass(frozen=True, slots=True)
class PolicySource:
    """A file that a policy was read from, and the SHA-256 of its bytes."""

    path: str
    sha256: str


@dataclass(frozen=True)
class PolicyDocument:
    """A policy with the places of its rules and the digests that bind a report to it."""

    policy: Policy
    layers: tuple[Layer, ...]  # what it was merged from: first the farthest, last its own file
    placed: tuple[PlacedRule, ...]  # the rules of ``policy`` with their places
    packages: tuple[CheckPackage, ...] = ()  # that it, or one that it extends, lists as plugins

    @property
    def checks(self) -> Mapping[str, type[Rule]]:
        """The checks that its rules may name: those that are shipped, and those of its plugins.

        Raises UsageError where two plugins add one name.
        """
        return registry_with(self.packages)

    @property
    def document(self) -> Document:
        """The file that was named."""
        return self.layers[-1].document

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file's bytes, in hexadecimal."""
        return self.document.source.sha256

    @property
    def resolved_sha256(self) -> str:
        """The SHA-256 of the resolved policy as JSON with sorted keys and without spaces."""
        return self.policy.resolved_sha256

    @property
    def sources(self) -> tuple[PolicySource, ...]:
        """The files that the policy was read from: its own, then those that it extends."""
        read = (layer.document.source for layer in reversed(self.layers))
        return tuple(PolicySource(source.file, source.sha256) for source in read)

    def location(self, rule_id: str) -> tuple[str, int, int]:
        """Return file, line and column of a rule where it is mentioned last; counted from 1."""
        return self.locate(rule_id)

    def locate(self, rule_id: str, *path: Key) -> tuple[str, int, int]:
        """Return file, line and column of a value inside a rule; of the rule where it is a default.

        Raises KeyError for an id that no rule has.
        """
        return self.origin(rule_id, *path).place

    def origin(self, rule_id: str, *path: Key) -> Origin:
        """Return where a value inside a rule is stated; the rule where nothing states it.

        Raises KeyError for an id that no rule has.
        """
        placed = self._by_id[rule_id]
        if not path or str(path[0]) not in placed.stated:
            return placed.entry
        return placed.stated[str(path[0])].below(*path[1:])

    def header_origin(self, key: str, entry: str | None = None) -> Origin:
        """Return where a key above the rules is stated last, or that entry of its list is.

        The nearest file where none states it.
        """
        for layer in reversed(self.layers):
            node = layer.document.root.items.get(key)
            if node is None:
                continue
            if entry is None:
                return Origin(layer.document, (key,))
            for index, item in node.items.items():
                if isinstance(item.scalar, str) and name_key(item.scalar) == entry:
                    return Origin(layer.document, (key, index))
        return Origin(self.document, ())

    @cached_property
    def _by_id(self) -> dict[str, PlacedRule]:
        return {placed.rule.id: placed for placed in self.placed}


def read_policy(path_or_name: str, *, base: Path | None = None) -> PolicyDocument:
    """Return the policy of a file or of a shipped name; paths are relative to ``base``.

    Raises UsageError where there is none, and DocumentError with all faults of the file, or of the
    files that it extends.
    """
    path, file = find_policy(path_or_name, base)
    return _Reader().read(path, file)


@dataclass(slots=True)
class _Reader:
    """Reads a policy and those that it extends, each once."""

    known: dict[str, PolicyDocument] = field(default_factory=dict)
    trail: list[tuple[str, str]] = field(default_factory=list)  # what is being read, and its name

    def read(self, path: Path, file: str) -> PolicyDocument:
        """Return the policy of a file; raises as :func:`read_policy` does."""
        document, faults = read_document(path, file, "Policy")
        place = os.path.realpath(path)
        self.trail.append((place, file))
        try:
            parents, of_parents = self._parents(document, path.parent)
        finally:
            self.trail.pop()
        packages, of_packages = _packages(document, parents)
        layer, of_layer = read_layer(document, registry_with(packages))
        faults += of_layer + of_parents + of_packages
        if of_parents or of_packages:  # what else the rules rest on is not known
            refuse(faults)
        self.known[place] = _resolved(layer, parents, packages, faults)
        return self.known[place]

    def _parents(
        self, document: Document, folder: Path
    ) -> tuple[list[PolicyDocument], list[Fault]]:
        parents: list[PolicyDocument] = []
        faults: list[Fault] = []
        for path, name in islice(_extended(document.root), _MOST_PARENTS + 1):
            try:
                if len(parents) == _MOST_PARENTS or len(self.trail) > _DEEPEST:
                    raise UsageError("", "too many policies are extended", "merge some of them")
                parents.append(self._parent(name, folder))
            except DocumentError as error:
                faults += error.faults
            except UsageError as error:
                where = f"{error.where}: " if error.where else ""
                faults.append(document.fault(path, f"{where}{error.fact}", error.remedy))
        return parents, faults

    def _parent(self, name: str, folder: Path) -> PolicyDocument:
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", name):
            raise UsageError(quote(name), "policies are not fetched", "copy it beside this file")
        if Path(name).is_absolute() or not name.isprintable():
            remedy = "write it relative to this file"
            raise UsageError(quote(name), "this path means something on one machine only", remedy)
        path, file = find_policy(name, folder)
        place = os.path.realpath(path)
        if place in (trodden := [before for before, _ in self.trail]):
            names = [shown for _, shown in self.trail[trodden.index(place) :]]
            fact = f"the policy extends itself: {' > '.join([*names, names[0]])}"
            raise UsageError("", fact, "delete one of these links")
        return self.known.get(place) or self.read(path, file)


def _extended(root: Node) -> Iterator[tuple[tuple[Key, ...], str]]:
    """Yield the policies that a document extends, as far as they could be read."""
    node = root.items.get("extends")
    if node is None or node.has_refused:
        return
    if node.kind is Kind.SCALAR and isinstance(node.scalar, str) and node.scalar:
        yield ("extends",), node.scalar
    for index, item in node.items.items():
        if node.kind is Kind.LIST and isinstance(item.scalar, str) and item.scalar:
            yield ("extends", index), item.scalar


def _packages(
    document: Document, parents: Sequence[PolicyDocument]
) -> tuple[tuple[CheckPackage, ...], list[Fault]]:
    """Return the packages that a document and those that it extends list, and what is wrong there.

    Entries that are no names of packages, and too many, are told with the rest of the header.
    """
    found = {each.name: each for parent in parents for each in parent.packages}
    faults: list[Fault] = []
    node = document.root.items.get("plugins")
    items = {} if node is None or node.kind is not Kind.LIST else node.items
    if len(items) > MOST_PACKAGES:
        return (), []
    for index, item in items.items():
        if not isinstance(item.scalar, str) or not is_package(item.scalar):
            continue
        try:
            package = package_of(item.scalar)
            registry_with({**found, package.name: package}.values())
            found[package.name] = package
        except UsageError as error:
            fact = f"{error.where}: {error.fact}"
            faults.append(document.fault(("plugins", index), fact, error.remedy))
    try:
        registry_with(found.values())
    except UsageError as error:  # two of those that are extended
        fact = f"{error.where}: {error.fact}"
        faults.append(document.fault(("extends",), fact, error.remedy))
        return (), faults
    return tuple(found.values()), faults


def _resolved(
    layer: Layer,
    parents: Sequence[PolicyDocument],
    packages: tuple[CheckPackage, ...],
    faults: list[Fault],
) -> PolicyDocument:
    """Return the policy that a layer makes of those that it extends; raises DocumentError."""
    layers = (*_in_order(parents), layer)
    placed, more = merge(layers, registry_with(packages))
    placed = with_images(placed, layers)
    more += forbidden_views(placed, layers)
    broken = [fault for parent in parents for fault in broken_locks(parent.placed, placed, layer)]
    ids = {name for each in layers for name in each.mentions}
    if layer.is_whole and len(placed) == len(
        ids
    ):  # else it may be true of the mended policy no more
        more += _faults_together(layer, parents, placed)
    refuse([*faults, *more, *dict.fromkeys(broken)])
    assert layer.header is not None
    values = {name: getattr(layer.header, name) for name in Header.model_fields}
    values |= _inherited(layer.header, parents)
    values["views"] = layer.header.views.model_copy(update={"never": never_asked(layers)})
    values["plugins"] = tuple(each.pin for each in packages)
    policy = Policy.model_validate(
        {info.alias or name: values[name] for name, info in Header.model_fields.items()}
        | {"rules": tuple(each.rule for each in placed)}
    )
    return PolicyDocument(policy, layers, tuple(placed), packages)


def _in_order(parents: Sequence[PolicyDocument]) -> list[Layer]:
    """Return the layers of all parents, each once, every one after those that it extends."""
    layers: dict[int, Layer] = {}
    for parent in parents:
        for layer in parent.layers:
            layers.setdefault(id(layer.document), layer)
    return list(layers.values())


def _inherited(header: Header, parents: Sequence[PolicyDocument]) -> dict[str, Any]:
    """Return what the policies above require of all that extend them: the strictest of each."""
    above = [parent.policy for parent in parents]
    days = [header.max_waiver_days] if "max_waiver_days" in header.model_fields_set else []
    days += [policy.max_waiver_days for policy in above]
    names = [*(name for policy in above for name in policy.non_waivable), *header.non_waivable]
    critical = [*(name for policy in above for name in policy.critical), *header.critical]
    said = (*above, header)  # of two that are stated, both say the same
    return {
        "min_rules": max([header.min_rules, *(policy.min_rules for policy in above)]),
        "max_waiver_days": min(days, default=header.max_waiver_days),
        "non_waivable": tuple(dict.fromkeys(names)),
        "critical": tuple(dict.fromkeys(critical)),
        "classes": next((each.classes for each in said if each.classes), ()),
        "champion": next((each.champion for each in said if each.champion), None),
        "operating_point": _strictest(said),
    }


def _strictest(said: Sequence[Header]) -> OperatingPointPin | None:
    """Return the pin of an operating point: one that is written out goes before `required`."""
    pins = [each.operating_point for each in said if each.operating_point is not None]
    return next((pin for pin in pins if pin != "required"), pins[0] if pins else None)


def _faults_together(
    layer: Layer, parents: Sequence[PolicyDocument], placed: Sequence[PlacedRule]
) -> Iterator[Fault]:
    """Yield what is wrong with the policy as a whole."""
    document, header = layer.document, layer.header
    if header is None:
        return
    ids = [each.rule.id for each in placed]
    for index, name in enumerate(header.non_waivable):
        if name not in ids:
            remedy = suggestion(name, ids, what="the rules are")
            yield document.fault(
                ("non_waivable", index), f"no rule is called {quote(name)}", remedy
            )
    for parent in parents:
        yield from _loosened(header, parent, document)
    yield from _contradicted(header, parents, document)
    strictest = _inherited(header, parents)["min_rules"]
    for _, fact, remedy in rule_faults([each.rule for each in placed], strictest):
        key = "rules" if "rules" in document.root.keys else "extends"
        yield document.fault((key,), fact, remedy, of_key=True)


def _loosened(header: Header, parent: PolicyDocument, document: Document) -> Iterator[Fault]:
    """Yield what this header allows and a policy above does not."""
    for key, more in (("min_rules", 1), ("max_waiver_days", -1)):
        stated, above = getattr(header, key), getattr(parent.policy, key)
        if key in header.model_fields_set and (stated - above) * more < 0:
            fact = f"{key} is {stated}, and {parent.document.source.file} requires {above}"
            yield document.fault((key,), fact, "delete it: what is inherited holds")


def _contradicted(
    header: Header, parents: Sequence[PolicyDocument], document: Document
) -> Iterator[Fault]:
    """Yield where the pins of the policies above contradict this header, or each other."""
    for key in ("classes", "champion", "operating_point"):
        pins = {getattr(each.policy, key): each.document.source.file for each in parents}
        pins = {value: file for value, file in pins.items() if value and value != "required"}
        stated = getattr(header, key)
        if len(pins) > 1:
            files = list_names(pins.values())
            fact = f"the policies that are extended pin different {key} ({files})"
            yield document.fault(("extends",), fact, "extend one of them, or let them agree")
        elif stated and stated != "required" and pins and stated not in pins:
            (above,) = pins.values()
            fact = f"{key} is not what {above} pins"
            yield document.fault((key,), fact, "delete it: what is inherited holds")
    inherited = _inherited(header, parents)
    for name in inherited["critical"]:
        if inherited["classes"] and name not in inherited["classes"]:
            fact = f"the critical class {quote(name)} is none of the classes"
            key = "critical" if name in header.critical else "extends"
            remedy = suggestion(name, inherited["classes"], what="the classes are")
            yield document.fault((key,), fact, remedy)


def check_classes(
    document: PolicyDocument, classes: Sequence[str], critical: Sequence[str] = ()
) -> None:
    """Refuse rules that do not fit the classes of the model.

    Raises DocumentError with the faults of :func:`class_faults`.
    """
    refuse(class_faults(document, classes, critical))


def class_faults(
    document: PolicyDocument, classes: Sequence[str], critical: Sequence[str] = ()
) -> list[Fault]:
    """Return what :func:`gate.policy.fit.misfits` finds, each at its place."""
    found = misfits(document.policy, classes, critical)
    return [_fault(document, each) for each in islice(found, MOST_FAULTS + 1)]


def _fault(document: PolicyDocument, misfit: Misfit) -> Fault:
    if misfit.rule is None:
        origin = document.header_origin(*map(str, misfit.path))
    else:
        origin = document.origin(misfit.rule, *misfit.path)
    return origin.fault(misfit.fact, misfit.remedy, of_key=misfit.of_key)
