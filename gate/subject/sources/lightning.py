"""A checkpoint of Lightning: the user's own class builds the module from its hyper_parameters.

The class is called as ``load_from_checkpoint`` calls it, with plain values only; what the gate file
says under `model.kwargs` goes first. A function in the place of the class is called without them.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gate.errors import CheckpointError, FactoryError, Identity
from gate.subject.checkpoints.inspection import Inspection
from gate.subject.checkpoints.peeking import read_ends
from gate.subject.checkpoints.pickles import Table
from gate.subject.checkpoints.refusals import RefusedError, corrupt
from gate.subject.checkpoints.saved_values import NotPlainError, Plain, as_plain, read_saved
from gate.subject.guard import Guard
from gate.subject.sources.proposals import CLASSES, input_question, kept, stated_classes
from gate.subject.sources.source import Artefact, OpenModel
from gate.subject.sources.statements import Ask, Statements
from gate.subject.sources.torch_checkpoint import TorchCheckpoint
from gate.wording import list_names, plain

_MARK = "pytorch-lightning_version"
# The names under which older releases kept the arguments, lowest first.
_PARAMETERS = ("hparams", "module_arguments", "hyper_parameters")
_STATE, _RAW = "state_dict", "current_model_state"
_NAME = "hparams_name"  # of the one argument that takes all of them
_COLLECTS = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)

_FACTORY = Ask(
    "factory",
    "it is a Lightning checkpoint, and nothing says how the model is built",
    "under model: add factory: package.module:YourLightningModule, or use --model: your class is "
    "called with the hyper_parameters of the checkpoint",
)


@dataclass(frozen=True, slots=True)
class HyperParameters:
    """What a checkpoint keeps of the arguments of its module."""

    values: Mapping[str, Plain] = field(default_factory=dict)
    not_plain: Mapping[str, str] = field(default_factory=dict)  # name -> kind of what is not read
    argument: str | None = None  # the one argument that takes them all
    is_averaged: bool = False  # whether the raw weights lie beside their average


class Lightning(TorchCheckpoint):
    """The weights of a LightningModule, and the arguments that it was built with."""

    name = "lightning"

    def matches(self, path: Path) -> bool:
        """Return whether the file begins as Lightning's own training files do."""
        return _MARK.encode() in read_ends(path).head

    def states(self, artefact: Artefact) -> Statements:
        """Return the names of classes among its hyper_parameters, and what is not known.

        Raises CheckpointError where the file is refused or cannot be read.
        """
        inspection = self.inspect(artefact)
        if inspection.refusal is not None:
            raise inspection.refusal
        values = _hyper_parameters(artefact).values
        classes = stated_classes(values, inspection.classes, where="hyper_parameters")
        fact = "nothing says how images are prepared"
        if has := kept(values):
            fact += f": hyper_parameters has {has}, which Lightning gives no meaning"
        asks = [_FACTORY, input_question(fact, values, channels=inspection.channels)]
        if artefact.factory is None and classes is None:
            asks.append(CLASSES)
        read = {artefact.path.name: artefact.sealed.sha256}
        return Statements(classes=classes, asks=tuple(asks), read=read if classes else {})

    def identify(self, artefact: Artefact) -> Identity:
        """Return digest, size and container of the vetted weights; raises CheckpointError."""
        return super().identify(_of_state_dict(artefact))

    def inspect(self, artefact: Artefact) -> Inspection:
        """Return its tensors, and why it would be refused."""
        return super().inspect(_of_state_dict(artefact))

    @contextmanager
    def open(self, artefact: Artefact, *, threads: int) -> Iterator[OpenModel]:
        """Hold the module that the user's class gives, with the weights of the checkpoint.

        Raises CheckpointError where the file is refused or changed, FactoryError where the class
        fails.
        """
        assert artefact.factory is not None, "a complete gate file names a factory"
        found = _hyper_parameters(artefact)
        taken = _arguments(artefact, found)
        called = replace(_of_state_dict(artefact), kwargs={**taken, **artefact.kwargs})
        with super().open(called, threads=threads) as opened:
            if opened.identity.sha256 != artefact.sealed.sha256:
                raise _changed(artefact, opened.identity)
            yield replace(opened, notes=(*opened.notes, *_notes(artefact, found, taken)))


