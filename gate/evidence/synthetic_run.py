"""A synthetic run: a few numbers that stand for evidence in examples and fixtures."""

from collections.abc import Mapping
from dataclasses import dataclass

from gate.evidence.measurements import SplitName

Matrix = tuple[tuple[int, ...], ...]  # confusion counts, rows = truth

# Of so many rows, one behind the other, and what was observed on each of them; None: nothing.
Runs = tuple[tuple[int, int | float | None], ...]

# The same of a slice column: its value, None where a row has none.
SliceRuns = tuple[tuple[int, str | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticRun:
    """The numbers of an imagined run; nothing here was measured.

    Holds no arrays, so that the catalogue of checks is read without numpy.
    """

    classes: tuple[str, ...] = ("cat", "dog")
    critical: tuple[str, ...] = ()
    parents: Mapping[str, tuple[str, ...]] | None = None  # the classes that belong together
    test: Matrix | None = None
    train: Matrix | None = None
    validation: Matrix | None = None
    # By split and slice column; the rows are in the order of the counts.
    slices: Mapping[SplitName, Mapping[str, SliceRuns]] | None = None
    abstained: tuple[int, ...] | None = None  # test images of each class without an answer, beside
    # Images of no class that get an answer, and that get none; None: no such split.
    unknown: tuple[int, int] | None = None
    groups: int | None = None  # groups that train and test share; None: no group is declared
    ungrouped: int = 0  # images of test without a group, where groups are declared
    unreadable: int = 0  # images of test that could not be read
    hidden: int = 0  # hidden files of test that are images
    copies: int | None = None  # test images that are copies of train images; None: not compared
    conflicts: int = 0  # of the copies, how many carry another label
    near_copies: int = 0  # test images that nearly equal a train image, beside the copies
    validation_copies: int = 0  # test images that are copies of validation images
    duplicates: int | None = None  # test images that repeat another; None: not compared
    train_loss: tuple[float, ...] | None = None  # one value an epoch
    validation_loss: tuple[float, ...] | None = None  # may end before the train loss does
    unread_losses: tuple[str, ...] = ()  # columns that look like a held-out loss, and are not read
    confidence: tuple[float, float] | None = None  # score of the prediction when right, when wrong
    broken: int | None = None  # images that the champion had right; None: there is no champion
    repaired: int = 0  # images that the champion had wrong and this model has right
    same_champion: bool = False  # the champion is the judged checkpoint itself
    logged_train_accuracy: float | None = None  # the last value of a training log
    # By split, key of the measurement and column; the rows are in the order of the counts.
    observations: Mapping[SplitName, Mapping[str, Mapping[str, Runs]]] | None = None
    # By view, the right answers of test that it costs; those that are not named cost none.
    # None: the model was not asked again.
    views: Mapping[str, int] | None = None
    # The property of test images that tells their classes, or "nothing"; None: none was measured.
    told_by: str | None = None
    unrepeatable: int = 0  # images of test whose scores differ when asked again, where it was
    # By name, the type of most of its numbers: "float32", "int8"; None: none was measured.
    artefacts: Mapping[str, str] | None = None
    lost_by_artefacts: int = 0  # right answers of test that each of them loses
    macs: int | None = None  # multiply-accumulates of an image; None: not counted
    time_ratio: float | None = None  # of an answer, beside another artefact; None: not timed
    # What two sources differ in: "override" of the artefact by the user, or "contradiction" in it.
    contract: str | None = None
    probe: str | None = None  # "sound", or what is wrong: "nan", "constant", "batch"
