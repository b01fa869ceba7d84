"""Every error of the gate arrives whole from a worker process, and names a way that exists."""

import pickle
import tomllib
from pathlib import Path

import pytest

import gate.approval  # its errors count too
from gate.errors import (
    AttestationError,
    CheckpointError,
    DataError,
    DocumentError,
    Fault,
    GateError,
    Identity,
    MissingExtraError,
    OutputError,
    Refusal,
    RefusalCode,
)
from gate.subject.datasets.records import UnreadableImage

SPECIAL = {
    DocumentError: lambda: DocumentError(
        [Fault("b.yaml", 2, 3, "b", "c", "d: e"), Fault("a.yaml", 1, 1, "a")]
    ),
    MissingExtraError: lambda: MissingExtraError("--engine ray", "running on Ray", "ray"),
    OutputError: lambda: OutputError("out", OSError(28, "No space left on device"), "make room"),
    CheckpointError: lambda: CheckpointError(
        "m.pt", Refusal.UNSAFE, "a fact", "a remedy", Identity("0" * 64, 5, "torch-zip")
    ),
    AttestationError: lambda: AttestationError("a.json", RefusalCode.TOO_OLD, "a fact", "a remedy"),
    UnreadableImage: lambda: UnreadableImage("is no picture", "save it again"),
}


def kinds(of=GateError):
    return {of}.union(*map(kinds, of.__subclasses__()))


KINDS = sorted(kinds(), key=lambda kind: kind.__qualname__)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_is_the_same_after_the_journey(kind):
    error = SPECIAL.get(kind, lambda: kind("a place", "a fact", "a remedy"))()

    arrived = pickle.loads(pickle.dumps(error))

    assert type(arrived) is kind
    assert str(arrived) == str(error)
    assert arrived.__dict__ == error.__dict__
    assert (arrived.kind, arrived.exit_status) == (error.kind, error.exit_status)
    assert arrived.args == error.args


def test_an_error_with_a_cause_travels_without_it():
    error = DataError("a", "b")
    error.__cause__ = ValueError(lambda: "cannot be pickled")

    assert str(pickle.loads(pickle.dumps(error))) == "a: b"


def test_all_of_the_approval_are_among_them():
    assert gate.approval.__name__ == "gate.approval"
    assert AttestationError in KINDS


CHECKOUT = Path(__file__).parents[1]


def test_no_index_is_said_to_have_the_gate():
    pages = [*CHECKOUT.glob("*.md"), *CHECKOUT.glob(".github/**/*.md")]
    said = [*pages, *CHECKOUT.glob(".github/**/*.yml"), *CHECKOUT.glob("gate/**/*.py")]

    assert len(said) > 100
    assert [each for each in said if "validate-model[" in each.read_text("utf-8")] == []
    assert [each for each in said if "install validate-model" in each.read_text("utf-8")] == []


def test_a_missing_extra_is_installed_by_its_name_from_the_checkout():
    error = MissingExtraError("--engine ray", "running on Ray", "ray")

    assert str(error) == (
        "--engine ray: running on Ray needs an extra; install with the extra ray; "
        "from the checkout: pip install '.[ray]'"
    )


def test_the_page_of_formats_lists_every_extra():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    (listed,) = [
        line
        for line in (CHECKOUT / ".github/FORMATS.md").read_text("utf-8").splitlines()
        if line.startswith("Extras: ")
    ]

    assert [name for name in project["optional-dependencies"] if f"`{name}`" not in listed] in (
        [],
        ["test"],
    )
