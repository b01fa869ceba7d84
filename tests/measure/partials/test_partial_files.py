"""A part that is read again is of its unit and its data, and no model contradicts it."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from gate.errors import EvidenceError
from gate.evidence.contradictions import Contradiction
from gate.evidence.kept_scores import PAIR
from gate.evidence.records import Fingerprints, Rows, Split, Unreadable
from gate.evidence.times import now
from gate.measure.inference.answers import Answers
from gate.measure.partials.partial import PartialResult
from gate.measure.partials.partial_checks import require_entries
from gate.measure.partials.partial_files import read_parts, write_parts
from gate.measure.partials.work_units import WorkUnit
from gate.subject.datasets.records import Entry

SOME_DAY = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def objects(*values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


@pytest.fixture
def part():
    """Three images of a unit of four: one of them could not be read."""
    scores = np.array([[0.9, 0.1], [0.3, 0.7], [0.6, 0.4]])
    answers = Answers.of(scores, np.array([0, 1, 1], np.int32))
    digests = np.arange(96, dtype=np.uint8).reshape(3, 32)
    return PartialResult(
        unit=WorkUnit(Split.TEST, 4, 8),
        rows=Rows(
            objects("a", "b", "d"),
            answers.labels,
            answers.predictions,
            answers.confidence,
            answers.margin,
            answers.true_score,
            answers.true_rank,
            answers.scores,
            groups=objects("p1", None, "p2"),
            slices={"site": objects("n", "s", None)},
        ),
        fingerprints=Fingerprints(
            digests,
            digests,
            digests,
            digests,
            np.zeros(3, np.bool_),
            digests,
            digests,
            np.zeros((3, 16, 16), np.uint8),
            np.zeros((3, 64, 64), np.uint8),
        ),
        unreadable=(Unreadable("c", "cat", "is cut off"),),
        lowest=np.array([-1.0, -2.0], np.float32),
        highest=np.array([1.0, 2.0], np.float32),
        preprocessing_notes={"converted": 2},
        measured_at=SOME_DAY,
    )


def single(part):
    """Return single outputs of which a part's answers could be made."""
    return np.where(part.rows.predictions == 1, 1, -1).astype(np.float32)


class Data:
    """The data that the part was measured on."""

    classes = ("cat", "dog")
    slice_columns = ("site",)

    def __init__(self, **changes):
        listed = {
            "a": Entry("a", 0, "p1", ("n",)),
            "b": Entry("b", None, None, ("s",)),
            "c": Entry("c", 0, "p9", ("n",)),
            "d": Entry("d", 1, "p2", (None,)),
        }
        listed |= changes
        self.entries = [Entry("x", 0)] * 4 + list(listed.values())


@pytest.fixture
def read(part, tmp_path):
    """Return a function that writes the part with changes, and reads it again."""

    def again(**changes):
        write_parts(tmp_path / "part", [replace(part, **changes)], {"of": "this"})
        return read_parts(tmp_path / "part")

    return again


@pytest.mark.parametrize("cached", [True, False])
def test_a_part_is_read_as_it_was_written(cached, read, part):
    stored = read(cached=cached)

    (again,) = stored.parts
    assert stored.about == {"of": "this"}
    assert (again.unit, again.unreadable, again.preprocessing_notes) == (
        part.unit, part.unreadable, part.preprocessing_notes,
    )  # fmt: skip
    assert again.measured_at == SOME_DAY
    assert again.cached is cached
    assert again.rows.ids.tolist() == ["a", "b", "d"]
    assert again.rows.scores.tobytes() == part.rows.scores.tobytes()
    require_entries(again, Data())


def rows(part, **changes):
    return {"rows": replace(part.rows, **changes)}


