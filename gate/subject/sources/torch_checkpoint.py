"""A torch checkpoint: weights in any container that is read, and the user's factory for the rest.

It takes whatever no other source recognises, and says why that is no checkpoint.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gate.errors import FactoryError, Identity
from gate.subject.checkpoints.folders import deciding_files, is_folder, read_configs
from gate.subject.checkpoints.inspection import Inspection, inspect
from gate.subject.checkpoints.opening import Checkpoint, open_checkpoint
from gate.subject.checkpoints.refusals import RefusedError
from gate.subject.guard import Guard, kind_of
from gate.subject.sources.proposals import CLASSES, input_question
from gate.subject.sources.source import Artefact, ModelSource, OpenModel
from gate.subject.sources.statements import Ask, Statements

if TYPE_CHECKING:
    from torch import nn

SEED = 0  # for user code that draws; the gate itself draws nothing from torch

_ADD_FACTORY = "under model: add factory: package.module:function, or use --model"
FACTORY = Ask("factory", "nothing says how the model is built", _ADD_FACTORY)


class TorchCheckpoint(ModelSource):
    """The weights of a module that the factory of the gate file builds."""

    name = "torch-checkpoint"

    def matches(self, path: Path) -> bool:  # noqa: ARG002 -- it takes what is left
        """Return True: what this is no checkpoint of, it refuses in words."""
        return True

    def files(self, path: Path) -> Mapping[str, str | None]:
        """Return the file, or the weights, indexes and configurations of a model folder.

        Raises RefusedError as :func:`deciding_files` does.
        """
        return deciding_files(path) if is_folder(path) else super().files(path)

    def identify(self, artefact: Artefact) -> Identity:
        """Return digest, size and container of the vetted weights.

        Raises CheckpointError where they are refused, or are not the pinned ones.
        """
        return _vetted(artefact).identity

    def states(self, artefact: Artefact) -> Statements:
        """Return what is to be told: weights do not say what they are of.

        Where no factory is given, the file is vetted first: nobody shall write one for a file that
        is refused. All is asked for at once, with the architecture that the weights look like.
        A file that is refused ends in its CheckpointError.
        """
        is_there = artefact.checkpoint and artefact.path.exists()
        if artefact.factory is not None or not is_there:
            return Statements(asks=(FACTORY,))
        found = self.inspect(artefact)
        if found.refusal is not None:
            raise found.refusal
        fact = "nothing says how images are prepared"
        return Statements(
            asks=(
                _faulty_config(artefact.path) or _ask_factory(found),
                input_question(fact, {}, channels=found.channels),
                CLASSES,
            )
        )

    @contextmanager
    def open(self, artefact: Artefact, *, threads: int) -> Iterator[OpenModel]:
        """Hold the module of the user's factory, with the weights of the checkpoint.

        Raises CheckpointError where they are refused or do not fit the module, FactoryError where
        the factory fails. Raises UsageError as :func:`load_into` does.
        """
        import numpy as np
        import torch

        from gate.subject.checkpoints.loading import load_into

        factory, base = artefact.factory, artefact.base
        assert factory is not None, "a complete gate file names a factory"
        torch.set_num_threads(threads)
        checkpoint = _vetted(artefact)
        guard = Guard(f"model.factory {factory!r}", base)
        with np.errstate():  # what the user's code sets is not for our own numbers
            module = build_module(factory, artefact.kwargs, base=base)
            report = load_into(checkpoint, module, guard=guard)
        yield OpenModel(
            identity=checkpoint.identity,
            model=module,
            guard=guard,
            parameters=report.parameters,
            notes=(*report.notes, *(f"weights cast: {cast}" for cast in report.casts)),
        )

    def inspect(self, artefact: Artefact) -> Inspection:
        """Return its tensors, and why it would be refused."""
        return inspect(artefact.path, key=artefact.key)


def _faulty_config(path: Path) -> Ask | None:
    """Return the question for the factory of a folder whose config.json cannot be read."""
    from gate.subject.sources.transformers_config import CONFIG, parse

    try:
        configs = read_configs(path) if is_folder(path) else {}
        if CONFIG in configs:
            parse(CONFIG, bytes(configs[CONFIG].data))
    except RefusedError as refused:
        remedy = f"{refused.remedy}; or {_ADD_FACTORY}"
        return Ask("factory", f"{FACTORY.fact}: {refused.fact}", remedy)
    return None


def _ask_factory(looked: Inspection) -> Ask:
    """Return the question for the factory, with a proposal where names and shapes give one."""
    from gate.subject.checkpoints.proposing import proposed_architecture

    name = proposed_architecture(looked)
    if name is None:
        return FACTORY
    return Ask(
        "factory",
        f"{FACTORY.fact}; by names and shapes it looks like torchvision's {name} with "
        f"{looked.classes} classes",
        f"if it is one: under model: add factory: torchvision.models:{name} and kwargs: "
        f"{{num_classes: {looked.classes}}}; else {_ADD_FACTORY}",
    )


def _vetted(artefact: Artefact) -> Checkpoint:
    return open_checkpoint(artefact.path, key=artefact.key, sha256=artefact.sha256)


def build_module(factory: str, kwargs: Mapping[str, Any], *, base: Path) -> "nn.Module":
    """Return the module that the user's factory gives, on the CPU and in evaluation mode.

    Raises FactoryError where the factory is missing, raises, or returns no module.
    """
    import torch

    from gate.subject.usercode import call, load_callable

    torch.manual_seed(SEED)
    where = f"model.factory {factory!r}"
    model = call(
        load_callable(factory, base=base, purpose="model.factory"), kwargs, base=base, where=where
    )
    with Guard(where, base).during("looking at what it returned"):
        is_module = isinstance(model, torch.nn.Module)
    if not is_module:
        raise FactoryError(
            where,
            f"returned {kind_of(model)}, not a torch.nn.Module",
            "return the model itself; its weights come from the checkpoint",
        )
    with Guard(where, base).during("its eval()"):
        model.eval()  # what it returns is its own matter: a `train` without a return gives None
    module: nn.Module = model
    return module


SOURCE = TorchCheckpoint()
