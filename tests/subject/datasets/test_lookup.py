from pathlib import Path

import pytest

from gate.errors import DataError
from gate.subject.datasets.lookup import existing


@pytest.mark.parametrize(
    ("base", "written", "remedy"),
    [
        ("", "nope", "paths are relative to the current folder"),
        ("below", "nope", "paths are relative to the folder of the gate file"),
        ("", "/nope", "check the path"),
    ],
)
def test_a_path_that_is_not_there_says_what_it_is_relative_to(
    base, written, remedy, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(DataError) as raised:
        existing(Path(base), written)

    assert raised.value.remedy == remedy
