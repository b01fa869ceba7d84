"""When a model was measured: the oldest of its answers, whoever judges them later."""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gate.evidence.times import as_text, now
from gate.measure.partials import kept_partials
from gate.measure.partials.partial_files import read_parts, write_parts

OLD = datetime(2024, 2, 29, 12, tzinfo=UTC)


@pytest.fixture
def subject(in_units, monkeypatch):
    """Pictures in six units, whose files count as untouched."""
    monkeypatch.setattr(kept_partials, "SETTLED", 0.0)
    return in_units


def dated(file, moment):
    """Let a part, or the first one of a shard, be measured at another time."""
    stored = read_parts(file)
    first = replace(stored.parts[0], measured_at=moment)
    write_parts(file, [first, *stored.parts[1:]], stored.about)


def parts(own_cache):
    return sorted(own_cache.glob("plans/*/*/*.npz"))


def test_a_run_says_when_its_answers_were_given(subject):
    before = now()

    ran = subject.command("run", "--no-cache")

    assert as_text(before) <= ran.report["run"]["measured_at"] <= as_text(now())
    assert ran.report["run"]["answers_from_cache"] == 0


def test_judge_keeps_the_time_of_the_run(subject, tmp_path):
    ran = subject.command("run")
    with closing(sqlite3.connect("gate-out/evidence.sqlite")) as database, database:
        said = json.dumps(as_text(OLD))
        database.execute("UPDATE about SET value = ? WHERE key = 'measured_at'", (said,))
    os.utime("gate-out/evidence.sqlite")

    subject.command("judge", "gate-out", "--policy", "policy.yaml", "-o", "json=again.json")

    again = json.loads((subject.folder / "again.json").read_text())
    assert again["run"]["measured_at"] == as_text(OLD)
    assert {key: again[key] for key in again if key != "run"} == {
        key: ran.report[key] for key in again if key != "run"
    }


def test_the_oldest_part_from_the_cache_counts(subject, own_cache):
    first = subject.command("run")
    dated(parts(own_cache)[3], OLD)

    second = subject.command("run")

    assert second.report["run"]["measured_at"] == as_text(OLD)
    assert second.report["run"]["answers_from_cache"] == 60
    assert second.digest == first.digest


def test_a_part_keeps_its_time_where_its_files_were_only_touched(subject, own_cache):
    subject.command("run")
    dated(parts(own_cache)[0], OLD)
    os.utime("test/dark/000.png")
    os.utime("train/dark/000.png")

    subject.command("run")

    assert subject.command("run").report["run"]["measured_at"] == as_text(OLD)


def test_only_what_was_not_computed_counts_as_from_the_cache(subject, own_cache):
    subject.command("run")
    parts(own_cache)[0].unlink()

    assert subject.command("run").report["run"]["answers_from_cache"] == 50


def test_a_part_from_the_future_is_named_and_measured_again(subject, own_cache):
    first = subject.command("run")
    file = parts(own_cache)[2]
    dated(file, now() + timedelta(days=30))

    second = subject.command("run")

    assert f"warning: cache: {file}: measured_at: was measured at " in second.err
    assert "more than a day in the future; this part is measured again" in second.err
    assert second.report["run"]["answers_from_cache"] == 50
    assert second.report["run"]["measured_at"] <= as_text(now())
    assert second.digest == first.digest


def shards(project, *arguments):
    files = []
    for index in range(2):
        said = project.command("shard", "--index", index, "--of", 2, *arguments)
        files.append(project.folder / said.out.strip())
    return files


def test_the_oldest_shard_counts(subject):
    whole = subject.command("run", "--no-cache")
    first, second = shards(subject, "--no-cache")
    dated(second, OLD)

    merged = subject.command("merge", first, second)

    assert merged.digest == whole.digest
    assert merged.report["run"]["measured_at"] == as_text(OLD)
    assert merged.report["run"]["answers_from_cache"] == 0


def test_shards_say_what_they_took_from_a_cache(subject):
    subject.command("run")

    assert subject.command("merge", *shards(subject)).report["run"]["answers_from_cache"] == 60


def test_a_shard_from_the_future_is_refused(subject):
    first, second = shards(subject)
    dated(second, now() + timedelta(days=2))

    merged = subject.command("merge", first, second)

    assert merged.status == 4
    assert merged.kinds == ["evidence"]
    assert f"{second}: measured_at: was measured at " in merged.errors
    assert "more than a day in the future; measure this part again" in merged.errors


def test_saved_predictions_are_of_the_time_they_were_read(project):
    project.write("p.csv", "id,label,dark,bright\n0,dark,1,0\n1,bright,0,1\n")
    before = now()

    ran = project.run(model=None, input=None, data={"test": {"predictions": "p.csv"}})

    assert ran.report["run"]["measured_at"] >= as_text(before)


def test_where_no_data_is_there_it_is_the_time_of_the_attempt(project):
    shutil.move("test.npz", "gone.npz")
    before = now()

    ran = project.run()

    assert ran.status == 4
    assert ran.report["run"]["measured_at"] >= as_text(before)
