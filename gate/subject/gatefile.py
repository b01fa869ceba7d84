"""The gate file says what is judged. The policy, which says how, belongs to somebody else."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    WithJsonSchema,
    model_validator,
)

from gate.documents.document import Document, read_document
from gate.documents.json_schema import DIALECT, as_read, as_text
from gate.documents.source_text import refuse
from gate.documents.validation import salvage, validate
from gate.errors import DocumentError, Fault, UsageError
from gate.evidence.measurements import ARTEFACT_NAME
from gate.keys import name_key
from gate.policy.fit import critical_of
from gate.policy.operating_point import OperatingPointSpec, differs
from gate.policy.reading import PolicyDocument
from gate.subject.datasets.classes import Framework
from gate.subject.datasets.spec import DataSpec
from gate.subject.flags import Key, Remedy, as_flags, flag_of, flags_under, named, remedy
from gate.subject.inputs import Deviation, InputSpec, Length
from gate.subject.outputs import OutputSpec, Values
from gate.wording import list_names, quote, suggestion

ClassName = Annotated[str, AfterValidator(name_key)]
_NAMES: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
ArtefactName = Annotated[str, Field(pattern=ARTEFACT_NAME)]
Complaint = tuple[tuple[Key, ...], str, str | Remedy]  # path, fact, remedy
Finder = Callable[["GateFile"], Iterable[Complaint]]

_LATER = ("prevalence", "engine")
_CALLABLE = r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _without_parents(classes: Any) -> Any:  # noqa: ANN401 -- what a gate file says
    """Return the classes of all parents, one behind the other, where parents are given."""
    if isinstance(classes, list):
        return tuple(classes)
    if not isinstance(classes, dict) or not classes:
        return classes
    if not all(isinstance(members, list) and members for members in classes.values()):
        raise ValueError("each parent has a list of classes, such as {vehicle: [car, bus]}")
    if not all(isinstance(name, str) for members in classes.values() for name in members):
        raise ValueError("the name of a class is a text; write it in quotes")
    parents = [name_key(str(parent)) for parent in classes]
    if len(set(parents)) < len(parents):
        raise ValueError("a parent stands here twice, but for what nobody sees")
    if any(not parent or parent.startswith("$") for parent in parents):
        raise ValueError("the name of a parent is a word that does not start with '$'")
    return tuple(name for members in classes.values() for name in members)


Classes = Annotated[
    tuple[ClassName, ...],
    BeforeValidator(_without_parents),
    WithJsonSchema({"anyOf": [_NAMES, {"type": "object", "additionalProperties": _NAMES}]}),
]


class ModelSpec(_Strict):
    """The checkpoint, and the user's own code that builds the module it belongs to."""

    checkpoint: str | None = Field(
        None, min_length=1, description="The checkpoint, relative to the gate file."
    )
    factory: str | None = Field(
        None,
        pattern=_CALLABLE,
        description="`package.module:function` that returns an nn.Module; user code, trusted.",
    )
    kwargs: dict[str, Any] = Field(
        default_factory=dict, description="Keyword arguments of the factory."
    )
    key: str | None = Field(
        None,
        min_length=1,
        description="The state dict to load, where the checkpoint holds several.",
    )
    sha256: str | None = Field(
        None,
        pattern="^[0-9a-f]{64}$",
        description="The digest that the checkpoint must have, in hexadecimal; another is refused.",
    )
    source: str | None = Field(
        None,
        min_length=1,
        description="Who reads the checkpoint: a model source of validate-model, or of a plugin. "
        "Left out, it is recognised by its content.",
    )


