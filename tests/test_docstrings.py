"""Docstrings of the gate, read from its syntax: they are there, and name every error."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

import gate

_CLAUSE = re.compile(r"(What|How|Who|Whom|Whose|Where|When|Which|Whether|Why|By|From|To|With)\b")
_NAMED = re.compile(r"\b[Rr]aises? (?:\w+ or )?(\w+(?:Error|Image|Contradiction))\b")

# Calls whose errors end in the evidence, the context manager that keeps them being an object.
_KEPT = {"gate.measure.measurement.measure": "a GateError becomes a failure in the evidence"}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Name = tuple[str, str]  # a module, and what it calls a function: "function" or "Class.method"
_Step = tuple[ast.Raise | ast.Call, frozenset[str]]  # with the names of what is caught around it


@dataclass(frozen=True)
class _Defined:
    """A function or method, and the class that it is of."""

    module: str
    name: str
    node: Function
    owner: ast.ClassDef | None

    @property
    def is_public(self) -> bool:
        return not any(word.startswith("_") for word in self.name.split("."))

    @property
    def makes_a_public_class(self) -> bool:
        of_public = self.owner is not None and not self.owner.name.startswith("_")
        return of_public and self.node.name in ("__init__", "__post_init__")

    @property
    def is_a_command(self) -> bool:
        """Whether click prints the docstring as the help of a command."""
        return any("command" in ast.unparse(each) for each in self.node.decorator_list)

    @property
    def docstring(self) -> str:
        speaks = self.owner if self.makes_a_public_class and self.owner else self.node
        return ast.get_docstring(speaks) or ""


class _Code:
    """A package as syntax: what it defines, and which errors its functions raise."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.trees = {
            self._name(file): ast.parse(file.read_text("utf-8")) for file in root.rglob("*.py")
        }
        self._steps_of: dict[Name, list[_Step]] = {}

    def _name(self, file: Path) -> str:
        parts = file.relative_to(self.root.parent).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @cached_property
    def functions(self) -> Mapping[Name, _Defined]:
        found = [
            _Defined(module, node.name, node, None)
            for module, tree in self.trees.items()
            for node in tree.body
            if isinstance(node, Function)
        ] + [
            _Defined(module, f"{owner.name}.{node.name}", node, owner)
            for module, owner in self.classes
            for node in owner.body
            if isinstance(node, Function)
        ]
        return {(each.module, each.name): each for each in found}

    @cached_property
    def classes(self) -> list[tuple[str, ast.ClassDef]]:
        return [
            (module, node)
            for module, tree in self.trees.items()
            for node in tree.body
            if isinstance(node, ast.ClassDef)
        ]

    @cached_property
    def imported(self) -> Mapping[Name, Name]:
        """A module and a name in it -> the module that it is imported from, and its name there."""
        return {
            (module, each.asname or each.name): (node.module or "", each.name)
            for module, tree in self.trees.items()
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for each in node.names
        }

    @cached_property
    def errors(self) -> Mapping[str, frozenset[str]]:
        """The public errors that the package defines, each with its name and those of its bases."""
        bases = {
            node.name: [each.id for each in node.bases if isinstance(each, ast.Name)]
            for _, node in self.classes
            if not node.name.startswith("_")
        }
        above = {**bases, "ValueError": ["Exception"]}

        def names(error: str) -> frozenset[str]:
            return frozenset({error}).union(*map(names, above.get(error, ())))

        return {error: names(error) for error in bases if "Exception" in names(error)}

    def raised_by(self, function: Name, depth: int = 1) -> frozenset[str]:
        """Return the errors of a function: its own, and those of its module's that it calls.

        Those of other modules' functions count where at most ``depth`` imports lead there.
        """
        return self._raised(function, depth, frozenset())

    def _raised(self, function: Name, depth: int, seen: frozenset[Name]) -> frozenset[str]:
        here = self.functions.get(function)
        if here is None or function in seen or depth < 0:
            return frozenset()
        found: set[str] = set()
        for each, caught in self._steps(function):
            if isinstance(each, ast.Raise):
                errors = self._error_of(here, each)
            elif (target := self._target(here, each.func)) is None:
                continue
            else:
                deep = depth - (target[0] != here.module)
                errors = self._raised(self._made_by(target), deep, seen | {function})
            found |= {error for error in errors if not caught & self.errors[error]}
        return frozenset(found)

    def _error_of(self, here: _Defined, node: ast.Raise) -> frozenset[str]:
        """Return what a statement raises: an error by its name, or what a helper says to return."""
        made = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        if isinstance(made, ast.Name) and made.id in self.errors:
            return frozenset({made.id})
        if made is None or made is node.exc:
            return frozenset()
        target = self._target(here, made)
        helpers = [target] if target in self.functions else []
        if not helpers and isinstance(made, ast.Attribute):
            helpers = self._methods.get(made.attr, [])
        returns = {ast.unparse(self.functions[each].node.returns or ast.Pass()) for each in helpers}
        return frozenset({each.strip("'\"") for each in returns} & self.errors.keys())

    def _target(self, here: _Defined, called: ast.expr) -> Name | None:
        """Return which function is called, as far as the syntax tells."""
        if isinstance(called, ast.Name):
            return self.imported.get((here.module, called.id), (here.module, called.id))
        if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
            if called.value.id == "self" and here.owner:
                return here.module, f"{here.owner.name}.{called.attr}"
            module = self.imported.get((here.module, called.value.id))
            return (".".join(module), called.attr) if module else None
        return None

    def _made_by(self, called: Name) -> Name:
        """Return what runs where a name is called: of a class, what checks a new object."""
        check = (called[0], f"{called[1]}.__post_init__")
        return check if check in self.functions else called

    def may_raise(self, function: Name) -> frozenset[str]:
        """Return every error that may come out of a function, however deep.

        A method of an object may be that of any class, and an object that is called, of any too.
        """
        called: set[Name] = set()
        waiting = [function]
        while waiting:
            here = self.functions.get(waiting.pop())
            if here is None or (here.module, here.name) in called:
                continue
            called.add((here.module, here.name))
            calls = [
                each.func
                for each, _ in self._steps((here.module, here.name))
                if isinstance(each, ast.Call)
            ]
            waiting += [
                name
                for each in calls
                if (name := self._target(here, each)) and name[0] == function[0]
            ]
            called.update(name for each in calls for name in self._methods_meant(each))
        return frozenset().union(*(self.raised_by(each, depth=99) for each in called))

    def _methods_meant(self, called: ast.expr) -> list[Name]:
        if not isinstance(called, ast.Attribute):
            return []
        return self._methods.get(called.attr, self._methods.get("__call__", []))

    @cached_property
    def _methods(self) -> Mapping[str, list[Name]]:
        """A name -> all methods that are so called."""
        found: dict[str, list[Name]] = {}
        for name, each in self.functions.items():
            if each.owner:
                found.setdefault(each.node.name, []).append(name)
        return found

    def _steps(self, function: Name) -> list[_Step]:
        """Return the raises and calls of a function; few are asked for once alone."""
        if function not in self._steps_of:
            self._steps_of[function] = list(_raises_and_calls(self.functions[function].node))
        return self._steps_of[function]


