"""One light file a format, one line a format: the registry and its files agree."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import gate.subject.datasets.formats as room
from gate.errors import UsageError
from gate.subject.datasets.formats import DataFormat
from gate.subject.datasets.formats.names import NAMES
from gate.subject.datasets.formats.registry import format_named, shipped_formats
from gate.subject.datasets.spec import DataSpec


def test_every_file_of_the_room_is_registered_and_no_other():
    files = {each.stem for each in Path(room.__file__).parent.glob("*.py")}

    assert files - {"__init__", "names", "record", "registry"} == set(NAMES)


def test_a_format_is_called_as_its_file():
    assert [each.name for each in shipped_formats()] == list(NAMES)
    assert all(type(each) is DataFormat for each in shipped_formats())


def test_the_keys_of_a_format_are_keys_of_a_split():
    known = DataSpec.model_fields.keys() - {"format"}

    assert all(each.paths <= each.keys <= known for each in shipped_formats())


def test_every_key_of_a_split_is_of_some_format_or_of_plugins():
    taken = frozenset().union(*(each.keys for each in shipped_formats()))

    assert DataSpec.model_fields.keys() - taken == {"format", "options"}


def test_all_formats_are_asked_without_numpy_pillow_or_torch():
    script = (
        "import sys, json; from gate.subject.datasets.formats.registry import shipped_formats;"
        "from gate.subject.datasets.recognise import format_of_split; "
        "print(len(list(shipped_formats())));"
        "print(json.dumps([m for m in ('numpy', 'PIL', 'torch') if m in sys.modules]))"
    )

    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    assert run.stdout.decode().split("\n", 1)[0] == str(len(NAMES))
    assert json.loads(run.stdout.splitlines()[1]) == []


def test_a_name_of_nobody_is_told_with_the_nearest_one():
    with pytest.raises(UsageError, match="did you mean 'webdataset'"):
        format_named("webdatset")
