"""YAML to a tree in which every key and value knows its place.

A source is parsed into events, the events are hung into a tree, and what YAML allows but no
document of ours needs (anchors, aliases, tags, merge keys, second documents, keys that are not
words) is refused where it stands. Nothing is constructed from a tag, and nothing recurses.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import yaml

from gate.documents.scalars import Scalar, Trap, read_plain
from gate.documents.source_text import FORBIDDEN, Source
from gate.documents.syntax_errors import syntax_fault
from gate.errors import Fault
from gate.wording import quote

# The parser in C reads a megabyte in the time of twenty kilobytes; both give the same marks.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_DEEPEST = 50
_MOST_NODES = 50_000

Place = tuple[int, int]  # line and column, from 1
Key = str | int


class Kind(Enum):
    """What a node is."""

    SCALAR = "scalar"
    LIST = "list"
    MAPPING = "mapping"


@dataclass(slots=True)
class Node:
    """One value of the document with its place; ``items`` are the values below it."""

    kind: Kind
    place: Place
    scalar: Scalar = None
    text: str = ""  # of a scalar, as written, without quotes
    is_quoted: bool = False
    is_refused: bool = False  # its fault is already told
    items: dict[Key, "Node"] = field(default_factory=dict)
    keys: dict[Key, Place] = field(default_factory=dict)

    def plain(self) -> Any:  # noqa: ANN401 -- what YAML holds
        """Return the node as dict, list, str, int, float, bool or None."""
        if self.kind is Kind.MAPPING:
            return {key: item.plain() for key, item in self.items.items()}
        if self.kind is Kind.LIST:
            return [item.plain() for item in self.items.values()]
        return self.scalar

    def find(self, path: tuple[Key, ...]) -> "Node | None":
        """Return the node at the end of a path of keys and positions, None where there is none."""
        node: Node | None = self
        for part in path:
            node = node.items.get(part) if node else None
        return node

    @property
    def has_refused(self) -> bool:
        """Return whether something in here could not be read."""
        return self.is_refused or any(item.has_refused for item in self.items.values())


def read_tree(source: Source) -> tuple[Node | None, list[Fault]]:
    """Return the tree of the only document and all faults; no tree where nothing could be read.

    A node whose fault is told stays in the tree, marked, so that one slip is not told twice and
    the rest of the document is still judged.
    """
    builder = _Builder(source)
    try:
        for event in yaml.parse(source.text, Loader=_LOADER):
            if not builder.take(event):
                break
    except yaml.MarkedYAMLError as error:
        builder.faults.append(syntax_fault(source, error))
        return None, builder.faults
    if builder.root is None and not builder.faults:
        fact = "the file holds nothing"
        return None, [source.fault(1, 1, fact, "write apiVersion, kind and what follows")]
    return (None if builder.is_broken else builder.root), builder.faults


@dataclass(slots=True)
class _Open:
    """A collection that is not closed yet; ``key`` waits for its value."""

    node: Node
    key: str | None = None
    key_waits: bool = False


class _Builder:
    """Hangs events into a tree and keeps the faults."""

    def __init__(self, source: Source) -> None:
        self.root: Node | None = None
        self.faults: list[Fault] = []
        self.is_broken = False  # parsing stopped early: the tree would lie
        self._source = source
        self._open: list[_Open] = []
        self._documents = 0
        self._nodes = 0

    def take(self, event: yaml.Event) -> bool:
        """Take one event; return whether to go on."""
        match event:
            case yaml.DocumentStartEvent():
                return self._document(event)
            case yaml.NodeEvent():
                return self._node(event)
            case yaml.CollectionEndEvent():
                self._open.pop()
        return True

    def _document(self, event: yaml.DocumentStartEvent) -> bool:
        self._documents += 1
        if self._documents > 1:
            self._fault(event, "a second document starts here", "keep one document in a file")
            return False
        if event.version or event.tags:
            self._fault(event, "directives are not read", "delete the lines that start with '%'")
        return True

    def _node(self, event: yaml.NodeEvent) -> bool:
        self._nodes += 1
        if self._nodes > _MOST_NODES or len(self._open) >= _DEEPEST:
            what = "holds too many values" if self._nodes > _MOST_NODES else "is nested too deeply"
            self._fault(event, f"the document {what}", "no document of the gate needs that")
            self.is_broken = True
            return False
        for fact, remedy in _properties(event):
            self._fault(event, fact, remedy)
        node = self._made(event)
        self._hang(node)
        if node.kind is not Kind.SCALAR:
            self._open.append(_Open(node))
        return True

    def _made(self, event: yaml.NodeEvent) -> Node:
        place = _place(event)
        match event:
            case yaml.MappingStartEvent():
                return Node(Kind.MAPPING, place)
            case yaml.SequenceStartEvent():
                return Node(Kind.LIST, place)
            case yaml.ScalarEvent():
                return self._scalar(event, place)
        return Node(Kind.SCALAR, place, is_refused=True)  # an alias

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> Node:
        if hidden := FORBIDDEN.search(event.value):  # by an escape; elsewhere it is refused before
            fact = f"the text holds the invisible character U+{ord(hidden.group()):04X}"
            self._fault(event, fact, "delete its escape")
        if event.style:  # None or "" where nothing is quoted
            return Node(Kind.SCALAR, place, event.value, event.value, is_quoted=True)
        value = read_plain(event.value)
        if isinstance(value, Trap):
            self._fault(event, f"{quote(event.value)} {value.fact}", value.remedy)
            return Node(Kind.SCALAR, place, None, event.value, is_refused=True)
        return Node(Kind.SCALAR, place, value, event.value)

    def _hang(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if parent.node.kind is Kind.LIST:
            parent.node.items[len(parent.node.items)] = node
        elif not parent.key_waits:
            parent.key, parent.key_waits = self._key(node, parent.node), True
        else:
            if parent.key is not None:
                parent.node.items[parent.key] = node
            parent.key_waits = False

    def _key(self, node: Node, mapping: Node) -> str | None:
        """Return the key that a node is, None where it is refused and its value left out."""
        key = node.scalar
        if node.is_refused:
            return None
        if node.kind is not Kind.SCALAR:
            fact, remedy = "a list or mapping cannot be a key", "write a word as the key"
        elif not isinstance(key, str):
            fact, remedy = f"the key {quote(node.text)} is not text", "put it in quotes"
        elif key == "<<" and not node.is_quoted:
            fact, remedy = "merge keys are not read", "write out what is to be merged"
        elif key in mapping.keys:
            first = mapping.keys[key][0]
            fact = f"the key {quote(key)} is already set in line {first}"
            remedy = "delete one of the two"
        else:
            mapping.keys[key] = node.place
            return key
        self.faults.append(self._source.fault(*node.place, fact, remedy))
        return None

    def _fault(self, event: yaml.Event, fact: str, remedy: str) -> None:
        self.faults.append(self._source.fault(*_place(event), fact, remedy))


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    assert mark is not None  # only events that are made by hand have none
    return mark.line + 1, mark.column + 1


def _properties(event: yaml.NodeEvent) -> Iterator[tuple[str, str]]:
    if isinstance(event, yaml.AliasEvent):
        yield f"the alias {quoted(f'*{event.anchor}')} is not read", "write out what it stands for"
        return
    if event.anchor is not None:
        yield f"the anchor {quoted(f'&{event.anchor}')} is not read", "delete it"
    tag = getattr(event, "tag", None)
    if tag is not None:
        shown = quote(tag.replace("tag:yaml.org,2002:", "!!"))
        yield f"the tag {shown} is not read", "delete it"
