"""Measurements that rules need: one report, whoever makes them; nothing that nobody needs."""

import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import gate.checks
from gate.evidence.store import load
from gate.measure.partials import kept_partials, work_units
from gate.metrics.row_sets import views_of

FOLDER = Path(__file__).parents[1] / "third_party"
POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: views, version: 1.0.0}
rules:
  - {check: accuracy, min: 0.80}
  - {check: dataset-integrity, max_unreadable: 9}
"""
JUDGE = ("judge", "gate-out", "--policy", "policy.yaml", "--out", "gate-out")
VIEWS = "  - {check: answer-agreement, views: [mirror, invert], min: 0.5, severity: warn}\n"
SHOWN = "  - {check: needy, how: says_what_it_is_shown}\n"
# It takes down its forward passes; a model without state would be traced.
COUNTING = """\
from pathlib import Path

from nets import Brightness

HERE = Path(__file__).parent


class Counting(Brightness):
    batches = 0

    def forward(self, images):
        self.batches += 1
        with (HERE / "batches").open("a") as log:
            log.write("x")
        return super().forward(images)
"""
# What `plugins:` of a policy does, for a process that is started.
SITE = """\
import gate.checks
from answer_agreement import AnswerAgreement
from odd_measurements import Needy

for check in (AnswerAgreement, Needy):
    gate.checks.REGISTRY[check.model_fields["check"].default] = check
