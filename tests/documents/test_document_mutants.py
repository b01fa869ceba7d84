"""Policies and gate files with slips of every kind end in faults with a place, or are read."""

import random

import pytest

from gate.errors import DocumentError
from gate.policy.fixtures import impossible, read_fixtures
from gate.policy.reading import check_classes, read_policy
from gate.policy.shipped import shipped_folder, shipped_names
from gate.policy.waivers import read_waivers
from gate.subject.gatefile import read_gatefile

_GATEFILE = """\
apiVersion: gate/v1
kind: Validation
model:
  checkpoint: runs/best.pt
  factory: tumour.nets:build
  kwargs: {num_classes: 2}
classes: [background, tumour]
input: {size: [224, 224], channels: RGB, resize: shorter-side, crop: center,
        mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]}
data:
  train: {path: data/train}
  test:  {path: data/test.csv, image: file, label: diagnosis, group: patient_id, slices: [scanner]}
critical: [tumour]
history: {path: runs/metrics.csv, checkpoint_epoch: 7}
policy: recall-first
"""

_WORDS = [
    *("yes", "no", "~", "null", "true", "010", "1e-3", "0x1F", "1_000", "12:30", ".nan", "-.inf"),
    *("&a ", "*a", "!!python/name:os.system ", "!t ", "<<: ", "---\n", "...\n", "%YAML 1.1\n"),
    *(
        "\t",
        "\r",
        "\0",
        "\x85",
        "\u2028",
        "\ufeff",
        "\u202e",
        "\ud7ff",
        "é",
        "\U0001d518",
        "\x1b[31m",
    ),
    *(": ", "- ", "? ", "| ", "> ", "{", "}", "[", "]", ",", "#", "'", '"', "\n", "  ", "@", "`"),
    *("check", "min", "mim", "classes", "per_class", "severity", "warn", "block", "$critical"),
    *("[[[[[[[[[[" * 6, "{a: " * 60, "9" * 400, "x" * 2000, "2026-01-01", "0.5", "-1", '"0.9"'),
]


def _policy(dice):
    return (shipped_folder() / f"{dice.choice(shipped_names())}.yaml").read_text()


def _gatefile(dice):
    return _GATEFILE


_WAIVERS = """\
apiVersion: gate/v1
kind: WaiverSet
owner: "@release-board"
waivers:
  - result: recall[class=tumour]
    checkpoint: {sha}
    floor: 0.8
    reason: the next model is under way
    ticket: SAFE-12
    requested_by: "@ann"
    approved_by: "@bob"
    approved_on: 2026-07-01
    expires: 2026-09-30
  - {{result: accuracy, checkpoint: {sha}, floor: 0.85, reason: a pilot, ticket: SAFE-13,
     requested_by: "@ann", approved_by: "@eve", approved_on: 2026-07-01, expires: 2026-07-31}}
"""


def _waivers(dice):
    return _WAIVERS.format(sha="0a" * 32)


def _fixtures(dice):
    return (shipped_folder() / "fixtures" / f"{dice.choice(shipped_names())}.yaml").read_text()


def _mutant(dice, text):
    """Return the bytes of a document after one to six slips."""
    for _ in range(dice.randint(1, 6)):
        text = dice.choice(_SLIPS)(dice, text)
    data = text.encode()
    if dice.random() < 0.1:
        place = dice.randrange(len(data) + 1)
        data = data[:place] + bytes([dice.randrange(256)]) + data[place:]
    return data


def _insert(dice, text):
    place = dice.randrange(len(text) + 1)
    return text[:place] + dice.choice(_WORDS) + text[place:]


def _delete(dice, text):
    place = dice.randrange(len(text) + 1)
    return text[:place] + text[place + dice.randint(1, 8) :]


def _replace_word(dice, text):
    words = text.split(" ")
    words[dice.randrange(len(words))] = dice.choice(_WORDS)
    return " ".join(words)


def _swap_lines(dice, text):
    lines = text.split("\n")
    first, second = dice.randrange(len(lines)), dice.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]
    return "\n".join(lines)


def _repeat_line(dice, text):
    lines = text.split("\n")
    place = dice.randrange(len(lines))
    return "\n".join([*lines[: place + 1], *lines[place:]])


def _indent(dice, text):
    lines = text.split("\n")
    place = dice.randrange(len(lines))
    lines[place] = dice.choice(["", " ", "  ", "      ", "\t"]) + lines[place].lstrip()
    return "\n".join(lines)


_SLIPS = (_insert, _delete, _replace_word, _swap_lines, _repeat_line, _indent)


def _read_policy(path):
    document = read_policy(str(path))
    check_classes(document, ["a", "b"], ["a"])
    assert any(rule.severity == "block" for rule in document.policy.rules)


def _read_waivers(path):
    for placed in read_waivers([str(path)]):
        assert placed.waiver.days > 0


def _read_fixtures(path):
    for case in read_fixtures(str(path)).cases:
        assert impossible(case.numbers) is None


def _read_gatefile(path):
    read_gatefile(path).require_complete()


def _outcome(read, path, data):
    """Read a mutant; every fault must have a place inside the file, and be fit to be printed."""
    path.write_bytes(data)
    try:
        read(path)
    except DocumentError as error:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for fault in error.faults:
            assert 1 <= fault.line <= len(lines)
            assert 1 <= fault.column <= len(lines[fault.line - 1]) + 1
            assert f"{fault.fact}{fault.remedy}{fault.source}".isprintable()
        return "refused"
    return "read"


_KINDS = {
    "policy": (_policy, _read_policy),
    "gate file": (_gatefile, _read_gatefile),
    "waivers": (_waivers, _read_waivers),
    "fixtures": (_fixtures, _read_fixtures),
}


def _outcomes(kind, path, *, seed, count):
    make, read = _KINDS[kind]
    dice = random.Random(seed)
    return {_outcome(read, path, _mutant(dice, make(dice))) for _ in range(count)}


@pytest.mark.parametrize("kind", _KINDS)
def test_mutated_documents_end_in_faults_or_are_read(kind, tmp_path):
    outcomes = _outcomes(kind, tmp_path / "mutant.yaml", seed=1, count=300)

    assert outcomes == {"refused", "read"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", _KINDS)
def test_ten_thousand_mutated_documents_end_in_faults_or_are_read(kind, tmp_path):
    outcomes = _outcomes(kind, tmp_path / "mutant.yaml", seed=2, count=10_000)

    assert outcomes == {"refused", "read"}
