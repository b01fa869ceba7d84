"""An engine is chosen by its name, and results come in the order of the units."""

import sys
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from gate.errors import DataError, UsageError
from gate.measure.engines import ENGINES, choose_engine, open_engine
from gate.measure.engines.engine import Engine
from gate.measure.engines.results import results
from gate.measure.engines.serial import SerialEngine


@pytest.mark.parametrize(
    ("flag", "workers", "has_torch", "name"),
    [
        ("local", 1, False, "isolated"),
        ("local", 1, True, "inline"),
        ("local", 2, False, "pool"),
        ("local", 2, True, "pool"),
        ("ray", 1, False, "ray"),
        ("ray", 8, True, "ray"),
    ],
)
def test_the_flags_choose_one_engine(flag, workers, has_torch, name, monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    if has_torch:
        monkeypatch.setitem(sys.modules, "torch", sys)

    assert choose_engine(flag, workers=workers) == name


@pytest.mark.parametrize("flag", ["rai", "pool", "isolated", "inline", ""])
def test_an_engine_that_nobody_adds_is_a_usage_error(flag):
    with pytest.raises(
        UsageError, match=r"is no engine; (did you mean 'ray'\?|engines: local, ray)"
    ):
        choose_engine(flag, workers=1)


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_is_opened_by_its_name_and_starts_nothing(name):
    engine = open_engine(name, workers=2)

    assert isinstance(engine, Engine)
    engine.close()


class Unit(str):
    """A unit of three images."""

    __slots__ = ()

    @property
    def name(self):
        return str(self)


def result_of(unit, images=3):
    return "facts", SimpleNamespace(unit=unit, images=images)


UNITS = [Unit(name) for name in "abcdef"]


class _Said:
    def __init__(self, outcome, say):
        self.outcome, self.say = outcome, say

    def result(self):
        self.say()
        return self.outcome


class Recorder(Engine):
    """Notes what is asked of it; each result is there at once."""

    def __init__(self, outcome=result_of, ahead=2):
        super().__init__(workers=1)
        self.outcome = outcome
        self.said = []
        self._ahead = ahead

    @property
    def ahead(self):
        return self._ahead

    def submit(self, job, unit):
        self.said.append(f"+{unit}")
        outcome = self.outcome(unit)

        return _Said(outcome, lambda: self.said.append(f"-{unit}"))

    def close(self):
        self.said.append("closed")


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (1, "+a -a +b -b +c -c closed"),
        (2, "+a +b -a +c -b -c closed"),
        (None, "+a +b +c -a -b -c closed"),
        (9, "+a +b +c -a -b -c closed"),
    ],
)
def test_as_many_units_are_ordered_ahead_as_the_engine_wants(ahead, said):
    engine = Recorder(ahead=ahead)

    found = [part.unit for _, part in results(engine, "job", UNITS[:3], {}, lambda count: None)]

    assert found == UNITS[:3]
    assert " ".join(engine.said) == said


def test_the_first_error_in_the_order_of_the_units_ends_it_and_the_engine_is_closed():
    errors = {"b": DataError("b", "is bad"), "c": DataError("c", "is worse")}
    engine = Recorder(lambda unit: errors.get(unit) or result_of(unit), ahead=6)
    stream = results(engine, "job", UNITS, {}, lambda count: None)

    assert next(stream)[1].unit == "a"
    with pytest.raises(DataError, match="b: is bad"):
        next(stream)

    assert engine.said[-1] == "closed"


def test_a_consumer_that_wants_no_more_closes_the_engine():
    engine = Recorder()
    stream = results(engine, "job", UNITS, {}, lambda count: None)

    next(stream)
    stream.close()

    assert engine.said[-1] == "closed"


def test_the_result_of_another_unit_is_never_taken():
    engine = Recorder(lambda unit: result_of(Unit("z")))

    with pytest.raises(AssertionError, match="a has no result"):
        next(results(engine, "job", UNITS, {}, lambda count: None))


def test_an_engine_that_tells_nothing_is_told_for_unit_by_unit():
    counts = []

    list(results(Recorder(), "job", UNITS, {}, counts.append))

    assert counts == [3] * 6


def test_what_an_engine_tells_itself_is_not_told_twice():
    class Telling(Recorder):
        def share(self, datasets, advance):
            self.advance = advance

        def submit(self, job, unit):
            future = Future()
            future.set_result(result_of(unit))
            if unit != "c":  # two of three in advance
                self.advance(2)
            return future

    counts = []
    list(results(Telling(ahead=1), "job", UNITS[:3], {}, counts.append))

    assert counts == [2, 1, 2, 1, 3]


class Serial(SerialEngine):
    """Notes when its stream begins and ends."""

    def __init__(self, results=3):
        super().__init__()
        self.results = results
        self.said = []

    def stream(self, job, units):
        self.said.append(f"{job}: {' '.join(units)}")
        try:
            for unit in [*units, Unit("more")][: self.results]:
                yield result_of(unit)
            self.said.append("to its end")
        finally:
            self.said.append("closed")


def test_a_serial_engine_knows_all_units_when_it_starts_and_comes_to_its_end():
    engine = Serial()

    assert len(list(results(engine, "job", UNITS[:3], {}, print))) == 3
    assert len(list(results(engine, "next", UNITS[3:], {}, print))) == 3

    assert engine.said == [
        "job: a b c", "to its end", "closed", "next: d e f", "to its end", "closed",
    ]  # fmt: skip


def test_a_serial_engine_that_is_given_up_is_closed_where_it_stands():
    engine = Serial()
    stream = results(engine, "job", UNITS[:3], {}, print)

    next(stream)
    stream.close()

    assert engine.said == ["job: a b c", "closed"]


@pytest.mark.parametrize(("results_given", "said"), [(2, "for each unit"), (4, "and no more")])
def test_a_serial_engine_gives_one_result_for_each_unit(results_given, said):
    with pytest.raises(AssertionError, match=said):
        list(results(Serial(results_given), "job", UNITS[:3], {}, print))
