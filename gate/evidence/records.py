"""The records of evidence, without opinion."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from gate.evidence.columns import ROWS
from gate.evidence.contract import Disagreement
from gate.evidence.kept_scores import KeptScores
from gate.evidence.operating_point import OperatingPoint

Labels = NDArray[np.int32]
Floats = NDArray[np.float64]
Strings = NDArray[np.object_]  # of str, or None where the data says nothing
Numbers = NDArray[np.float64] | NDArray[np.int64]
Observations = Mapping[tuple[str, str], Numbers]  # by measurement and column


class Split(StrEnum):
    """A part of the data, by its role."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"
    UNKNOWN = "unknown"  # images of none of the classes, which have no labels

    @property
    def is_labelled(self) -> bool:
        """Whether its images are each of a class, so that answers are right or wrong."""
        return self is not Split.UNKNOWN


UNLABELLED = -1  # the label of an image of the split unknown; its true score is NaN, its rank -1


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """One row an image, in the order of the data; every array has length n.

    Labels and predictions index the declared classes. Scores are probabilities in [0, 1]; where a
    model's scores are not known (made-up counts) they are NaN, and ranks are -1.

    As they are measured and saved, predictions are the classes with the highest scores. As they are
    judged, they are the answers at the operating point, -1 where it abstains; what speaks of scores
    (confidence, margin, true score and rank) stays.
    """

    ids: Strings  # (n,) unique, stable names of the images
    labels: Labels  # (n,) the truth; -1 throughout the split unknown
    predictions: Labels  # (n,) the answer: the class with the highest score, or by thresholds
    confidence: Floats  # (n,) the highest score
    margin: Floats  # (n,) confidence minus the second highest score
    true_score: Floats  # (n,) score of the true class
    true_rank: Labels  # (n,) classes that score higher than the true class; 0 is right
    scores: NDArray[np.float32] | None = None  # (n, classes); None when over the byte budget
    groups: Strings | None = None  # (n,) patient, scene or batch
    slices: Mapping[str, Strings] = field(default_factory=dict)  # column -> (n,)
    # (n,) of what the rules of the policy have measured; NaN, or -1, where nothing was observed.
    observations: Observations = field(default_factory=dict)
    # The scores of images that were asked again, by measurement and name.
    kept: Mapping[tuple[str, str], KeptScores] = field(default_factory=dict)
    abstains: bool = False  # whether -1, none of the classes, is among the answers there can be

    def __len__(self) -> int:
        return len(self.ids)

    def where(self, keep: NDArray[np.bool_]) -> Self:
        """Return the rows for which ``keep``, boolean of shape (n,), is true."""
        return self.take(np.flatnonzero(keep))

    def take(self, order: NDArray[np.intp]) -> Self:
        """Return the rows with the given indices, (m,), in that order."""
        taken: dict[str, Any] = {}
        for each in ROWS:
            column = getattr(self, each.field)
            taken[each.field] = None if column is None else column[order]
        for name in ("slices", "observations", "kept"):
            named: Mapping[Any, Any] = getattr(self, name)
            taken[name] = {key: values[order] for key, values in named.items()}
        return replace(self, **taken)

    def observed(self, measurement: str) -> dict[str, Numbers]:
        """Return the columns, (n,), of a measurement by their names; none where it was not made."""
        return {
            name: values for (key, name), values in self.observations.items() if key == measurement
        }

    def with_groups(self, groups: Strings) -> Self:
        """Return the same rows with ``groups``, one a row."""
        return replace(self, groups=groups)

    @property
    def best_is_right(self) -> NDArray[np.bool_]:
        """Whether the class with the highest score is the true one, (n,), whatever the answer."""
        return np.asarray(self.true_rank == 0)

    def answers(self, classes: int) -> int:
        """Return how many answers there can be: the declared classes, and to abstain."""
        return classes + self.abstains

    def confusion(self, classes: int) -> NDArray[np.int64]:
        """Return the confusion matrix, (classes, classes), rows = truth.

        Where rows can abstain it has one row and one column more: no image is truly of that kind,
        and the column, which the index -1 finds, counts who abstained.
        """
        side = self.answers(classes)
        predicted = self.predictions % side if self.abstains else self.predictions
        cells = self.labels.astype(np.int64) * side + predicted
        return np.bincount(cells, minlength=side * side).reshape(side, side)


