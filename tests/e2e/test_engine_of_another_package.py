"""An engine of another package is one file; what it does wrongly is told with its package."""

import re

import pytest
from throwaway import THIRD_PARTY

from gate.approval.judging import judge_again
from gate.errors import AttestationError
from gate.measure.partials import work_units

THREADS = (THIRD_PARTY / "threads.py").read_text()
POINTS = "[validate_model.engines]\nthreads = their_threads:Threads\n"
WHERE = "plugin threads of their-threads 1.2"
REMEDY = "tell their-threads, or use --engine local"


@pytest.fixture
def subject(project, monkeypatch):
    """Pictures in many units."""
    monkeypatch.setattr(work_units, "ROWS", 8)
    project.folders("train", 20, seed=1)
    project.folders("test", 20, seed=2)
    project.gatefile["data"] = {"train": {"path": "train"}, "test": {"path": "test"}}
    project.write_gatefile()
    return project


def test_an_engine_of_another_package_gives_the_same_digest(subject, add_package):
    add_package("their-threads", POINTS, THREADS)

    inline = subject.command("run", "--no-cache")
    threads = subject.command("run", "--no-cache", "--engine", "threads", "--workers", 3)
    pool = subject.command("run", "--no-cache", "--workers", 2)
    isolated = subject.process("run", "--no-cache", rows=8)

    assert (inline.status, threads.status) == (0, 0), threads.err
    assert {run.digest for run in (threads, pool, isolated)} == {inline.digest}
    assert threads.out == inline.out
    assert threads.report["run"]["engines"] == {"their-threads": "1.2"}


@pytest.mark.slow
def test_it_measures_where_torch_is_not_here_yet(subject, add_package):
    package = add_package("their-threads", POINTS, THREADS)
    inline = subject.command("run", "--no-cache")

    alone = subject.process(
        "run", "--no-cache", "--engine", "threads", rows=8, PYTHONPATH=str(package)
    )

    assert alone.digest == inline.digest, alone.err


def test_what_it_measures_is_kept_and_merged_as_that_of_any_engine(subject, add_package):
    add_package("their-threads", POINTS, THREADS)
    whole = subject.command("run", "--no-cache")

    shards = [
        subject.command("shard", "--index", index, "--of", 2, "--no-cache", *how).out.strip()
        for index, how in enumerate([["--engine", "threads"], []])
    ]
    merged = subject.command("merge", *shards)
    subject.command("run", "--engine", "threads")
    again = subject.command("run")

    assert {merged.digest, again.digest} == {whole.digest}
    assert again.report["run"]["answers_from_cache"] == 80


@pytest.mark.parametrize("way", ["judged again", "merged", "from the cache", "of our own"])
def test_whose_engine_gave_the_answers_is_never_washed_off(way, subject, add_package):
    add_package("their-threads", POINTS, THREADS)
    how = ("--engine", "threads")
    subject.command("run", "--no-cache")
    match way:
        case "judged again":
            subject.command("run", "--no-cache", *how)
            came = subject.command(
                "judge", "gate-out", "--policy", "policy.yaml", "--out", "gate-out"
            )
        case "merged":
            subject.command("shard", "--index", 0, "--of", 2, "--no-cache", *how)
            subject.command("shard", "--index", 1, "--of", 2, "--no-cache")
            came = subject.command("merge")
        case "from the cache":
            subject.command("run", *how)
            came = subject.command("run")
        case _:
            came = subject.command("run", "--no-cache")

    assert came.status == 0, came.errors
    theirs = {} if way == "of our own" else {"their-threads": "1.2"}
    assert came.report["run"]["engines"] == theirs


def test_a_report_that_keeps_quiet_of_an_engine_is_not_attested(subject, add_package):
    add_package("their-threads", POINTS, THREADS)
    subject.command("run", "--no-cache", "--engine", "threads")
    file = subject.folder / "gate-out" / "report.json"
    told = file.read_text()
    quiet = re.sub(r'"engines": \{[^}]*\}', '"engines": {}', told)

    file.write_text(quiet)

    assert quiet != told
    with pytest.raises(AttestationError, match=r"run\.engines"):
        judge_again(file.parent)
    file.write_text(told)
    assert judge_again(file.parent).run["engines"] == {"their-threads": "1.2"}


def test_what_goes_wrong_in_the_model_reads_as_in_line(subject, add_package):
    add_package("their-threads", POINTS, THREADS)
    subject.gatefile["model"]["factory"] = "nets:raises"
    subject.write_gatefile()

    inline = subject.command("run", "--no-cache")
    threads = subject.command("run", "--no-cache", "--engine", "threads")

    assert inline.status == threads.status == 4
    assert threads.errors == inline.errors
    assert threads.digest == inline.digest


def test_an_engine_that_nobody_adds_is_told_before_anything_is_measured(subject, add_package):
    add_package("their-threads", POINTS, THREADS)

    ran = subject.command("run", "--engine", "thread")

    assert ran.status == 2
    assert ran.err.endswith("--engine: 'thread' is no engine; did you mean 'threads'?\n")
    assert ran.report is None


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("import no_such_module_at_all\n", "cannot be loaded: ModuleNotFoundError"),
        ("Threads = print\n", "is no engine, but 'builtin_function_or_method'"),
        ("class Threads: pass\n", "is no engine, but 'type'"),
    ],
    ids=["no import", "a function", "another class"],
)
def test_a_package_without_the_engine_is_a_usage_error(code, fault, subject, add_package):
    add_package("their-threads", POINTS, code)

    ran = subject.command("run", "--engine", "threads")

    assert ran.status == 2
    assert f"Error: {WHERE}: {fault}" in ran.err
    assert "their-threads" in ran.err.split(";")[-1]
    assert "Traceback" not in ran.err
    assert ran.report is None


