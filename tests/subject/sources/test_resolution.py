"""Classes, input and factory each come whole from the highest that states them, once a run."""

import sys
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import pytest

from gate.errors import CheckpointError, DocumentError, UsageError
from gate.measure.inference.identity import identify
from gate.subject.gatefile import GateFile, ModelSpec, read_gatefile
from gate.subject.inputs import InputSpec
from gate.subject.overrides import Flags, override
from gate.subject.sources import proposals, registry
from gate.subject.sources.looking import look_at
from gate.subject.sources.registry import SHIPPED
from gate.subject.sources.resolution import resolve
from gate.subject.sources.source import ModelSource
from gate.subject.sources.statements import Ask, Stated, Statements

CLASSES = Stated(("cat", "dog"), "config.json: id2label")
INPUT = Stated(InputSpec(size=(8, 8), channels="L"), "preprocessor_config.json")
WRITE_ONE = "or let a gate file be written: validate-model init --checkpoint CHECKPOINT DATA"
NO_INPUT = Ask("input", "nothing says how images are prepared", "add input: {size: [H, W]}")
NO_CLASSES = Ask("classes", "LABEL_0 and LABEL_1 are no names", "add classes: [...]")
NO_FACTORY = Ask("factory", "nothing says how it is built", "add model: {factory: ...}")


class Stating(ModelSource):
    """States what a test lets it state, of any file."""

    name = "stating"
    says = Statements()
    asked = 0

    def matches(self, path):
        type(self).asked += 1
        return path.suffix == ".stating"

    def states(self, artefact):
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def open(self, artefact, *, threads):
        return nullcontext()


@pytest.fixture
def stating(monkeypatch):
    """Return a source that recognises *.stating, and is asked first."""
    source = Stating()
    monkeypatch.setattr(Stating, "asked", 0)
    module = ModuleType("stating_source")
    module.SOURCE = source
    monkeypatch.setitem(sys.modules, "stating_source", module)
    monkeypatch.setattr(registry, "SHIPPED", {"stating": "stating_source", **registry.SHIPPED})
    return source


