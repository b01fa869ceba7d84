"""A data format: a line an image, of name, class and 64 pixels in hexadecimal."""

import numpy as np

from gate.subject.datasets.formats import DataFormat
from gate.subject.datasets.pictures import sample_of
from gate.subject.datasets.records import BaseDataset, Entry


class Tiles(BaseDataset):
    def __init__(self, spec, base, classes):
        self.file = base / spec.path
        lines = [line.split() for line in self.file.read_text().splitlines()]
        self.classes = classes or ("dark", "bright")
        self.pixels = [line[2] for line in lines]
        self.entries = [Entry(line[0], self.classes.index(line[1])) for line in lines]

    def read(self, index):
        pixels = np.frombuffer(bytes.fromhex(self.pixels[index]), np.uint8)
        return sample_of(pixels.reshape(8, 8), self.entries[index].label)

    def sources(self):
        return [self.file]  # while they are unchanged, answers come from the cache


FORMAT = DataFormat(name="tiles", keys=frozenset({"path", "options"}), open=Tiles)
