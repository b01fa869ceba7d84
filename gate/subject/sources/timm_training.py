"""A checkpoint of timm's train.py: weights, often their moving average, and the arguments."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from gate.errors import Identity
from gate.subject.checkpoints.inspection import Inspection
from gate.subject.checkpoints.opening import open_checkpoint
from gate.subject.checkpoints.refusals import RefusedError, mismatch
from gate.subject.checkpoints.training_files import TrainingFile, glance, read_training_file
from gate.subject.sources import torch_checkpoint
from gate.subject.sources.bounded_building import open_built
from gate.subject.sources.libraries import release_of
from gate.subject.sources.source import Artefact, ModelSource, OpenModel
from gate.subject.sources.statements import Ask, Stated, Statements
from gate.subject.sources.timm_models import (
    ADD_CLASSES,
    ADD_FACTORY,
    ADD_INPUT,
    Build,
    default_cfg,
    input_of,
    require_safe_build,
)
from gate.subject.sources.unknown import UnknownError
from gate.wording import quote

_WEIGHTS, _AVERAGE = "state_dict", "state_dict_ema"
_HISTORY = "summary.csv"  # beside the checkpoint; it decides no answer
_OF_INPUT = ("in_chans", "input_size", "img_size", "interpolation", "mean", "std")
_OF_CROP = ("crop_pct", "crop_mode", "input_img_mode", "naflex_loader")
_OF_BUILD = ("num_classes", "model_kwargs", "gp", "bn_momentum", "bn_eps")
_OF_CLASSES = ("class_map", "dataset")
_ARGUMENTS = ("model", *_OF_INPUT, *_OF_CROP, *_OF_BUILD, *_OF_CLASSES)


class TimmTraining(ModelSource):
    """What timm's CheckpointSaver writes during training: `model_best.pth.tar` and its like."""

    name = "timm-train"

    def matches(self, path: Path) -> bool:
        """Return whether it holds arch, state_dict and the arguments of a script."""
        found = glance(path)
        return found is not None and found.text("arch") is not None and _is_of_timm(found)

    def identify(self, artefact: Artefact) -> Identity:
        """Return digest, size and container of the vetted weights."""
        return torch_checkpoint.SOURCE.identify(_with_key(artefact))

    def states(self, artefact: Artefact) -> Statements:
        """Return input and architecture as the arguments have them; class names are not in it.

        What the script was not told is the architecture's own, as the installed timm has it. Raises
        CheckpointError, and UsageError where that timm cannot be imported.
        """
        found = _read(artefact)
        given = found.arguments(_ARGUMENTS)
        asks, prepared, factory = [], None, None
        if given.get("class_map") or given.get("dataset"):
            fact = "the order of the classes is that of the class_map or dataset of training"
            asks.append(Ask("classes", fact, ADD_CLASSES))
        try:
            build = _build(found, given)
            factory = Stated(build.title, "arch, args: model_kwargs")
            said, defaults = _data_config(build, given, artefact)
            prepared = Stated(input_of(said), f"args{defaults}")
        except UnknownError as unknown:
            if factory is None:
                asks.append(Ask("factory", f"arch, args: {unknown}", ADD_FACTORY))
            asks.append(Ask("input", f"args: {unknown}", ADD_INPUT))
        return Statements(
            input=prepared,
            factory=factory,
            framework="timm",
            asks=tuple(asks),
            history=_HISTORY if artefact.path.with_name(_HISTORY).is_file() else None,
            read={artefact.path.name: artefact.sealed.sha256},
        )

    def runtimes(self, artefact: Artefact) -> dict[str, str]:
        """Return the release of timm, where it builds the model; raises UsageError."""
        if artefact.factory:
            return {}
        return {"timm": release_of("timm", artefact.checkpoint)}

    def open(self, artefact: Artefact, *, threads: int) -> AbstractContextManager[OpenModel]:
        """Return a context of the model that timm builds, or the factory of the gate file.

        Raises CheckpointError, UsageError where timm cannot be imported, and FactoryError.
        """
        return self._open(_with_key(artefact), threads, note=_note(artefact))

    @contextmanager
    def _open(self, artefact: Artefact, threads: int, note: tuple[str, ...]) -> Iterator[OpenModel]:
        if artefact.factory:
            with torch_checkpoint.SOURCE.open(artefact, threads=threads) as opened:
                yield replace(opened, notes=(*opened.notes, *note))
            return
        checkpoint = open_checkpoint(artefact.path, key=artefact.key, sha256=artefact.sha256)
        found = _read(artefact)
        try:
            build = _build(found, found.arguments(_ARGUMENTS))
            build = _with_fixed_size(build, found.arguments(_OF_INPUT), artefact)
        except UnknownError as unknown:
            refused = mismatch(f"arch, args: {unknown}", ADD_FACTORY)
            raise refused.at(artefact.path, checkpoint.identity) from unknown
        opened = open_built(
            build.maker(artefact.checkpoint),
            checkpoint,
            what=build.title,
            threads=threads,
        )
        yield replace(opened, notes=(*opened.notes, *note))

    def inspect(self, artefact: Artefact) -> Inspection:
        """Return its tensors, and why it would be refused."""
        return torch_checkpoint.SOURCE.inspect(_with_key(artefact))