@pytest.fixture
def gatefile(tmp_path, monkeypatch):
    """Return a function that reads a gate file of a model that is there, with more lines."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.stating").write_bytes(b"weights")
    (tmp_path / "nets.py").touch()
    (tmp_path / "test").mkdir()

    def read(*lines, model="checkpoint: m.stating"):
        (tmp_path / "gate.yaml").write_text(
            "apiVersion: gate/v1\nkind: Validation\n"
            f"model: {{{model}}}\n"
            "data: {test: {path: test}}\npolicy: baseline\n" + "\n".join(lines)
        )
        return read_gatefile(tmp_path / "gate.yaml")

    return read


def test_what_the_artefact_states_completes_the_gate_file_and_its_source_is_said(gatefile, stating):
    stating.says = Statements(classes=CLASSES, input=INPUT)

    resolved = resolve(gatefile()).gatefile

    assert resolved.classes == ("cat", "dog")
    assert resolved.input == INPUT.value
    assert resolved.origins == (
        "classes: from config.json: id2label",
        "input: from preprocessor_config.json",
    )


def test_the_gate_file_goes_before_the_artefact_and_nothing_is_mixed_key_by_key(gatefile, stating):
    stating.says = Statements(
        classes=CLASSES,
        input=Stated(InputSpec(size=(8, 8), channels="L", mean=(0.5,), std=(0.5,)), "pre.json"),
    )

    resolution = resolve(gatefile("input: {size: [16, 16], channels: L}"))

    assert resolution.gatefile.input == InputSpec(size=(16, 16), channels="L")
    assert resolution.gatefile.classes == ("cat", "dog")
    assert resolution.gatefile.origins[1] == (
        "input: from the gate file or its flags, not as stated by pre.json"
    )
    assert resolution.statements.input.value.mean == (0.5,)  # for who compares the two


def test_a_flag_goes_before_the_artefact_too(gatefile, stating):
    stating.says = Statements(classes=CLASSES, input=INPUT)

    flagged = override(gatefile(), Flags(size=(16, 16)))

    assert resolve(flagged).gatefile.input == InputSpec(size=(16, 16))


def test_a_gate_file_that_says_what_the_artefact_states_is_told_so(gatefile, stating):
    stating.says = Statements(classes=CLASSES)

    resolved = resolve(gatefile("classes: [cat, dog]")).gatefile

    assert resolved.origins == (
        "classes: from the gate file or its flags, and so states config.json: id2label",
    )


def test_all_that_nobody_states_is_asked_for_in_one_message_with_the_lines_to_add(
    gatefile, stating
):
    stating.says = Statements(asks=(NO_FACTORY, NO_CLASSES, NO_INPUT))

    with pytest.raises(DocumentError) as error:
        resolve(gatefile())

    asked = {(fault.fact, fault.remedy) for fault in error.value.faults}
    assert asked == {(ask.fact, ask.remedy) for ask in (NO_FACTORY, NO_CLASSES, NO_INPUT)}
    assert error.value.exit_status == 2


@pytest.mark.parametrize(
    ("line", "model"),
    [
        ("classes: [cat, dog]", "checkpoint: m.stating"),
        ("input: {size: [8, 8]}", "checkpoint: m.stating"),
        ("", "checkpoint: m.stating, factory: 'nets:build'"),
    ],
)
def test_what_the_gate_file_says_is_not_asked_for(line, model, gatefile, stating):
    stating.says = Statements(asks=(NO_FACTORY, NO_CLASSES, NO_INPUT))

    with pytest.raises(DocumentError) as error:
        resolve(gatefile(line, model=model))

    assert len(error.value.faults) == 2


def test_without_a_file_the_questions_come_with_those_of_the_flags(stating, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.stating").touch()
    stating.says = Statements(asks=(NO_INPUT,))

    with pytest.raises(UsageError) as error:
        resolve(GateFile(model=ModelSpec(checkpoint="m.stating")))

    assert str(error.value).splitlines() == [
        "no data is given; add --test PATH",
        "no policy is given; add --policy baseline",
        f"{NO_INPUT.fact}; add --size HxW",
        WRITE_ONE,
    ]


@pytest.mark.parametrize("names", [("cat", "cat"), ("cat ", "cat"), ("only",), ("", "x")])
def test_classes_that_no_gate_file_could_state_are_not_taken_from_an_artefact(
    names, gatefile, stating
):
    stating.says = Statements(classes=Stated(names, "config.json: id2label"))

    failure = resolve(gatefile()).failure

    assert isinstance(failure, CheckpointError)
    assert "config.json: id2label" in failure.where
    assert failure.exit_status == 4
    assert resolve(gatefile("classes: [cat, dog]")).failure is None  # they are not needed then


def test_an_artefact_that_cannot_be_read_is_no_faulty_call(gatefile, stating):
    from gate.errors import Refusal

    stating.says = CheckpointError("config.json", Refusal.CORRUPT, "is no JSON", "write it anew")

    assert resolve(gatefile()).failure is stating.says


def test_a_source_is_recognised_once_and_named_for_whoever_opens_the_model(gatefile, stating):
    resolved = resolve(gatefile()).gatefile
    identify(resolved.model, base=resolved.base, read=resolved.read)

    assert resolved.model.source == "stating"
    assert Stating.asked == 1


def test_a_file_that_changed_after_it_stated_something_is_refused(gatefile, stating, tmp_path):
    digest = sha256(b"weights").hexdigest()
    stating.says = Statements(classes=CLASSES, read={"m.stating": digest})
    resolved = resolve(gatefile()).gatefile

    same = identify(resolved.model, base=resolved.base, read=resolved.read)
    (tmp_path / "m.stating").write_bytes(b"others!")

    assert same.sha256 == digest
    with pytest.raises(CheckpointError, match="changed while it was measured") as error:
        identify(resolved.model, base=resolved.base, read=resolved.read)
    assert error.value.retriable


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("onxn", "did you mean 'onnx'?"),
        ("zzz", f"the sources are: {', '.join(SHIPPED)}"),
    ],
)
def test_a_source_that_nobody_adds_is_a_faulty_call_with_its_place(name, remedy, gatefile):
    with pytest.raises(DocumentError) as error:
        resolve(gatefile(model=f"checkpoint: m.stating, source: {name}"))

    (fault,) = error.value.faults
    assert (fault.line, fault.remedy) == (3, remedy)
    assert "is no model source" in fault.fact


@pytest.mark.parametrize("name", ["onnx", "torch-checkpoint"])
def test_every_source_refuses_another_digest_than_the_pinned_one_in_the_same_words(name, tmp_path):
    (tmp_path / "m").write_bytes(b"\x08\x09\x12\x00 weights")
    spec = ModelSpec(checkpoint="m", source=name, sha256="0" * 64)

    with pytest.raises(CheckpointError) as error:
        identify(spec, base=tmp_path, read={})

    assert error.value.fact.endswith(f"and {'0' * 64} is pinned")
    assert error.value.kind == "mismatch"


FOLDERS_TOLD = "the outputs are read in the order of the class folders: cat, dog"


def test_class_folders_answer_what_the_outputs_are_called_and_it_is_told(
    gatefile, stating, tmp_path
):
    for name in ("cat", "dog"):
        (tmp_path / "test" / name).mkdir(parents=True)
        (tmp_path / "test" / name / "0.png").write_bytes(b"")
    stating.says = Statements(asks=(NO_FACTORY, proposals.CLASSES))

    with pytest.raises(DocumentError) as error:
        resolve(gatefile())
    assert {fault.fact for fault in error.value.faults} == {NO_FACTORY.fact, FOLDERS_TOLD}

    stating.says = Statements(asks=(proposals.CLASSES,))
    assert resolve(gatefile()).failure is None


def test_without_class_folders_the_names_of_the_outputs_are_asked_for(gatefile, stating):
    stating.says = Statements(asks=(NO_FACTORY, proposals.CLASSES))

    with pytest.raises(DocumentError) as error:
        resolve(gatefile())

    asked = {fault.fact for fault in error.value.faults}
    assert asked == {NO_FACTORY.fact, proposals.CLASSES.fact}


@pytest.mark.parametrize("written", ["https://me:secret@host/m.pt?sig=1", "s3://bucket/m.pt"])
def test_an_address_is_no_checkpoint_and_is_told_whole_and_without_its_secrets(gatefile, written):
    flagged = override(gatefile(), Flags(checkpoint=written))

    with pytest.raises(UsageError) as error:
        resolve(flagged)

    said = str(error.value)
    assert "://" in said
    assert "download it first" in said
    assert "secret" not in said
    assert "sig" not in said


def test_an_address_that_was_read_as_a_path_is_told_with_both_slashes():
    with pytest.raises(UsageError, match=r"https://\*\*\*@host/m.pt: is an address"):
        look_at(Path("https://me:secret@host/m.pt"))


def test_an_address_in_the_gate_file_is_told_at_its_line(gatefile):
    with pytest.raises(DocumentError, match="is an address") as error:
        resolve(gatefile(model="checkpoint: 'https://host/m.pt'"))

    assert error.value.faults[0].line == 3


def test_a_path_that_looks_like_an_address_is_one_where_it_is_there(gatefile, stating, tmp_path):
    (tmp_path / "odd:").mkdir()
    (tmp_path / "odd:" / "m.stating").write_bytes(b"weights")
    stating.says = Statements(classes=CLASSES, input=INPUT)

    assert resolve(gatefile(model="checkpoint: 'odd:/m.stating'")).gatefile.input == INPUT.value
