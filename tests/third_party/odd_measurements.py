"""Measurements that break one rule each, and the check that needs one of them."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from gate.checks.base import Comparison, Rule, Scope
from gate.evidence.measurements import Measurement


def raises(batch):
    raise ValueError("no such scanner")


def ends_python(batch):
    raise SystemExit(0)


def stacks_other_sizes(batch):
    batch.answer([image.resize((9 + place, 9)) for place, image in enumerate(batch.images)])


def is_no_mapping(batch):
    return [1.0] * len(batch.ids)


def has_no_columns(batch):
    return {}


def is_too_short(batch):
    return {"level": np.zeros(len(batch.ids) - 1)}


def holds_objects(batch):
    return {"level": np.array(["a"] * len(batch.ids), dtype=object)}


def holds_texts(batch):
    return {"level": np.array(["a"] * len(batch.ids))}


def is_a_list(batch):
    return {"level": [1.0] * len(batch.ids)}


def is_infinite(batch):
    return {"level": np.full(len(batch.ids), np.inf)}


def has_no_name(batch):
    return {"": np.zeros(len(batch.ids))}


def changes_its_columns(batch):
    return {f"level {batch.indices[0]}": np.zeros(len(batch.ids))}


def changes_its_type(batch):
    return {"level": np.zeros(len(batch.ids), int if batch.indices[0] else float)}


def writes_into_the_answers(batch):
    batch.probabilities[:] = 0


def says_what_it_is_shown(batch):
    """Return what tells batches apart, and everything that a batch offers."""
    first = batch.indices[0]
    count = len(batch.ids)
    again = batch.answer(batch.images)
    other = batch.read(int((first + 1) % len(batch.entries)))
    assert batch.split == "test"
    assert batch.outputs.shape == batch.probabilities.shape == again.shape
    assert batch.pixels_sha256.shape == (count, 32)
    return {
        "company": np.full(count, first * 1000 + count),
        "label": batch.labels,
        "bytes": batch.bytes_stored,
        "same": (again == batch.probabilities).all(axis=1),
        "level": np.array([np.asarray(image).mean() for image in batch.images], np.float32),
        "next": np.full(count, np.nan if other is None else np.asarray(other).mean()),
    }


def blackens_its_images(batch):
    for image in batch.images:
        image.paste(0, (0, 0, *image.size))
    return {"level": np.array([np.asarray(image).mean() for image in batch.images])}


def takes_its_time(batch):
    Path("observing").touch()
    time.sleep(60)


@dataclass(frozen=True)
class Odd(Measurement):
    """One of the functions above."""

    how: str

    @property
    def key(self):
        return f"{self.how}/1"

    def observe(self, batch):
        return globals()[self.how](batch)


class SummarisesNoJson(Odd):
    def observe(self, batch):
        return {"level": np.zeros(len(batch.ids))}

    def summarise(self, columns, rows):
        return {"mean": float("nan")}


class MergesTooMuch(SummarisesNoJson):
    def merge(self, units):
        return {"level": np.zeros(7)}


class DoesNotPickle(Odd):
    def __reduce__(self):
        raise TypeError("has a scanner open")


@dataclass(frozen=True)
class DependsOn(Measurement):
    level: float
    key = "level/1"
    splits = ("test", "train")

    def plan_facts(self):
        return {"level": self.level}

    def observe(self, batch):
        return {"level": np.full(len(batch.ids), self.level)}


class Needy(Rule):
    """Need something odd."""

    family: ClassVar = "model"

    check: Literal["needy"] = "needy"
    how: str = "DependsOn"
    level: float = 0.5

    def needs(self):
        if self.how == "none":
            return ("level/1",)
        if self.how == "broken":
            raise ValueError("no needs")
        if self.how == "DependsOn":
            return (DependsOn(self.level),)
        return (globals()[self.how](self.how) if self.how[0].isupper() else Odd(self.how),)

    def evaluate(self, evidence):
        """Return the number of rows that were not observed."""
        from gate.metrics.estimates import Count

        rows = evidence.splits["test"].rows
        missing = sum(len(rows) - len(each) for each in rows.observations.values())
        return [Comparison("rows not observed", Count(missing), "<=", 0, Scope(split="test"))]
