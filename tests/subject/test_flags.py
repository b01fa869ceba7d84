"""Flags and keys of the gate file are one table: what is said either way is the same."""

import json
import shlex
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from gate.cli import program
from gate.cli.subject import option_of
from gate.errors import UsageError
from gate.subject.flags import FLAGS, as_flags, flag_of, in_flags, reference, remedy
from gate.subject.gatefile import GateFile, gatefile_schema, read_gatefile
from gate.subject.overrides import Flags, override

PAGE = Path(__file__).parents[2] / ".github" / "FLAGS.md"
HEAD = "apiVersion: gate/v1\nkind: Validation\n"
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
SAID = [
    {"model": {"checkpoint": "runs/best.pt", "factory": "nets:build", "key": "ema"}},
    {"model": {"checkpoint": "m.pt", "kwargs": {"num_classes": 2, "wide": True}}},
    {"classes": ["cat", "dog"], "critical": ["dog"]},
    {"classes": ["a, b", "c"]},
    {"input": {"size": [224, 160], "channels": "RGB", "resize": "shorter-side", "crop": "center"}},
    {"input": {"size": [224, 224], "channels": "BGR", "resize": 256, "crop": "center", **IMAGENET}},
    {"input": {"size": [8, 8], "resize": [40, 48], "crop": "center-floor", "orientation": "exif"}},
    {"input": {"size": [8, 8], "channels": "L", "resize": "longer-side", "pad": 9, "scale": 1.0}},
    {"input": {"size": [8, 8], "resize": "stretch", "crop_ratio": 0.875, "crop": "center",
               "interpolation": "bicubic", "offset": -1.0}},
    {"input": {"size": [8, 8], "channels": "RGB", "pad": [0, 1, 2]}},
    {"input": {"factory": "nets:prepare"}},
    {"output": "logit", "history": "log.csv", "baseline": "old", "policy": "smoke"},
    {"data": {"train": {"path": "a"}, "validation": {"path": "b"}, "test": {"path": "c"}}},
    {"data": {"train": {"predictions": "a.csv"}, "test": {"predictions": "c.csv"}}},
]  # fmt: skip


def parsed(arguments):
    """Return what the options of the table make of a command line."""
    found = {}
    command = click.Command("run", callback=lambda **said: found.update(said))
    for flag in FLAGS:
        command = option_of(flag)(command)
    command.main(args=list(arguments), standalone_mode=False)
    return found


def by_flags(said):
    return override(GateFile(), Flags(**parsed(shlex.split(in_flags(said)))))


def by_file(said, folder):
    (folder / "gate.yaml").write_text(HEAD + yaml.safe_dump(said), encoding="utf-8")
    return read_gatefile(folder / "gate.yaml")


@pytest.mark.parametrize("said", SAID, ids=lambda said: json.dumps(said)[:60])
def test_what_flags_say_is_what_a_gate_file_says(said, tmp_path):
    assert by_flags(said).model_dump() == by_file(said, tmp_path).model_dump()


def test_columns_are_said_of_every_split_that_is_given():
    said = parsed(
        ["--train", "a.csv", "--test", "b.csv", "--label", "kind", "--slices", "site,day"]
    )
    data = override(GateFile(), Flags(**said)).data

    assert {(each.label, each.slices) for each in data.given().values()} == {
        ("kind", ("site", "day"))
    }
    assert list(data.given()) == ["train", "test"]


def test_a_flag_goes_before_the_file_and_leaves_the_rest_of_it(tmp_path):
    file = by_file(
        {"input": {"size": [8, 8], "channels": "L"}, "data": {"test": {"path": "a", "label": "k"}}},
        tmp_path,
    )
    changed = override(file, Flags(channels="RGB", group="patient"))

    assert (changed.input.size, changed.input.channels) == ((8, 8), "RGB")
    assert (changed.data.test.path, changed.data.test.label) == ("a", "k")
    assert changed.data.test.group == "patient"


