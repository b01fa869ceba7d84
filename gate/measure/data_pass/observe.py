"""Measurements observe each batch of images that the model has answered, while it is decoded."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Numbers, Observations
from gate.measure.data_pass.artefacts import OpenArtefact
from gate.measure.data_pass.first_batch import require_finite, require_probabilities
from gate.measure.data_pass.read_images import Chunk
from gate.measure.fingerprints.fingerprint import fingerprint
from gate.measure.inference.answers import per_class, probabilities
from gate.measure.inference.torch_runner import Runner
from gate.measure.partials.requests import OpenMeasurement, columns_of, require_alike
from gate.measure.partials.samples import SplitSamples
from gate.measure.partials.work_units import cut, pad
from gate.subject.datasets.records import Dataset, Entry, UnreadableImage
from gate.subject.inputs import Transform
from gate.subject.inputs.transform import Pixels
from gate.subject.outputs import Values

if TYPE_CHECKING:
    from PIL import Image

Outputs = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Answering:
    """How changed images are answered: as those of the data are."""

    runner: Runner
    transform: Transform
    batch: int
    are_logits: bool
    values: Values | None = None  # of a single output; None: a score for each class
    undecided: bool = False  # a single output, and nobody knows yet of which kind
    input_size: tuple[int, int] | None = None  # (H, W) as declared
    artefacts: Mapping[str, OpenArtefact] = field(default_factory=dict)  # that measurements ask

    def probabilities(self, outputs: Outputs, ids: Sequence[str]) -> NDArray[np.float64]:
        """Return outputs (n, classes) as probabilities; raises CheckpointError for NaN."""
        require_finite(outputs, ids)
        scores = probabilities(outputs, are_logits=self.are_logits)
        if not self.are_logits:
            require_probabilities(scores, ids)
        return scores

    def answer(self, images: "Sequence[Image.Image]") -> NDArray[np.float64]:
        """Return the probabilities, float64 (n, classes), of decoded images.

        Raises CheckpointError where the model answers with NaN or infinity.
        """
        outputs = [
            np.empty((0, len(self.runner.classes)), np.float32),
            *(
                self._outputs(np.stack([self.transform(images[place]) for place in some]))
                for some in cut(range(len(images)), self.batch)
            ),
        ]
        names = [f"{place} of those that it changed" for place in range(len(images))]
        return self.probabilities(np.concatenate(outputs), names)

    def outputs_of(self, inputs: Outputs, together: int | None = None) -> Outputs:
        """Return the outputs, (n, classes), of images that are ready, (n, C, H, W).

        So many are given ``together``, and no more; by default whole batches, the last one padded.
        """
        size = self.batch if together is None else together
        parts = [inputs[some.start : some.stop].copy() for some in cut(range(len(inputs)), size)]
        if together is not None:
            return np.concatenate([per_class(self.runner.outputs(e), self.values) for e in parts])
        return np.concatenate([self._outputs(each) for each in parts])

    def divergences_at_first_norm(self, inputs: Outputs) -> Outputs | None:
        """Return how far images that are ready, (n, C, H, W), lie from what training saw, (n,)."""
        parts = []
        for some in cut(range(len(inputs)), self.batch):
            ready = inputs[some.start : some.stop]
            found = self.runner.divergences_at_first_norm(pad(ready, self.batch).copy())
            if found is None:
                return None
            parts.append(found[: len(ready)])
        return np.concatenate(parts) if parts else None

    def _outputs(self, ready: Outputs) -> Outputs:
        """Return the outputs of at most a batch, which the model may work on in place."""
        answer = self.runner.outputs(pad(ready, self.batch))[: len(ready)]
        return per_class(answer, self.values)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ObservedBatch:
    """What a measurement is shown: see :class:`gate.evidence.measurements.ImageBatch`."""

    chunk: Chunk
    rows: slice  # of the chunk
    dataset: Dataset
    split: Any
    outputs: Outputs
    answering: Answering
    scores: NDArray[np.float64] | None = None  # of the rows; None: nobody has asked for them yet
    samples: SplitSamples | None = None  # of a second pass
    decoded: list["Pixels | None"] = field(default_factory=list)  # of the rows, once asked for
    lent: dict[int, "Pixels | None"] = field(default_factory=dict)  # of entries, once asked for

    @property
    def entries(self) -> Sequence[Entry]:
        """All images that the split lists."""
        return self.dataset.entries

    @property
    def indices(self) -> NDArray[np.int64]:
        """The places of the images among the entries, (n,)."""
        return _freeze(self.chunk.indices[self.rows])

    @property
    def ids(self) -> tuple[str, ...]:
        """The names of the images."""
        return tuple(entry.id for entry in self.chunk.entries[self.rows])

    @property
    def labels(self) -> NDArray[np.int32]:
        """Their classes, (n,)."""
        return _freeze(self.chunk.labels[self.rows])

    @property
    def images(self) -> "tuple[Image.Image | None, ...]":
        """Copies of them as decoded; None for a tensor."""
        return tuple(_copy(each.image) for each in self.chunk.originals[self.rows])

    @property
    def formats(self) -> tuple[str | None, ...]:
        """How their files hold them, such as JPEG; None of a row of an array, and of a tensor."""
        return tuple(
            None if each.image is None else each.image.format
            for each in self.chunk.originals[self.rows]
        )

    @property
    def bytes_stored(self) -> NDArray[np.int64]:
        """The sizes of what is stored, in bytes, (n,)."""
        return np.array([each.size for each in self.chunk.originals[self.rows]], np.int64)

    @property
    def pixels_sha256(self) -> NDArray[np.uint8]:
        """Digests of mode, shape and pixels, (n, 32)."""
        return _freeze(self.chunk.fingerprints.pixels[self.rows])

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """The outputs as probabilities, (n, classes)."""
        if self.scores is None:
            return self.answering.probabilities(self.outputs, self.ids)
        return self.scores

    @property
    def pixels(self) -> "tuple[Pixels | None, ...]":
        """The images as arrays before they are resized; None where they are not of 8 bits."""
        if not self.decoded:
            self.decoded.extend(
                None if each.image is None else self._decode(each.image)
                for each in self.chunk.originals[self.rows]
            )
        return tuple(self.decoded)

    @property
    def inputs(self) -> Outputs:
        """What the model was given, (n, C, H, W)."""
        return _freeze(self.chunk.images[self.rows])

    def inputs_of(self, pixels: "Sequence[Pixels]", indices: Sequence[int]) -> Outputs:
        """Return changed images as the model is given them, (m, C, H, W)."""
        originals = self.chunk.originals[self.rows]
        made = []
        for levels, index in zip(pixels, indices, strict=True):
            original = originals[index].image
            assert original is not None, "a tensor has no pixels to change"
            made.append(self.answering.transform.changed(levels, original))
        return np.stack(made) if made else np.empty((0, *self.chunk.images.shape[1:]), np.float32)

    def probabilities_of(
        self, inputs: Outputs, *, together: int | None = None
    ) -> NDArray[np.float64]:
        """Return the probabilities, (m, classes), of inputs that are ready."""
        names = [f"{place} of those that it changed" for place in range(len(inputs))]
        return self.answering.probabilities(self.answering.outputs_of(inputs, together), names)

    def probabilities_of_artefact(
        self, name: str, inputs: Outputs, *, together: int | None = None
    ) -> NDArray[np.float64]:
        """Return the probabilities, (m, classes), of an artefact; NaN where they are not finite."""
        return self.answering.artefacts[name].probabilities(inputs, together)

    def macs_of(self, artefact: str | None, inputs: Outputs) -> int | None:
        """Return the multiply-accumulates of one image; None where none are counted."""
        from gate.measure.inference.costs import macs_of

        if artefact is None:
            return macs_of(self.answering.runner, inputs)
        with self.answering.artefacts[artefact].answering() as runner:
            return macs_of(runner, inputs)

    def seconds_of(self, artefact: str | None, inputs: Outputs) -> float:
        """Return how long the model, or an artefact, takes for one image."""
        from gate.measure.inference.costs import seconds_of

        if artefact is None:
            return seconds_of(self.answering.runner, inputs)
        with self.answering.artefacts[artefact].answering() as runner:
            return seconds_of(runner, inputs)

    def members(self, images: int) -> NDArray[np.int64]:
        """Return the places of a sample among the entries, (m,)."""
        return np.array(self._asked_again.samples[images].members, np.int64)

    @property
    def sample_pixels_sha256(self) -> Sequence[bytes]:
        """The digests of the pixels of all entries."""
        return self._asked_again.pixels

    @property
    def input_size(self) -> tuple[int, int]:
        """The height and width of the input: as declared, else as the model is given it."""
        height, width = self.answering.input_size or self.chunk.images.shape[2:]
        return height, width

    def mean_colour(self, images: int) -> tuple[int, ...]:
        """Return the mean level of each channel over a sample."""
        colour = self._asked_again.samples[images].mean_colour
        assert colour is not None, "whoever wants it says so"
        return colour

    def pixels_at(self, index: int) -> "Pixels | None":
        """Return the image at a place of the entries; None where it is no longer the same.

        Raises DataError for one without pixels.
        """
        if index not in self.lent:
            image = self.read(index)
            if image is not None and fingerprint(b"", image).pixels != self._known_pixels(index):
                image = None
            self.lent[index] = None if image is None else self._decode(image)
        return self.lent[index]

    def _known_pixels(self, index: int) -> bytes:
        return self._asked_again.pixels[index]

    @property
    def _asked_again(self) -> SplitSamples:
        assert self.samples is not None, "only a second pass asks again"
        return self.samples

    def _decode(self, image: "Image.Image") -> "Pixels | None":
        """Return an image as an array; None where a user's callable alone can read it."""
        try:
            return _freeze(self.answering.transform.decode(image))
        except UnreadableImage:
            return None

    @property
    def is_undecided(self) -> bool:
        """Whether nobody knows yet what the single output is."""
        return self.answering.undecided

    def levels(self, indices: NDArray[np.int64]) -> Outputs | None:
        """Return the pixels of images before they are scaled, (m, C, H, W) in 0..255."""
        return self._made(indices, self.answering.transform.levels)

    def ready(self, indices: NDArray[np.int64]) -> Outputs | None:
        """Return images as declared, ready for the model, (m, C, H, W)."""
        return self._made(indices, self.answering.transform)

    def _made(
        self, indices: NDArray[np.int64], make: "Callable[[Image.Image], Outputs | None]"
    ) -> Outputs | None:
        read: list[Outputs] = []
        for index in indices.tolist():
            image = self.read(index)
            made = None if image is None else make(image)
            if made is None or made.shape != (read or [made])[0].shape:
                return None
            read.append(made)
        return np.stack(read) if read else None

    def outputs_of(self, inputs: Outputs) -> Outputs:
        """Return the outputs, (m, classes), for inputs that are ready."""
        return self.answering.outputs_of(inputs)

    def divergences_at_first_norm(self, inputs: Outputs) -> Outputs | None:
        """Return how far inputs lie from what training saw at the first batch norm, (m,)."""
        return self.answering.divergences_at_first_norm(inputs)

    def answer(self, images: "Sequence[Image.Image]") -> NDArray[np.float64]:
        """Return the model's probabilities, (m, classes), for m images."""
        return self.answering.answer(images)

    def read(self, index: int) -> "Image.Image | None":
        """Return the decoded image at a place of the entries; None where it cannot be read."""
        try:
            return self.dataset.read(index).image
        except UnreadableImage:
            return None


