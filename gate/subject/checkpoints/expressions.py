"""The expressions of an exported program that torch evaluates, held against two written grammars.

torch.export.load hands sizes such as ``2*s0`` to sympy, which evaluates them as Python; guards
such as ``L['x'].size()[0] >= 2`` are pasted into a function. Here they are parsed, never
evaluated: what is no number, symbol, operator or known function is refused.
"""

import ast
import re
from collections.abc import Callable

LONGEST = 1 << 16

# Everything that the printers of torch and sympy write; above all no line break and no backslash.
_CHARACTERS = re.compile(r"""[A-Za-z0-9_ .,()\[\]'"+*/%<>=&|~!^-]*""")
_SYMBOL = re.compile(r"[A-Za-z0-9_.+-]*")  # in the quotes of Symbol('s0') and Float('1.5')
_KEY = re.compile(r"[A-Za-z0-9_ .:/-]*")  # in the brackets of L['x']

# These take text as a name or a number; to all others text is an expression to evaluate.
_OF_TEXT = frozenset({"Symbol", "Dummy", "Integer", "Float", "Rational"})
_OF_SYMPY = frozenset(
    {"Add", "Mul", "Pow", "Mod", "Max", "Min", "Abs", "floor", "ceiling", "sqrt", "sign", "exp"}
    | {"log", "And", "Or", "Not", "Xor", "ITE", "Piecewise", "ExprCondPair", "Tuple"}
    | {"Eq", "Ne", "Lt", "Le", "Gt", "Ge", "Equality", "Unequality"}
    | {"StrictLessThan", "LessThan", "StrictGreaterThan", "GreaterThan"}
)
_OF_TORCH = frozenset(
    {"FloorDiv", "ModularIndexing", "Where", "PythonMod", "CleanDiv", "CeilToInt", "FloorToInt"}
    | {"CeilDiv", "LShift", "RShift", "PowByNatural", "FloatPow", "FloatTrueDiv", "IntTrueDiv"}
    | {"IsNonOverlappingAndDenseIndicator", "TruncToFloat", "TruncToInt", "RoundToInt"}
    | {"RoundDecimal", "ToFloat", "Identity"}
    | {f"BitwiseFn_bitwise_{each}" for each in ("and", "or", "xor")}
    | {f"OpaqueUnaryFn_{each}" for each in ("sqrt", "exp", "log", "log2", "asinh")}
    | {f"OpaqueUnaryFn_{each}" for each in ("cos", "cosh", "sin", "sinh", "tan", "tanh")}
    | {f"OpaqueUnaryFn_{each}" for each in ("asin", "acos", "atan")}
)
_OF_PYTHON = frozenset({"min", "max", "abs", "round", "int", "float", "bool"})
_OF_MATH = frozenset(
    {"floor", "ceil", "trunc", "sqrt", "pow", "isnan", "isinf", "log", "log2", "exp", "cos"}
    | {"cosh", "acos", "sin", "sinh", "asin", "tan", "tanh", "atan", "asinh"}
)
_OF_TENSORS = frozenset({"size", "stride", "storage_offset", "dim", "numel", "item"})
_SYMBOLIC = re.compile(r"_?sym_[a-z0-9_]+")  # torch.sym_float, torch._sym_sqrt


def is_size(text: str) -> bool:
    """Return whether torch can evaluate an expression of sizes and only arithmetic comes of it.

    >>> is_size("Add(Mul(Integer(2), Symbol('s0', integer=True)), Integer(1))"), is_size("2*s0+1")
    (True, True)
    >>> is_size("Max('exit()', 1)"), is_size("exit()")
    (False, False)
    """
    return _is(text, _is_arithmetic)


def is_guard(text: str) -> bool:
    """Return whether a guard compares sizes of the inputs and does nothing else.

    >>> is_guard("(1 + (L['x'].size()[3] // 2)) != 1"), is_guard("L['x'].tofile('y') is None")
    (True, False)
    """
    return _is(text, _is_comparison)


def _is(text: str, allowed: Callable[[ast.AST], bool]) -> bool:
    if len(text) > LONGEST or not _CHARACTERS.fullmatch(text):
        return False
    try:
        return allowed(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _is_arithmetic(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name):
            return "__" not in name
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
            options = all(each.arg and _is_number(each.value) for each in keywords)
            return options and all(
                _is_arithmetic(each) or (name in _OF_TEXT and _is_text(each, _SYMBOL))
                for each in args
            ) and name in _OF_TEXT | _OF_SYMPY | _OF_TORCH  # fmt: skip
        case ast.Tuple(elts=parts):
            return all(map(_is_arithmetic, parts))
        case _:
            return _is_operation(node, _is_arithmetic)


def _is_comparison(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            known = name in _OF_PYTHON | _OF_SYMPY | _OF_TORCH
            return known and all(map(_is_comparison, args))
        case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name), keywords=[]):
            known = (module == "math" and name in _OF_MATH) or (
                module == "torch" and _SYMBOLIC.fullmatch(name) is not None
            )
            return known and all(map(_is_comparison, node.args))
        case ast.Attribute(value=ast.Name(id="math"), attr=name):
            return name in ("inf", "nan", "pi", "e")
        case ast.Name(id=name):
            return name in ("inf", "nan")
        case ast.Subscript() | ast.Attribute() | ast.Call():
            return _is_input(node)
        case ast.IfExp(test=test, body=body, orelse=other):
            return all(map(_is_comparison, (test, body, other)))
        case _:
            return _is_operation(node, _is_comparison)


def _is_input(node: ast.AST) -> bool:
    """Whether a node is a part of an input, or a size of it: ``L['x'][0].size()[1]``."""
    match node:
        case ast.Name(id="L"):
            return True
        case ast.Subscript(value=value, slice=place):
            return (_is_text(place, _KEY) or _is_number(place)) and _is_input(value)
        case ast.Call(func=ast.Attribute(value=value, attr=name), args=[], keywords=[]):
            return name in _OF_TENSORS and _is_input(value)
        case ast.Attribute(value=value, attr=name):
            return "__" not in name and _is_input(value)
        case _:
            return False


def _is_operation(node: ast.AST, allowed: Callable[[ast.AST], bool]) -> bool:
    match node:
        case ast.UnaryOp(operand=one):
            return allowed(one)
        case ast.BinOp(left=left, right=right):
            return allowed(left) and allowed(right)
        case ast.BoolOp(values=parts):
            return all(map(allowed, parts))
        case ast.Compare(left=left, comparators=others):
            return allowed(left) and all(map(allowed, others))
        case _:
            return _is_number(node)


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def _is_text(node: ast.AST, pattern: re.Pattern[str]) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and pattern.fullmatch(node.value) is not None
    )