def rows_from_counts(confusion: Sequence[Sequence[int]]) -> Rows:
    """Return rows without scores whose confusion matrix (rows = truth) is the given one."""
    counts = np.asarray(confusion, dtype=np.int64)
    truth, predicted = np.indices(counts.shape)
    labels = np.repeat(truth.ravel(), counts.ravel()).astype(np.int32)
    predictions = np.repeat(predicted.ravel(), counts.ravel()).astype(np.int32)
    unknown = np.full(len(labels), np.nan)
    return Rows(
        ids=np.array([f"{index:09d}" for index in range(len(labels))], dtype=object),
        labels=labels,
        predictions=predictions,
        confidence=unknown,
        margin=unknown,
        true_score=unknown,
        true_rank=np.where(labels == predictions, 0, -1).astype(np.int32),
    )


class Thumbnails(Protocol):
    """Small grey pictures, (n, side, side) of uint8: an array, or what stands for one."""

    def __len__(self) -> int:
        """Return how many there are."""

    def __getitem__(self, rows: Any, /) -> NDArray[np.uint8]:  # noqa: ANN401 -- as of an array
        """Return some of them, by a slice or by rows, (m,)."""


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprints:
    """What identifies an image, one row an image in the order of the split; never the label."""

    file: NDArray[np.uint8]  # (n, 32) sha256 of the stored bytes
    pixels: NDArray[np.uint8]  # (n, 32) equal only for equal mode, shape and pixels
    oriented: NDArray[np.uint8]  # (n, 32) the same for all 8 flips and rotations of an image
    near: NDArray[np.uint8]  # (n, 32) 256 bits of a perceptual hash; of a small object alone
    featureless: NDArray[np.bool_]  # (n,) too flat or too small for the hash to mean anything
    upright: NDArray[np.uint8]  # (n, 32) the hash of an object on such ground, set upright; else 0
    bare: NDArray[np.uint8]  # (n, 32) the hash of a picture without its plain border; else 0
    looks: Thumbnails | None = None  # (n, 16, 16) grey, of what is on plain ground; else 0
    thumbnails: Thumbnails | None = None  # (n, 64, 64) grey; only where images are >= 64 px


class PairKind(StrEnum):
    """How two images are the same, the surest first; ID: by name, whatever they show."""

    BYTES = "bytes"
    PIXELS = "pixels"
    FLIPPED = "flipped"
    NEAR = "near"
    EDITED = "edited"
    ID = "id"


EXACT = frozenset({PairKind.BYTES, PairKind.PIXELS, PairKind.FLIPPED, PairKind.ID})
OF_IMAGES = tuple(kind for kind in PairKind if kind is not PairKind.ID)


class Alignment(NamedTuple):
    """Where in b lies what is at (y, x) of a, in sides from the middles: an affine transform.

    It is at ``down[0] * y + down[1] * x + down[2]``, and to the right by ``right`` likewise.
    """

    down: tuple[float, float, float]
    right: tuple[float, float, float]
    inverted: bool  # whether dark is bright in the other


@dataclass(frozen=True, slots=True)
class Pair:
    """Two images, of two splits or of one, that are the same picture."""

    a: str
    b: str
    split_a: Split
    split_b: Split
    label_a: str
    label_b: str
    kind: PairKind
    # Near: bits of 256, or, by a descriptor, 1 - cosine, which is above 0 and below 1. Edited: 1 -
    # correlation, that of windows where there is an alignment. Else None.
    distance: float | None = None
    orientation: str | None = None  # how b is turned to become a; None when it is not
    alignment: Alignment | None = None  # of a copy that was aligned to be found