def prints(part, **changes):
    return {"fingerprints": replace(part.fingerprints, **changes)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda p: rows(p, predictions=p.rows.labels),
            "'d': its label is 1, its prediction 1, the rank",
        ),
        (lambda p: rows(p, ids=objects("a", "b", "b")), "'b': is there more than once"),
        (lambda p: rows(p, ids=objects("a", "b", "c")), "'c': is there more than once"),
        (lambda p: {"measured_at": now() + timedelta(days=3)}, "more than a day in the future"),
        (lambda p: {"lowest": p.highest, "highest": p.lowest}, "not below its highest"),
        (lambda p: {"lowest": p.lowest * np.float32(np.nan)}, "not below its highest"),
        (lambda p: {"unreadable": ()}, "is damaged"),
        (lambda p: {"unreadable": (Unreadable("c", "cat", 7),)}, "is damaged"),
        (lambda p: {"unreadable": (Unreadable("c", "cat", "cut \ud800"),)}, "is damaged"),
        (lambda p: {"preprocessing_notes": {"resi\udcffed": 2}}, "is damaged"),
        (lambda p: {"preprocessing_notes": {"resized": -3}}, "counts -3 images of 4 as 'resized'"),
        (
            lambda p: {"preprocessing_notes": {"resized": 10**30}},
            "counts 1e+30 images of 4 as 'resized'",
        ),
        (lambda p: {"single": np.zeros(2, np.float32)}, "is damaged"),
        (lambda p: {"single": np.zeros(3)}, "is damaged"),
        (lambda p: {"single": np.full(3, 9, np.float32)}, "not those of its answers"),
        (lambda p: {"single": single(p) * np.float32(-1)}, "not those of its answers"),
        (lambda p: {"unit": WorkUnit(Split.TEST, 4, 9)}, "is damaged"),
        (lambda p: {"lowest": p.lowest[:1]}, "is damaged"),
        (
            lambda p: {"lowest": np.zeros(3, np.float32), "highest": np.ones(3, np.float32)},
            "scores",
        ),
        (lambda p: prints(p, file=p.fingerprints.file[:, :31]), "is damaged"),
        (lambda p: prints(p, near=p.fingerprints.near[:2]), "is damaged"),
        (lambda p: prints(p, featureless=np.zeros(3, np.uint8)), "is damaged"),
        (lambda p: prints(p, thumbnails=np.zeros((3, 8, 8), np.uint8)), "is damaged"),
        (lambda p: rows(p, groups=objects("p", ["q"], "r")), "something that is no text"),
        (lambda p: rows(p, slices={"site": objects("n", 7, "s")}), "something that is no text"),
        (lambda p: rows(p, labels=p.rows.labels.astype(np.int64)), "is not one value of its type"),
        (lambda p: rows(p, margin=p.rows.margin[:2]), "is not one value of its type"),
    ],
)
def test_a_part_that_contradicts_itself_is_refused(change, said, read, part):
    with pytest.raises(EvidenceError) as caught:
        read(**change(part))

    assert said in str(caught.value)
    assert caught.value.remedy == "measure this part again"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"a": Entry("a", 1, "p1", ("n",))}, "'a': is not as the data lists it"),
        ({"a": Entry("a", 0, "p7", ("n",))}, "'a': is not as the data lists it"),
        ({"a": Entry("a", 0, "p1", ("s",))}, "'a': is not as the data lists it"),
        ({"a": Entry("z", 0, "p1", ("n",))}, "'z': is not as the data lists it"),
        ({"c": Entry("z", 0, "p1", ("n",))}, "'z': is not as the data lists it"),
        ({"d": Entry("c", 0)}, "'c': is not as the data lists it"),
        ({"c": Entry("c", 1)}, "'c': could not be read, and is 'cat' there, which is not what"),
        ({"c": Entry("c", None)}, "'c': could not be read, and is 'cat' there, which is not what"),
    ],
)
def test_a_part_of_other_images_than_the_data_lists_is_refused(change, said, part):
    with pytest.raises(Contradiction) as caught:
        require_entries(part, Data(**change))

    assert said in str(caught.value)


def test_what_only_reading_would_have_told_is_not_known_of_the_unreadable(part):
    lost = replace(part, unreadable=(Unreadable("c", "?", "is cut off"),))

    require_entries(lost, Data(c=Entry("c", None)))


def test_whole_characters_outside_the_first_plane_are_text(read, part):
    (again,) = read(preprocessing_notes={"\U0001f600": 2}).parts

    assert again.preprocessing_notes == {"\U0001f600": 2}