def observe(
    measurements: Sequence[OpenMeasurement],
    chunk: Chunk,
    dataset: Dataset,
    split: str,
    outputs: Outputs,
    answering: Answering,
    samples: SplitSamples | None = None,
) -> Observations:
    """Return what measurements observe on a chunk, batch by batch, as the model was given it.

    Raises MeasurementError where one raises, or gives something else than columns of numbers.
    """
    scores = None
    if any(each.measurement.sees_images for each in measurements):
        scores = answering.probabilities(outputs, [entry.id for entry in chunk.entries])
    parts: list[Observations] = []
    for rows in cut(range(len(chunk.entries)), answering.batch):
        some = slice(rows.start, rows.stop)
        batch = ObservedBatch(
            chunk=chunk,
            rows=some,
            dataset=dataset,
            split=split,
            outputs=_freeze(outputs[some]),
            answering=answering,
            scores=None if scores is None else _freeze(scores[some]),
            samples=samples,
        )
        parts.append(
            {
                (each.request.key, name): values
                for each in measurements
                for name, values in each.observe(batch, len(rows)).items()
            }
        )
    return concatenate_observations(measurements, parts)


def concatenate_observations(
    measurements: Sequence[OpenMeasurement], parts: Sequence[Observations]
) -> dict[tuple[str, str], Numbers]:
    """Return the observations of parts behind each other, in the order of measurements and names.

    Raises MeasurementError where a measurement gave other columns for one than for another.
    """
    parts = [part for part in parts if part]
    return {
        (each.request.key, name): values
        for each in measurements
        for name, values in _concatenate_one(each, parts)
    }


def _concatenate_one(
    measurement: OpenMeasurement, parts: Sequence[Observations]
) -> Iterator[tuple[str, Numbers]]:
    own = [columns_of(part, measurement.request.key) for part in parts]
    require_alike(measurement.request, own)
    for name in own[0] if own else ():
        yield name, np.concatenate([part[name] for part in own])


def _freeze(values: NDArray[Any]) -> NDArray[Any]:
    """Return the same values, which whoever is shown them cannot change."""
    view = values.view()
    view.flags.writeable = False
    return view


def _copy(image: "Image.Image | None") -> "Image.Image | None":
    if image is None:
        return None
    copy = image.copy()
    copy.format = image.format  # a copy would not know it
    return copy
