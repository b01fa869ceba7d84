import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.errors import DataError
from gate.subject.datasets import open_dataset
from gate.subject.datasets.records import PredictionTable
from gate.subject.datasets.spec import DataSpec

GOOD = """id,label,cat,dog,patient,site
a,cat,0.9,0.1,p1,north
b,dog,0.25,0.75,,south
c,dog,0.6,0.4,p2,
"""


@pytest.fixture
def saved(tmp_path):
    def write(text):
        (tmp_path / "p.csv").write_text(text)

    return write


def test_a_table_gives_labels_scores_groups_and_slices(saved, opened):
    saved(GOOD)

    table = opened(predictions="p.csv", group="patient", slices=["site"], classes=("dog", "cat"))

    assert isinstance(table, PredictionTable)
    assert table.format == "predictions"
    assert table.classes == ("dog", "cat")
    assert len(table) == 3
    assert table.ids.tolist() == ["a", "b", "c"]
    assert table.labels.tolist() == [1, 0, 0]
    assert table.scores.dtype == np.float64
    assert table.scores.tolist() == [[0.1, 0.9], [0.75, 0.25], [0.4, 0.6]]
    assert table.groups.tolist() == ["p1", None, "p2"]
    assert {name: list(values) for name, values in table.slices.items()} == {
        "site": ["north", "south", None]
    }


def test_without_declared_classes_every_other_column_is_one(saved, opened):
    saved(GOOD)

    table = opened(predictions="p.csv", group="patient", slices=["site"])

    assert table.classes == ("cat", "dog")


def test_other_columns_do_no_harm_where_classes_are_declared(saved, opened):
    saved(GOOD)

    assert opened(predictions="p.csv", classes=("cat", "dog")).groups is None


def test_a_column_that_is_no_score_asks_for_classes(saved, opened, says):
    saved(GOOD)

    with says(DataError, where="line 2", fact="'p1' of 'patient' is not", remedy="classes"):
        opened(predictions="p.csv", slices=["site"])


def test_other_names_of_id_and_label_are_declared(saved, opened):
    saved(GOOD.replace("id,label", "uid,truth"))

    table = opened(predictions="p.csv", id="uid", label="truth", classes=("cat", "dog"))

    assert table.ids.tolist() == ["a", "b", "c"]


def test_labels_may_be_positions_and_this_is_said(saved, opened):
    saved(GOOD.replace(",cat,0", ",0,0").replace(",dog,0", ",1,0"))

    table = opened(predictions="p.csv", classes=("cat", "dog"))

    assert table.labels.tolist() == [0, 1, 1]
    assert table.assumed == ("labels are read as positions in classes: 0 = cat, 1 = dog",)


@pytest.mark.parametrize(
    ("old", "new", "where", "fact", "remedy"),
    [
        ("0.9,0.1", "4.2,-1.3", "line 2", "outside 0..1", "softmax"),
        ("0.9,0.1", "-0.1,-2.3", "line 2", "outside 0..1", "softmax"),
        ("0.9,0.1", "nan,0.1", "line 2", "a score that is NaN or infinite", "find out why"),
        ("0.9,0.1", "inf,0.1", "line 2", "a score that is NaN or infinite", "find out why"),
        ("0.25,0.75", "0.9,0.8", "line 3", "do not sum to 1", "sigmoid"),
        ("0.25,0.75", "0,0", "line 3", "do not sum to 1", "softmax"),
        ("0.25,0.75", ",0.75", "line 3", "'cat' is empty here", "fill"),
        ("0.25,0.75", "1/4,0.75", "line 3", "'1/4' of 'cat' is not a number", "decimal point"),
        ("cat,dog,", "cat,hund,", "p.csv", "scores for 1 of 2 classes: 'dog'", "probability"),
        ("b,dog", "a,dog", "line 3", "id 'a' stands already in line 2", "once"),
        ("b,dog", "b,horse", "line 3", "'horse' is not one of the 2", "classes are"),
        ("b,dog", ",dog", "line 3", "'id' is empty", "fill"),
        ("id,label", "name,label", "p.csv", "no column 'id'", "set id to"),
    ],
)
def test_what_is_no_table_of_probabilities_is_refused(
    saved, opened, says, old, new, where, fact, remedy
):
    assert old in GOOD
    saved(GOOD.replace(old, new))

    with says(DataError, where=where, fact=fact, remedy=remedy):
        opened(predictions="p.csv", classes=("cat", "dog"))


def test_several_bad_rows_are_counted(saved, opened, says):
    saved("id,label,cat,dog\na,cat,3,1\nb,dog,0.5,0.5\nc,dog,-2,2\n")

    with says(DataError, where="line 2", fact=r"outside 0..1 \(2 such rows\)"):
        opened(predictions="p.csv")


@pytest.mark.parametrize(
    ("rows", "remedy"),
    [
        (((1.5, 0.5), (0.5, 0.5), (0.1, 0.9)), "most rows are probabilities.*mend this one"),
        (((3.5, 0.5), (2.5, -0.5), (0.1, 0.9)), "these look like logits"),
        (((90, 10), (25, 75), (0.1, 0.9)), "these look like percentages: divide them by 100"),
    ],
)
def test_scores_outside_0_to_1_are_called_what_most_rows_look_like(
    rows, remedy, saved, opened, says
):
    lines = [f"{n},{'cat' if n else 'dog'},{a},{b}" for n, (a, b) in enumerate(rows)]
    saved("\n".join(["id,label,cat,dog", *lines, ""]))

    with says(DataError, where="line 2", fact="outside 0..1", remedy=remedy):
        opened(predictions="p.csv", classes=("cat", "dog"))


