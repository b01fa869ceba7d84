import errno
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from checkpoint_corpus.good import GOOD
from checkpoint_corpus.hostile import HOSTILE
from checkpoint_corpus.models import state
from click.testing import CliRunner, Result

from gate.cli.inspect import command

REPOSITORY = Path(__file__).parents[3]


def _inspect(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(each) for each in arguments])


def test_text_says_what_the_file_is(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    torch.save({"ema": {f"module.{name}": value for name, value in state().items()}}, path)

    result = _inspect(path)

    assert result.exit_code == 0
    for words in (
        "format    torch-zip",
        f"sha256    {hashlib.sha256(path.read_bytes()).hexdigest()}",
        "tensors   11 (10 float32, 1 int64)",
        "key       ema",
        "prefix    module.",
        "classes   10, from module.fc.weight",
        "channels  1, of the first convolution",
        "module.fc.weight                float32   10 x 128",
    ):
        assert words in result.output


def test_json_holds_the_same_for_a_program(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "x.pt")

    document = json.loads(_inspect(tmp_path / "x.pt", "--format", "json").output)

    assert document["refusal"] is None
    assert (document["classes"], document["channels"]) == (10, 1)
    assert document["elements"] == sum(value.numel() for value in state().values())
    assert [each["name"] for each in document["tensors"]] == list(state())
    assert document["tensors"][0] == {
        "name": "conv1.weight",
        "dtype": "float32",
        "shape": [8, 1, 3, 3],
        "bytes": 288,
    }


def test_a_hostile_file_is_described_and_not_run(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    path = HOSTILE["zip: os.system"].make(tmp_path, canary)

    result = _inspect(path, "--format", "json")

    document = json.loads(result.output)
    assert result.exit_code == 4
    assert document["refusal"]["kind"] == "refused-unsafe"
    assert "os.system" in document["refusal"]["fact"]
    assert document["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert not canary.exists()


def test_a_refusal_in_text_names_class_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_text("epoch,loss\n")

    result = _inspect(tmp_path / "x.pt")

    assert result.exit_code == 4
    assert "corrupt: it is text, not a checkpoint" in result.output
    assert "to do     give the file that torch.save wrote" in result.output


def test_a_refusal_says_whether_trying_again_may_help(tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_text("epoch,loss\n")

    document = json.loads(_inspect(tmp_path / "x.pt", "--format", "json").output)

    assert document["refusal"]["retriable"] is False
    assert _inspect(tmp_path / "x.pt").output.endswith("\nwill not heal by running again\n")


def test_a_disk_that_fails_may_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(state(), tmp_path / "x.pt")

    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("builtins.open", fails)
    monkeypatch.setattr("os.open", fails)
    result = _inspect(tmp_path / "x.pt")
    monkeypatch.undo()

    assert result.exit_code == 4
    assert result.output.endswith("\nmay heal: run again\n")


def test_names_from_the_file_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    torch.save({"\x1b[31mred.weight\n": torch.ones(2, 2)}, tmp_path / "x.pt")

    output = _inspect(tmp_path / "x.pt").output

    assert "\x1b" not in output
    assert r"\x1b[31mred.weight\n" in output


def test_one_of_two_models_is_shown_by_its_key(tmp_path: Path) -> None:
    torch.save({"model": state(), "ema": state(classes=5)}, tmp_path / "x.pt")

    assert _inspect(tmp_path / "x.pt").exit_code == 4
    assert "classes   5" in _inspect(tmp_path / "x.pt", "--key", "ema").output


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_model_around_a_model_is_not_passed_over(prefix: str, tmp_path: Path) -> None:
    outer = {prefix + name: value for name, value in state(classes=5).items()}
    torch.save({**outer, "ema": state()}, tmp_path / "x.pt")

    refused = _inspect(tmp_path / "x.pt")

    assert refused.exit_code == 4
    assert "this file holds 2 models: the top of the file, ema" in refused.output
    assert "for example `key: ema`" in refused.output
    assert _inspect(tmp_path / "x.pt", "--key", "ema").exit_code == 0


def test_statistics_beside_a_model_are_no_second_model(tmp_path: Path) -> None:
    beside = {"mean": torch.zeros(3), "std": torch.ones(3), "class_weights": torch.ones(10)}
    torch.save({**beside, "model": state()}, tmp_path / "x.pt")

    assert "key       model" in _inspect(tmp_path / "x.pt").output


def test_the_key_that_a_remedy_gives_as_an_example_is_one_that_can_be_given(tmp_path: Path) -> None:
    torch.save({"net": state(), "ema": state(classes=5)}, tmp_path / "x.pt")

    said = _inspect(tmp_path / "x.pt").output

    example = said.partition("for example `key: ")[2].partition("`")[0]
    assert _inspect(tmp_path / "x.pt", "--key", example).exit_code == 0


@pytest.mark.parametrize("title", ["safetensors", "a model folder"])
def test_the_head_is_found_by_its_name_where_names_are_sorted(title: str, tmp_path: Path) -> None:
    output = _inspect(GOOD[title].make(tmp_path)).output

    assert "classes   10, from fc.weight" in output
    assert "channels" not in output


def test_inspecting_imports_neither_torch_nor_yaml(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "x.pt")
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1))\n"
        "from gate.cli.inspect import command\n"
        "command(standalone_mode=False)\n"
        "print(sorted({'torch', 'yaml', 'safetensors', 'PIL'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(REPOSITORY), str(tmp_path / "x.pt")],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
