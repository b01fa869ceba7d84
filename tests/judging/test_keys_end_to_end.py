"""One table in two formats, spelled in many ways, is one verdict; missing groups never help."""

import csv
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.decision import judge
from gate.evidence.records import Evidence, Split
from gate.measure.saved_predictions import measure_table
from gate.policy.reading import read_policy
from gate.subject.datasets import open_dataset
from gate.subject.datasets.spec import DataSpec

pyarrow = pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
from pyarrow import parquet  # noqa: E402 -- after the extra is known to be there

CLASSES = ("cat", "dog")
POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: keys, version: 1.0.0}
rules:
  - {check: accuracy, min: 0.5}
  - {check: recall, min: 0.4, by: site}
  - {check: group-overlap}
"""
WORDS = st.text("abK\xf6\u0430 .-01", min_size=1, max_size=4).map(str.strip).filter(bool)
# Columns as people have them: whole numbers, numbers with a gap, text, days, flags.
COLUMNS = st.sampled_from(
    [
        st.integers(-3, 12),
        st.sampled_from([2**53, 2**53 + 1, 2**63 - 1]),
        st.one_of(st.none(), st.integers(0, 12).map(float)),
        st.one_of(st.none(), st.sampled_from([0.5, 1.0, 1e-7, 1e16, 12.25])),
        st.one_of(st.none(), WORDS),
        st.dates(date(2026, 1, 1), date(2026, 1, 9)),
        st.booleans(),
    ]
)


@st.composite
def tables(draw):
    """Return the columns of saved predictions."""
    count = draw(st.integers(4, 12))
    labels = [
        "cat",
        "dog",
        *draw(st.lists(st.sampled_from(CLASSES), min_size=count - 2, max_size=count - 2)),
    ]
    scores = draw(st.lists(st.sampled_from([0.125, 0.25, 0.75]), min_size=count, max_size=count))

    def column():
        return draw(st.lists(draw(COLUMNS), min_size=count, max_size=count))

    return {
        "id": draw(st.lists(st.integers(0, 2**60), min_size=count, max_size=count, unique=True)),
        "label": labels,
        "patient": column(),
        "site": column(),
        "cat": scores,
        "dog": [1 - score for score in scores],
    }


def as_csv(folder, columns, spelled=str):
    """Write a table as pandas does: floats by their repr, nothing for a gap."""
    with (folder / "t.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            cells = ["" if cell is None else str(cell) for cell in row]
            writer.writerow(
                [
                    spelled(cell) if name in {"id", "label", "patient", "site"} and cell else cell
                    for name, cell in zip(columns, cells, strict=True)
                ]
            )
    return "t.csv"


def as_parquet(folder, columns):
    parquet.write_table(pyarrow.table(columns), folder / "t.parquet")
    return "t.parquet"


def opened(folder, name):
    spec = DataSpec(predictions=name, group="patient", slices=("site",))
    return open_dataset(spec, base=folder, classes=CLASSES)


def evidence(folder, name):
    table = opened(folder, name)
    splits = {split: measure_table(split, table) for split in (Split.TRAIN, Split.TEST)}
    return Evidence(classes=CLASSES, splits=splits)


def verdict(folder, name):
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
    decision = judge(read_policy(str(folder / "policy.yaml")).policy.rules, evidence(folder, name))
    return decision.verdict, {each.key: each.outcome for each in decision.results}


def content(table):
    order = sorted(range(len(table)), key=lambda row: table.ids[row])
    return [
        (table.ids[row], table.labels[row], table.groups[row], table.slices["site"][row])
        for row in order
    ]


@settings(deadline=None)
@given(tables())
def test_csv_and_parquet_of_one_table_are_one_verdict_on_one_digest(columns):
    with TemporaryDirectory() as name:
        folder = Path(name)
        of_csv, of_parquet = as_csv(folder, columns), as_parquet(folder, columns)

        assert content(opened(folder, of_csv)) == content(opened(folder, of_parquet))
        first, second = (evidence(folder, each).splits for each in (of_csv, of_parquet))
        assert [first[each].manifest_sha256 for each in first] == [
            second[each].manifest_sha256 for each in second
        ]
        assert verdict(folder, of_csv) == verdict(folder, of_parquet)


def spelled_otherwise(cell):
    return " " + cell[:1].replace("\xf6", "o\u0308") + "\u200b" + cell[1:] + "\xa0"


@settings(deadline=None)
@given(tables(), st.randoms(use_true_random=False))
def test_order_and_spelling_change_nothing(columns, random):
    with TemporaryDirectory() as name:
        folder = Path(name)
        before = content(opened(folder, as_csv(folder, columns))), verdict(folder, "t.csv")
        digest = evidence(folder, "t.csv").splits[Split.TEST].manifest_sha256
        names, rows = list(columns), list(range(len(columns["id"])))
        random.shuffle(names)
        random.shuffle(rows)
        shuffled = {name: [columns[name][row] for row in rows] for name in names}

        as_csv(folder, shuffled, spelled_otherwise)

        assert (content(opened(folder, "t.csv")), verdict(folder, "t.csv")) == before
        assert evidence(folder, "t.csv").splits[Split.TEST].manifest_sha256 == digest


GROUPS = [str(1000 + index // 10) for index in range(200)]


def leaky(folder, train, test, **rule):
    """Judge group-overlap alone on saved predictions with these groups."""
    folder.policy({"check": "group-overlap", **rule})
    for name, groups in (("train", train), ("test", test)):
        rows = folder.rows(((50, 50), (50, 50)))
        for row, group in zip(rows, groups, strict=True):
            row["patient"] = group
        folder.table(f"{name}.csv", rows)
    return folder.run(
        data={
            name: {"predictions": f"{name}.csv", "group": "patient"} for name in ("train", "test")
        }
    )


@pytest.mark.parametrize(
    "spell",
    [
        lambda group: f"{group}.0",
        lambda group: f"{group} ",
        lambda group: f"00{group}",
        lambda group: group[0] + "\u200b" + group[1:],
        lambda group: group.translate({ord("0") + digit: 0xFF10 + digit for digit in range(10)}),
        lambda group: group.translate({ord("0") + digit: 0x0660 + digit for digit in range(10)}),
    ],
    ids=["decimals", "spaces", "leading zeros", "zero width", "full width", "Arabic digits"],
)
def test_the_same_patients_are_found_however_they_are_written(folder, spell):
    ran = leaky(folder, list(map(spell, GROUPS)), GROUPS)

    assert ran.status == 1
    assert ran.result("group-overlap")["measured"]["value"] == 20


def test_other_patients_pass(folder):
    ran = leaky(folder, [f"{group}.0" for group in GROUPS], [str(int(g) + 500) for g in GROUPS])

    assert ran.status == 0


def test_the_remedy_of_names_that_only_look_alike_is_the_policys(folder):
    train, test = [f"p{g}" for g in GROUPS], [f"P{g}" for g in GROUPS]

    assert leaky(folder, train, test).status == 1
    assert "such as p1000 in train, which looks like P1000 in test" in " ".join(
        leaky(folder, train, test).out.split()
    )
    assert leaky(folder, train, test, match="exact").status == 0


def test_one_grouped_image_a_split_is_inconclusive(folder):
    ran = leaky(folder, ["a"] + [""] * 199, ["b"] + [""] * 199)

    assert ran.status == 3
    assert "199 of 200 images of train and 199 of 200 images of test have no group" in ran.words
    assert ran.result("group-overlap")["remedy"] == (
        "give every image its group, or allow some by `max_ungrouped`"
    )


@pytest.mark.parametrize("word", ["", "nan", "None", "NULL"])
def test_groups_that_are_all_missing_are_inconclusive_and_named(folder, word):
    ran = leaky(folder, [word] * 200, GROUPS)

    assert ran.status == 3
    assert "200 of 200 images of train have no group" in ran.words
    assert ran.report["data"]["train"]["groups"] == 0


def test_half_missing_groups_do_not_pass_where_groups_are_optional(folder):
    half = [group if index % 2 else "" for index, group in enumerate(GROUPS)]

    assert leaky(folder, half, [f"x{g}" for g in GROUPS], groups="optional").status == 3
    assert leaky(folder, half, GROUPS, groups="optional").status == 1


def test_a_few_images_without_a_group_pass_where_the_policy_allows_them(folder):
    few = ["" if index < 8 else group for index, group in enumerate(GROUPS)]
    other = [f"x{group}" for group in GROUPS]

    assert leaky(folder, few, other, max_ungrouped=0.05).status == 0
    assert leaky(folder, few, other).status == 3


def test_no_groups_are_said(folder):
    folder.policy({"check": "accuracy", "min": 0.4})
    folder.table("test.csv", folder.rows(((50, 10), (10, 50))))

    assert "no groups: images are taken as independent" in folder.run().words


def test_groups_of_single_images_are_said(folder):
    ran = leaky(folder, [f"a{index}" for index in range(200)], GROUPS[::-1])

    said = "every image of train is a group of its own, so the groups join nothing"
    assert said in ran.words
    assert said in ran.report["environment"]["assumed"]


def test_names_of_a_policy_are_compared_as_those_of_the_data(folder):
    rows = folder.rows(((50, 10), (10, 50)), ("K\xf6ln", "Ulm"), site=["A ", "B"] * 60)
    folder.table("test.csv", rows)
    folder.policy(
        {
            "check": "recall",
            "by": " site",
            "slices": ["A"],
            "per_class": {"Ko\u0308ln": 0.5},
        }
    )

    ran = folder.run(
        classes=["Ko\u0308ln", "Ulm"],
        data={"test": {"predictions": "test.csv", "slices": ["site"]}},
    )

    assert ran.status == 0
    assert list(ran.outcomes) == ["recall[class=K\xf6ln,slice=site=A]"]


def test_a_name_that_stands_twice_in_a_rule_is_refused(folder):
    folder.policy({"check": "recall", "per_class": {"Ko\u0308ln": 0.5, "K\xf6ln": 0.1}})
    folder.table("test.csv", folder.rows(((50, 10), (10, 50))))

    ran = folder.run()

    assert ran.status == 2
    assert "a name stands here twice, but for what nobody sees" in ran.err
    assert not (folder.path / "gate-out").exists()
