"""Modules of one name beside the gate file and installed: which is taken, and what to do."""

import ast
import importlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from gate.subject.importing import Located, locate, top_level
from gate.subject.packages import sources
from gate.wording import quote


def find_shadowed(factories: Iterable[str], base: Path) -> tuple[str, ...]:
    """Return which of two modules user code is made of, a sentence for each name; imports nothing.

    ``factories`` are named by the gate file of the folder ``base``. Told are their packages, and
    what code beside the gate file imports absolutely.
    """
    importlib.invalidate_caches()
    modules = {top_level(each): each.partition(":")[0] for each in factories}
    found = {name: locate(module, base) for name, module in modules.items()}
    beside = {name: each for name, each in found.items() if each.is_beside}
    said = [_of_factory(name, each) for name, each in found.items() if _is_in_both(each)]
    there = _in_both(base) - set(found) if beside else set()
    if there:
        said += map(_of_import, sorted(_imported_by(beside, base) & there))
    return tuple(said)


def _is_in_both(found: Located) -> bool:
    return found.passed_over is not None and found.passed_over.origin is not None


def _of_factory(name: str, found: Located) -> str:
    taken, other = "beside the gate file", "the installed one"
    if not found.is_beside:
        taken, other = "that is installed", "the one beside the gate file"
    return f"the module {quote(name)} {taken} is taken, not {other}: rename one of them"


def _of_import(name: str) -> str:
    return (
        f"import {name} takes the installed module, not the one beside the gate file: rename that "
        "one, or move it into the factory's package and import it relatively"
    )


def _in_both(base: Path) -> set[str]:
    """Return the modules in the folder that code there imports from elsewhere all the same."""
    with os.scandir(base.resolve()) as entries:
        names = {each.name.removesuffix(".py") for each in entries if _is_module(each)}
    found = {name: locate(name, base, is_named=False) for name in names if name.isidentifier()}
    return {name for name, each in found.items() if not each.is_beside and _is_in_both(each)}


def _is_module(entry: "os.DirEntry[str]") -> bool:
    return entry.name.endswith(".py") or Path(entry, "__init__.py").is_file()


def _imported_by(beside: dict[str, Located], base: Path) -> set[str]:
    """Return what these modules, and those beside them that they import, import absolutely."""
    seen: set[str] = set()
    left = dict(beside)
    while left:
        name, found = left.popitem()
        for path, _ in sources(name, found):
            for each in set(_imports(path)) - seen:
                seen.add(each)
                next_one = locate(each, base, is_named=False)
                if next_one.is_beside:
                    left[each] = next_one
    return seen


def _imports(path: Path) -> Iterator[str]:
    """Yield the top-level modules that a source file imports, wherever in it.

    A file that changes the path itself knows where its modules are.
    """
    try:
        text = path.read_bytes()
        tree = ast.parse(text)
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return  # what Python does not import either
    if b"sys.path" in text:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (top_level(each.name) for each in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield top_level(node.module)
