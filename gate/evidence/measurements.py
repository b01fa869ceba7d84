"""Measurements: facts of images that a rule needs beside the model's answers to them.

A rule names its measurements (``Rule.needs``). While the images are decoded, the pass shows each
batch to every measurement; what it observes stands beside the rows under its key, travels with
them through workers, cache and shards, and lies in the evidence. Nothing here loads numpy: a
policy is read without it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gate.evidence.records import Rows, SplitEvidence

    Columns = Mapping[str, NDArray[Any]]  # by name, (n,): numbers; NaN, or -1: not observed

SplitName = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")
ARTEFACT_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$"  # as gate files and policies write it


class Listing(Protocol):
    """What is known of an image before it is opened."""

    @property
    def id(self) -> str:
        """The name of the image, unique in its split."""

    @property
    def label(self) -> int | None:
        """The class, by its place among the declared ones; None where only reading tells it."""

    @property
    def group(self) -> str | None:
        """The patient, the scene or the batch; None where none is declared."""


class ImageBatch(Protocol):
    """Some neighbouring images of a split that could be read, and what the model said to them.

    Cut from the data alone: whoever measures, with whatever memory, a batch holds the same images.
    Arrays are not to be written to; images may be, they are copies.
    """

    @property
    def split(self) -> SplitName:
        """The split that the images are of."""

    @property
    def entries(self) -> "Sequence[Listing]":
        """All images that the split lists, the unreadable included."""

    @property
    def indices(self) -> "NDArray[np.int64]":
        """The places of the n images among the entries, (n,)."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The names of the n images."""

    @property
    def labels(self) -> "NDArray[np.int32]":
        """Their classes, (n,)."""

    @property
    def images(self) -> tuple[Any, ...]:
        """Them as decoded PIL images, in the mode of the file and before the input transform.

        None in the place of one that a user's Dataset gave as a tensor.
        """

    @property
    def formats(self) -> "tuple[str | None, ...]":
        """How the files hold the n images, as Pillow names it: JPEG, PNG.

        None of what no file holds by itself, such as a row of an array.
        """

    @property
    def bytes_stored(self) -> "NDArray[np.int64]":
        """The sizes of the stored files, or of the records of an array, in bytes, (n,)."""

    @property
    def pixels_sha256(self) -> "NDArray[np.uint8]":
        """Digests of mode, shape and pixels, (n, 32)."""

    @property
    def outputs(self) -> "NDArray[np.float32]":
        """What the model gave, (n, classes)."""

    @property
    def probabilities(self) -> "NDArray[np.float64]":
        """The same as probabilities, (n, classes)."""

    @property
    def is_undecided(self) -> bool:
        """Whether it is not known yet what a single output is: then the model is not asked again.

        Only an optional measurement sees such a batch; ``probabilities`` are as of logits.
        """

    def levels(self, indices: "NDArray[np.int64]") -> "NDArray[np.float32] | None":
        """Return the pixels of images at places of the entries, before they are scaled.

        (m, C, H, W) in 0..255, turned, converted, resized and cropped as declared; RGB or grey.
        They are read again: a model may have changed what it was given. None where the user's code
        prepares them, one can no longer be read, or they are of different sizes.
        """

    @property
    def pixels(self) -> "tuple[NDArray[np.uint8] | None, ...]":
        """The n images as arrays, (H, W) grey or (H, W, 3) RGB, turned and converted as declared.

        Before they are resized, cropped and scaled. None in the place of a tensor, and of an image
        of more than 8 bits.
        """

    @property
    def inputs(self) -> "NDArray[np.float32]":
        """What the model was given, (n, C, H, W)."""

    def inputs_of(
        self, pixels: "Sequence[NDArray[np.uint8]]", indices: "Sequence[int]"
    ) -> "NDArray[np.float32]":
        """Return changed images, as ``pixels`` has them, as the model is given them, (m, C, H, W).

        ``indices`` are the places in the batch of those that they were made of. Raises GateError
        where one can no longer be prepared.
        """

    def outputs_of(self, inputs: "NDArray[np.float32]") -> "NDArray[np.float32]":
        """Return the outputs, (m, classes), for inputs (m, C, H, W) that are ready for the model.

        They may be NaN. Raises CheckpointError or FactoryError where the model does not take them.
        """

    def ready(self, indices: "NDArray[np.int64]") -> "NDArray[np.float32] | None":
        """Return images at places of the entries as they are declared, ready for the model.

        (m, C, H, W). Read again; None as for :meth:`levels`.
        """

    def divergences_at_first_norm(
        self, inputs: "NDArray[np.float32]"
    ) -> "NDArray[np.float32] | None":
        """Return how far inputs that are ready lie from what training saw, (m,), in nats.

        From the running statistics of the model's first batch norm, by the mean and variance of
        what reaches it. None where there is none, or the model does not show its layers. Raises
        as :meth:`outputs_of` does.
        """

    def answer(self, images: Sequence[Any]) -> "NDArray[np.float64]":
        """Return the model's probabilities, (m, classes), for m PIL images: one forward pass each.

        They go through the same transform and the same batches as the data. Raises GateError where
        the model cannot answer, or answers with NaN.
        """

    def read(self, index: int) -> Any:  # noqa: ANN401 -- a PIL image: Pillow is not known here
        """Return the decoded image at a place of the entries; None where it cannot be read."""


