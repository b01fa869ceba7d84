"""Vet the graph of an exported program, whose JSON torch turns into Python code when it loads it.

Sizes are evaluated, guards and the names of tensors and arguments are written into the source of
functions, and the trees of inputs and outputs name modules to import. The graph itself is not
judged and not run here; what must hold is that loading it runs nothing but what it says.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from gate.subject.checkpoints.budgets import Budget
from gate.subject.checkpoints.expressions import is_guard, is_size
from gate.subject.checkpoints.refusals import RefusedError, corrupt, unsafe
from gate.wording import plain, quote

MAX_GRAPH = 32 << 20  # bytes; with the stack traces of every node a ResNet-152 fills some 2 MiB
RESAVE = (
    'where it was made and is trusted, run: python -c "import torch; '
    "torch.save(dict(torch.export.load('MODEL.pt2').state_dict), 'weights.pt')\""
)

# What cannot end a quotation or call anything, wherever torch writes it.
_PLAIN = re.compile(r"[\w .:/#<>+*@|$-]*")
_QUOTED = re.compile(r"""[^"'\\\x00-\x1f\x7f-\x9f\u2028\u2029]*""")  # stands in quotes
_STACK = re.compile(r"""[^"\\\x00-\x1f\x7f-\x9f\u2028\u2029]*""")  # of modules: L['self'] in it
_NAMES = frozenset({"name", "as_name", "forward_arg_names"})
_EXPRESSIONS = frozenset({"expr_str", "guards_code"})
_TREES = frozenset({"in_spec", "out_spec"})
_TEXTS = frozenset({"as_string", "as_strings"})
_FACTORIES = frozenset(
    ("builtins", each) for each in ("list", "dict", "set", "tuple", "int", "float", "str", "bool")
) | {("collections", "OrderedDict")}


def check_graph(member: str, text: memoryview, budget: Budget) -> None:
    """Refuse a graph, as unsafe, by which loading it in torch could run code.

    ``member`` is its name in the archive. Raises RefusedError, as corrupt, for what is no JSON.
    """
    graph = parse_graph(member, text, MAX_GRAPH, budget)
    if not isinstance(graph, dict):
        raise _no_graph(member)
    for key, value, place in _strings(graph):
        if key in _EXPRESSIONS:
            budget.take(len(value))
        fault = _fault(key, value, place)
        if fault:
            raise unsafe(f"{plain(member)} {fault}, which torch.export.load runs as code", RESAVE)


def parse_graph(member: str, text: memoryview, most: int, budget: Budget) -> Any:  # noqa: ANN401 (JSON)
    """Return the JSON of a member of at most ``most`` bytes, read as torch reads it.

    Raises RefusedError for a larger one, and for what is no JSON or nests too deeply.
    """
    if text.nbytes > most:
        raise unsafe(f"{plain(member)} has {text.nbytes:,} bytes", RESAVE)
    raw = bytes(text)
    budget.take(sum(map(raw.count, (b",", b"[", b"{"))))  # no fewer than there are values
    try:
        return json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise _no_graph(member) from None


def _no_graph(member: str) -> RefusedError:
    return corrupt(f"{plain(member)} is not the JSON that torch writes")


def _strings(graph: object) -> Iterator[tuple[str, str, str]]:
    """Yield every text in JSON, with the key above it and the free place that it lies in.

    Free is what torch only shows or writes with its own quotes: the metadata of a node, and the
    arguments of nodes. A tensor may be called "metadata": only the texts right under it are free.
    """
    waiting: list[tuple[str, object, str]] = [("", graph, "")]
    while waiting:
        key, value, place = waiting.pop()
        match value:
            case str():
                yield key, value, place
            case list():
                place = "nodes" if key == "nodes" else place
                waiting.extend((key, each, place) for each in value)
            case dict():
                place = "" if place == "metadata" else place
                for name, each in value.items():
                    text = key == "metadata" and isinstance(each, str)
                    yield ("metadata" if text else ""), name, place
                    waiting.append((name, each, "metadata" if text else place))


def _fault(key: str, value: str, place: str) -> str:
    """Return what is wrong with a text under a key; empty if nothing is."""
    if key == "expr_str":
        return "" if is_size(value) else f"has the size {quote(value)}"
    if key == "guards_code":
        return "" if is_guard(value) else f"has the guard {quote(value)}"
    if key in _TREES:
        return _fault_of_tree(value)
    if key in ("target", "as_operator") and "from_file" in value:
        return f"opens a file of its own, by {plain(value)}"
    return "" if _is_inert(key, value, place) else f"has the name or text {quote(value)}"


def _is_inert(key: str, value: str, place: str) -> bool:
    """Whether a text stays a text, or one name, where torch writes it into code."""
    if key in _NAMES:
        return value == "" or value.isidentifier()
    if key == "nn_module_stack":
        return _STACK.fullmatch(value) is not None
    if key in _TEXTS:
        return place == "nodes" or _QUOTED.fullmatch(value) is not None
    return place == "metadata" or _PLAIN.fullmatch(value) is not None


def _fault_of_tree(text: str) -> str:
    """Return what is wrong with the tree of inputs or outputs, which may name things to import."""
    waiting: list[object] = [text]
    while waiting:
        match waiting.pop():
            case str() as value if value[:1] in ("[", "{", '"'):
                try:
                    waiting.append(json.loads(value))
                except (ValueError, RecursionError):
                    return f"has the tree {quote(value)}"
            case str() as value if not _PLAIN.fullmatch(value):
                return f"has the name {quote(value)}"
            case list() as value:
                waiting.extend(value)
            case dict() as value:
                module, name = (
                    value.get("default_factory_module"),
                    value.get("default_factory_name"),
                )
                if "__enum__" in value or "fqn" in value:
                    return f"imports '{plain(str(value.get('fqn')))}'"
                if module is not None and (module, name) not in _FACTORIES:
                    return f"imports '{plain(f'{module}.{name}')}'"
                waiting += [*value, *value.values()]
    return ""