class ArtefactSpec(_Strict):
    """A file that is deployed in place of the checkpoint, and how it is opened."""

    checkpoint: str = Field(min_length=1, description="The file, relative to the gate file.")
    factory: str | None = Field(
        None,
        pattern=_CALLABLE,
        description="`package.module:function` that builds its module; by default that of `model`.",
    )
    kwargs: dict[str, Any] | None = Field(
        None, description="Keyword arguments of the factory; by default those of `model`."
    )
    key: str | None = Field(
        None, min_length=1, description="The state dict to load, where the file holds several."
    )
    sha256: str | None = Field(
        None,
        pattern="^[0-9a-f]{64}$",
        description="The digest that the file must have, in hexadecimal; another is refused.",
    )
    source: str | None = Field(
        None, min_length=1, description="Who reads it; left out, it is recognised by its content."
    )
    backend: Literal["torch", "onnxruntime"] | None = Field(
        None, description="Who runs a torch module: as `--backend`, which is the default."
    )
    device: Literal["auto", "cpu", "cuda", "mps"] | None = Field(
        None, description="Where a torch module runs: as `--device`, which is the default."
    )

    def as_model(self, model: ModelSpec) -> ModelSpec:
        """Return what is opened: what it leaves open of the factory is as of the ``model``."""
        inherited = model.kwargs if self.factory is None else {}
        return ModelSpec(
            checkpoint=self.checkpoint,
            factory=self.factory or model.factory,
            kwargs=inherited if self.kwargs is None else self.kwargs,
            key=self.key,
            sha256=self.sha256,
            source=self.source,
        )


class DataSpecs(_Strict):
    """The splits; a rule that needs one that is not given is inconclusive."""

    train: DataSpec | None = Field(None, description="What the model learned from.")
    validation: DataSpec | None = Field(None, description="What it was chosen on.")
    test: DataSpec | None = Field(None, description="What neither has seen: the judge.")
    unknown: DataSpec | None = Field(
        None,
        description="Images of none of the classes, which a model that may abstain should not "
        "answer: a folder of images, or any other format, whose labels are not looked at.",
    )

    def given(self) -> dict[str, DataSpec]:
        """Return the splits that are given, by name: train, validation, test, unknown."""
        splits = {
            "train": self.train,
            "validation": self.validation,
            "test": self.test,
            "unknown": self.unknown,
        }
        return {name: spec.of_split(name) for name, spec in splits.items() if spec is not None}


class HistorySpec(_Strict):
    """A training history whose format or columns have to be told."""

    path: str = Field(min_length=1, description="File or folder, relative to the gate file.")
    format: str | None = Field(None, min_length=1, description="The tracker that wrote it.")
    train_loss: str | None = Field(None, min_length=1, description="Column of the train loss.")
    validation: str | tuple[Annotated[str, Field(min_length=1)], ...] | None = Field(
        None,
        min_length=1,
        description="Column of the validation loss, or of several, of which the worst decides; by "
        "default every column that is called one.",
    )
    checkpoint_epoch: int | None = Field(
        None,
        ge=0,
        description="The epoch that the checkpoint was saved at, counted as in the file.",
    )

    @property
    def columns_of_validation(self) -> tuple[str, ...]:
        """The columns of the validation losses that are named."""
        named = self.validation
        return (named,) if isinstance(named, str) else named or ()


