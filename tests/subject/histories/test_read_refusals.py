import json
import math
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate.errors import HistoryError
from gate.evidence.records import History
from gate.subject.histories import json_files, read_history

GOOD = "epoch,loss,val_loss\n0,2,2.1\n1,1,1.2\n"


def refused(path, **named) -> HistoryError:
    with pytest.raises(HistoryError) as error:
        read_history(path, **named)
    assert error.value.where
    assert error.value.fact
    assert not error.value.fact.endswith(".")
    assert error.value.remedy
    assert str(error.value).isprintable()
    return error.value


def read_or_refused(path) -> History | HistoryError:
    try:
        return read_history(path)
    except HistoryError as error:
        return error


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        ("epoch,loss\n", "has no rows"),
        ("{}", "no column looks like a loss"),
        ("[]", "has no rows"),
        ('{"loss": []}', "has no rows"),
        ("0,2.0\n1,1.0\n", "has no header"),
        ("epoch,loss,loss\n0,1,2\n", "column 'loss' stands twice in the header"),
        ('{"loss": 1, "loss": 2}', "'loss' stands twice in an object"),
        ('{"loss": 2}\n{"loss": 1, "loss": 2}', "'loss' stands twice in an object"),
        ("epoch,loss\n0,2\n1\n", "has 1 cells, the header has 2"),
        ("epoch,loss\n0,2\n1,1,1\n", "has 3 cells, the header has 2"),
        ('epoch,loss\n0,"2\n', "is no line of CSV"),
        ("epoch,loss\n0,2\n1,abc\n", "line 3 has 'abc' in column 'loss', which is no number"),
        ("epoch,loss\n0,2\n1,tensor(0.5)\n", "line 3 has 'tensor(0.5)'"),
        ("epoch,loss,acc\n0,high,1\n", "line 2 has 'high' in column 'loss', which is no number"),
        ("epoch,valLoss\n0,low\n", "line 2 has 'low' in column 'valLoss', which is no number"),
        ("epoch,note\n0,low\n", "no column looks like a loss; it has 'epoch'"),
        ("epoch;loss\n0;2\n1;0,5\n", "line 3 has '0,5'"),
        ("epoch,loss\n0,2\n1,5%\n", "line 3 has '5%'"),
        ("epoch,loss\n0,2\n1,1_0\n", "line 3 has '1_0'"),
        ('{"loss": 2}\n{"loss": true}', "line 2 has true in column 'loss'"),
        ('{"loss": 2}\n{"loss": [1]}', "line 2 has a list in column 'loss'"),
        ('{"loss": 2}\n[1]', "line 2 is a list, not an object"),
        ('{"loss": 2}\n{"loss": 1', "is no JSON"),
        ('{"loss": [2, 1], "accuracy": [1]}', "its series differ in length: 'loss: 2'"),
        ('{"log_history": [3]}', "log_history entry 1 is 3, not an object"),
        (";", "has no header"),
        (",".join(f"c{i}" for i in range(5000)) + "\n", "has no rows"),
        (",".join(f"c{i}" for i in range(50_000)) + "\n", "has 50,000 columns"),
        ("loss " * 50_000 + "\n1\n", "is no line of CSV"),
        ("epoch,loss\n0," + "9" * 200_000 + "\n", "is no line of CSV"),
        ("[" * 100_000, "is no JSON"),
        ('{"a":' * 100_000, "is no JSON"),
        ('{"a":' * 200 + "1" + "}" * 200, "no column looks like a loss"),
        ('{"loss": ' + "9" * 5000 + "}", "is no JSON"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "is not UTF-8 text"),
        (b"PK\x03\x04\x00\x00\x00\x00", "is binary"),
        ("epoch,loss,größe\n0,2,1\n".encode("latin-1"), "is not UTF-8 text: byte 13 is none"),
        (b"\xff\xfee\x00p\x00o", "is not UTF-16 text"),
        (b"SQLite format 3\0" + b"junk" * 200, "is SQLite, but not a database of MLflow"),
    ],
)
def test_a_bad_history_is_refused_in_words(written, content, fact):
    assert fact in str(refused(written(content)))


