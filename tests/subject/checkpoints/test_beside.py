import json
from pathlib import Path

import pytest
from checkpoint_corpus.models import small_cnn, state
from click.testing import CliRunner
from safetensors.torch import save_file

from gate.cli.inspect import command
from gate.errors import CheckpointError
from gate.subject.checkpoints import load_into, open_checkpoint
from gate.subject.checkpoints.folders import MAX_CONFIG

TRAINER = (
    "optimizer.pt", "scheduler.pt", "training_args.bin", "rng_state.pth", "rng_state_0.pth",
    "scaler.pt", "random_states_0.pkl",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Weights, as a hub has them: one file and what no loader of a model opens."""
    save_file(state(), tmp_path / "model.safetensors")
    for name in ("README.md", "preprocessor_config.json", "trainer_state.json", "vocab.txt"):
        (tmp_path / name).write_text("{}")
    return tmp_path


def test_a_folder_with_nothing_to_open_or_run_says_nothing(folder: Path) -> None:
    (folder / "config.json").write_text('{"architectures": ["ResNet"]}')

    assert open_checkpoint(folder).notes == ()


@pytest.mark.parametrize("name", TRAINER)
def test_a_pickle_of_the_trainer_is_named_and_not_read(name: str, folder: Path) -> None:
    (folder / name).write_bytes(b"cos\nsystem\n(S'exit'\ntR.")

    (note,) = open_checkpoint(folder).notes

    assert note == f"pickles beside the weights not read: {name}"


@pytest.mark.parametrize("name", ["modeling_evil.py", "kernel.so", "notebook.ipynb"])
def test_code_beside_the_weights_is_named_and_not_run(name: str, folder: Path) -> None:
    (folder / name).write_text("raise SystemExit('imported')")

    assert open_checkpoint(folder).notes == (f"code beside the weights not run: {name}",)


@pytest.mark.parametrize(
    "name", ["tf_model.h5", "flax_model.msgpack", "model.onnx", "adapter_model.safetensors"]
)
def test_weights_for_another_loader_are_named(name: str, folder: Path) -> None:
    (folder / name).write_bytes(b"x")

    assert open_checkpoint(folder).notes == (f"weights for other loaders not read: {name}",)


@pytest.mark.parametrize(
    ("mapped", "said"),
    [
        ({"AutoModel": "modeling.Evil"}, "modeling.Evil"),
        ({"AutoTokenizer": ["tok.Slow", None], "AutoConfig": "conf.C"}, "tok.Slow, conf.C"),
        ("whole.Thing", "whole.Thing"),
    ],
)
def test_code_that_the_configuration_names_is_said(mapped: object, said: str, folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"auto_map": mapped}))

    (note,) = open_checkpoint(folder).notes

    assert "(auto_map), not run" in note
    assert note.endswith(said)


@pytest.mark.parametrize("config", ["", '{"auto_map": 7}', '{"auto_map": {"a": 3}}', "[]", "\xff"])
def test_a_configuration_that_says_nothing_stops_nothing(config: str, folder: Path) -> None:
    (folder / "config.json").write_text(config, encoding="latin-1")

    assert open_checkpoint(folder).notes == ()


@pytest.mark.parametrize("config", ["[" * 100_000, " " * MAX_CONFIG + "{}"])
def test_a_configuration_that_only_another_loader_would_read_is_refused(
    config: str, folder: Path
) -> None:
    (folder / "config.json").write_text(config)

    with pytest.raises(CheckpointError, match=r"config\.json"):
        open_checkpoint(folder)


def test_a_folder_of_the_trainer_is_named_and_not_looked_into(folder: Path) -> None:
    (folder / "checkpoint-500").mkdir()
    (folder / "checkpoint-500" / "optimizer.pt").touch()

    (note,) = open_checkpoint(folder).notes

    assert note == "folders beside the weights not looked into: checkpoint-500"


def test_many_and_odd_names_are_escaped_and_counted(folder: Path) -> None:
    for number in range(30):
        (folder / f"\x1b[31m{number:02}.pt").touch()

    (note,) = open_checkpoint(folder).notes

    assert note.endswith("and 22 more")
    assert note.isprintable()


def test_notes_reach_the_report_of_the_load(folder: Path) -> None:
    (folder / "training_args.bin").touch()

    report = load_into(open_checkpoint(folder), small_cnn())

    assert report.notes == ("pickles beside the weights not read: training_args.bin",)


def test_inspect_says_it_in_both_formats(folder: Path) -> None:
    (folder / "optimizer.pt").touch()
    (folder / "evil.py").touch()

    text = CliRunner().invoke(command, [str(folder)])
    document = json.loads(CliRunner().invoke(command, [str(folder), "--format", "json"]).output)

    assert "  note      pickles beside the weights not read: optimizer.pt" in text.output
    assert document["notes"] == [
        "pickles beside the weights not read: optimizer.pt",
        "code beside the weights not run: evil.py",
    ]
