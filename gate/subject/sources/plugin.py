"""A model source of another package: what it raises is said in words, with its package.

Its artefact is one file. The file is read and hashed here, so that `verify` needs no plugin.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar, get_args

from gate.errors import FactoryError, GateError, Identity, UsageError
from gate.plugins import Plugin
from gate.subject.guard import IN_PYTHON, Guard, in_reach, kind_of
from gate.subject.sources.source import Artefact, ModelSource, OpenModel
from gate.subject.sources.statements import Ask, Key, Stated, Statements

if TYPE_CHECKING:
    from torch import nn

    from gate.subject.sources.source import Answer, Floats

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class PluginSource(ModelSource):
    """A source of another package, and a guard around whatever is asked of it."""

    name: str
    plugin: Plugin
    theirs: ModelSource

    @classmethod
    def of(cls, plugin: Plugin) -> "PluginSource":
        """Return the source that a plugin names, loaded; raises UsageError where it is none."""
        theirs = plugin.load()
        if not isinstance(theirs, ModelSource):
            fact = f"names {kind_of(theirs)}, not a gate.subject.sources.source.ModelSource"
            raise UsageError(plugin.where, fact, f"mend {plugin.package}")
        return cls(plugin.name, plugin, theirs)

    def matches(self, path: Path) -> bool:  # noqa: ARG002 -- nobody asks: a gate file names it
        """Return True: the gate file names the source of this artefact."""
        return True

    def states(self, artefact: Artefact) -> Statements:
        """Return what the plugin reads in the artefact; raises FactoryError where it fails."""
        with self._guarded(artefact, "reading what the artefact states"):
            stated = self.theirs.states(artefact)
        stated = self._require(stated, Statements, "states")
        if faults := sorted(_faults_of(stated)):
            raise self._wrong(f"its states() gave {faults[0]}")
        if not any(stated.given()):
            return stated
        return replace(stated, read={artefact.path.name: artefact.sealed.sha256})

    def runtimes(self, artefact: Artefact) -> dict[str, str]:
        """Return the plugin's own package too; raises FactoryError where it fails."""
        with self._guarded(artefact, "naming its runtimes"):
            runtimes = {**self.theirs.runtimes(artefact)}
        return {**runtimes, self.plugin.package: self.plugin.version}

    @contextmanager
    def open(self, artefact: Artefact, *, threads: int) -> Iterator[OpenModel]:
        """Hold the model that the plugin opens, each of its answers guarded.

        Raises FactoryError where the plugin fails, or gives something else.
        """
        identity = self.identify(artefact)
        stack = ExitStack()
        with self._guarded(artefact, "opening the model"):
            opened = stack.enter_context(self.theirs.open(artefact, threads=threads))
        try:
            yield self._taken(opened, identity, artefact)
        finally:
            with self._guarded(artefact, "closing the model"):
                stack.close()

    def _taken(self, opened: object, identity: Identity, artefact: Artefact) -> OpenModel:
        found = self._require(opened, OpenModel, "open")
        texts = (found.backend, *found.notes)
        if not all(isinstance(each, str) for each in texts) or not _is_count(found.parameters):
            raise self._wrong("its open() gave notes, a backend or parameters of another type")
        note = f"the model was opened by {self.plugin.where}"
        is_module = _is_module(found.model)
        return replace(
            found,
            model=found.model if is_module else self._answer(found.model, artefact),
            identity=identity,
            sandbox=(),  # a foreign parser in this process, whatever it says
            guard=Guard(self.plugin.where, artefact.base),
            notes=(*found.notes, note),
        )

    def _answer(self, theirs: "Answer", artefact: Artefact) -> "Answer":
        import numpy as np

        def answer(images: "Floats") -> "Floats":
            with self._guarded(artefact, "its answer"), np.errstate():
                return np.ascontiguousarray(theirs(images), np.float32)

        return answer

    def _require(self, value: object, kind: type[Kind], method: str) -> Kind:
        if isinstance(value, kind):
            return value
        raise self._wrong(f"its {method}() gave {kind_of(value)}, not {kind.__name__}")

    def _wrong(self, fact: str) -> FactoryError:
        return FactoryError(self.plugin.where, fact, f"mend {self.plugin.package}")

    @contextmanager
    def _guarded(self, artefact: Artefact, doing: str) -> Iterator[None]:
        """Raise FactoryError, with the package, for whatever the block raises that is not ours."""
        try:
            with in_reach():
                yield
        except GateError:
            raise
        except BaseException as error:
            guard = Guard(self.plugin.where, artefact.base)
            remedy = f"mend {self.plugin.package}, or {IN_PYTHON}"
            raise guard.refusal(error, doing, remedy) from error


def _faults_of(stated: Any) -> Iterator[str]:  # noqa: ANN401 -- what a plugin gave
    """Yield what a gate file could not hold in its place, for types are no more than promised."""
    from gate.subject.inputs import InputSpec
    from gate.subject.outputs import Values

    if not all(isinstance(each, Stated) and isinstance(each.source, str) for each in _all(stated)):
        yield "a value that says no source"
        return
    names = stated.classes.value if stated.classes else ()
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        yield "classes that are no tuple of texts"
    if stated.input and not isinstance(stated.input.value, InputSpec):
        yield "an input that is no InputSpec"
    if stated.output and stated.output.value not in get_args(Values):
        yield "an output that is neither logit nor probability"
    if stated.factory and not isinstance(stated.factory.value, str):
        yield "a factory that is no text"
    if not isinstance(stated.history, str | None):
        yield "a history that is no text"
    if not all(isinstance(ask, Ask) and ask.key in get_args(Key) for ask in stated.asks):
        yield "a question that is no Ask"


def _all(stated: Any) -> list[Any]:  # noqa: ANN401 -- as above
    stated = (stated.classes, stated.input, stated.output, stated.factory)
    return [each for each in stated if each is not None]


def _is_count(parameters: object) -> bool:
    return parameters is None or (isinstance(parameters, int) and parameters >= 0)


def _is_module(model: object) -> "TypeGuard[nn.Module]":
    import torch

    return isinstance(model, torch.nn.Module)