class LeakageSpec(_Strict):
    """How thoroughly copies are looked for, and a network that was trained to find them."""

    thorough: bool = Field(
        False,
        description="Whether copies that were turned, moved or cropped are looked for however long "
        "it takes, and inside splits too, for people to look at; else only between splits, and "
        "where it takes minutes.",
    )
    descriptor: str | None = Field(
        None,
        min_length=1,
        description="An ONNX file, relative to the gate file: a network for copy detection, from "
        "RGB images to vectors. Pairs with a cosine of 0.85 or more count as near copies.",
    )
    size: Annotated[tuple[Length, Length] | None, Field(strict=False)] = Field(
        None, description="Height and width that images are stretched to for it, in pixels."
    )
    mean: Annotated[tuple[float, float, float] | None, Field(strict=False)] = Field(
        None, description="Of red, green and blue, subtracted after scaling to 0..1."
    )
    std: Annotated[tuple[Deviation, Deviation, Deviation] | None, Field(strict=False)] = Field(
        None, description="Of red, green and blue, divided by after the mean is subtracted."
    )

    @model_validator(mode="after")
    def _statistics_belong_together(self) -> Self:
        if (self.mean is None) != (self.std is None):
            raise ValueError("mean and std belong together: give both or neither")
        if (self.descriptor is None) != (self.size is None):
            raise ValueError("descriptor and size belong together: give both or neither")
        if self.descriptor is None and self.mean is not None:
            raise ValueError("mean and std are of a descriptor, and none is named")
        if self.descriptor is None and not self.thorough:
            raise ValueError("neither thorough: true nor a descriptor is given: delete leakage:")
        return self

    def input(self) -> InputSpec:
        """Return how an image becomes the input of the network; there must be one."""
        assert self.size is not None, "a descriptor has a size"
        return InputSpec(
            size=self.size, channels="RGB", resize="stretch", mean=self.mean, std=self.std
        )


@dataclass(frozen=True, slots=True)
class Factory:
    """User code that a gate file names."""

    key: str  # of the gate file, such as data.test.factory
    spec: str  # package.module:function
    kwargs: Mapping[str, Any]

    @property
    def module(self) -> str:
        """The module that is imported."""
        return self.spec.partition(":")[0]


_WRITTEN_BY_INIT = (("classes",), ("input",), ("output",))
_RARE = ("crop_ratio", "interpolation", "pad", "orientation", "scale", "offset", "factory")
_WRITE_ONE = "or let a gate file be written: validate-model init --checkpoint CHECKPOINT DATA"


