"""A folder of Hugging Face transformers says how its model is built, its classes and its input.

The installed library builds the model from plain values; no code of the folder runs.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gate.errors import Identity, MissingExtraError, UsageError
from gate.subject.checkpoints.folders import deciding_files, is_folder, read_configs
from gate.subject.checkpoints.inspection import Inspection, inspect
from gate.subject.checkpoints.opening import Checkpoint, open_checkpoint
from gate.subject.checkpoints.refusals import RefusedError, corrupt, mismatch
from gate.subject.guard import Guard
from gate.subject.sources import torch_checkpoint
from gate.subject.sources.source import Artefact, ModelSource, OpenModel
from gate.subject.sources.statements import Ask, Stated, Statements
from gate.subject.sources.transformers_config import (
    CONFIG,
    Config,
    contradictions_of,
    contradictions_with,
    parse,
    question_about_classes,
    read_config,
    require_buildable,
)
from gate.subject.sources.transformers_processors import (
    PREPROCESSOR,
    Processor,
    UnsaidError,
    input_keys,
    read_processor,
    release,
    source_of,
)
from gate.wording import plain

if TYPE_CHECKING:
    from gate.subject.inputs import InputSpec

_OF_PYDANTIC = "Value error, "  # before what a validator raises
_HISTORY = "trainer_state.json"  # of the Trainer; it decides no answer
EARLIEST = 5  # the first major release that builds without weights
_LINES = (
    "add input: {size: [H, W], channels: RGB, resize: stretch, mean: [...], std: [...]}, as images "
    "were prepared for training"
)


class Transformers(ModelSource):
    """A folder that `save_pretrained` or the Trainer wrote."""

    name = "transformers"

    def matches(self, path: Path) -> bool:
        """Return whether the folder has a config.json of transformers."""
        if not is_folder(path):
            return False
        try:
            values = parse(CONFIG, bytes(read_configs(path)[CONFIG].data))
        except (KeyError, RefusedError):
            return False
        return any(key in values for key in ("model_type", "architectures"))

    def files(self, path: Path) -> Mapping[str, str | None]:
        """Return the weights, indexes and configurations of the folder; raises RefusedError."""
        return deciding_files(path)

    def identify(self, artefact: Artefact) -> Identity:
        """Return digest, size and container of the vetted weights; raises CheckpointError."""
        return torch_checkpoint.SOURCE.identify(artefact)

    def states(self, artefact: Artefact) -> Statements:
        """Return the class, the classes and the input that the configurations state.

        Raises CheckpointError for configurations that cannot be read, and for those of which
        nothing may be built; the latter unless the gate file says how the model is built. Then the
        outputs and channels that they state are compared with the weights.
        """
        try:
            configs = read_configs(artefact.path)
            config = read_config(bytes(configs[CONFIG].data))
            if artefact.factory is None:
                require_buildable(config)
            stated = _statements(config, {name: bytes(it.data) for name, it in configs.items()})
            checks = stated.checks
            if artefact.factory is not None:
                checks += tuple(contradictions_with(config, self.inspect(artefact).tensors))
        except RefusedError as refused:
            raise refused.at(artefact.path, Identity()) from refused
        asks = stated.asks if artefact.factory is None else ()
        read = {name: each.sha256 for name, each in configs.items()}
        history = _HISTORY if (artefact.path / _HISTORY).is_file() else None
        return replace(stated, asks=asks, history=history, read=read, checks=checks)

    def apply_conventions(self, artefact: Artefact, spec: "InputSpec") -> "InputSpec":
        """Return an input that turns images and cuts their middle as transformers does."""
        if artefact.factory is not None or spec.factory is not None:
            return spec
        update: dict[str, str] = {}
        if spec.orientation is None:
            update["orientation"] = "exif"
        if spec.crop == "center":
            update["crop"] = "center-floor"
        return spec.model_copy(update=update)

    def runtimes(self, artefact: Artefact) -> dict[str, str]:
        """Return the release of transformers, where it builds the model.

        Raises MissingExtraError where there is none, UsageError where it is too old.
        """
        if artefact.factory is not None:
            return {}
        found = release()
        if found is None:
            raise MissingExtraError(artefact.checkpoint, _purpose(artefact.path), "transformers")
        if int(found.partition(".")[0]) < EARLIEST:
            fact = (
                f"transformers {found} is installed, and {EARLIEST}.0 is the earliest that is used"
            )
            raise UsageError(
                artefact.checkpoint, fact, f"run: pip install -U 'transformers>={EARLIEST}'"
            )
        return {"transformers": found}

    @contextmanager
    def open(self, artefact: Artefact, *, threads: int) -> Iterator[OpenModel]:
        """Hold the model that transformers builds, or that of the gate file's factory.

        Raises CheckpointError where the configuration or the weights are refused, FactoryError,
        MissingExtraError without the library, and UsageError where it is too old.
        """
        if artefact.factory is not None:
            with torch_checkpoint.SOURCE.open(artefact, threads=threads) as opened:
                yield opened
            return
        self.runtimes(artefact)
        yield _opened(artefact, threads)

    def inspect(self, artefact: Artefact) -> Inspection:
        """Return its tensors, and why it would be refused."""
        return inspect(artefact.path, key=artefact.key)


def _statements(config: Config, configs: Mapping[str, bytes]) -> Statements:
    asks = []
    classes = None
    if (ask := question_about_classes(config)) is not None:
        asks.append(ask)
    elif config.names is not None:
        classes = Stated(config.names, f"{CONFIG}: id2label")
    given = None
    try:
        given = _input_of(read_processor(configs, config), config)
    except UnsaidError as unsaid:
        asks.append(Ask("input", str(unsaid), _LINES))
    name = config.architectures[0] if config.architectures else config.model_type
    built = Stated(f"transformers {plain(name)}", f"{CONFIG}: model_type")
    checks = tuple(contradictions_of(config))
    return Statements(classes=classes, input=given, factory=built, asks=tuple(asks), checks=checks)


def _input_of(processor: Processor | None, config: Config) -> "Stated[InputSpec]":
    from pydantic import ValidationError

    from gate.subject.inputs import InputSpec

    if processor is None:
        fact = f"nothing says how images are prepared: the folder has no {PREPROCESSOR}"
        raise UnsaidError(fact)
    try:
        keys = input_keys(processor, config)
        spec = InputSpec.model_validate(keys)
    except ValidationError as error:
        said = "; ".join(plain(each["msg"].removeprefix(_OF_PYDANTIC)) for each in error.errors())
        remedy = "save the image processor again: processor.save_pretrained(FOLDER)"
        raise mismatch(f"{processor.file}: {said}", remedy) from None
    return Stated(spec, source_of(processor, keys))


def _opened(artefact: Artefact, threads: int) -> OpenModel:
    import torch

    from gate.subject.checkpoints.loading import load_into
    from gate.subject.sources.transformers_building import build

    torch.set_num_threads(threads)
    checkpoint = open_checkpoint(artefact.path, key=artefact.key, sha256=artefact.sha256)
    try:
        config = _same_config(artefact.path, checkpoint)
        require_buildable(config)
        built = build(config, checkpoint)
    except RefusedError as refused:
        raise refused.at(artefact.path, checkpoint.identity) from refused
    guard = Guard(f"transformers {built.name}", artefact.base)
    report = load_into(built.checkpoint, built.module, guard=guard)
    casts = tuple(f"weights cast: {cast}" for cast in report.casts)
    return OpenModel(
        identity=checkpoint.identity,
        model=built.module,
        guard=guard,
        parameters=report.parameters,
        select="logits",
        notes=(*built.notes, *report.notes, *casts, *_precision(config)),
    )


def _precision(config: Config) -> Iterator[str]:
    if config.dtype not in (None, "float32"):
        yield f"{CONFIG} says dtype {plain(config.dtype)}; it was computed in float32"


def _same_config(path: Path, checkpoint: Checkpoint) -> Config:
    """Return the config.json that the digest of the checkpoint covers; raises RefusedError."""
    sealed = read_configs(path).get(CONFIG)
    if sealed is None or sealed.sha256 != checkpoint.identity.files.get(CONFIG):
        raise corrupt(f"{CONFIG} changed while it was read", "run again when nothing writes to it")
    return read_config(bytes(sealed.data))


def _purpose(path: Path) -> str:
    try:
        config = read_config(bytes(read_configs(path)[CONFIG].data))
    except (KeyError, RefusedError):
        return "building the model"
    saved = config.values.get("transformers_version")
    by = f", saved with transformers {plain(saved)}," if isinstance(saved, str) else ""
    return f"building the model ({plain(config.model_type)}){by}"


SOURCE = Transformers()
