"""The model of a config.json, built by the installed transformers and by nothing else.

It is built without memory first: what its tensors would be is compared with the checkpoint, and
only what the checkpoint fills is then made.
"""

import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_module_registration_hook

from gate.subject.checkpoints.comparing import match
from gate.subject.checkpoints.opening import Checkpoint
from gate.subject.checkpoints.refusals import RefusedError, mismatch, unsafe
from gate.subject.checkpoints.tensors import Expected, TensorSpec
from gate.subject.guard import first_line
from gate.subject.sources.transformers_config import CONFIG, Config
from gate.wording import list_names, plain, pluralize, quote

MOST_MODULES = 64  # for each tensor of the checkpoint: far above any model's share of activations
FEWEST_MODULES = 10_000  # are always allowed
MOST_BUFFERED = 1 << 27  # numbers in buffers that no checkpoint holds, such as tables of places
_TOGETHER = "save both again from one model: model.save_pretrained(FOLDER)"


@dataclass(frozen=True, slots=True)
class Built:
    """A model without its weights, and the checkpoint by the names that the model has."""

    module: nn.Module  # of float32, on the CPU
    checkpoint: Checkpoint
    name: str  # of its class
    notes: tuple[str, ...]


def build(config: Config, checkpoint: Checkpoint) -> Built:
    """Return the image classifier that a config.json describes, which the checkpoint fits.

    The values of the config must have been vetted. Raises RefusedError, as a mismatch, for a kind
    of model that is no image classifier of the installed transformers, for values that it does not
    take, and where names or shapes are not those of the checkpoint; as unsafe where more would be
    built than the checkpoint fills.
    """
    with _library() as (transformers, notes):
        settings, model_class = _class_of(config, transformers)
        most = max(FEWEST_MODULES, MOST_MODULES * len(checkpoint.tensors))
        with _saying(f"transformers {transformers.__version__}"):
            with torch.device("meta"), _at_most(most):
                sketch = model_class(settings(**config.of_the_model()))
            renamed, more = _by_names_of(sketch, checkpoint)
            _compare(sketch, renamed, config)
            module = model_class(settings(**config.of_the_model()))
    module.eval()
    return Built(module, renamed, model_class.__name__, (*notes, *more))


@contextmanager
def _library() -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Import transformers, told to stay offline and quiet; a note where torchvision is broken."""
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
    notes = tuple(_hide_broken_torchvision())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import transformers

        logger = logging.getLogger("transformers")
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            yield transformers, notes
        finally:
            logger.setLevel(level)


def _hide_broken_torchvision() -> Iterator[str]:
    """Have transformers take torchvision for absent where it cannot be imported: it would fail.

    A wheel for another torch is the usual cause.
    """
    try:
        import torchvision  # noqa: F401 -- whether it can be imported
    except ModuleNotFoundError:
        return
    except Exception as error:
        for name in [each for each in sys.modules if each.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        hidden: Any = None  # what importlib takes for a module that is not there
        sys.modules["torchvision"] = hidden
        yield f"torchvision is installed and cannot be imported ({first_line(error)}): not used"


def _class_of(config: Config, transformers: Any) -> tuple[type, type]:  # noqa: ANN401
    """Return the classes of the config and of the model, both from the library's own lists."""
    kinds, models = (
        transformers.CONFIG_MAPPING,
        transformers.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING,
    )
    release, kind = transformers.__version__, config.model_type
    where = f"{CONFIG}: model_type {quote(kind)}"
    if kind not in kinds:
        raise mismatch(
            f"{where} is no kind of model of transformers {release}",
            "install the release that it was saved with, or give the code that builds it: --model "
            "package.module:function",
        )
    settings = kinds[kind]
    try:
        found = models[settings]
    except KeyError:
        fact = f"{where} has no image classifier in transformers {release}"
        raise mismatch(fact, "save a model of AutoModelForImageClassification") from None
    classes = {each.__name__: each for each in (found if isinstance(found, tuple) else (found,))}
    named = config.architectures or tuple(classes)[:1]
    for name in named:
        if name in classes:
            return settings, classes[name]
    raise mismatch(
        f"{CONFIG}: architectures has {list_names(named, limit=3)}, and the image classifier of "
        f"{kind} is {list_names(classes)}",
        f"save the model as one: {next(iter(classes))}.save_pretrained(FOLDER)",
    )