def _is_of_timm(found: TrainingFile) -> bool:
    return found.has_weights(_WEIGHTS) and found.has_arguments(("model", "img_size", "crop_pct"))


def _read(artefact: Artefact) -> TrainingFile:
    try:
        return read_training_file(artefact.sealed)
    except RefusedError as refused:
        sealed = artefact.sealed
        raise refused.at(artefact.path, Identity(sealed.sha256, sealed.size)) from refused


def _with_key(artefact: Artefact) -> Artefact:
    """Return the artefact with the weights that timm would load, where nobody names others."""
    if artefact.key is not None:
        return artefact
    found = glance(artefact.path)
    averaged = found is not None and found.has_weights(_AVERAGE)
    return replace(artefact, key=_AVERAGE if averaged else _WEIGHTS)


def _note(artefact: Artefact) -> tuple[str, ...]:
    if artefact.key is not None or _with_key(artefact).key != _AVERAGE:
        return ()
    taken = f"of {_WEIGHTS} and {_AVERAGE} the second was judged, as timm's checkpoint_path= does"
    return (f"{taken}; model: {{key: {_WEIGHTS}}} judges the first",)


def _build(found: TrainingFile, given: Mapping[str, Any]) -> Build:
    """Return the model that the script built; raises UnknownError."""
    size = given.get("input_size")
    channels = given.get("in_chans") or (size[0] if isinstance(size, list) and size else None)
    more = given.get("model_kwargs") or {}
    if not isinstance(more, Mapping):
        raise UnknownError("model_kwargs is no mapping")
    stated = {
        "in_chans": channels,
        "num_classes": given.get("num_classes"),
        "global_pool": given.get("gp"),
        "bn_momentum": given.get("bn_momentum"),
        "bn_eps": given.get("bn_eps"),
    }
    build = require_safe_build(given.get("model") or found.text("arch"), {**stated, **more})
    if build.arguments.get("num_classes") is None:
        raise UnknownError("num_classes is not stated")
    return build


def _with_fixed_size(build: Build, given: Mapping[str, Any], artefact: Artefact) -> Build:
    """Return the build with the size of its images, where the architecture is made for one."""
    defaults = default_cfg(build.architecture, artefact.checkpoint)
    size = given.get("input_size")
    stated = size[1:] if isinstance(size, list) else given.get("img_size")
    if not defaults.get("fixed_input_size") or stated is None or "img_size" in build.arguments:
        return build
    return require_safe_build(build.architecture, {**build.arguments, "img_size": stated})


def _data_config(
    build: Build, given: Mapping[str, Any], artefact: Artefact
) -> tuple[Mapping[str, Any], str]:
    """Return timm's data configuration, and in words what of it the arguments do not say.

    An argument of None or "" leaves it to the architecture.
    """
    if given.get("naflex_loader"):
        raise UnknownError("naflex_loader prepares images as input: cannot say")
    said = {name: given[name] for name in (*_OF_INPUT, *_OF_CROP) if given.get(name)}
    side = said.get("img_size")
    if "input_size" not in said and side is not None:
        said["input_size"] = [build.arguments.get("in_chans", 3), side, side]
    needed = ("input_size", "interpolation", "mean", "std", "crop_pct", "crop_mode")
    left = [name for name in needed if name not in said]
    if left:
        defaults = default_cfg(build.architecture, artefact.checkpoint)
        said = {**{name: defaults.get(name) for name in left}, **said}
        if "input_size" in left and build.arguments.get("in_chans"):
            said["input_size"] = [build.arguments["in_chans"], *said["input_size"][1:]]
    mode = said.get("input_img_mode")
    if mode is not None and mode != {1: "L", 3: "RGB"}.get(said["input_size"][0]):
        raise UnknownError(f"input_img_mode {quote(mode)} does not fit its channels")
    of = f"; {', '.join(left)}: of timm's {build.architecture}" if left else ""
    return said, of


SOURCE = TimmTraining()