class GateFile(_Strict):
    """What is judged. Keys may come from flags or the artefact: :meth:`require_complete`."""

    api_version: Literal["gate/v1"] = Field(
        "gate/v1", alias="apiVersion", description="The version of the format: gate/v1."
    )
    kind: Literal["Validation"] = Field(
        "Validation", description="What the document is: Validation."
    )
    model: ModelSpec | None = Field(
        None, description="The checkpoint and its factory; left out with saved predictions."
    )
    classes: Classes = Field(
        (),
        description="The names of the classes in the order of the model's outputs, or those of "
        "each parent, `{vehicle: [car, bus], animal: [cat, dog]}`, in that order; without them, "
        "those that the artefact or the data name. Class folders are sorted as text, as by "
        "torchvision, or by number for a model of timm.",
    )
    input: InputSpec = Field(
        default_factory=InputSpec, description="How an image becomes the model's input."
    )
    output: Values | OutputSpec | None = Field(
        None,
        description="What the model answers with: `logit`, `probability`, or a mapping that also "
        "selects the scores of several answers. The single output of a model of two classes is the "
        "score of the second.",
    )
    data: DataSpecs = Field(default_factory=DataSpecs, description="The splits.")
    operating_point: OperatingPointSpec | None = Field(
        None,
        description="How scores become answers, by thresholds; by default the class with the "
        "highest score is the answer.",
    )
    critical: tuple[ClassName, ...] = Field(
        (), description="The classes whose mistakes cost most; `$critical` in policies."
    )
    history: str | HistorySpec | None = Field(
        None, description="The training history: its path, or a mapping that names its columns."
    )
    leakage: LeakageSpec | None = Field(
        None,
        description="How thoroughly copies are looked for, and a network that finds more.",
    )
    artefacts: dict[ArtefactName, str | ArtefactSpec] = Field(
        default_factory=dict,
        description="What is deployed in place of the checkpoint, by names of your own: a path, or "
        "a mapping. Rules of `parity` and `budget` measure those that they name.",
    )
    baseline: str | None = Field(
        None,
        min_length=1,
        description="What the champion left: its output folder or evidence, on the same images.",
    )
    policy: str | None = Field(
        None,
        min_length=1,
        description="The policy: a path relative to the gate file, or the name of a shipped one.",
    )
    waivers: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        (),
        description="Documents of accepted failures (kind: WaiverSet), relative to the gate file.",
    )

    _document: Document | None = PrivateAttr(None)
    _base: Path = PrivateAttr(default_factory=Path)
    _origins: tuple[str, ...] = PrivateAttr(())
    _framework: Framework | None = PrivateAttr(None)
    _read: Mapping[str, str] = PrivateAttr(default_factory=dict)

    @property
    def base(self) -> Path:
        """The folder that paths are relative to: the gate file's, or the current one."""
        return self._base

    @property
    def origins(self) -> tuple[str, ...]:
        """Who says classes, input and factory, where the artefact states them; for the report."""
        return self._origins

    @property
    def parents(self) -> Mapping[str, tuple[str, ...]]:
        """The classes of each parent, where the gate file declares them under parents."""
        node = self._document.root.find(("classes",)) if self._document else None
        declared = node.plain() if node else None
        if not isinstance(declared, dict):
            return {}
        return {
            name_key(str(parent)): tuple(map(name_key, members))
            for parent, members in declared.items()
        }

    def factories(self) -> Iterator[Factory]:
        """Yield all user code that the gate file names."""
        if self.model is not None and self.model.factory is not None:
            yield Factory("model.factory", self.model.factory, self.model.kwargs)
        for name, artefact in self.artefact_specs.items():
            if artefact.factory is not None:
                key = f"artefacts.{name}.factory"
                yield Factory(key, artefact.factory, artefact.kwargs or {})
        if self.input.factory is not None:
            yield Factory("input.factory", self.input.factory, {})
        for name, spec in self.data.given().items():
            if spec.factory is not None:
                yield Factory(f"data.{name}.factory", spec.factory, spec.kwargs)

    @property
    def artefact_specs(self) -> dict[str, ArtefactSpec]:
        """What is deployed in place of the checkpoint, by name."""
        return {
            name: ArtefactSpec(checkpoint=each) if isinstance(each, str) else each
            for name, each in self.artefacts.items()
        }

    def require_artefacts(self, wanted: Mapping[str, Sequence[str]]) -> None:
        """Refuse a gate file that lacks an artefact; ``wanted`` has the ids of rules, by name.

        Raises DocumentError, or UsageError without a file.
        """
        for name, rules in wanted.items():
            if name not in self.artefacts:
                fact = (
                    f"the policy asks for the artefact {quote(name)} ({list_names(rules)}), and "
                    "the gate file names none of that name"
                )
                remedy = f"add artefacts: {{{name}: PATH}}, the file that is deployed"
                self._refuse([(("artefacts",), fact, remedy)])

    def location(self, *path: Key) -> tuple[str, int, int] | None:
        """Return file, line and column of a key, the nearest one above where it is not stated.

        None where there is no file.
        """
        if self._document is None:
            return None
        return self._document.source.file, *self._document.place(path)

    def place_of(self, error: UsageError, value: str, *path: Key) -> UsageError:
        """Return the error of a file that a key names, at the place of that key.

        As it is where it has a place already, and where the ``value`` at ``path`` is not what the
        gate file says: a flag said it.
        """
        node = self._document.root if self._document else None
        for key in path:
            node = node.items.get(key) if node else None
        if isinstance(error, DocumentError) or node is None or node.scalar != value:
            return error
        assert self._document is not None, "it has the node"
        where = f"{error.where}: " if error.where else ""
        return DocumentError([self._document.fault(path, f"{where}{error.fact}", error.remedy)])

    def placed(self, document: Document, base: Path) -> Self:
        """Return the same values with the places of a document."""
        copy = self.model_copy()
        copy._document, copy._base = document, base  # noqa: SLF001 -- a copy of itself
        return copy

    @property
    def read(self) -> Mapping[str, str]:
        """The files of the artefact that values were taken from, with their SHA-256."""
        return self._read

    @property
    def framework(self) -> Framework | None:
        """Whose tools read the class folders of training, as far as the artefact tells."""
        return self._framework

    def completed(
        self,
        values: Mapping[str, Any],
        origins: tuple[str, ...],
        read: Mapping[str, str],
        framework: Framework | None = None,
    ) -> Self:
        """Return the same with values that the artefact states, and who says so, and where."""
        copy = self.model_copy(update=values)
        copy._origins, copy._read = origins, read  # noqa: SLF001 -- a copy of itself
        copy._framework = framework  # noqa: SLF001 -- a copy of itself
        return copy

    def with_absolute_paths(self) -> Self:
        """Return the same, with paths that another process, in another folder, finds."""
        copy = self.model_copy()
        copy._base = self._base.absolute()  # noqa: SLF001 -- a copy of itself
        return copy

    def require_complete(self, asks: Sequence[Complaint] = (), also: Finder | None = None) -> None:
        """Refuse a gate file, with its flags applied, that does not say what is to be judged.

        ``asks`` are what its artefact needs to be told, and nobody says: see
        :func:`gate.subject.sources.resolution.resolve`. What ``also`` finds is told with them, and
        is no reason to refuse by itself. Raises DocumentError with places where there is a file,
        UsageError where there is none.
        """
        complaints = [*contradictions(self), *_omissions(self), *asks]
        if complaints and also is not None:
            complaints += also(self)
        self._refuse(complaints)

    def require_critical(self, classes: Sequence[str]) -> None:
        """Refuse critical classes, and classes with a threshold, that are none of the ``classes``.

        Raises DocumentError, or UsageError without a file.
        """
        self._refuse(
            [*_unknown_critical(self.critical, classes), *_of_operating_point(self, classes)]
        )

    def require_operating_point(self, classes: Sequence[str], *, has_validation: bool) -> None:
        """Refuse a gate file without an operating point, or with one that evidence cannot have.

        The evidence has these ``classes`` and, perhaps, rows of validation to fit thresholds on.
        Raises DocumentError, or UsageError without a file.
        """
        complaints = list(_of_operating_point(self, classes))
        if self.operating_point is None:
            fact, remedy = "no operating point is stated", "add operating_point: {order: [...]}"
            complaints.append((("operating_point",), fact, remedy))
        elif self.operating_point.declared().is_fitted and not has_validation:
            fact = "a threshold is to be fitted, and the evidence has no validation split"
            remedy = "measure again with data: {validation: ...}, or state at_least"
            complaints.append((("operating_point",), fact, remedy))
        self._refuse(complaints)

    def bound_by(self, document: PolicyDocument) -> Self:
        """Return the same with the critical classes of the policy, which may be added to.

        Raises DocumentError, or UsageError without a file, where the gate file takes one away,
        names no champion under a policy that pins it, or has another operating point.
        """
        self._refuse(list(_find_unbound(self, document)))
        critical = critical_of(document.policy, self.classes, self.critical)
        return self.model_copy(update={"critical": critical})

    def faults(self, complaints: Iterable[Complaint]) -> list[Fault]:
        """Return complaints at their places; none where there is no file."""
        return [] if self._document is None else list(_faults(self._document, complaints))

    def _refuse(self, complaints: Sequence[Complaint]) -> None:
        if self._document is not None:
            refuse(list(_faults(self._document, complaints)))
        elif complaints:
            said = [f"{fact}; {_by_flags(path, advice)}" for path, fact, advice in complaints]
            if any(path[:1] in _WRITTEN_BY_INIT for path, _, _ in complaints):
                said.append(_WRITE_ONE)
            raise UsageError("", "\n".join(said))