@contextmanager
def _saying(library: str) -> Iterator[None]:
    """Raise RefusedError for whatever the library raises for the values of a config."""
    try:
        yield
    except RefusedError:
        raise
    except Exception as error:
        raise mismatch(
            f"{library} does not build the model of {CONFIG} ({first_line(error)})",
            "save the model again with this release: model.save_pretrained(FOLDER)",
        ) from error


@contextmanager
def _at_most(most: int) -> Iterator[None]:
    """Refuse to put more modules into a model than so many."""
    count = 0

    def registered(*_: object) -> None:
        nonlocal count
        count += 1
        if count > most:
            raise unsafe(
                f"{CONFIG} describes a model of more than {most:,} parts, which the weights do not "
                "fill",
                _TOGETHER,
            )

    hook = register_module_module_registration_hook(registered)
    try:
        yield
    finally:
        hook.remove()


def _by_names_of(model: nn.Module, checkpoint: Checkpoint) -> tuple[Checkpoint, tuple[str, ...]]:
    """Return a checkpoint with the names that this release has for its tensors, and notes.

    Releases name modules otherwise and rename the tensors of earlier ones as they load. What the
    model computes and no longer keeps is left out, as the library does.
    """
    own = {name: tuple(value.shape) for name, value in model.named_buffers()}
    kept = model.state_dict()
    rename = _renaming(model)
    tensors: dict[str, TensorSpec] = {}
    dropped = []
    for spec in checkpoint.tensors:
        name = rename(spec.name)
        if name not in kept and own.get(name) == spec.shape:
            dropped.append(spec.name)
            continue
        if name in tensors:
            fact = f"two tensors of the checkpoint are {quote(name)} to this release"
            raise mismatch(fact, _TOGETHER)
        tensors[name] = replace(spec, name=name)
    others = {rename(name): kind for name, kind in checkpoint.others.items()}
    renamed = replace(checkpoint, tensors=tuple(tensors.values()), others=others)
    if not dropped:
        return renamed, ()
    note = f"{pluralize(len(dropped), 'tensor')} that the model computes itself not loaded"
    return renamed, (f"{note}: {list_names(dropped)}",)


def _renaming(model: nn.Module) -> Any:  # noqa: ANN401 -- a function from name to name
    """Return the library's own renaming of tensors for a model."""
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import WeightConverter

    steps = get_model_conversion_mapping(model)

    def rename(name: str) -> str:
        for step in steps:
            renamed, matched = step.rename_source_key(name)
            if matched is not None and isinstance(step, WeightConverter):
                raise mismatch(
                    f"the tensor {plain(name)} is of an earlier layout, which this release splits",
                    "save the model again with this release: model.save_pretrained(FOLDER)",
                )
            name = renamed
        return name

    return rename


def _compare(model: nn.Module, checkpoint: Checkpoint, config: Config) -> None:
    """Refuse a checkpoint that is not of the model, before the model takes memory."""
    kept = model.state_dict()
    computed = sum(value.numel() for name, value in model.named_buffers() if name not in kept)
    if computed > MOST_BUFFERED:
        raise unsafe(
            f"{CONFIG} describes tables of {computed:,} numbers, which the weights do not fill",
            _TOGETHER,
        )
    expected = {
        name: Expected(str(value.dtype).removeprefix("torch."), tuple(value.shape))
        for name, value in kept.items()
    }
    try:
        match(checkpoint.tensors, checkpoint.others, expected)
    except RefusedError as refused:
        fact = _head_in_words(expected, checkpoint, config) or refused.fact
        raise mismatch(f"{CONFIG} and the weights do not agree: {fact}", _TOGETHER) from refused


def _head_in_words(
    expected: Mapping[str, Expected], checkpoint: Checkpoint, config: Config
) -> str | None:
    """Return that the head has other rows than there are labels, where that is what is wrong."""
    rows = {
        spec.shape[0]
        for spec in checkpoint.tensors
        if spec.name in expected and spec.shape != (ours := expected[spec.name].shape)
        if ours and spec.shape and ours[0] == config.outputs and spec.shape[1:] == ours[1:]
    }
    if len(rows) != 1:
        return None
    labels = "id2label has" if config.names else "without id2label there are"
    names = pluralize(config.outputs, "name" if config.names else "output")
    return f"{labels} {names}, and the head of the weights has {rows.pop():,} rows"
