"""Strict JSON: a text that two parsers could read in two ways is refused."""

import json
from collections.abc import Sequence
from typing import Any, NoReturn

_DEEPEST = 32  # of a statement; ours need eight


class AmbiguousError(ValueError):
    """The text is no JSON, or JSON that two readers could take for two things."""


def parse(data: bytes) -> Any:  # noqa: ANN401 -- what JSON holds
    """Return the value of JSON in UTF-8; raise AmbiguousError with a clause that says why not.

    Refused are keys that stand twice, numbers with a fraction or an exponent, NaN and infinity,
    lone surrogates, a byte order mark, and nesting without end.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_without_doubles,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # fails on lone surrogates
    except AmbiguousError:
        raise
    except RecursionError:
        raise AmbiguousError("it is nested too deeply") from None
    except ValueError:
        raise AmbiguousError("it is no JSON in UTF-8") from None
    if _depth(value) > _DEEPEST:
        raise AmbiguousError("it is nested too deeply")
    return value


def _without_doubles(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise AmbiguousError("a key stands twice in one object")
    return table


def _no_float(text: str) -> NoReturn:
    raise AmbiguousError(f"it holds {text[:20]}, a number that readers round differently")


def _depth(value: Any) -> int:  # noqa: ANN401 -- what JSON holds
    level, depth = [value], 0
    while level:
        depth += 1
        level = [inner for each in level for inner in _inside(each)]
    return depth


def _inside(value: Any) -> Sequence[Any]:  # noqa: ANN401 -- what JSON holds
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()