def _by_flags(path: Sequence[Key], advice: str | Remedy) -> str:
    """Return a remedy for who gave flags and no gate file."""
    if isinstance(advice, Remedy):
        return advice.in_flags
    spelt = as_flags(advice)
    if spelt != advice:
        return spelt
    top = tuple(map(str, path[:1]))
    if top in _WRITTEN_BY_INIT:
        flags = [each for each in flags_under(*top) if each.key[-1] not in _RARE]
        return f"{advice}; as flags: {named(flags)}"
    flag = flag_of(path)
    return f"{advice}; as a flag: {named([flag])}" if flag else advice


def read_gatefile(path: Path, also: Finder | None = None) -> GateFile:
    """Return a gate file with the places of its keys.

    What flags can still add may be missing: see :meth:`GateFile.require_complete`. Raises
    UsageError where there is no file, and DocumentError with all its faults; what ``also`` finds
    in the rest of a faulty one is among them.
    """
    document, faults = read_document(path, str(path), "Validation")
    values, more = validate(GateFile, document.root, document.source, later=_LATER)
    faults += more
    faults += [
        document.fault((), f"the key '{key}' is missing", f"add {key}: {value}")
        for key, value in (("apiVersion", "gate/v1"), ("kind", "Validation"))
        if key not in document.root.keys
    ]
    rest = values or salvage(GateFile, document.root)
    if rest is not None and (values is not None or _has_all_classes(rest, document)):
        faults += list(_faults(document, contradictions(rest)))
    if faults and also is not None and rest is not None:
        faults += list(_faults(document, also(rest.placed(document, path.parent))))
    refuse(faults)
    assert values is not None
    return values.placed(document, path.parent)