def test_scores_written_with_two_digits_are_accepted(saved, opened):
    saved("id,label,a,b,c\n1,a,0.33,0.33,0.33\n2,b,0.34,0.33,0.34\n")

    table = opened(predictions="p.csv")

    assert table.scores.sum(axis=1) == pytest.approx([0.99, 1.01])


def test_keys_of_a_manifest_are_refused(saved, opened, says):
    saved(GOOD)

    with says(DataError, where="p.csv", fact="no 'group_pattern'"):
        opened(predictions="p.csv", group_pattern="(a)")


def test_a_parquet_table_gives_the_same(tmp_path, saved, opened):
    pyarrow = pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    from pyarrow import parquet

    saved("id,label,cat,dog\n1,cat,0.9,0.1\n2,dog,0.3,0.7\n")
    columns = {"id": [1, 2], "label": ["cat", "dog"], "cat": [0.9, 0.3], "dog": [0.1, 0.7]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "p.parquet")

    from_csv, from_parquet = (opened(predictions=p) for p in ("p.csv", "p.parquet"))

    assert from_parquet.ids.tolist() == from_csv.ids.tolist()
    assert from_parquet.labels.tolist() == from_csv.labels.tolist()
    assert from_parquet.scores.tolist() == from_csv.scores.tolist()


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_csv_and_parquet_of_the_same_table_give_the_same_predictions(tmp_path_factory, data):
    pyarrow = pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    from pyarrow import csv, parquet

    folder = tmp_path_factory.mktemp("tables")
    rows, width = data.draw(st.integers(2, 9)), data.draw(st.sampled_from([2, 3, 300]))
    seed = data.draw(st.integers(0, 99))
    scores = np.random.default_rng(seed).dirichlet(np.ones(width), rows)
    sites = data.draw(st.lists(st.sampled_from(["n", "s", None]), min_size=rows, max_size=rows))
    names = [f"c{column}" for column in range(width)]
    table = pyarrow.table(
        {
            "id": list(range(rows)),
            "label": [names[row % 2] for row in range(rows)],
            "site": sites,
            **{name: scores[:, column] for column, name in enumerate(names)},
        }
    )
    parquet.write_table(table, folder / "p.parquet", row_group_size=4)
    csv.write_csv(table, folder / "p.csv")

    first, second = (
        open_dataset(DataSpec(predictions=name, slices=("site",)), base=folder, classes=None)
        for name in ("p.csv", "p.parquet")
    )

    assert np.array_equal(first.scores, scores)
    assert np.array_equal(second.scores, scores)
    assert first.classes == second.classes == tuple(names)
    assert first.ids.tolist() == second.ids.tolist()
    assert first.labels.tolist() == second.labels.tolist()
    assert first.slices["site"].tolist() == second.slices["site"].tolist() == sites


@pytest.mark.parametrize("empty", [None, float("nan")])
def test_an_empty_score_in_parquet_is_told_with_its_row(tmp_path, opened, says, empty):
    pyarrow = pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    from pyarrow import parquet

    columns = {"id": ["a", "b"], "label": ["x", "y"], "x": [0.5, empty], "y": [0.5, 0.5]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "p.parquet")

    with says(DataError, where="p.parquet, row 2", fact="'x' is empty here"):
        opened(predictions="p.parquet")


def test_scores_that_parquet_holds_as_text_or_whole_numbers_are_read(tmp_path, opened):
    pyarrow = pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    from pyarrow import parquet

    columns = {"id": ["a", "b"], "label": ["x", "y"], "x": ["0.25", "0"], "y": ["0.75", "1"]}
    columns["z"] = pyarrow.array([0, 0], pyarrow.int8())
    parquet.write_table(pyarrow.table(columns), tmp_path / "p.parquet")

    assert opened(predictions="p.parquet").scores.tolist() == [[0.25, 0.75, 0], [0, 1, 0]]


def test_scores_take_the_memory_of_numbers_and_not_of_text(saved, opened):
    header = ",".join(["id,label", *(f"c{column}" for column in range(50))])
    row = ",".join(["0.02"] * 50)
    saved("\n".join([header, *(f"{n},c{n % 2},{row}" for n in range(4_000))]))

    tracemalloc.start()
    opened(predictions="p.csv")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 4_000 * 50 * 40  # a cell of text takes 60 bytes and more, twice


def test_predictions_that_where_leaves_out_are_told(saved, opened):
    saved("id,label,hard,cat,dog\na,cat,no,0.9,0.1\nb,dog,no,0.2,0.8\nc,dog,yes,0.7,0.3\n")

    table = opened(predictions="p.csv", where={"hard": "no"}, classes=("cat", "dog"))

    assert table.assumed[0] == "2 of 3 rows are judged, those where hard: no"


@pytest.mark.parametrize("columns", ["p_normal,p_tumour", "Normal,Tumour"])
def test_scores_under_another_name_are_told_with_the_columns_that_there_are(
    columns, saved, opened, says
):
    saved(f"id,label,{columns}\na,normal,0.9,0.1\nb,tumour,0.2,0.8\n")
    first, second = columns.split(",")

    with says(DataError, fact="no column of scores for", remedy=f"did you mean '{first}'") as told:
        opened(predictions="p.csv", classes=("normal", "tumour"))

    assert f"{first}, {second}" in told.value.remedy


def test_a_table_without_ids_may_be_given_some(saved, opened, says):
    saved("label,cat,dog\ncat,0.9,0.1\ndog,0.2,0.8\n")

    with says(DataError, fact="no column 'id'", remedy="or add a column of names, each unique"):
        opened(predictions="p.csv", classes=("cat", "dog"))