class SampledBatch(ImageBatch, Protocol):
    """Some images of the samples of a split; ``entries`` are all those sampled, with their labels.

    A sample is chosen when all images have been answered: classes take turns, each in the order of
    a hash of its pixels.
    """

    def members(self, images: int) -> "NDArray[np.int64]":
        """Return the places, among the entries, of the sample of at most so many images; (m,)."""

    @property
    def sample_pixels_sha256(self) -> Sequence[bytes]:
        """The digests of the pixels of all entries."""

    @property
    def input_size(self) -> tuple[int, int]:
        """The height and width of the model's input: as declared, else as it is given."""

    def mean_colour(self, images: int) -> tuple[int, ...]:
        """Return the mean level of each channel over the sample of so many images.

        Only for a measurement that ``wants_mean_colour``.
        """

    def pixels_at(self, index: int) -> "NDArray[np.uint8] | None":
        """Return the image at a place of the entries, as ``pixels`` has them.

        None where it cannot be read, or is a tensor.
        """

    def probabilities_of(
        self, inputs: "NDArray[np.float32]", *, together: int | None = None
    ) -> "NDArray[np.float64]":
        """Return the model's probabilities, (m, classes), for inputs (m, C, H, W).

        It is given so many of them ``together``; by default whole batches, as with the data. Raises
        CheckpointError where the model answers with NaN, or does not take batches of that size.
        """

    def probabilities_of_artefact(
        self, name: str, inputs: "NDArray[np.float32]", *, together: int | None = None
    ) -> "NDArray[np.float64]":
        """Return the probabilities, (m, classes), of an artefact for inputs (m, C, H, W).

        Only for a measurement whose ``artefacts`` name it. It is given so many of them
        ``together``; by default whole batches. NaN in all classes of an image whose scores are not
        finite. Raises CheckpointError where it does not take the inputs, or batches of that size.
        """

    def macs_of(self, artefact: str | None, inputs: "NDArray[np.float32]") -> int | None:
        """Return the multiply-accumulates of one image, (1, C, H, W); None where none are counted.

        Of the model, or of an artefact that the measurement names.
        """

    def seconds_of(self, artefact: str | None, inputs: "NDArray[np.float32]") -> float:
        """Return how long the model, or an artefact, takes for one image, (1, C, H, W)."""


class Measurement(ABC):
    """What is observed on each image, and what it depends on.

    Workers are sent it by pickle, so its class stands at the top of a module. It is shown batches
    by many threads at once, in any order, and must say the same of an image whenever it is asked.
    """

    key: str  # canonical, with the version of its definition: the name of its columns
    splits: tuple[SplitName, ...] = ("test",)  # that it observes
    # Its rule is judged without it where none of its splits is given, where answers were saved, and
    # in made-up evidence that says nothing of it.
    optional: bool = False
    sees_images: bool = True  # False: no decoded image is kept for it, and it costs next to nothing

    def can_be_spared(self, split: "SplitEvidence", classes: int) -> bool:  # noqa: ARG002 -- for overriding
        """Return whether a rule can be judged on a split of so many classes that lacks it."""
        return False

    def plan_facts(self) -> Mapping[str, Any]:
        """Return what the observations depend on beside key, model and data: JSON values.

        Two measurements of one key are the same where class and facts are.
        """
        return {}

    @abstractmethod
    def observe(self, batch: ImageBatch) -> "Columns":
        """Return at least one named column with one number an image of the batch.

        Real or whole numbers or truth values, the same names and types for every batch; NaN, or -1
        of whole ones, where nothing was observed. Infinities are refused.
        """

    def merge(self, units: "Sequence[Columns]") -> "Columns":
        """Return the columns of a split from those of its units, in the order of the data."""
        import numpy as np

        return {name: np.concatenate([each[name] for each in units]) for name in units[0]}

    def summarise(self, columns: "Columns", rows: "Rows") -> Any:  # noqa: ANN401, ARG002 -- JSON; for overriding
        """Return what all rows of a split say together: JSON for the evidence and the report.

        People read it; a rule judges the columns, for rows are left out of those.
        """
        return None


class SampledMeasurement(Measurement):
    """What is observed on a sample of a split, in a second pass after all images were answered.

    Its ``observe`` is shown a :class:`SampledBatch`, and gives NaN or -1 where it observes nothing.
    The evidence has its columns over all rows, with NaN or -1 for those that are not of the sample.
    It may give ``gate.evidence.kept_scores.keep(scores)``, too, as a column, to be judged at an
    operating point: ``Rows.kept`` has it.
    """

    images: int  # of its sample, at most
    passes: int = 1  # how often it asks each of them
    wants_mean_colour: bool = False
    artefacts: tuple[str, ...] = ()  # that it asks beside the model, by their names
