import pytest

from gate.documents.source_text import LARGEST, read_source
from gate.errors import DocumentError, UsageError
from gate.policy.reading import read_policy

VALID = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: näme, version: 1.0.0}
rules: [{check: recall, min: 0.9}]
"""


def _written(tmp_path, data):
    path = tmp_path / "policy.yaml"
    path.write_bytes(data)
    return str(path)


def _fault(path):
    with pytest.raises(DocumentError) as error:
        read_policy(path)
    (fault,) = error.value.faults
    return fault


def test_a_mark_in_front_and_line_breaks_of_windows_change_nothing(tmp_path):
    plain = read_policy(_written(tmp_path, VALID.encode()))
    windows = read_policy(
        _written(tmp_path, b"\xef\xbb\xbf" + VALID.replace("\n", "\r\n").encode())
    )

    assert windows.resolved_sha256 == plain.resolved_sha256
    assert windows.sha256 != plain.sha256
    assert windows.location("recall")[1:] == plain.location("recall")[1:] == (4, 9)


def test_bytes_that_are_not_utf_8_are_shown_at_their_place(tmp_path):
    fault = _fault(_written(tmp_path, VALID.encode("latin-1")))

    assert (fault.line, fault.column) == (3, 19)
    assert fault.fact == "the byte 0xe4 is not UTF-8"


def test_utf_16_is_refused_in_the_same_words(tmp_path):
    fault = _fault(_written(tmp_path, VALID.encode("utf-16")))

    assert (fault.line, fault.column, fault.remedy) == (1, 1, "save the file as UTF-8")


def test_a_file_that_nobody_wrote_by_hand_is_not_read(tmp_path):
    fault = _fault(_written(tmp_path, VALID.encode() + b"#" * LARGEST))

    assert fault.fact == "the file is larger than 256 KiB"


def test_line_breaks_that_editors_do_not_count_are_refused(tmp_path):
    fault = _fault(_written(tmp_path, VALID.replace("[{", "[\u2028{").encode()))

    assert fault.fact == "the invisible character U+2028 is not allowed"


def test_tabs_between_words_and_after_them_are_harmless(tmp_path):
    path = _written(tmp_path, f"{VALID}# a\tb\t\n".replace("kind: ", "kind:\t").encode())

    assert read_policy(path).policy.metadata.version == "1.0.0"


def test_a_missing_file_and_a_folder_are_said_so(tmp_path):
    with pytest.raises(UsageError, match=r"nothing\.yaml: no such file"):
        read_source(tmp_path / "nothing.yaml", "nothing.yaml")
    with pytest.raises(UsageError, match="this is a folder"):
        read_source(tmp_path, "folder")


def test_a_path_that_no_system_knows_is_a_usage_error():
    with pytest.raises(UsageError, match="cannot be read"):
        read_policy("a\0b.yaml")


def test_the_caret_of_a_very_long_line_is_left_out(tmp_path):
    long = "x" * 1000
    fault = _fault(_written(tmp_path, VALID.replace("0.9", f"0.9, by: {long}, mim: 1").encode()))

    assert fault.column > 1000
    assert fault.source == ""


def test_a_very_long_line_is_cut_behind_its_caret(tmp_path):
    long = "x" * 1000
    fault = _fault(_written(tmp_path, VALID.replace("0.9", f"0.9, mim: {long}").encode()))

    assert len(fault.source) == 161
    assert fault.source[fault.column - 1 :].startswith("mim")


def test_of_very_many_faults_the_first_are_shown(tmp_path):
    rules = "".join(f"  - {{check: recall, mim{i}: 1}}\n" for i in range(200))
    path = _written(tmp_path, VALID.replace("[{check: recall, min: 0.9}]", "\n" + rules).encode())

    with pytest.raises(DocumentError) as error:
        read_policy(path)

    assert len(error.value.faults) == 51
    assert error.value.faults[-1].fact == "more faults follow from here"