def _has_all_classes(rest: GateFile, document: Document) -> bool:
    """Return whether no class was cut out of what could be read; else they contradict nothing."""
    written = document.root.items.get("classes")
    return len(rest.classes) == (0 if written is None else len(written.items))


def _faults(document: Document, complaints: Iterable[Complaint]) -> Iterator[Fault]:
    for path, fact, advice in complaints:
        yield document.fault(path, fact, str(advice))


def contradictions(gatefile: GateFile) -> Iterator[Complaint]:
    """Yield (path, fact, remedy) of what cannot be meant, whatever flags may add."""
    if len(gatefile.classes) == 1:
        yield ("classes",), "one class leaves nothing to decide", "name all classes of the model"
    yield from _find_repeated("classes", gatefile.classes)
    yield from _find_repeated("critical", gatefile.critical)
    for index, name in enumerate(gatefile.classes):
        if not name or name.startswith("$"):
            fact = f"{quote(name)} cannot be the name of a class"
            yield ("classes", index), fact, "write a name that does not start with '$'"
    if gatefile.classes:
        yield from _unknown_critical(gatefile.critical, gatefile.classes)
    yield from _of_operating_point(gatefile, gatefile.classes)
    yield from _predictions_and_more(gatefile)


def _of_operating_point(gatefile: GateFile, classes: Sequence[str]) -> Iterator[Complaint]:
    if gatefile.operating_point is not None:
        for path, fact, remedy in gatefile.operating_point.faults(classes):
            yield ("operating_point", *path), fact, remedy


def _predictions_and_more(gatefile: GateFile) -> Iterator[Complaint]:
    splits = gatefile.data.given()
    predicted = [name for name, spec in splits.items() if spec.predictions is not None]
    if not predicted:
        return
    place = ("data", predicted[0], "predictions")
    if gatefile.model is not None:
        yield place, "saved predictions stand in for a model, and a model is given", "delete one"
    if gatefile.artefacts:
        fact = "saved predictions stand in for a model, and an artefact is compared with one"
        yield ("artefacts",), fact, "delete artefacts:"
    if gatefile.leakage is not None:
        fact = "saved predictions have no images that could be compared more thoroughly"
        yield ("leakage",), fact, "delete leakage:"
    for name in splits:
        if name not in predicted:
            fact = f"{name} gives images, {predicted[0]} gives predictions, and no model is run"
            yield ("data", name), fact, f"give predictions of {name} too, or leave it out"


