import json
import os
import warnings
import zipfile
from pathlib import Path

import pytest
import torch
from checkpoint_corpus.archives import legacy_of, members_of, write_zip, zip_of
from checkpoint_corpus.models import state
from checkpoint_corpus.payloads import call, name, pickled, value

from gate.errors import CheckpointError, Refusal
from gate.subject.checkpoints import open_checkpoint


def _tensor(shape: object, stride: object, offset: object, storage: bytes = b"") -> bytes:
    """Return opcodes for a float tensor over storage 0, which has four numbers."""
    kind = name("torch", "FloatStorage") + value("0") + value("cpu") + value(4) + storage
    place = b"(" + value("storage") + kind + b"tQ"
    rest = b"".join(map(value, (offset, shape, stride, False, None)))
    return name("torch._utils", "_rebuild_tensor_v2") + b"(" + place + rest + b"tR"


def _file(folder: Path, tensor: bytes) -> Path:
    code = b"}" + value("fc.weight") + tensor + b"s"
    return write_zip(folder / "x.pt", zip_of(pickled(code, 2), {"0": bytes(16)}))


def _legacy(folder: Path, tensor: bytes, behind: bytes = b"") -> Path:
    code = b"}" + value("fc.weight") + tensor + b"s"
    data = legacy_of(pickled(code, 2), {"0": (4, bytes(16))})
    (folder / "x.pt").write_bytes(data + behind)
    return folder / "x.pt"


def _refused(path: Path) -> CheckpointError:
    with pytest.raises(CheckpointError) as raised:
        open_checkpoint(path)
    return raised.value


def test_the_tensor_that_the_refusals_vary_is_itself_accepted(tmp_path: Path) -> None:
    zipped = open_checkpoint(_file(tmp_path, _tensor((2, 2), (2, 1), 0)))
    legacy = open_checkpoint(_legacy(tmp_path, _tensor((2, 2), (2, 1), 0, value(None))))

    assert [spec.shape for spec in (*zipped.tensors, *legacy.tensors)] == [(2, 2), (2, 2)]


@pytest.mark.parametrize(
    ("shape", "stride", "offset", "refusal"),
    [
        ((2, 2), (2, 1), 1, Refusal.UNSAFE),  # one past the end
        ((2, 2), (3, 1), 0, Refusal.UNSAFE),
        ((5,), (1,), 0, Refusal.UNSAFE),
        ((1 << 20, 1), (0, 0), 0, Refusal.UNSAFE),
        ((2, 2), (2,), 0, Refusal.CORRUPT),
        ((-2, 2), (2, 1), 0, Refusal.CORRUPT),
        ((2, 2), (-2, 1), 3, Refusal.CORRUPT),
        ((2, 2), (2, 1), -1, Refusal.CORRUPT),
        ((True, 2), (2, 1), 0, Refusal.CORRUPT),
        ((2.0, 2), (2, 1), 0, Refusal.CORRUPT),
        ((1 << 70,), (1,), 0, Refusal.CORRUPT),
        ("22", (2, 1), 0, Refusal.CORRUPT),
    ],
)
def test_a_tensor_that_leaves_its_storage_is_refused(
    shape: object, stride: object, offset: object, refusal: Refusal, tmp_path: Path
) -> None:
    assert _refused(_file(tmp_path, _tensor(shape, stride, offset))).refusal is refusal


@pytest.mark.parametrize("view", [("1", 3, 2), ("1", 0, 5), ("1", -1, 2)])
def test_a_legacy_view_that_leaves_its_storage_is_refused(
    view: tuple[str, int, int], tmp_path: Path
) -> None:
    path = _legacy(tmp_path, _tensor((1,), (1,), 0, value(view)))

    assert _refused(path).refusal in (Refusal.UNSAFE, Refusal.CORRUPT)


def test_a_legacy_view_is_read_from_where_it_begins(tmp_path: Path) -> None:
    code = b"}" + value("w") + _tensor((2,), (1,), 0, value(("1", 2, 2))) + b"s"
    numbers = torch.arange(4.0).numpy().tobytes()
    (tmp_path / "x.pt").write_bytes(legacy_of(pickled(code, 2), {"0": (4, numbers)}))

    (spec,) = open_checkpoint(tmp_path / "x.pt").tensors

    assert bytes(spec.data) == numbers[8:]


def test_bytes_behind_a_legacy_stream_are_refused(tmp_path: Path) -> None:
    path = _legacy(tmp_path, _tensor((2, 2), (2, 1), 0, value(None)), behind=b"more")

    assert "4 bytes behind its end" in _refused(path).fact


def test_a_name_that_is_set_twice_is_refused(tmp_path: Path) -> None:
    tensor = value("fc.weight") + _tensor((2, 2), (2, 1), 0)
    code = pickled(b"}(" + tensor + tensor + b"u", 2)

    error = _refused(write_zip(tmp_path / "x.pt", zip_of(code, {"0": bytes(16)})))

    assert error.refusal is Refusal.UNSAFE
    assert "sets fc.weight twice" in error.fact