"""


@pytest.fixture(autouse=True)
def _third_party(monkeypatch):
    """Add the checks of another package, importable here and where processes are started."""
    monkeypatch.syspath_prepend(str(FOLDER))
    from answer_agreement import AnswerAgreement
    from odd_measurements import Needy

    for check in (AnswerAgreement, Needy):
        name = check.model_fields["check"].default
        monkeypatch.setitem(gate.checks.REGISTRY, name, check)


@pytest.fixture
def subject(project, monkeypatch):
    """A project of pictures in several units, one of them unreadable, without a measurement."""
    monkeypatch.setattr(work_units, "ROWS", 128)
    project.folders("train", 20, seed=1)
    project.folders("test", 100, seed=2)
    (project.folder / "test/dark/007.png").write_bytes(b"no picture")
    project.gatefile["data"] = {"train": {"path": "train"}, "test": {"path": "test"}}
    project.write("policy.yaml", POLICY)
    project.write_gatefile()
    return project


def needing(project, *rules):
    project.write("policy.yaml", POLICY + "".join(rules))


def evidence_of(project):
    return project.folder / "gate-out/evidence.sqlite"


def change(project, sql):
    with closing(sqlite3.connect(evidence_of(project))) as database, database:
        database.executescript(sql)


def in_a_process(project, *arguments, **settings):
    """Run the command in a process that has the checks as one with `plugins:` would."""
    project.write("site/sitecustomize.py", SITE)
    path = os.pathsep.join([str(project.folder / "site"), str(FOLDER)])
    return project.process(*arguments, rows=128, PYTHONPATH=path, **settings)


def results(ran, rule):
    return [each for each in ran.report["results"] if each["rule"] == rule]


def arrays(project):
    project.npz("train.npz", 20, seed=1)
    project.npz("test.npz", 100, seed=2)
    data = {name: {"path": f"{name}.npz"} for name in ("train", "test")}
    project.gatefile["data"] = data
    project.write_gatefile()


def pictures(project):
    """Leave the pictures that are there."""


# One report


@pytest.mark.parametrize("data", [pictures, arrays])
def test_the_report_is_one_whatever_batch_cache_workers_and_shards(data, subject, monkeypatch):
    monkeypatch.setattr(kept_partials, "SETTLED", 0.0)
    data(subject)
    needing(subject, VIEWS, SHOWN)
    whole = subject.command("run", "--no-cache")
    assert whole.status == 0, whole.errors + whole.err
    assert [each["key"] for each in whole.report["measurements"]] == [
        "invert/1", "mirror/1", "says_what_it_is_shown/1",
    ]  # fmt: skip

    others = {
        "batch 1": subject.command("run", "--no-cache", "--batch", 1),
        "batch 64": subject.command("run", "--no-cache", "--batch", 64),
        "fills the cache": subject.command("run"),
        "the cache": subject.command("run"),
        "two processes": subject.command("run", "--no-cache", "--workers", 2),
    }
    for index in (2, 0, 1):
        assert subject.command("shard", "--index", index, "--of", 3, "--no-cache").status == 0
    others["shards"] = subject.command("merge")
    others["judged again"] = subject.command(*JUDGE)

    digests = {name: (each.digest, each.status) for name, each in others.items()}
    assert digests == dict.fromkeys(others, (whole.digest, 0))
    assert others["the cache"].report["run"]["answers_from_cache"] > 0


def test_a_process_of_its_own_gives_the_same_report(subject):
    needing(subject, VIEWS, SHOWN)
    whole = subject.command("run", "--no-cache")

    apart = in_a_process(subject, "run", "--no-cache")

    assert (apart.digest, apart.status) == (whole.digest, 0), apart.err


@pytest.mark.slow
def test_ray_gives_the_same_report(subject):
    pytest.importorskip("ray")
    needing(subject, VIEWS, SHOWN)
    whole = subject.command("run", "--no-cache")

    there = in_a_process(subject, "run", "--no-cache", "--engine", "ray", "--workers", 2)

    assert (there.digest, there.status) == (whole.digest, 0), there.err


def test_an_image_that_nothing_changed_gets_the_answer_that_it_had(subject):
    needing(subject, SHOWN)
    assert subject.command("run", "--no-cache").status == 0

    seen = load(evidence_of(subject)).splits["test"].rows.observed("says_what_it_is_shown/1")

    assert seen["same"].all()
    assert sorted(set(seen["company"])) == [64, 64063, 128064, 192008]  # 64 each, one unreadable


def test_one_measurement_cannot_spoil_the_images_of_another(subject):
    needing(subject, SHOWN)
    alone = subject.command("run", "--no-cache")
    needing(subject, SHOWN, "  - {id: spoiler, check: needy, how: blackens_its_images}\n")

    together = subject.command("run", "--no-cache")

    assert together.status == alone.status == 0
    assert alone.report["measurements"][0] in together.report["measurements"]


# Nothing that nobody needs


def test_the_model_is_asked_again_only_where_a_rule_needs_it(subject):
    subject.write("counting.py", COUNTING)
    subject.gatefile["model"]["factory"] = "counting:Counting"
    subject.write_gatefile()

    def forward_passes():
        (subject.folder / "batches").unlink(missing_ok=True)
        assert subject.command("run", "--no-cache").status == 0
        return len((subject.folder / "batches").read_text())

    plain = forward_passes()
    needing(subject, VIEWS)
    with_views = forward_passes()
    needing(subject, VIEWS, VIEWS.replace("check", "id: again, check"))
    asked_twice = forward_passes()

    assert with_views == plain + 2 * 4  # four batches of test for each of two views; none of train
    assert asked_twice == with_views


def test_the_plan_of_a_policy_without_needs_names_no_measurement(subject, own_cache):
    subject.command("run")

    (plan,) = own_cache.glob("plans/*/plan.json")

    assert "measurements" not in plan.read_text()


def test_plan_says_what_a_policy_has_measured(subject):
    needing(subject, VIEWS)

    said = subject.command("plan", "--policy", "policy.yaml").out

    assert "Also measured, on test: invert/1 (for answer-agreement)." in said


# Evidence that lacks it, or was changed


def test_evidence_without_the_measurement_leaves_the_rule_open(subject):
    assert subject.command("run", "--no-cache").status == 0
    needing(subject, VIEWS.replace(", severity: warn", ""))

    judged = subject.command(*JUDGE)

    assert judged.status == 3
    (result,) = results(judged, "answer-agreement")
    assert "the evidence has no measurement mirror/1 of test" in result["message"]
    assert "measure again with this policy" in result["remedy"]
    assert result["remedy"] == "measure again with this policy"


def test_evidence_measured_otherwise_leaves_the_rule_open(subject):
    needing(subject, "  - {check: needy, level: 0.5}\n")
    assert subject.command("run", "--no-cache").status == 0
    needing(subject, "  - {check: needy, level: 0.25}\n")

    judged = subject.command(*JUDGE)

    assert judged.status == 3
    assert "level/1 was measured otherwise on" in results(judged, "needy")[0]["message"]


def test_saved_predictions_cannot_be_measured(subject):
    table = ["id,label,dark,bright", *(f"{i},dark,0.9,0.1" for i in range(50))]
    table += [f"{i},bright,0.1,0.9" for i in range(50, 100)]
    subject.write("test.csv", "\n".join(table) + "\n")
    subject.gatefile["data"] = {"test": {"predictions": "test.csv"}}
    subject.write_gatefile(model=None, input=None)
    needing(subject, VIEWS.replace(", severity: warn", ""))

    ran = subject.command("run")

    assert ran.status == 3, ran.err + ran.errors
    assert (
        "saved predictions have no model to ask" in results(ran, "answer-agreement")[0]["message"]
    )


OF_COLUMN = "WHERE number IN (SELECT number FROM observed_columns WHERE {})"
OF_CONFIDENCE = OF_COLUMN.format("name = 'confidence'")
OF_MIRROR = OF_COLUMN.format("measurement = 'mirror/1' AND name = 'prediction'")
CHANGES = [
    (f"DELETE FROM observations {OF_MIRROR} AND position = 3", "has not one value for each of"),
    (f"DELETE FROM observations {OF_MIRROR} AND position = 198", "has not one value for each of"),
    (
        f"UPDATE observations SET position = 999 {OF_MIRROR} AND position = 3",
        "has not one value for each of",
    ),
    (f"UPDATE observations SET value = 'x' {OF_MIRROR} AND position = 3", "is no number of its"),
    (f"UPDATE observations SET value = NULL {OF_MIRROR} AND position = 3", "is no number of its"),
    (
        f"UPDATE observations SET value = 9e999 {OF_CONFIDENCE} AND position = 3",
        "holds an infinity",
    ),
    ("DELETE FROM observations", "has not one value for each of"),
    ("DELETE FROM observed_columns WHERE name = 'prediction'", "that nothing has"),
    ("DELETE FROM observed_columns", "in a column 1 that nothing has"),
    ("INSERT INTO observations VALUES ('x', 3, 1)", "in a column 'x' that nothing has"),
    ("INSERT INTO observations VALUES (1.5, 3, 1)", "in a column 1.5 that nothing has"),
    ("INSERT INTO observations VALUES (x'00', 3, 1)", "that nothing has"),
    ("INSERT INTO observations VALUES (-1, 3, 1)", "in a column -1 that nothing has"),
    ("UPDATE observed_columns SET type = 'number'", "does not say of which type"),
    ("UPDATE observed_columns SET images = 'many'", "does not say of which type"),
    ("UPDATE observed_columns SET type = 'scores' WHERE number = 1", "are not 2 scores for each"),
    ("UPDATE observed_columns SET name = 'prediction'", "is there twice"),
    ("INSERT INTO measurements VALUES ('a/1', 'test', '{}', '1')", "columns and no facts"),
    ("UPDATE observed_columns SET split = 'train'", "has observations and was not made"),
    ("UPDATE observed_columns SET split = 'moon'", "which is no split"),
    ("DELETE FROM measurements", "has observations and was not made"),
    ("UPDATE measurements SET split = 'train'", "has observations and was not made"),
    ("UPDATE measurements SET split = 'moon'", "has observations and was not made"),
    ("INSERT INTO measurements VALUES ('a/1', 'moon', '{}', '1')", "which is no split"),
    ("UPDATE measurements SET facts = '[]'", "does not say what it depends on"),
    ("UPDATE measurements SET summary = 'NaN'", "says NaN, which is no JSON"),
]


@pytest.fixture
def measured(subject):
    """Evidence with the measurements of two views."""
    needing(subject, VIEWS)
    assert subject.command("run", "--no-cache").status == 0
    return subject


def test_observations_that_were_changed_are_refused_in_words(measured):
    file = evidence_of(measured)
    honest = file.read_bytes()
    for sql, said in CHANGES:
        change(measured, sql)

        judged = measured.command(*JUDGE)

        assert judged.status == 4, sql
        assert said in " ".join(judged.err.split()), sql
        assert "Traceback" not in judged.err
        file.write_bytes(honest)
    assert measured.command(*JUDGE).status == 0


@pytest.mark.parametrize(("name", "value"), [("prediction", 0), ("confidence", 0.25)])
def test_another_number_gives_another_digest(name, value, measured):
    honest = measured.command(*JUDGE)
    change(
        measured,
        f"UPDATE observations SET value = {value} "
        + OF_COLUMN.format(f"measurement = 'mirror/1' AND name = '{name}'")
        + " AND position = 3",
    )

    judged = measured.command(*JUDGE)

    assert judged.digest != honest.digest


def test_anybody_can_read_what_was_observed_on_an_image(measured):
    with closing(sqlite3.connect(evidence_of(measured))) as database:
        found = database.execute(
            "SELECT id, value FROM observed "
            "WHERE measurement = 'invert/1' AND name = 'prediction' ORDER BY id LIMIT 2"
        ).fetchall()

    assert found == [("bright/100.png", 0), ("bright/101.png", 0)]


def test_a_shard_without_the_measurement_does_not_join_a_policy_that_needs_it(subject):
    assert subject.command("shard", "--index", 0, "--of", 1, "--no-cache").status == 0
    needing(subject, VIEWS)

    merged = subject.command("merge")

    assert merged.status == 4
    assert "what differs: measurements" in merged.errors


def test_a_shard_that_lost_a_measurement_is_refused(subject):
    needing(subject, VIEWS)
    said = subject.command("shard", "--index", 0, "--of", 1, "--no-cache")
    file = subject.folder / said.out.strip()
    with np.load(file) as held:
        members = {name: held[name] for name in held.files}
    members["about"] = np.frombuffer(
        members["about"].tobytes().replace(b'["mirror/1"', b'["error/1"'), np.uint8
    )
    with file.open("wb") as stream:
        np.savez(stream, **members)

    merged = subject.command("merge")

    assert merged.status == 4
    assert "the columns of the measurement 'error/1' are missing, or not planned" in merged.errors


# Leaked and repeated images


def test_rows_without_leaks_keep_what_was_observed_on_them(subject):
    for index in range(3):
        source = subject.folder / f"train/dark/00{index}.png"
        (subject.folder / f"test/dark/00{index}.png").write_bytes(source.read_bytes())
    needing(subject, SHOWN)
    assert subject.command("run", "--no-cache").status == 0
    evidence = load(evidence_of(subject))

    sizes = set()
    for view in views_of(evidence):
        rows = view.evidence.splits["test"].rows
        seen = rows.observed("says_what_it_is_shown/1")
        assert (seen["label"] == rows.labels).all()
        sizes.add(len(rows))

    assert sizes == {199, 196}


# What goes wrong


BAD = {
    "raises": "its observe raised ValueError: no such scanner (odd_measurements.py:",
    "ends_python": "its observe raised SystemExit",
    "stacks_other_sizes": "its observe",
    "is_no_mapping": "its observe gave list, and not columns by name",
    "has_no_columns": "its observe gave dict, and not columns by name",
    "is_too_short": "gave the column level of shape (63,) for 64 images",
    "holds_objects": "gave the column level of type object, and not numbers",
    "holds_texts": "gave the column level of type <U1, and not numbers",
    "is_a_list": "gave the column level of type list, and not numbers",
    "is_infinite": "gave the column level with an infinity",
    "has_no_name": "gave a column with the name ''",
    "changes_its_columns": "it gave the columns level 0 (float64) for some images, and",
    "changes_its_type": "it gave the columns level (float64) for some images, and level (int64)",
    "writes_into_the_answers": "its observe raised ValueError: assignment destination is read-only",
    "SummarisesNoJson": "its summarise raised ValueError: Out of range float values",
    "MergesTooMuch": "its merge gave the column level of shape (7,) for 199 images",
    "DoesNotPickle": "sending it to a worker raised TypeError: has a scanner open",
}


@pytest.mark.parametrize("how", BAD)
def test_a_measurement_that_breaks_ends_in_words_with_its_key(how, subject):
    needing(subject, f"  - {{check: needy, how: {how}}}\n")

    ran = subject.command("run", "--no-cache")

    assert (ran.status, ran.kinds) == (4, ["measurement"])
    assert ran.errors.startswith(f"measurement {how}/1: ")
    assert BAD[how] in ran.errors
    assert "Traceback" not in ran.err


def test_a_measurement_that_breaks_in_a_worker_reads_as_in_line(subject):
    needing(subject, "  - {check: needy, how: is_too_short}\n")
    inline = subject.command("run", "--no-cache")

    there = subject.command("run", "--no-cache", "--workers", 2)

    assert (there.errors, there.digest) == (inline.errors, inline.digest)


def test_a_shard_of_a_broken_measurement_is_not_written(subject):
    needing(subject, "  - {check: needy, how: raises}\n")

    said = subject.command("shard", "--index", 0, "--of", 1, "--no-cache")

    assert said.status == 4
    assert "measurement raises/1: its observe raised ValueError" in " ".join(said.err.split())
    assert not list(subject.folder.glob("gate-shards/*"))


def test_two_measurements_of_one_key_are_refused_before_anything_is_measured(subject):
    needing(subject, "  - {id: a, check: needy, level: 0.5}\n",
            "  - {id: b, check: needy, level: 0.25}\n")  # fmt: skip

    ran = subject.command("run")

    assert ran.status == 2
    assert "rules a, b: need two different measurements under the key 'level/1'" in ran.err
    assert ran.report is None


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("broken", "rule needy: what it needs cannot be told: ValueError: no needs"),
        ("none", "rule needy: needs str, which is no Measurement"),
    ],
)
def test_needs_that_are_none_are_refused_before_anything_is_measured(how, said, subject):
    needing(subject, f"  - {{check: needy, how: {how}}}\n")

    ran = subject.command("run")

    assert ran.status == 2
    assert said in " ".join(ran.err.split())
    assert "Traceback" not in ran.err


@pytest.mark.slow
def test_ctrl_c_while_a_measurement_observes_ends_in_words(subject):
    needing(subject, "  - {check: needy, how: takes_its_time}\n")
    subject.write("site/sitecustomize.py", SITE)
    path = os.pathsep.join([str(subject.folder / "site"), str(FOLDER)])
    with subject.started("run", rows=128, PYTHONPATH=path) as process:
        while not (subject.folder / "observing").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "Interrupted; no report was written."
    assert not subject.left_of(process)