@pytest.mark.skipif(os.name != "posix", reason="no pipes among files here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.shard")

    with pytest.raises(EvidenceError, match=r"pipe\.shard: is no file; measure this part again"):
        read_parts(tmp_path / "pipe.shard")


def test_a_folder_is_no_part(tmp_path):
    with pytest.raises(EvidenceError, match="is no file"):
        read_parts(tmp_path)


def test_a_part_of_other_classes_or_slices_is_refused(part):
    more, without = Data(), Data()
    more.classes = ("cat", "dog", "cow")
    without.slice_columns = ()

    for data, said in ((more, "is of 2 classes, and the data has 3"), (without, "other slices")):
        with pytest.raises(Contradiction, match=said):
            require_entries(part, data)


def test_members_that_share_their_bytes_are_refused(read, tmp_path):
    """A zip file may list one member many times: it would come out as often."""
    read()
    content = (tmp_path / "part").read_bytes()
    end = content.rindex(b"PK\x05\x06")
    start = int.from_bytes(content[end + 16 : end + 20], "little")
    listed = content[start:end]
    count = int.from_bytes(content[end + 10 : end + 12], "little") * 4
    tail = bytearray(content[end:])
    tail[8:12] = count.to_bytes(2, "little") * 2
    tail[12:16] = (len(listed) * 4).to_bytes(4, "little")
    Path(tmp_path / "part").write_bytes(content[:start] + listed * 4 + tail)

    with pytest.raises(EvidenceError, match="is damaged"):
        read_parts(tmp_path / "part")


def test_a_head_of_other_json_is_refused(read, part, tmp_path):
    read()
    with (tmp_path / "part").open("rb") as stream, np.load(stream) as arrays:
        held = {name: arrays[name] for name in arrays}
    said = json.loads(held["about"].tobytes())
    for change in (
        {"about": []}, {"version": None}, {"units": {}}, {"units": [None]},
        {"units": [{**said["units"][0], "measured_at": None}]},
        {"units": [{**said["units"][0], "slices": []}]},
        {"units": [{**said["units"][0], "preprocessing_notes": {"x": []}}]},
        {"units": [{**said["units"][0], "unit": "test-8-4"}]},
        {"units": [{**said["units"][0], "arrays": [["labels"]]}]},
    ):  # fmt: skip
        held["about"] = np.frombuffer(json.dumps({**said, **change}).encode(), np.uint8)
        with (tmp_path / "other").open("wb") as stream:
            np.savez(stream, **held)

        with pytest.raises(EvidenceError):
            read_parts(tmp_path / "other")


def test_single_outputs_come_back_as_they_were(part, tmp_path):
    known = replace(part, single=single(part))
    write_parts(tmp_path / "parts", [known], {})

    (again,) = read_parts(tmp_path / "parts").parts

    assert np.array_equal(again.single, single(part))


ASKED = ("view noise:1 v1 images=2", "scores")
KEPT = np.array([[0.8, 0.2], [np.nan, np.nan], [0.3, 0.7]], np.float32)


def test_the_scores_of_what_was_asked_again_come_back_and_where_nothing_was_asked_none(read, part):
    (again,) = read(**rows(part, observations={ASKED: KEPT})).parts

    assert np.array_equal(again.rows.observations[ASKED], KEPT, equal_nan=True)


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (np.full((3, 3), 0.3, np.float32), "not one for each of the 2 classes"),
        (np.full((2, 2), 0.3, np.float32), "not one value of its type a row"),
        (np.full((3, 2), 0.3), "not one value of its type a row"),
        (np.array([[0.8, np.nan]] * 3, np.float32), "no finite number"),
        (np.array([[0.8, np.inf]] * 3, np.float32), "no finite number"),
        (np.zeros((3, 32), PAIR), "not kept as those of so many classes"),
    ],
)
def test_scores_that_are_not_those_of_so_many_classes_are_refused(kept, said, read, part):
    with pytest.raises(EvidenceError) as refused:
        read(**rows(part, observations={ASKED: kept}))

    assert said in refused.value.fact