@pytest.mark.parametrize(
    ("said", "where", "fact"),
    [
        ({"test": "a", "predictions": "b.csv"}, "--predictions", "--test gives them"),
        ({"label": "kind"}, "--label", "none is given"),
        ({"size": (8, 8), "resize": "strech"}, "--resize", ""),
        ({"mean": (0.5,), "std": (0.5,)}, "--mean, --std", "mean and std need channels"),
        ({"crop": "center"}, "--crop", "resize and crop need a size"),
        ({"test": "a", "data_format": "foldr"}, "--data-format", "foldr"),
        ({"model": "nets.py"}, "--model", ""),
    ],
)
def test_a_flag_that_does_not_fit_is_named(said, where, fact):
    with pytest.raises(UsageError) as error:
        override(GateFile(), Flags(**said))

    assert error.value.where == where
    assert fact in error.value.fact


def test_no_flag_is_read_that_the_table_does_not_hold():
    with pytest.raises(TypeError):
        Flags(resise="stretch")


@pytest.mark.parametrize("command", ["run", "shard", "merge"])
def test_each_command_that_names_a_subject_has_every_flag(command):
    options = {each for param in program.get_command(None, command).params for each in param.opts}

    assert {flag.option for flag in FLAGS} <= options


def schema_of(key):
    """Return what the schema of the gate file says of a key: an outside witness of the table."""
    schema = whole = gatefile_schema()
    for part in key:
        part = "test" if part == "*" else part
        found = [each for each in branches(schema, whole) if part in each.get("properties", {})]
        schema = found[0]["properties"][part]
    return list(branches(schema, whole))


def branches(schema, whole):
    if "$ref" in schema:
        yield from branches(whole["$defs"][schema["$ref"].rpartition("/")[2]], whole)
        return
    yield schema
    for each in schema.get("anyOf", ()):
        yield from branches(each, whole)


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.name)
def test_every_flag_stands_for_a_key_of_the_gate_file_and_offers_its_words(flag):
    known = schema_of(flag.key)
    words = [word for each in known for word in each.get("enum", ())]

    assert known
    if flag.choices:
        assert set(flag.choices) == set(words)
    assert flag_of(flag.key) is flag


def test_the_reference_of_the_flags_is_the_table(regenerate):
    page = PAGE.read_text(encoding="utf-8")
    before, start, rest = page.partition("<!-- flags -->\n")
    _, end, after = rest.partition("<!-- end of flags -->")
    fresh = "".join((before, start, reference(), end, after))
    if regenerate:
        PAGE.write_text(fresh, encoding="utf-8")

    assert PAGE.read_text(encoding="utf-8") == fresh


NAMES = st.lists(
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1), min_size=2, unique=True
)


@given(NAMES)
@example(["0", "A:"])
def test_classes_that_a_remedy_names_are_read_back_either_way(names):
    advice = remedy("{}", {"classes": names})
    typed = parsed(shlex.split(advice.in_flags))["classes"]

    assert yaml.safe_load(advice.in_file) == {"classes": names}
    assert list(typed) == names


def test_a_remedy_speaks_in_flags_to_who_gave_flags_and_in_keys_to_who_wrote_a_file(tmp_path):
    (tmp_path / "gate.yaml").write_text(HEAD, encoding="utf-8")
    by_file_said = CliRunner().invoke(program, ["run", str(tmp_path / "gate.yaml")]).exception
    by_flags_said = CliRunner().invoke(program, ["run", "--size", "8x8"]).exception

    assert "add policy: baseline" in str(by_file_said)
    assert "--" not in str(by_file_said).partition("add policy")[2].partition("\n")[0]
    assert "add --policy baseline" in str(by_flags_said)
    assert "policy:" not in str(by_flags_said)


@pytest.mark.parametrize(
    ("in_file", "by_flags"),
    [
        ("add classes: [first, second, ...], in order", "add --classes first,second,..., in order"),
        (
            "add input: {size: [H, W], resize: stretch, mean: [0.5, 0.5], scale: 1}, if so",
            "add --size HxW --resize stretch --mean 0.5,0.5 --scale 1, if so",
        ),
        (
            "under model: add factory: package.module:function, or use --model",
            "add --model package.module:function",
        ),
        ("add model: {key: ema}, which ships", "add --weights-key ema, which ships"),
        ("add model: {sha256: abc}, the pin", "add model: {sha256: abc}, the pin"),
        ("mend the data", "mend the data"),
    ],
)
def test_lines_of_a_gate_file_in_a_remedy_become_flags(in_file, by_flags):
    assert as_flags(in_file) == by_flags
