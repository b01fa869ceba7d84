"""Guards around the hooks of a check that another package adds.

A shipped check is held to its contract by tests. Of another one, each hook runs guarded: what it
raises names its package, what it prints stays off the report, what it gives is looked at, and the
evidence that it is given is its own to spoil.
"""

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import fields, is_dataclass, replace
from functools import wraps
from typing import Any, get_args

from gate.checks.base import (
    Comparison,
    Concern,
    Operator,
    Outcome,
    ProofRequirement,
    Rule,
    Scope,
    SplitName,
)
from gate.errors import PluginError
from gate.plugins import Plugin, guarded
from gate.wording import plain

_INSIDE: ContextVar[bool] = ContextVar("inside a guard", default=False)
_SPLITS = get_args(SplitName)
_UNMET = (Outcome.FAILED, Outcome.ERROR, Outcome.INCONCLUSIVE)
_UNDEFINED = (*_UNMET, Outcome.NOT_APPLICABLE)


def guard(check: type[Rule], plugin: Plugin) -> None:
    """Put a guard around each hook of a check: all that a shipped class offers to override.

    A hook then raises PluginError where it raises anything, or gives what no hook may give.
    """
    ours = [base for base in check.__mro__ if base.__module__.startswith("gate.checks.")]
    hooks = {name: hook for base in reversed(ours) for name, hook in vars(base).items()}
    for name, hook in hooks.items():
        if name.startswith(("_", "model_")):
            continue
        if isinstance(hook, property):
            setattr(check, name, property(_guarded(_reader(check, name), name, plugin)))
        elif inspect.isfunction(hook):
            setattr(check, name, _guarded(getattr(check, name), name, plugin))


def _reader(check: type[Rule], name: str) -> Callable[[Rule], Any]:
    """Return what reads a property of a check, or what its class says in place of one."""
    found = inspect.getattr_static(check, name)
    if isinstance(found, property) and found.fget is not None:
        return found.fget
    return lambda _: found


def _guarded(hook: Callable[..., Any], name: str, plugin: Plugin) -> Callable[..., Any]:
    @wraps(hook)
    def call(rule: Rule, *given: Any, **named: Any) -> Any:  # noqa: ANN401 -- any hook
        if _INSIDE.get():  # of a guard: what it calls of itself needs no other
            return hook(rule, *given, **named)
        before = _INSIDE.set(True)
        try:
            with guarded(plugin, name):
                found = hook(rule, *map(_sealed, given), **_sealed(named))
                if isinstance(found, Iterator):  # else it would run outside of the guard
                    found = list(found)
                wrong = next(_FAULTS[name](found), None) if name in _FAULTS else None
        finally:
            _INSIDE.reset(before)
        if wrong is not None:
            remedy = f"ask the authors of {plugin.package}, or use another version of it"
            raise PluginError(plugin.where, f"{name}: {wrong}", remedy)
        return found

    return call


def _sealed(value: Any) -> Any:  # noqa: ANN401 -- whatever a hook is given
    """Return evidence anew, its arrays read-only: what is done to it is done to nobody else."""
    import numpy as np

    if isinstance(value, np.ndarray):
        view = value.view()
        view.flags.writeable = False
        return view
    if isinstance(value, Mapping):
        return {key: _sealed(each) for key, each in value.items()}
    if is_dataclass(value) and type(value).__module__ == "gate.evidence.records":
        changes = {each.name: _sealed(getattr(value, each.name)) for each in fields(value)}
        return replace(value, **changes)  # type: ignore[type-var]  # a record, and no class
    return value


def _of_evaluate(found: Any) -> Iterator[str]:  # noqa: ANN401 -- what a hook gave
    if not isinstance(found, list) or not all(isinstance(each, Comparison) for each in found):
        yield f"gives {plain(type(found).__name__)}, and not a list of comparisons"
        return
    for each in found:
        yield from _of_comparison(each)


def _of_comparison(each: Any) -> Iterator[str]:  # noqa: ANN401 -- its fields may be anything
    words = (each.what, each.finding, each.detail, each.unit, each.remedy, each.to_decide)
    if not all(isinstance(text, str) for text in words):
        yield "a comparison has words that are no text"
    if each.operator not in get_args(Operator):
        yield f"a comparison has the operator {plain(each.operator)}"
    if not _is_number(each.required):
        yield f"a comparison requires {plain(each.required)}, which is no number"
    if not isinstance(each.scope, Scope) or each.scope.split not in (None, *_SPLITS):
        yield "a comparison has a scope of no split that there is"
    if not isinstance(each.proof, ProofRequirement):
        yield "a comparison has no proof requirement"
    if each.unmet not in _UNMET or each.undefined not in _UNDEFINED:
        yield "a comparison that is unmet, or has no value, would not be held against the model"
    yield from _of_estimate(each.estimate)


def _of_estimate(estimate: Any) -> Iterator[str]:  # noqa: ANN401 -- what a hook gave
    value = estimate.value
    if value is not None and not isinstance(value, float | int):
        yield f"an estimate has the value {plain(value)}, which is no number"
    counts = (estimate.numerator, estimate.denominator)
    bounds = (estimate.lower(0.95), estimate.upper(0.95))
    if not all(count is None or isinstance(count, int) for count in counts):
        yield "an estimate counts what is no whole number"
    if not all(isinstance(bound, float | int) for bound in bounds):
        yield "an estimate has a bound that is no number"
    if not (isinstance(estimate.reason, str) and isinstance(estimate.method, str)):
        yield "an estimate has words that are no text"


def _is_number(value: Any) -> bool:  # noqa: ANN401 -- what a hook gave
    return isinstance(value, float | int) and not isinstance(value, bool) and math.isfinite(value)


def _of_splits(found: Any) -> Iterator[str]:  # noqa: ANN401 -- what a hook gave
    if not isinstance(found, tuple) or not all(each in _SPLITS for each in found):
        yield f"gives {plain(found)}, and not a tuple of splits"


def _of_concern(found: Any) -> Iterator[str]:  # noqa: ANN401 -- what a hook gave
    if not isinstance(found, Concern | None):
        yield f"gives {plain(found)}, and not a concern"


def _of_remarks(found: Any) -> Iterator[str]:  # noqa: ANN401 -- what a hook gave
    for path, fact, remedy in found:
        if not (isinstance(path, tuple) and isinstance(fact, str) and isinstance(remedy, str)):
            yield "gives what is no path with a fact and a remedy"


def _of_names(found: Any) -> Iterator[str]:  # noqa: ANN401 -- what a hook gave
    for path, name in found:
        if not (isinstance(path, tuple) and path and isinstance(name, str)):
            yield "gives what is no path with a name"


_FAULTS: Mapping[str, Callable[[Any], Iterator[str]]] = {
    "evaluate": _of_evaluate,
    "examine": _of_evaluate,
    "compared_splits": _of_splits,
    "concern": _of_concern,
    "vacuous": _of_remarks,
    "lenient": _of_remarks,
    "misfits": _of_remarks,
    "class_names": _of_names,
}