def _omissions(gatefile: GateFile) -> Iterator[Complaint]:
    splits = gatefile.data.given()
    if not splits:
        yield ("data",), "no data is given", remedy("add {}", {"data": {"test": {"path": "PATH"}}})
    point = gatefile.operating_point
    if point is not None and point.declared().is_fitted and gatefile.data.validation is None:
        fact = "a threshold is to be fitted, and no validation split is given"
        yield (
            ("operating_point",),
            fact,
            "add data: {validation: {path: ...}}, or state the threshold: at_least",
        )
    if gatefile.policy is None:
        yield ("policy",), "no policy is given", remedy("add {}", {"policy": "baseline"})
    predicted = [name for name, spec in splits.items() if spec.predictions is not None]
    if predicted:
        if not gatefile.classes:
            fact = "saved predictions need the classes: their scores are named by them"
            advice = remedy(
                "add {}, as the columns of scores are called",
                {"classes": ["first", "second", "..."]},
            )
            yield ("data", predicted[0], "predictions"), fact, advice
        return
    if gatefile.model is None or gatefile.model.checkpoint is None:
        yield (
            ("model",),
            "no checkpoint is given",
            _add_a_checkpoint(splits["test"].path if "test" in splits else None),
        )


def _add_a_checkpoint(test: str | None) -> Remedy:
    add = remedy("add {}", {"model": {"checkpoint": "FILE"}})
    if test is None or not test.endswith((".csv", ".parquet")):
        return add
    in_place = {"data": {"test": {"predictions": test}}}
    saved = remedy("; if test holds saved predictions: {} in place of its path", in_place)
    flags = saved.in_flags.replace("its path", "--test")
    return Remedy(add.in_file + saved.in_file, add.in_flags + flags)


def _find_unbound(gatefile: GateFile, document: PolicyDocument) -> Iterator[Complaint]:
    """Yield what the gate file says otherwise than the policy allows."""
    policy = document.policy
    if "critical" in gatefile.model_fields_set:
        for name in policy.critical:
            if name not in gatefile.critical:
                file, line, _ = document.header_origin("critical", name).place
                fact = f"{quote(name)} is critical by the policy ({file}:{line}), and not here"
                yield ("critical",), fact, "add it: a gate file may add classes, and take none away"
    if policy.champion is not None and gatefile.baseline is None:
        file, line, _ = document.header_origin("champion").place
        fact = f"the policy pins the champion ({file}:{line}), and no baseline is given"
        yield ("baseline",), fact, "add baseline: what that champion's run left"
    point = gatefile.operating_point
    if other := differs(policy.operating_point, None if point is None else point.declared()):
        file, line, _ = document.header_origin("operating_point").place
        fact = f"the policy pins the operating point ({file}:{line}), and here {other}"
        yield ("operating_point",), fact, "state it as the policy does"


def _find_repeated(key: str, names: Sequence[str]) -> Iterator[Complaint]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield (key, index), f"the class {quote(name)} is named twice", "delete one of the two"


def _unknown_critical(critical: Sequence[str], classes: Sequence[str]) -> Iterator[Complaint]:
    for index, name in enumerate(critical):
        if name not in classes:
            fact = f"the critical class {quote(name)} is none of the classes"
            yield ("critical", index), fact, suggestion(name, classes, what="the classes are")


def gatefile_schema() -> dict[str, Any]:
    """Return the JSON Schema (Draft 2020-12) of a gate file, for editors."""
    schema = {**GateFile.model_json_schema(by_alias=True), "required": ["apiVersion", "kind"]}
    title = {"title": "A gate file of validate-model", "description": "What is judged."}
    return {"$schema": DIALECT, **as_read(schema), **title}


if __name__ == "__main__":
    print(as_text(gatefile_schema()), end="")  # noqa: T201 -- a tool, not the product's output