def _words_in(tree: ast.AST) -> set[str]:
    nodes = list(ast.walk(tree))
    names = {each.id for each in nodes if isinstance(each, ast.Name)}
    return names | {each.attr for each in nodes if isinstance(each, ast.Attribute)}


def _raises_and_calls(node: ast.AST, caught: frozenset[str] = frozenset()) -> Iterator[_Step]:
    """Yield each raise and call in a tree, with the names of the errors caught around it."""
    if isinstance(node, ast.Try):
        handled = [each.type or ast.Name("BaseException") for each in node.handlers]
        for child in node.body:
            yield from _raises_and_calls(child, caught.union(*map(_words_in, handled)))
        for child in (*node.handlers, *node.orelse, *node.finalbody):
            yield from _raises_and_calls(child, caught)
        return
    if isinstance(node, ast.With):
        calls = [each.context_expr for each in node.items]
        caught = caught.union(
            *(_words_in(call) for call in calls if "suppress(" in ast.unparse(call))
        )
    if isinstance(node, ast.Raise | ast.Call):
        yield node, caught
    for child in ast.iter_child_nodes(node):
        yield from _raises_and_calls(child, caught)


def _unnamed(code: _Code) -> list[str]:
    """Return each error that a public function raises and its docstring does not name."""
    return sorted(
        f"{each.module}.{each.name}: {error}"
        for name, each in code.functions.items()
        if (each.is_public and not each.is_a_command) or each.makes_a_public_class
        for error in code.raised_by(name)
        if not code.errors[error] - {"Exception"} & set(re.findall(r"\w+", each.docstring))
    )


