"""A folder that timm saved for the Hugging Face Hub: config.json, and weights beside it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gate.errors import CheckpointError, Identity
from gate.evidence.contract import Disagreement
from gate.subject.checkpoints.folders import MAX_CONFIG, deciding_files, is_folder
from gate.subject.checkpoints.inspection import Inspection
from gate.subject.checkpoints.opening import open_checkpoint
from gate.subject.checkpoints.refusals import RefusedError, corrupt, mismatch
from gate.subject.checkpoints.sealing import seal
from gate.subject.sources import torch_checkpoint
from gate.subject.sources.bounded_building import open_built
from gate.subject.sources.class_names import UnnamedError, in_order_of_outputs
from gate.subject.sources.contract import contradiction
from gate.subject.sources.libraries import release_of
from gate.subject.sources.source import Artefact, ModelSource, OpenModel
from gate.subject.sources.statements import Ask, Stated, Statements
from gate.subject.sources.timm_models import (
    ADD_CLASSES,
    ADD_FACTORY,
    ADD_INPUT,
    Build,
    input_of,
    require_safe_build,
    require_within,
)
from gate.subject.sources.unknown import UnknownError

_CONFIG = "config.json"


@dataclass(frozen=True, slots=True)
class Config:
    """What config.json says, with the keys where timm has them today."""

    path: Path
    sha256: str
    top: Mapping[str, Any]
    pretrained: Mapping[str, Any]  # the pretrained_cfg

    def build(self) -> Build:
        """Return the model it describes; raises UnknownError."""
        require_within(self.pretrained)
        arguments = self.top.get("model_args") or {}
        build = require_safe_build(self.top.get("architecture"), arguments)
        size = self.input_size
        channels, *sides = size if isinstance(size, list) and len(size) == 3 else [None]
        defaults = {
            "num_classes": self.number_of_classes,
            "global_pool": self.pretrained.get("global_pool"),
            "in_chans": channels,
            "img_size": sides if sides and self.pretrained.get("fixed_input_size") else None,
        }
        return require_safe_build(build.architecture, {**defaults, **build.arguments})

    @property
    def number_of_classes(self) -> object:
        """What it says of the number of outputs."""
        return self.top.get("num_classes", self.pretrained.get("num_classes"))

    @property
    def input_size(self) -> object:
        """Channels, height and width; model_args go before pretrained_cfg, as in timm."""
        size = self.pretrained.get("input_size")
        if not isinstance(size, list) or len(size) != 3:
            return size
        arguments = self.top.get("model_args") or {}
        given = arguments.get("img_size") if self.pretrained.get("fixed_input_size") else None
        sides = given if isinstance(given, list) else [given or size[1], given or size[2]]
        return [arguments.get("in_chans") or size[0], *sides]

    def contradictions(self) -> Iterator[Disagreement]:
        """Yield where model_args, by which timm builds, have other outputs than stand beside.

        Not other channels: timm leaves those of the pretrained weights in pretrained_cfg.
        """
        arguments = self.top.get("model_args") or {}
        where = f"{_CONFIG}: model_args"
        outputs, stated = arguments.get("num_classes"), self.top.get("num_classes")
        if None not in (outputs, stated) and outputs != stated:
            yield contradiction("num_classes", outputs, where, stated, _CONFIG)

    def classes(self) -> tuple[str, ...]:
        """Return the names in the order of the outputs; raises UnnamedError."""
        names = self.top.get("label_names", self.pretrained.get("label_names"))
        return in_order_of_outputs(names, self.number_of_classes, key="label_names")


class TimmFolder(ModelSource):
    """What `timm.models.save_for_hf` and `push_to_hf_hub` write."""

    name = "timm"

    def matches(self, path: Path) -> bool:
        """Return whether config.json names an architecture, and no model_type of transformers."""
        if not is_folder(path):
            return False
        try:
            top = read_config(path).top
        except CheckpointError:
            return False
        return isinstance(top.get("architecture"), str) and "model_type" not in top

    def files(self, path: Path) -> Mapping[str, str | None]:
        """Return the weights, indexes and configurations; raises RefusedError."""
        return deciding_files(path)

    def identify(self, artefact: Artefact) -> Identity:
        """Return digest, size and container of the vetted weights."""
        return torch_checkpoint.SOURCE.identify(artefact)

    def states(self, artefact: Artefact) -> Statements:
        """Return classes, input and architecture as config.json has them, and what it leaves open.

        Raises CheckpointError where it cannot be read.
        """
        config = read_config(artefact.path)
        asks, classes, prepared, factory = [], None, None, None
        try:
            classes = Stated(config.classes(), f"{_CONFIG}: label_names")
        except UnnamedError as unnamed:
            asks.append(Ask("classes", f"{_CONFIG}: {unnamed}", ADD_CLASSES))
        try:
            size = {"input_size": config.input_size}
            prepared = Stated(input_of({**config.pretrained, **size}), f"{_CONFIG}: pretrained_cfg")
        except UnknownError as unknown:
            asks.append(Ask("input", f"{_CONFIG}: pretrained_cfg: {unknown}", ADD_INPUT))
        try:
            factory = Stated(config.build().title, f"{_CONFIG}: architecture, model_args")
        except UnknownError as unknown:
            asks.append(Ask("factory", f"{_CONFIG}: {unknown}", ADD_FACTORY))
        return Statements(
            classes=classes,
            input=prepared,
            factory=factory,
            framework="timm",
            asks=tuple(asks),
            read={_CONFIG: config.sha256},
            checks=tuple(config.contradictions()),
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
        if artefact.factory:
            return torch_checkpoint.SOURCE.open(artefact, threads=threads)
        return self._open(artefact, threads)

    @contextmanager
    def _open(self, artefact: Artefact, threads: int) -> Iterator[OpenModel]:
        checkpoint = open_checkpoint(artefact.path, key=artefact.key, sha256=artefact.sha256)
        config = read_config(artefact.path)
        if checkpoint.identity.files.get(_CONFIG) != config.sha256:
            raise corrupt(
                f"{_CONFIG} changed while it was read",
                "run again when nothing writes to it",
                retriable=True,
            ).at(artefact.path, checkpoint.identity)
        try:
            build = config.build()
        except UnknownError as unknown:
            refused = mismatch(f"{_CONFIG}: {unknown}", ADD_FACTORY)
            raise refused.at(artefact.path, checkpoint.identity) from unknown
        yield open_built(
            build.maker(artefact.checkpoint),
            checkpoint,
            what=build.title,
            threads=threads,
        )

    def inspect(self, artefact: Artefact) -> Inspection:
        """Return its tensors, and why it would be refused."""
        return torch_checkpoint.SOURCE.inspect(artefact)


def read_config(path: Path) -> Config:
    """Return what config.json of a folder says; raises CheckpointError where it is no mapping."""
    try:
        sealed = seal(path / _CONFIG, most=MAX_CONFIG)
        top = _mapping(bytes(sealed.data))
    except RefusedError as refused:
        raise refused.at(path / _CONFIG, Identity()) from refused
    pretrained = top.get("pretrained_cfg")
    if not isinstance(pretrained, dict):  # of timm before 0.8: all keys in one mapping
        pretrained = {**top, "label_names": top.get("label_names", top.get("labels"))}
    return Config(path / _CONFIG, sealed.sha256, top, pretrained)


def _mapping(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise corrupt(f"{_CONFIG} is no JSON", "save the model again") from None
    if not isinstance(found, dict) or not isinstance(found.get("model_args") or {}, dict):
        raise corrupt(f"{_CONFIG} is no mapping, or its model_args are none", "save it again")
    return found


SOURCE = TimmFolder()