def test_a_short_row_is_named_with_its_line(written):
    path = written("epoch,loss\n0,2\n\n1\n")

    assert refused(path).where == f"{path}:4"


def test_a_missing_file_is_told(tmp_path):
    assert refused(tmp_path / "none.csv").fact == "does not exist"


def test_a_folder_without_a_history_is_told(tmp_path):
    assert "is a folder without a run of MLflow" in refused(tmp_path).fact


def test_a_file_that_the_system_does_not_give_is_told(written, monkeypatch):
    path = written(GOOD)

    def refuse(self, mode="r"):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(type(path), "open", refuse)

    assert refused(path).fact == "cannot be read: permission denied"


def test_a_name_that_is_too_long_for_the_system_is_told(tmp_path):
    assert refused(tmp_path / ("x" * 5000)).fact == "cannot be read: file name too long"


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    assert refused(tmp_path / "pipe").fact == "is neither a file nor a folder"


def test_a_file_of_a_hundred_megabytes_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "huge.csv"
    path.write_text(GOOD)
    os.truncate(path, 100 * 2**20)
    monkeypatch.setattr(type(path), "read_bytes", lambda _: pytest.fail("it was read"))

    assert refused(path).fact == "has 100 MiB, a history may have 32"


def test_objects_within_objects_are_followed_only_so_far():
    deep = {"loss": 1}
    for _ in range(5_000):
        deep = {"a": deep}

    names = [name for name, _ in json_files._flat(deep)]

    assert names == ["/".join("a" * 9)]


def test_control_characters_of_a_file_do_not_reach_the_terminal(written):
    error = refused(written("epoch,lo\x1b[31mss\x07\n0,1\n"))

    assert "\\x1b" in error.fact


def test_half_a_surrogate_pair_in_a_name_can_be_written_out(written):
    history = read_history(written('{"loss": 1, "x\\ud800": 2}\n{"loss": 0.5}'))

    assert json.dumps(list(history.series), ensure_ascii=False).encode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_endings_and_delimiters_of_spreadsheets_are_read(
    written, encoding, ending, delimiter
):
    content = GOOD.replace("\n", ending).replace(",", delimiter).encode(encoding)

    assert read_history(written(content)).series == read_history(written(GOOD)).series


def test_text_in_a_column_that_is_not_needed_stops_nothing(written):
    history = read_history(written("epoch,loss,comment,lr\n0,2,good,0.1\n1,1,bad,warm\n"))

    assert list(history.series) == ["loss", "lr"]
    assert history.series["lr"] == (0.1, None)


@pytest.mark.parametrize("name", ["nan", "NaN", "inf", "Infinity", "-inf", "1e999"])
def test_what_is_no_finite_number_is_kept_as_logged(written, name):
    history = read_history(written(f"epoch,loss\n0,2\n1,{name}\n"))

    assert history.series["loss"][1] == pytest.approx(float(name), nan_ok=True)


def test_json_writes_nan_and_infinity_in_its_own_way(written):
    history = read_history(written('{"loss": [2, NaN, Infinity, "nan", null]}'))

    values = history.series["loss"]
    assert [values[0], values[2], values[4]] == [2.0, math.inf, None]
    assert math.isnan(values[1])
    assert math.isnan(values[3])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda t: t.encode())))
def test_no_bytes_raise_anything_but_our_own_error(written, content):
    read = read_or_refused(written(content))

    assert read.remedy if isinstance(read, HistoryError) else read.epochs


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.data())
def test_no_damage_to_a_good_file_raises_anything_but_our_own_error(written, fixtures, data):
    names = ["mlflow.db", "lightning_metrics.csv", "hf_trainer_state.json", "keras_history.json"]
    content = bytearray((fixtures / data.draw(st.sampled_from(names))).read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))

    kept = data.draw(st.integers(1, len(content)))

    read = read_or_refused(written(bytes(content[:kept])))

    assert read.remedy if isinstance(read, HistoryError) else read.epochs