@dataclass(frozen=True, slots=True)
class Overlap:
    """What two splits share; ``split_a == split_b`` speaks of duplicates inside one split."""

    split_a: Split
    split_b: Split
    pairs: tuple[Pair, ...]  # sorted: surest kind first, then by ids
    compared: tuple[PairKind, ...]  # the kinds that were looked for; the others are not known
    featureless: int = 0  # images that only exact comparison could judge
    images_a: int = 0
    images_b: int = 0
    exact_pairs: int = 0  # all of them; ``pairs`` has one or two for each image of b
    identical: bool = False  # both sides are the same files: one folder was given twice
    review: tuple[Pair, ...] = ()  # perhaps copies: for people, never for a rule
    turned: bool = False  # whether photos that were turned, moved or cropped were looked for
    look_alikes: int = 0  # images of b like so many of a that copies could not be told from them

    @property
    def by_ids_alone(self) -> bool:
        """Whether no image was compared, so that a copy under another name is not known."""
        return self.compared == (PairKind.ID,)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An image that the split lists and that could not be read."""

    id: str
    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class MeasurementFacts:
    """What is known of a measurement on a split, beside its columns; all of it is JSON."""

    facts: Mapping[str, Any]  # what it depends on, as its plan said
    summary: Any = None  # what it says of all rows together


@dataclass(frozen=True, slots=True, eq=False)
class SplitEvidence:
    """What was measured on one split."""

    split: Split
    path: str
    format: str
    images: int  # as listed, the unreadable included
    manifest_sha256: str  # over path, bytes, label, group and slices of every image
    rows: Rows
    unreadable: tuple[Unreadable, ...] = ()
    fingerprints: Fingerprints | None = None
    group_column: str | None = None
    hidden: tuple[str, ...] = ()  # files that are hidden, and images all the same; not read
    given: Rows | None = None  # all rows that were measured, where ``rows`` are others; not saved
    # By key: what the policy's rules have measured; the columns are the observations of the rows.
    measurements: Mapping[str, MeasurementFacts] = field(default_factory=dict)

    @property
    def all_rows(self) -> Rows:
        """Return the rows as they were measured, whichever of them are judged."""
        return self.rows if self.given is None else self.given


@dataclass(frozen=True, slots=True)
class History:
    """A training history as it was read; NaN and infinities stand as they were logged."""

    path: str
    format: str
    epochs: tuple[float, ...]
    series: Mapping[str, tuple[float | None, ...]]  # column -> a value an epoch; None: not logged
    train_loss: str | None = None  # the column taken for it
    validation_losses: tuple[str, ...] = ()  # the columns taken for it; each is judged
    train_accuracy: str | None = None
    validation_accuracy: str | None = None
    checkpoint_epoch: float | None = None  # the epoch of the judged checkpoint, where it is known
    unread: tuple[str, ...] = ()  # columns that look like a held-out loss, not taken for one
    notes: tuple[str, ...] = ()  # how doubtful rows and columns were read, a clause each


@dataclass(frozen=True, slots=True)
class Subject:
    """The checkpoint that was judged; absent fields were not reached."""

    sha256: str
    size_bytes: int
    format: str
    factory: str | None = None
    parameters: int | None = None
    file: str | None = None  # the name that the checkpoint was judged under, without its folder


# The types of numbers that most of an artefact's weights have.
Precision = Literal["float32", "float16", "bfloat16", "int8", "other"]


@dataclass(frozen=True, slots=True)
class ArtefactFacts:
    """A file that was measured beside the checkpoint, because it is deployed in its place."""

    name: str  # as gate file and policy call it
    sha256: str
    size_bytes: int
    format: str
    precision: Precision
    parameters: int | None = None  # the numbers of its weights; None: they are not read


@dataclass(frozen=True, slots=True)
class ModelProbe:
    """What the model itself showed, beside its predictions."""

    parameters: int | None  # None: the format does not tell
    nonfinite_tensors: tuple[str, ...]  # names of parameters and buffers with NaN or infinity
    outputs: int  # rows of output that were looked at
    nonfinite_outputs: int
    constant: bool  # every image gets the same output
    checked_individually: int  # images run alone and in a batch
    batch_disagreements: int  # of those, how many changed their prediction
    sandbox: tuple[str, ...] | None = None  # around a foreign parser; None: none was used


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that could not be measured: place, kind, fact, remedy, and whether it may heal."""

    where: str
    kind: str
    message: str
    remedy: str = ""
    retriable: bool = False  # the same measurement may succeed, nothing changed by hand


