"""A pickle costs no more than its budget, however often it names one list; honest files fit."""

from pathlib import Path

import pytest
import torch
from checkpoint_corpus.archives import legacy_of, write_zip, zip_of
from checkpoint_corpus.bombs import tensor_of
from checkpoint_corpus.models import state
from checkpoint_corpus.payloads import name, pickled, value

from gate.errors import CheckpointError, Refusal
from gate.subject.checkpoints import open_checkpoint
from gate.subject.checkpoints.budgets import MAX_STEPS, Budget
from gate.subject.checkpoints.pickles import Table, walk
from gate.subject.checkpoints.refusals import RefusedError


def _refused(path: Path) -> CheckpointError:
    with pytest.raises(CheckpointError) as raised:
        open_checkpoint(path)
    return raised.value


def test_a_list_counts_each_time_that_it_is_made_a_dictionary() -> None:
    dictionary = name("collections", "OrderedDict") + value(([[1, 2]] * 100,)) + b"R0"
    code = pickled(dictionary * 3 + b"N", 2)

    walk(code, Budget(elements=620))
    with pytest.raises(RefusedError, match="copy more than"):
        walk(code, Budget(elements=400))


@pytest.mark.parametrize("code", [b"(" + b"N" * 50 + each for each in (b"t", b"l", b"\x91", b"10")])
def test_what_is_taken_from_the_stack_counts(code: bytes) -> None:
    code = pickled(code if code[-1:] != b"0" else code[:-1] + b"N", 4)

    walk(code, Budget(elements=50))
    with pytest.raises(RefusedError, match="copy more than"):
        walk(code, Budget(elements=49))


def test_two_walks_share_the_steps_of_a_budget() -> None:
    budget, code = Budget(steps=10), pickled(b"N0" * 2 + b"N", 2)

    walk(code, budget)
    with pytest.raises(RefusedError, match="steps"):
        walk(code, budget)


def test_the_pickles_of_a_legacy_stream_share_one_budget(tmp_path: Path) -> None:
    filler = b"N0" * (MAX_STEPS // 4)
    stream = legacy_of(pickled(filler + b"}", 2)).replace(b"}q\x00(X", filler + b"}q\x00(X", 1)
    (tmp_path / "x.pt").write_bytes(stream)

    assert "steps" in _refused(tmp_path / "x.pt").fact


def test_many_names_of_one_dictionary_cost_one_look(tmp_path: Path) -> None:
    inner: dict[str, object] = {f"k{each}": each for each in range(2000)}
    torch.save({"model": state(), **{f"n{each}": inner for each in range(2000)}}, tmp_path / "x.pt")

    assert open_checkpoint(tmp_path / "x.pt").key == "model"


def test_a_second_model_is_found_behind_ten_thousand_dictionaries(tmp_path: Path) -> None:
    beside = {f"class {each}": {"id": each} for each in range(11_000)}
    saved = {"model": state(), "info": beside, "late": {"deep": {"ema": state(seed=2)}}}
    torch.save(saved, tmp_path / "x.pt")

    assert "holds 2 models: model, late.deep.ema" in _refused(tmp_path / "x.pt").fact


def _wrapped(tensor: bytes, times: int) -> bytes:
    """Return opcodes for a tensor whose class is restored by a call around its call, or more."""
    wrapper, rebuilder = (
        name("torch._tensor", "_rebuild_from_type_v2"),
        name("torch._utils", "_rebuild_tensor_v2"),
    )
    function, arguments = rebuilder, tensor.removeprefix(rebuilder).removesuffix(b"R")
    for _ in range(times):
        arguments = b"(" + function + name("torch", "Tensor") + arguments + b"}t"
        function = wrapper
    return function + arguments + b"R"


def test_a_tensor_is_wrapped_once_and_not_twice(tmp_path: Path) -> None:
    for times in (1, 2):
        code = b"}" + value("fc.weight") + _wrapped(tensor_of(4, (2, 2), (2, 1)), times) + b"s"
        write_zip(tmp_path / f"{times}.pt", zip_of(pickled(code, 2), {"0": bytes(16)}))

    assert len(open_checkpoint(tmp_path / "1.pt").tensors) == 1
    assert _refused(tmp_path / "2.pt").refusal is Refusal.CORRUPT


def test_a_name_of_a_megabyte_is_not_looked_up(tmp_path: Path) -> None:
    code = value("a" * 500_000) + value("b") + b"\x93"

    error = _refused(write_zip(tmp_path / "x.pt", zip_of(pickled(code))))

    assert error.refusal is Refusal.UNSAFE
    assert "names something with 500,001 characters" in error.fact


def test_a_long_key_beside_the_weights_is_no_name_and_no_harm(tmp_path: Path) -> None:
    torch.save({"model": state(), "prompts": {"x" * 5000: "y"}}, tmp_path / "x.pt")

    assert len(open_checkpoint(tmp_path / "x.pt").tensors) == 11


def test_a_long_name_of_a_weight_is_refused(tmp_path: Path) -> None:
    torch.save({**state(), "x" * 5000: torch.ones(1)}, tmp_path / "x.pt")

    assert "no text of up to 1,024 characters" in _refused(tmp_path / "x.pt").fact


def test_wrappers_are_taken_off_eight_deep_and_no_deeper() -> None:
    from gate.subject.checkpoints.readings import wrapper_prefix

    assert wrapper_prefix(["module." * 3 + "fc.weight"]) == "module." * 3
    assert wrapper_prefix(["module." * 1000 + "fc.weight"]) == "module." * 8


def test_an_index_whose_names_are_no_text_is_refused(tmp_path: Path) -> None:
    index = '{"weight_map": [[1, "m.safetensors"], ["b", "m.safetensors"]]}'
    (tmp_path / "model.safetensors.index.json").write_text(index)

    assert "is not an index of weights" in _refused(tmp_path).fact


def test_a_long_training_run_is_read(tmp_path: Path) -> None:
    layers = [f"layer{each}.weight" for each in range(1000)]
    saved = {
        "model": {each: torch.zeros(1, 1, 3, 3) for each in layers},
        "optimizer": {
            "state": {each: {"step": 1, "exp_avg": torch.zeros(9)} for each in range(1000)},
            "param_groups": [{"params": list(range(1000))}],
        },
        "losses": [each * 0.1 for each in range(100_000)],
        "config": {"a": {"b": {"c": [{"name": str(each)} for each in range(5000)]}}},
    }
    torch.save(saved, tmp_path / "x.pt")

    assert len(open_checkpoint(tmp_path / "x.pt").tensors) == 1000


def test_a_dictionary_of_python_2_keeps_its_pairs() -> None:
    code = name("collections", "OrderedDict") + value(([["a", 1], ("b", 2)],)) + b"R"

    walked = walk(pickled(code, 2), Budget()).value

    assert isinstance(walked, Table)
    assert walked.entries == {"a": 1, "b": 2}