CHANGED = (
    THREADS
    + """

from concurrent.futures import Future
from dataclasses import replace
from itertools import count
import contextlib
import os
import sys

calls = count()


def now(value):
    future = Future()
    future.set_result(value)
    return future


class Changed(Threads):
    def submit(self, job, unit):
        return self.changed(job, unit, super().submit(job, unit))

{0}

Threads = Changed
"""
)
NONE = "    def changed(self, job, unit, future): return now(None)"
NO_FUTURE = "    def changed(self, job, unit, future): return 7"
TEXT = "    def changed(self, job, unit, future): return now('done')"
HALF = "    def changed(self, job, unit, future): return now(future.result()[:1])"
SWAPPED = """
    first = None
    def changed(self, job, unit, future):
        swapped, self.first = self.first or future, future
        return swapped
"""
FEWER = """
    def changed(self, job, unit, future):
        facts, part = future.result()
        return now((facts, replace(part, unreadable=part.unreadable * 2 + ("x",))))
"""
OTHERS = """
    def changed(self, job, unit, future):
        facts, part = future.result()
        part.rows.ids[0] = "nobody.png"
        return now((facts, part))
"""
NANS = """
    def changed(self, job, unit, future):
        facts, part = future.result()
        return now((facts, replace(part, highest=part.highest * float("nan"))))
"""
CHECKPOINT = """
    def changed(self, job, unit, future):
        facts, part = future.result()
        return now((replace(facts, subject=replace(facts.subject, sha256="0" * 64)), part))
"""
RAISES = "    def changed(self, job, unit, future): raise ValueError('out of order')"
LATE = """
    def changed(self, job, unit, future):
        late = Future()
        late.set_exception(OSError("the farm is gone"))
        return late if unit.start else future
"""
LEAVES = "    def changed(self, job, unit, future): sys.exit(0)"
ENDS = "    def changed(self, job, unit, future): os._exit(0)"
FAKE_CTRL_C = "    def changed(self, job, unit, future): raise KeyboardInterrupt"
SETUP = """
    def __init__(self, workers): raise RuntimeError("no licence")
"""
STARTS = """
    @contextlib.contextmanager
    def start_ahead(self):
        raise RuntimeError("no cluster")
        yield
"""
SHARES = """
    def share(self, datasets, advance): raise RuntimeError("no room")
"""
AHEAD = "    ahead = 0"
CLOSES = """
    def changed(self, job, unit, future): return future
    def close(self): raise RuntimeError("stuck")
"""


FAULTS = [
    (NONE, "it gave 'NoneType' as the result of train-000000000-000000008"),
    (SWAPPED, "it gave the result of train-000000000-000000008 as that of train-000000008"),
    (OTHERS, "it gave a wrong result of train-000000000-000000008: "),
    (CHECKPOINT, "it measured train-000000000-000000008 with another checkpoint"),
    (RAISES, "its submit raised ValueError: out of order (their_threads.py:"),
    (LEAVES, "its submit raised SystemExit: 0 (their_threads.py:"),
    (STARTS, "its start_ahead raised RuntimeError: no cluster (their_threads.py:"),
    (CLOSES, "its close raised RuntimeError: stuck (their_threads.py:"),
]
MORE_FAULTS = [
    (NO_FUTURE, "its result raised AttributeError: 'int' object has no attribute 'result'"),
    (TEXT, "it gave 'str' as the result of train-000000000-000000008"),
    (HALF, "it gave 'tuple' as the result of train-000000000-000000008"),
    (FEWER, "it gave a wrong result of train-000000000-000000008: the part "),
    (NANS, "it gave a wrong result of train-000000000-000000008: "),
    (LATE, "its result raised OSError: the farm is gone"),
    (ENDS, "its submit raised SystemExit: os._exit(0) (their_threads.py:"),
    (FAKE_CTRL_C, "its submit raised KeyboardInterrupt (their_threads.py:"),
    (SETUP, "its constructor raised RuntimeError: no licence (their_threads.py:"),
    (SHARES, "its share raised RuntimeError: no room (their_threads.py:"),
    (AHEAD, "its ahead is '0', where a positive number or None belongs"),
]


@pytest.mark.parametrize(
    ("body", "fact"),
    [*FAULTS, *(pytest.param(*each, marks=pytest.mark.slow) for each in MORE_FAULTS)],
)
def test_what_an_engine_does_wrongly_is_told_with_its_package(body, fact, subject, add_package):
    add_package("their-threads", POINTS, CHANGED.replace("{0}", body))

    ran = subject.command("run", "--no-cache", "--engine", "threads")

    assert (ran.status, ran.report["verdict"]) == (4, "error"), ran.err
    assert ran.errors.startswith(f"{WHERE}: {fact}"), ran.errors
    assert ran.errors.endswith(f"; {REMEDY}")
    assert "Traceback" not in ran.err
    assert not ran.report["passed"]
