"""A document of the gate: a source, its tree, and its kind."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gate.documents.source_text import Source, read_source, refuse
from gate.documents.yaml_tree import Key, Kind, Node, Place, read_tree
from gate.errors import Fault
from gate.wording import quote

# What was meant, by the kind that is needed and the one that is there.
_MEANT = {
    ("Policy", "Validation"): "a gate file is run: validate-model run {file}; where a policy is "
    "asked for, name one, such as baseline",
    ("Validation", "Policy"): "a policy is named beside a gate file: validate-model run GATEFILE "
    "--policy {file}",
    ("Validation", "WaiverSet"): "waivers are named beside a gate file: validate-model run "
    "GATEFILE --waivers {file}",
    ("WaiverSet", "Policy"): "a policy is named by --policy {file}",
    ("Policy", "WaiverSet"): "waivers are named by --waivers {file}",
}


@dataclass(frozen=True, slots=True)
class Document:
    """A document that could be parsed; values can still be wrong."""

    source: Source
    root: Node

    def place(self, path: tuple[Key, ...], *, of_key: bool = False) -> Place:
        """Return line and column of the value at a path, or of its key.

        Where the path leads nowhere, because a default stands there, the nearest value above it.
        """
        node, place = self.root, self.root.place
        for part in path:
            inner = node.items.get(part)
            if inner is None:
                return place
            place = node.keys.get(part, inner.place) if of_key else inner.place
            node = inner
        return place

    def fault(
        self, path: tuple[Key, ...], fact: str, remedy: str = "", *, of_key: bool = False
    ) -> Fault:
        """Return a fault at the value at a path, or at its key."""
        return self.source.fault(*self.place(path, of_key=of_key), fact, remedy)


def read_document(path: Path, file: str, kind: str) -> tuple[Document, list[Fault]]:
    """Return a document and the faults of its YAML, which are not fatal to the rest of it.

    Raises UsageError where there is no file, and DocumentError where it cannot be parsed, is no
    mapping or is a document of another kind: then nothing else in it would make sense.
    """
    source = read_source(path, file)
    root, faults = read_tree(source)
    if root is None:
        refuse(faults)
    assert root is not None
    document = Document(source, root)
    if root.kind is not Kind.MAPPING:
        fact = f"the document is a {root.kind.value}, and a {kind} is a mapping"
        refuse([*faults, document.fault((), fact, f"start with apiVersion: gate/v1, kind: {kind}")])
    stated = root.items.get("kind")
    if stated is not None and stated.scalar != kind and isinstance(stated.scalar, str):
        fact = f"this is a {quote(stated.text)}, and a {quote(kind)} is needed here"
        remedy = _MEANT.get((kind, stated.scalar), "name the right file, or mend its kind")
        refuse([*faults, document.fault(("kind",), fact, remedy.format(file=file))])
    return document, [*faults, *_without_value(document, root)]


def _without_value(document: Document, node: Node) -> Iterator[Fault]:
    """Yield a fault for each null and mark it as told: no key of ours means anything by it.

    Only the keyword arguments of user code may be null.
    """
    for key, item in node.items.items():
        if key == "kwargs":
            continue
        if item.kind is Kind.SCALAR and item.scalar is None and not item.is_refused:
            item.is_refused = True
            place = item.place if item.text else node.keys.get(key, item.place)
            name = quote(key) if isinstance(key, str) else f"entry {key + 1} of the list"
            fact, remedy = f"{name} has no value", "write one, or delete the line"
            yield document.source.fault(*place, fact, remedy)
        yield from _without_value(document, item)