MEAN = "mean"  # a picture of no image: of the mean of those that were asked again


@dataclass(frozen=True, slots=True)
class Picture:
    """A small picture of an image, for people to look at; no rule ever does."""

    split: Split
    id: str
    png: bytes  # at most 96 x 96 pixels
    view: str = ""  # the name of the view that it shows; MEAN: the mean of a sample, with no id


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """What the champion answered to the same images; its rows keep their own order."""

    path: str
    sha256: str | None  # of its checkpoint; None where none was run
    rows: Mapping[Split, Rows]
    evidence_sha256: str | None = None  # of the file that the answers were read from
    # The policy names this checkpoint as the champion in production; never so on a disk.
    pinned: bool = False
    operating_point: OperatingPoint | None = None  # the champion's own


@dataclass(frozen=True, slots=True)
class Code:
    """A function of the user's that ran, and the source files of the package that it is from."""

    name: str  # package.module:function
    kwargs: Mapping[str, Any]  # JSON values
    package: str
    files: int
    sha256: str | None  # over names and bytes of the files; None where there are none


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the numbers rest on beside checkpoint and data; empty where nothing was measured.

    Raises ValueError for what is no JSON, such as NaN: it is hashed as JSON.
    """

    input: Mapping[str, Any] | None = None  # all of it, defaults included; None: no image was read
    # Which scores of its answers, and what they are; None: no model was run.
    output: Mapping[str, Any] | None = None
    weights: str | None = None  # the state dict that was named, where a checkpoint holds several
    operating_point: OperatingPoint | None = None  # None: the class with the highest score
    # {"column": ...} or {"pattern": ...}: what tells the groups of a split; None where nothing does
    groups: Mapping[Split, Mapping[str, str] | None] = field(default_factory=dict)
    code: Mapping[str, Code] = field(default_factory=dict)  # by its key in the gate file

    def __post_init__(self) -> None:
        json.dumps(asdict(self), allow_nan=False)


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Everything that was measured, for ``judge`` to decide on without model, data or torch."""

    classes: tuple[str, ...]
    critical: tuple[str, ...] = ()
    # Critical classes that the policy does not name though it names some; never so on a disk.
    added_critical: tuple[str, ...] = ()
    # The classes of each parent, where the gate file declares any.
    parents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    splits: Mapping[Split, SplitEvidence] = field(default_factory=dict)
    overlaps: tuple[Overlap, ...] = ()
    subject: Subject | None = None  # None: saved predictions, no checkpoint was run
    artefacts: tuple[ArtefactFacts, ...] = ()  # in the order of their names
    probe: ModelProbe | None = None
    history: History | None = None
    baseline: Baseline | None = None
    failures: tuple[Failure, ...] = ()
    assumed: tuple[str, ...] = ()  # what was not declared and how it was read
    pictures: tuple[Picture, ...] = ()  # of leaked pairs and mistakes; none for private data
    environment: Mapping[str, str] = field(default_factory=dict)
    configuration: Configuration = field(default_factory=Configuration)
    contract: tuple[Disagreement, ...] = ()  # where gate file, artefact and data differ
    # Packages whose plugins took part in measuring (formats, model sources, measurements), with
    # their versions.
    plugins: Mapping[str, str] = field(default_factory=dict)
    measured_at: datetime | None = None  # UTC, the oldest of its parts; None: nothing was measured
    answers_from_cache: int = 0  # rows whose answers a former run has computed
    # Packages and versions whose engine gave answers, those from cache and shards included, sorted.
    engines: tuple[tuple[str, str], ...] = ()

    @property
    def packages_of_engines(self) -> dict[str, str]:
        """The same by package; several versions of one are joined by commas."""
        versions: dict[str, list[str]] = {}
        for package, version in self.engines:
            versions.setdefault(package, []).append(version)
        return {package: ",".join(each) for package, each in versions.items()}