def _never_raised(code: _Code) -> list[str]:
    """Return each error of the package that a docstring names and that no way leads to."""
    return sorted(
        f"{each.module}.{each.name}: {error}"
        for name, each in code.functions.items()
        if len(each.node.body) > 1
        for error in _NAMED.findall(each.docstring)
        if error in code.errors
        and not any(error in code.errors[found] for found in code.may_raise(name))
    )


@pytest.fixture(scope="module")
def code() -> _Code:
    return _Code(Path(gate.__file__).parent)


def test_every_public_function_and_class_has_a_docstring(code: _Code) -> None:
    functions = [
        f"{each.module}.{each.name}"
        for each in code.functions.values()
        if each.is_public and not each.docstring
    ]
    classes = [
        f"{module}.{node.name}"
        for module, node in code.classes
        if not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert functions + classes == []


def test_a_docstring_names_every_error_that_its_function_raises(code: _Code) -> None:
    assert [each for each in _unnamed(code) if each.partition(":")[0] not in _KEPT] == []


def test_a_docstring_names_no_error_that_its_function_never_raises(code: _Code) -> None:
    assert _never_raised(code) == []


def test_a_module_docstring_is_no_clause_and_its_first_line_ends_with_a_period(code: _Code) -> None:
    first = {
        module: (ast.get_docstring(tree) or "").partition("\n")[0]
        for module, tree in code.trees.items()
    }
    clauses = {module: line for module, line in first.items() if _CLAUSE.match(line)}
    open_ended = {module: line for module, line in first.items() if not line.endswith((".", "``."))}
    assert clauses == {}
    assert open_ended == {}


_ERRORS = """
class Wrong(Exception):
    '''Something is wrong.'''

class VeryWrongError(Wrong):
    '''Something is very wrong.'''

def refusal() -> VeryWrongError:
    '''Return an error.'''
"""


def _package(root: Path, text: str) -> _Code:
    folder = root / "package"
    folder.mkdir()
    (folder / "errors.py").write_text(_ERRORS)
    imports = "from package.errors import VeryWrongError, Wrong, refusal"
    (folder / "reader.py").write_text(f"{imports}\n{text}")
    return _Code(folder)


def _reading(docstring: str, body: str) -> str:
    return f"""
def read():
    '''{docstring}'''
    {body}

def _helper():
    raise VeryWrongError()

class Checked:
    '''Raises Wrong.'''
    def __post_init__(self):
        raise VeryWrongError()
"""


@pytest.mark.parametrize(
    "body",
    [
        "raise VeryWrongError(1)",
        "raise VeryWrongError",
        "raise refusal()",
        "_helper()",
        "Checked(1)",
        "try: _helper()\n    except KeyError: pass",
        "try: _helper()\n    except Wrong as error: raise refusal() from error",
    ],
)
def test_an_error_that_a_docstring_leaves_out_is_found(tmp_path: Path, body: str) -> None:
    code = _package(tmp_path, _reading("Read.", body))
    assert _unnamed(code) == ["package.reader.read: VeryWrongError"]


@pytest.mark.parametrize(
    ("docstring", "body"),
    [
        ("Raises VeryWrongError.", "raise refusal()"),
        ("Raises Wrong, of any kind.", "raise refusal()"),
        ("Read.", "try: raise refusal()\n    except Wrong: pass"),
        ("Read.", "with suppress(VeryWrongError): raise refusal()"),
        ("Read.", "return 1"),
    ],
)
def test_an_error_that_is_named_or_caught_is_not_complained_of(
    tmp_path: Path, docstring: str, body: str
) -> None:
    code = _package(tmp_path, _reading(docstring, body))
    assert _unnamed(code) == []
    assert _never_raised(code) == []


def test_an_error_that_a_docstring_names_and_nothing_raises_is_found(tmp_path: Path) -> None:
    code = _package(tmp_path, _reading("Read; raises VeryWrongError.", "return 1"))
    assert _never_raised(code) == ["package.reader.read: VeryWrongError"]