def _of_state_dict(artefact: Artefact) -> Artefact:
    """Return the artefact with the key that Lightning loads, unless the gate file says another.

    Averaging keeps the raw weights beside it, as current_model_state, to go on training.
    """
    return artefact if artefact.key is not None else replace(artefact, key=_STATE)


def _hyper_parameters(artefact: Artefact) -> HyperParameters:
    """Return the arguments that a checkpoint keeps; raises CheckpointError."""
    try:
        saved = read_saved(artefact.sealed)
    except RefusedError as refused:
        identity = Identity(artefact.sealed.sha256, artefact.sealed.size)
        raise refused.at(artefact.path, identity) from refused
    entries = saved.entries if saved is not None else {}
    values: dict[str, Plain] = {}
    not_plain: dict[str, str] = {}
    for part in _PARAMETERS:
        table = entries.get(part)
        for name, value in table.entries.items() if isinstance(table, Table) else ():
            try:
                values[name] = as_plain(value)
                not_plain.pop(name, None)
            except NotPlainError as error:
                values.pop(name, None)
                not_plain[name] = str(error)
    argument = entries.get(_NAME)
    return HyperParameters(
        values,
        not_plain,
        argument if isinstance(argument, str) else None,
        isinstance(entries.get(_RAW), Table),
    )


def _arguments(artefact: Artefact, found: HyperParameters) -> Mapping[str, Any]:
    """Return those arguments that load_from_checkpoint gives to the user's class.

    Raises FactoryError where the factory cannot be loaded, or asks for one that is not plain.
    """
    from gate.subject.usercode import load_callable

    assert artefact.factory is not None, "it was asked before"
    function = load_callable(artefact.factory, base=artefact.base, purpose="model.factory")
    where = f"model.factory {artefact.factory!r}"
    with Guard(where, artefact.base).during("looking at its arguments"):
        takes = _parameters(function) if isinstance(function, type) else None
    if takes is None:
        return {}
    takes_any = any(each.kind is each.VAR_KEYWORD for each in takes.values())
    takes = {name: each for name, each in takes.items() if each.kind not in _COLLECTS}
    if found.argument is not None and found.argument in takes:
        return {found.argument: dict(found.values)}
    missing = [
        name
        for name in found.not_plain
        if name not in artefact.kwargs
        and name in takes
        and takes[name].default is inspect.Parameter.empty
    ]
    if missing:
        kinds = list_names(f"{name} ({found.not_plain[name]})" for name in missing)
        raise FactoryError(
            where,
            f"it takes what hyper_parameters holds as no plain value: {kinds}",
            "give it in the gate file: model: {kwargs: {...}}",
        )
    return {name: value for name, value in found.values.items() if takes_any or name in takes}


def _parameters(cls: Callable[..., Any]) -> Mapping[str, inspect.Parameter] | None:
    try:
        return inspect.signature(cls).parameters
    except (TypeError, ValueError):  # some classes tell no signature
        return None


def _notes(artefact: Artefact, found: HyperParameters, taken: Mapping[str, Any]) -> Iterator[str]:
    if found.is_averaged and artefact.key is None:
        yield f"the averaged weights, {_STATE}, were taken; {_RAW} holds the raw ones"
    names = [name for name in taken if name not in artefact.kwargs]
    if names:
        yield f"arguments from hyper_parameters: {list_names(names, limit=12)}"
    if found.not_plain and taken:
        left = list_names(f"{name} ({kind})" for name, kind in found.not_plain.items())
        yield f"hyper_parameters that are no plain values, not read: {left}"


def _changed(artefact: Artefact, identity: Identity) -> CheckpointError:
    refused = corrupt("the file changed while it was read", retriable=True)
    return refused.at(Path(plain(artefact.path)), identity)


SOURCE = Lightning()
