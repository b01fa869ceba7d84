"""The text of a first gate file and of a first policy: every line says what it is for."""

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gate.documents.scalars import read_plain
from gate.drafting.choosing import common_size, sizes_in_words
from gate.drafting.looking import Seen
from gate.subject.datasets.classes import order_of
from gate.subject.flags import flow
from gate.subject.gatefile import GateFile, ModelSpec
from gate.subject.sources.looking import Look
from gate.subject.sources.statements import Statements
from gate.subject.splits import framework_of
from gate.wording import plain

Costly = Literal["misses", "false-alarms", "both"]

_BASES = {"misses": "recall-first", "false-alarms": "precision-first", "both": "baseline"}
_PURPOSES = {
    "misses": "A miss costs more than a false alarm.",
    "false-alarms": "A false alarm costs more than a miss.",
    "both": "Misses and false alarms cost alike.",
}


_MORE_INPUT = (
    "# so do orientation: exif, crop, crop_ratio, pad, resizer: tensor, scale, offset",
    "",
)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for; None is not known yet."""

    costly: Costly
    critical: tuple[str, ...]
    checkpoint: Path | None = None
    factory: str | None = None
    artefact: Look | None = None  # what the checkpoint shows; None: none is known
    why_critical: str = ""  # where nobody said which classes are
    said: GateFile = field(default_factory=GateFile)  # what flags say, by the keys they stand for

    @property
    def needs_factory(self) -> bool:
        """Whether the gate file has to name the code that builds the network."""
        return self.artefact is None or self.artefact.needs_factory

    @property
    def statements(self) -> Statements:
        """What the checkpoint states."""
        return Statements() if self.artefact is None else self.artefact.statements


def gatefile_text(seen: Seen, wishes: Wishes, folder: Path, policy: str) -> str:
    """Return a gate file that lies in ``folder``; what is not known stands in it as a comment."""
    checkpoint = _word(_relative(wishes.checkpoint, folder)) if wishes.checkpoint else None
    lines = [
        ("# What is judged. To run it: validate-model run", ""),
        ("apiVersion: gate/v1", "the version of this format"),
        ("kind: Validation", "a gate file, and not a policy"),
        (
            "model:" if checkpoint or wishes.factory else "# model:",
            "the file that may ship, and the code that builds its network",
        ),
        _or_comment(
            "  checkpoint", checkpoint, "runs/best.pt", "the weights; nothing in it is run"
        ),
        *_factory(wishes),
        *_of_model(wishes),
        _classes(seen, wishes),
        *_input(seen, wishes),
        _output(wishes),
        ("data:", "the model must not have learned from test"),
        *(
            (
                f"  {name}: {{path: {_word(_relative(split.path, folder))}}}",
                f"{split.images:,} images, {split.format}",
            )
            for name, split in seen.splits.items()
        ),
        (f"critical: {_list(wishes.critical)}", _why_critical(wishes)),
        _history(wishes, folder),
        _baseline(wishes, folder),
        (f"policy: {_word(policy)}", "how it is judged"),
    ]
    return _comment(lines)


def policy_text(seen: Seen, wishes: Wishes) -> str:
    """Return a policy that can be met on the data that is there, and says what it leaves out."""
    name = f"{wishes.costly}-first" if wishes.costly != "both" else "both-matter"
    lines = [
        (f"# How a model is judged. {_PURPOSES[wishes.costly]}", ""),
        ("apiVersion: gate/v1", "the version of this format"),
        ("kind: Policy", "a policy, and not a gate file"),
        ("metadata:", "who the policy is"),
        (f"  name: {name}", "as reports show it"),
        ("  version: '1.0.0'", "raise it with every change"),
        ("  # owner: '@team'", "who may change it"),
        (f"  description: {_word(_PURPOSES[wishes.costly])}", "what it is for"),
        (f"extends: {_BASES[wishes.costly]}", "see: validate-model policy show THIS --resolved"),
        *_critical(wishes),
        ("min_rules: 5", "with fewer blocking rules this is no gate"),
        ("rules:", "a key that is stated here goes before what is inherited"),
        *_thresholds(seen, wishes),
        *_list_left_out(seen, wishes),
    ]
    return _comment(lines)


def _why_critical(wishes: Wishes) -> str:
    parts = ("the classes whose mistakes cost most", plain(wishes.why_critical))
    return ": ".join(filter(None, parts))


def _critical(wishes: Wishes) -> list[tuple[str, str]]:
    """Return what binds the critical classes, where the policy speaks of them."""
    if wishes.costly == "both":
        return []
    purpose = "a gate file may add classes, and take none away"
    return [(f"critical: {_list(wishes.critical)}", purpose)]


def _thresholds(seen: Seen, wishes: Wishes) -> list[tuple[str, str]]:
    match wishes.costly:
        case "misses":
            return [
                ("  - id: critical-recall", "how many of the critical images are found"),
                ("    min: 0.95", f"of 100, at most 5 are missed; {_what_it_takes(seen, wishes)}"),
                ("  - id: precision", "how many alarms are real"),
                ("    min: 0.60", "of 100 alarms 60 are; below it a warning"),
            ]
        case "false-alarms":
            return [
                ("  - id: critical-precision", "how many alarms are real"),
                ("    min: 0.95", "of 100 alarms at most 5 are false; proven by the interval"),
                ("  - id: false-alarms", "how many harmless images raise an alarm"),
                ("    max: 0.05", "of 100, at most 5"),
                ("  - id: critical-recall", "how many of the critical images are found"),
                ("    min: 0.50", "at least every second one"),
            ]
        case "both":
            return [
                ("  - id: accuracy", "how many answers are right"),
                ("    min: 0.90", "one in ten may be wrong"),
                ("    warn_below: 0.93", "close to the limit: said, and not blocked"),
                ("  - id: recall", "how much of each class is found"),
                ("    min: 0.85", "of 100 images of a class at most 15 are missed"),
                ("  - id: precision", "how many answers of each class are right"),
                ("    min: 0.85", "of 100, at most 15 are of another class"),
            ]


def _what_it_takes(seen: Seen, wishes: Wishes) -> str:
    """Return how many images prove the recall of recall-first, and how many there are."""
    from gate.metrics.planning import minimum_images

    fewest = minimum_images(0.95, 0.975, ">=")
    counts = seen.splits["test"].per_class
    there = min((counts[name] for name in wishes.critical), default=0) if counts else "?"
    return f"{fewest} images prove it, {there} are there"


def _list_left_out(seen: Seen, wishes: Wishes) -> list[tuple[str, str]]:
    """Return rules that cannot be met without data that is not there, as warnings."""
    rules = []
    if "train" not in seen.splits:
        rules += [
            ("train-test-overlap", "no train split is given, so copies cannot be found"),
            ("train-test-gap", "no train split is given, so memory cannot be told from skill"),
        ]
    if wishes.costly == "misses":
        rules.append(("group-overlap", "the gate file declares no group (patient, scene)"))
    return [
        (f"  - {{id: {name}, severity: warn}}", f"{why}: let it block as soon as it can")
        for name, why in rules
    ]


def _factory(wishes: Wishes) -> list[tuple[str, str]]:
    if wishes.factory is None and not wishes.needs_factory:
        built = wishes.statements.factory
        return (
            [(f"  # its network: {plain(built.value)}", f"from {plain(built.source)}")]
            if built
            else []
        )
    factory = wishes.factory and _word(wishes.factory)
    purpose = "returns the nn.Module; its code: beside this file, or installed"
    return [_or_comment("  factory", factory, "package.module:function", purpose)]


def _of_model(wishes: Wishes) -> list[tuple[str, str]]:
    """Return what flags say of the model beside its file and its code."""
    model = wishes.said.model
    if model is None:
        return []
    kwargs = [(f"  kwargs: {json.dumps(model.kwargs)}", "what the factory is called with")]
    key = [(f"  key: {_word(model.key or '')}", "the state dict of the file that ships")]
    return [*(kwargs if model.kwargs else []), *(key if model.key else [])]


def _classes(seen: Seen, wishes: Wishes) -> tuple[str, str]:
    if wishes.said.classes:
        return f"classes: {_list(wishes.said.classes)}", "in the order of the model's outputs"
    stated = wishes.statements.classes
    if stated is None:
        return _sorted_classes(seen, wishes)
    return f"classes: {_list(stated.value)}", f"from {plain(stated.source)}"


def _sorted_classes(seen: Seen, wishes: Wishes) -> tuple[str, str]:
    """Return the classes of the data, as who wrote the checkpoint sorts class folders."""
    purpose = "in the order of the model's outputs: check it"
    if any(split.format != "folder" for split in seen.splits.values()):
        return f"classes: {_list(seen.classes)}", purpose
    framework = wishes.statements.framework or framework_of(ModelSpec(factory=wishes.factory))
    if order_of(seen.classes, None) is None:
        by_number = (
            "naturally, as timm does"
            if framework == "timm"
            else ("as text, as torchvision's ImageFolder does; timm sorts by number")
        )
        purpose = f"{purpose} (sorted {by_number})"
    order = order_of(seen.classes, framework or "torchvision")
    assert order is not None, "a framework has an order for all names"
    return f"classes: {_list(order)}", purpose


def _output(wishes: Wishes) -> tuple[str, str]:
    if wishes.said.output is not None:
        return f"output: {wishes.said.output}", "what the model answers with"
    if stated := wishes.statements.output:
        return f"output: {stated.value}", f"from {plain(stated.source)}"
    purpose = "where the model ends in softmax or sigmoid; else it is found out"
    return "# output: probability", purpose


def guesses_input(seen: Seen, wishes: Wishes) -> bool:
    """Return whether the gate file states an input that nobody said: for images of mixed sizes."""
    return bool(seen.sizes) and _input(seen, wishes) == _of_mixed_sizes(seen)


def states_input(seen: Seen, wishes: Wishes) -> bool:
    """Return whether the gate file says how images are prepared, and not in a comment."""
    return not _input(seen, wishes)[0][0].startswith("#")


def _input(seen: Seen, wishes: Wishes) -> list[tuple[str, str]]:
    if "input" in wishes.said.model_fields_set:
        declared = wishes.said.input.model_dump(mode="json", exclude_unset=True)
        return [(f"input: {flow(declared)}", "how an image becomes the model's input")]
    if stated := wishes.statements.input:
        said = stated.value.model_dump(mode="json", exclude_unset=True)
        return [(f"input: {json.dumps(said)}", f"from {plain(stated.source)}")]
    if proposal := next((ask.proposal for ask in wishes.statements.asks if ask.proposal), ""):
        mark = "" if len(set(seen.sizes)) > 1 else "# "
        return [(f"{mark}{proposal}", "proposed by the checkpoint: check it against training")]
    if seen.channels is not None and seen.size is None:
        return _of_mixed_sizes(seen)
    if seen.size is None or seen.channels is None:
        shown = "# input: {size: [224, 224], channels: RGB, resize: stretch}"
        return [(shown, "how an image becomes the model's input: as in training"), _MORE_INPUT]
    height, width = seen.size
    shown = f"input: {{size: [{height}, {width}], channels: {seen.channels}}}"
    return [
        (shown, "as the images are; scaled to 0..1 and nothing else"),
        ("# mean: [0.5], std: [0.5] belong into input, if training used them", ""),
        _MORE_INPUT,
    ]


def _of_mixed_sizes(seen: Seen) -> list[tuple[str, str]]:
    side = common_size(seen)
    shown = (
        f"input: {{size: [{side}, {side}], channels: {seen.channels}, resize: shorter-side, "
        "crop: center}"
    )
    why = f"a guess: images are {sizes_in_words(seen)}, and a model takes one size"
    return [
        (shown, why),
        (
            "# check size, resize, crop against training; a wrong one costs accuracy, and no error",
            "",
        ),
        ("# mean: [0.5], std: [0.5] belong into input, if training used them", ""),
        _MORE_INPUT,
    ]


def _baseline(wishes: Wishes, folder: Path) -> tuple[str, str]:
    purpose = "what the model in use left, to be compared with"
    if wishes.said.baseline is None:
        return "# baseline: champion/gate-out", purpose
    return f"baseline: {_word(_relative(Path(wishes.said.baseline), folder))}", purpose


def _history(wishes: Wishes, folder: Path) -> tuple[str, str]:
    if isinstance(wishes.said.history, str):
        path = _word(_relative(Path(wishes.said.history), folder))
        return f"history: {path}", "the losses of training"
    name = wishes.statements.history
    if wishes.checkpoint is None or name is None:
        return "# history: runs/metrics.csv", "the losses of training, where somebody kept them"
    is_folder = wishes.checkpoint.is_dir()
    home = wishes.checkpoint if is_folder else wishes.checkpoint.parent
    path = _word(_relative(home / name, folder))
    where = "in" if is_folder else "beside"
    return f"# history: {path}", f"the losses {where} the checkpoint: take the # away to judge them"


def _or_comment(key: str, value: str | None, example: str, purpose: str) -> tuple[str, str]:
    if value is not None:
        return f"{key}: {value}", purpose
    return f"  # {key.strip()}: {example}", f"to be filled in: {purpose}"


def _comment(lines: list[tuple[str, str]]) -> str:
    width = min(max(len(line) for line, purpose in lines if purpose), 44)
    return "".join(
        f"{line:<{width}}  # {purpose}\n" if purpose else f"{line}\n" for line, purpose in lines
    )


def _list(names: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_word, names))}]"


def _word(text: str) -> str:
    """Return text as YAML reads it back, in quotes where it could be taken for something else."""
    is_plain = re.fullmatch(r"[A-Za-z./]([A-Za-z0-9 ./_:;-]*[A-Za-z0-9])?", text)
    if is_plain and ": " not in text and read_plain(text) == text:
        return text
    return json.dumps(text, ensure_ascii=False)


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.absolute(), folder.absolute())).as_posix()