def test_a_safetensors_name_that_is_listed_twice_is_refused(tmp_path: Path) -> None:
    entry = json.dumps({"dtype": "F32", "shape": [1], "data_offsets": [0, 4]})
    header = f'{{"a": {entry}, "a": {entry}}}'.encode()
    (tmp_path / "x").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))

    assert "names a tensor twice" in _refused(tmp_path / "x").fact


def test_bytes_before_or_behind_the_archive_are_refused(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "good.pt")
    good = (tmp_path / "good.pt").read_bytes()
    (tmp_path / "before.pt").write_bytes(b"PK\x03\x04" + good)
    (tmp_path / "behind.pt").write_bytes(good + b"more")

    assert _refused(tmp_path / "before.pt").refusal is Refusal.CORRUPT
    assert _refused(tmp_path / "behind.pt").refusal is Refusal.CORRUPT


def test_an_inert_name_is_not_called_a_dictionary_or_a_tensor(tmp_path: Path) -> None:
    made = call("pathlib", "PosixPath", "x")
    path = write_zip(tmp_path / "x.pt", zip_of(pickled(made + value("a") + value(1) + b"s", 2)))

    assert _refused(path).refusal is Refusal.CORRUPT


def test_a_storage_may_be_named_only_where_a_tensor_needs_it(tmp_path: Path) -> None:
    made = call("torch", "FloatStorage", 1 << 40)

    assert (
        _refused(write_zip(tmp_path / "x.pt", zip_of(pickled(made, 2)))).refusal is Refusal.UNSAFE
    )


def test_a_wrapped_tensor_of_a_foreign_class_is_refused(tmp_path: Path) -> None:
    inner = name("torch._utils", "_rebuild_tensor_v2") + name("mine", "Tensor") + b")}"
    made = name("torch._tensor", "_rebuild_from_type_v2") + b"(" + inner + b"tR"

    assert "mine.Tensor" in _refused(write_zip(tmp_path / "x.pt", zip_of(pickled(made, 2)))).fact


def test_unreferenced_records_are_not_looked_at_but_must_be_sound(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "good.pt")
    members = members_of(tmp_path / "good.pt") | {"good/data/99": b"unused"}
    path = write_zip(tmp_path / "x.pt", members)
    data = path.read_bytes()

    assert len(open_checkpoint(path).tensors) == 11
    path.write_bytes(data.replace(b"unused", b"UNUSED"))
    assert _refused(path).refusal is Refusal.CORRUPT


def test_a_member_that_is_listed_twice_is_refused(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "x.pt")
    again = members_of(tmp_path / "x.pt")["x/version"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns about the double name
        with zipfile.ZipFile(tmp_path / "x.pt", "a") as archive:
            archive.writestr("x/version", again)

    assert "lists x/version twice" in _refused(tmp_path / "x.pt").fact


def test_a_member_that_torch_would_take_for_a_folder_is_refused(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "x.pt")
    data = bytearray((tmp_path / "x.pt").read_bytes())
    entry = data.rindex(b"x/data/0") - 46
    data[entry + 38] |= 0x10  # an attribute of DOS: torch then reads a tensor of other numbers
    (tmp_path / "x.pt").write_bytes(data)

    refusal = _refused(tmp_path / "x.pt")

    assert refusal.refusal is Refusal.UNSAFE
    assert "x/data/0 in the archive is marked as a folder" in refusal.fact


@pytest.mark.parametrize("key", [(), 7, None])
def test_a_weight_whose_name_is_no_text_is_refused(key: object, tmp_path: Path) -> None:
    torch.save({**state(), key: torch.ones(2)}, tmp_path / "x.pt")

    refusal = _refused(tmp_path / "x.pt")

    assert refusal.refusal is Refusal.CORRUPT
    assert "1 name is no text" in refusal.fact


def test_a_member_that_lies_inside_another_is_refused(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "good.pt")
    hidden = write_zip(tmp_path / "hidden.zip", {"good/data/91": b"four"}).read_bytes()
    inner = hidden[: hidden.index(b"PK\x01\x02")]
    extra = {"good/data/90": inner, "good/data/91": b"four"}
    path = write_zip(tmp_path / "x.pt", members_of(tmp_path / "good.pt") | extra)
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"good/data/91") - 46
    data[entry + 42 : entry + 46] = data.index(inner).to_bytes(4, "little")
    path.write_bytes(data)

    assert "good/data/91 does not lie where" in _refused(path).fact


def test_an_index_of_absurdly_many_files_is_refused_before_any_is_opened(tmp_path: Path) -> None:
    table = {"weight_map": {f"t{each}": f"{each}.safetensors" for each in range(1001)}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(table))

    assert "names 1,001 files" in _refused(tmp_path).fact


def test_a_fifo_is_called_what_it_is_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.pt")

    assert _refused(tmp_path / "x.pt").fact == "it is not a regular file"
