"""A model source: an .npz of weight and bias, and of classes and size, which it states."""

import io
from contextlib import contextmanager

import numpy as np

from gate.subject.inputs import InputSpec
from gate.subject.sources.source import ModelSource, OpenModel
from gate.subject.sources.statements import Ask, Stated, Statements


class Linear(ModelSource):
    name = "npz-linear"

    def matches(self, path):
        return path.suffix == ".npz"

    def states(self, artefact):
        arrays = arrays_of(artefact)
        if "size" not in arrays:
            size = "add input: {size: [H, W], channels: L}"
            names = Ask("classes", "it names no classes", "add classes: [...]")
            return Statements(asks=(Ask("input", "it does not say its size", size), names))
        spec = InputSpec(size=tuple(arrays["size"].tolist()), channels="L")
        return Statements(
            classes=Stated(tuple(arrays["classes"].tolist()), "its array classes"),
            input=Stated(spec, "its array size"),
        )

    @contextmanager
    def open(self, artefact, *, threads):
        arrays = arrays_of(artefact)

        def answer(images):
            return images.reshape(len(images), -1) @ arrays["weight"].T + arrays["bias"]

        yield OpenModel(model=answer, backend="numpy")


def arrays_of(artefact):
    with np.load(io.BytesIO(artefact.sealed.data), allow_pickle=False) as arrays:
        return dict(arrays)


SOURCE = Linear()
