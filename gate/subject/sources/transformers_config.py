"""Plain values of the config.json of a transformers folder, and never names of code.

Every number is bounded before anything is built of it, and whatever would reach outside the folder
or run code out of it is refused.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gate.evidence.contract import Disagreement
from gate.subject.checkpoints.refusals import corrupt, mismatch, unsafe
from gate.subject.checkpoints.tensors import TensorSpec
from gate.subject.sources.contract import WEIGHTS, contradiction
from gate.subject.sources.statements import Ask
from gate.wording import list_names, number_in_words, plain, pluralize, quote

CONFIG = "config.json"
MOST = 10_000_000  # of a number in a config.json: no size of an image classifier comes near
MOST_PIXELS = 4096  # of a side of the input, by which some models make tables of pairs of places
_TABLES = {"levit": 512}  # its table is made in Python, of all pairs
_SIDES = frozenset({"image_size", "input_size", "resolution"})
_DEEPEST = 32  # levels of values in values
_NOWHERE = "the length of no tensor"
_NAMES = f"{CONFIG}: id2label"
_LABELS = frozenset({"id2label", "label2id"})
_BESIDE_NAMES = frozenset({"label2id", "num_labels"})  # what says again what id2label says
_DEFAULT_LABELS = 2  # transformers' own count where a config.json states none
_UNNAMED = re.compile(r"LABEL_\d+")  # what transformers writes where nobody names the classes
_SINGLE = (None, "single_label_classification")

# What chooses how the library computes, and not what: the library's own choice is taken. Some of
# these values would load compiled code.
_HOW = re.compile(
    r"_.*|.*attn_implementation|.*experts_implementation|kernel_config|use_kernels|torchscript"
    r"|output_attentions|output_hidden_states|return_dict|use_return_dict|gradient_checkpointing"
    r"|dtype|torch_dtype|auto_map"
)
_RESAVE = (
    "where it was made, save it as a model of transformers itself: load it with "
    "AutoModelForImageClassification and call model.save_pretrained(FOLDER); or give the code that "
    "builds it: --model package.module:function"
)


@dataclass(frozen=True, slots=True)
class Config:
    """A config.json that was read; its values are plain, and what they say is bounded."""

    values: Mapping[str, Any]

    @property
    def model_type(self) -> str:
        """The name of the model's kind in transformers; empty: none is given."""
        found = self.values.get("model_type")
        return found if isinstance(found, str) else ""

    @property
    def architectures(self) -> tuple[str, ...]:
        """The names of the classes that the folder was saved from, mostly one."""
        found = self.values.get("architectures")
        if not isinstance(found, list):
            return ()
        return tuple(each for each in found if isinstance(each, str))

    @property
    def dtype(self) -> str | None:
        """The dtype that transformers would compute in; None: it is not said."""
        found = self.values.get("dtype", self.values.get("torch_dtype"))
        return found if isinstance(found, str) else None

    @property
    def channels(self) -> int:
        """The channels of the input."""
        found = self.values.get("num_channels", 3)
        return found if isinstance(found, int) else 3

    @property
    def outputs(self) -> int:
        """The number of outputs that transformers builds."""
        labels = self.values.get("id2label")
        if isinstance(labels, dict):
            return len(labels)
        found = self.values.get("num_labels")
        return found if isinstance(found, int) else _DEFAULT_LABELS

    @property
    def names(self) -> tuple[str, ...] | None:
        """The names of the outputs, in their order; None where there is no id2label."""
        labels = self.values.get("id2label")
        if not isinstance(labels, dict):
            return None
        return tuple(labels[key] for key in sorted(labels, key=int))

    def of_the_model(self) -> dict[str, Any]:
        """Return the values that say what is built, those of its parts too.

        Of labels only id2label: the library goes by it, and what else counts or names them is
        compared with it.
        """
        values = _without_how(self.values)
        if self.names is not None:
            values = {key: each for key, each in values.items() if key not in _BESIDE_NAMES}
        return values


def parse(name: str, data: bytes) -> Mapping[str, Any]:
    """Return the object that a JSON file holds; raises RefusedError for anything else."""
    try:
        value = json.loads(data)
    except RecursionError:
        raise corrupt(f"{name} nests too deeply to be read", "write it anew") from None
    except ValueError as error:
        raise corrupt(f"{name} is no JSON ({plain(error)})") from None
    if not isinstance(value, dict):
        raise corrupt(f"{name} holds no object", "save the model again: save_pretrained(FOLDER)")
    return value


def read_config(data: bytes) -> Config:
    """Return a config.json whose labels are sound; raises RefusedError where they are not.

    Whether a model may be built of it is asked with :func:`require_buildable`.
    """
    config = Config(parse(CONFIG, data))
    _check_labels(config.values)
    return config


def require_buildable(config: Config) -> None:
    """Raise RefusedError unless transformers can build the model from plain values alone.

    Refused are code of the folder's own, quantised weights, other models to load, addresses, tasks
    that give an image no single class, and numbers that no image classifier needs.
    """
    _refuse_code(config.values)
    if not config.model_type:
        fact = f"{CONFIG} has no model_type, so it is not known what transformers would build"
        raise mismatch(fact, _RESAVE)
    if config.model_type == "timm_wrapper":
        fact = f"{CONFIG} wraps a model of timm (model_type timm_wrapper)"
        raise mismatch(
            fact, "save it as timm does: timm.models.save_for_hf(model.timm_model, PATH)"
        )
    problem = config.values.get("problem_type")
    if problem not in _SINGLE:
        fact = f"{CONFIG}: problem_type is {quote(str(problem))}, which gives no image one class"
        raise mismatch(fact, "ship a model of problem_type single_label_classification")
    for place, value in _leaves(config.values, ()):
        _check_value(config, place, value)


def question_about_classes(config: Config) -> Ask | None:
    """Return what must be asked as config.json does not name the classes; None where it does."""
    names = config.names
    fact = None
    if names is None:
        fact = f"{CONFIG} has no id2label, which would name the classes"
    elif unnamed := [each for each in names if _UNNAMED.fullmatch(each)]:
        fact = f"{CONFIG}: id2label has {list_names(unnamed, limit=3)}, which name no classes"
    elif len(names) == 1:
        fact = f"{CONFIG}: id2label has one name, and one output tells two classes apart"
    if fact is None:
        return None
    remedy = "add classes: [first, second, ...], in the order of the model's outputs"
    return Ask("classes", fact, remedy)


def _refuse_code(values: Mapping[str, Any]) -> None:
    for place, value in _branches(values, ()):
        key = place[-1]
        where = f"{CONFIG}: {plain('.'.join(place))}"
        if key in ("auto_map", "custom_pipelines") and value:
            fact = f"{where} names code inside the folder, which is never run"
            raise unsafe(fact, _RESAVE)
        if key == "trust_remote_code" and value:
            raise unsafe(f"{where} asks for code of its own to be trusted", _RESAVE)
        if key == "quantization_config" and value is not None:
            fact = f"{where}: the weights are quantised, and are not judged as such"
            remedy = "save the model that was quantised, or its dequantised weights: "
            raise mismatch(fact, f"{remedy}model.dequantize(); model.save_pretrained(FOLDER)")
        if (key == "backbone" and value is not None) or (
            key == "use_pretrained_backbone" and value
        ):
            fact = f"{where} names another model, which transformers would fetch"
            raise unsafe(fact, _RESAVE)
        if isinstance(value, str) and "://" in value:
            raise unsafe(f"{where} is an address: {quote(value)}", "delete it from config.json")


def _check_value(config: Config, place: tuple[str, ...], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    named = [each for each in place if not each.isdecimal()]
    most = _TABLES.get(config.model_type, MOST_PIXELS) if _SIDES & set(named) else MOST
    if not abs(value) <= most:  # NaN meets no condition
        raise unsafe(
            f"{CONFIG}: {plain('.'.join(place))} is {number_in_words(value)}, and {most:,} is "
            "the most that an image classifier is given room for",
            "write the value that the model was trained with",
        )


def _check_labels(values: Mapping[str, Any]) -> None:
    labels = values.get("id2label")
    if labels is None:
        return
    repair = "set model.config.id2label = {0: 'first', 1: 'second', ...} and save it again"
    if not isinstance(labels, dict) or not all(isinstance(each, str) for each in labels.values()):
        raise corrupt(f"{CONFIG}: id2label does not map outputs to names", repair)
    expected = {str(position) for position in range(len(labels))}
    if not labels or set(labels) != expected:
        odd = list_names(sorted(set(labels) - expected)) or "none"
        raise corrupt(
            f"{CONFIG}: id2label has {pluralize(len(labels), 'name')}, and not for the outputs 0 "
            f"to {len(labels) - 1:,} (beside them: {odd})",
            repair,
        )


def contradictions_of(config: Config) -> Iterator[Disagreement]:
    """Yield where num_labels and label2id say otherwise than id2label, by which the library goes.

    Names that repeat have no inverse: whoever takes the names refuses them.
    """
    names = config.names
    if names is None:
        return
    count = config.values.get("num_labels")
    if count is not None and count != len(names):
        yield contradiction("num_labels", count, CONFIG, len(names), _NAMES)
    inverse = config.values.get("label2id")
    if inverse is None or len(set(names)) < len(names):
        return
    where = f"{CONFIG}: label2id"
    if not isinstance(inverse, dict):
        expected = f"a position for each of the {len(names):,} names"
        yield contradiction("label2id", inverse, where, expected, _NAMES)
        return
    if all(_UNNAMED.fullmatch(name) for name in inverse):  # the library's own, left as it was
        return
    for position, name in enumerate(names):
        there = inverse.get(name, "no output")
        if str(there) != str(position):  # the first tells what is wrong
            yield contradiction(f"the output of {quote(name)}", there, where, position, _NAMES)
            return
    if more := sorted(set(inverse) - set(names)):
        yield contradiction(
            f"the output of {quote(more[0])}", inverse[more[0]], where, "no output", _NAMES
        )


def contradictions_with(config: Config, tensors: Sequence[TensorSpec]) -> Iterator[Disagreement]:
    """Yield what no tensor of the weights can be of: the outputs, and the channels of the input.

    For a model that the user's own code builds, where no name tells which tensor is which: that
    none is so long is certain. Nothing of weights that could not be read.
    """
    weights = [spec.shape for spec in tensors if len(spec.shape) >= 2]
    kernels = [shape[:2] for shape in weights if len(shape) == 4]
    said = "num_labels" in config.values or config.names is not None
    if weights and said and not any(config.outputs in shape for shape in weights):
        where = f"{CONFIG}: num_labels" if config.names is None else _NAMES
        yield contradiction("the number of outputs", config.outputs, where, _NOWHERE, WEIGHTS)
    channels = config.values.get("num_channels")
    if isinstance(channels, int) and kernels and not any(channels in shape for shape in kernels):
        yield contradiction("num_channels", channels, CONFIG, _NOWHERE, WEIGHTS)


def _branches(value: object, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each value below a mapping or list with its place, but no labels."""
    if len(place) > _DEEPEST:
        raise corrupt(f"{CONFIG} nests too deeply to be read", "write it anew")
    pairs: Iterator[tuple[str, Any]]
    if isinstance(value, dict):
        pairs = ((key, each) for key, each in value.items() if key not in _LABELS)
    elif isinstance(value, list):
        pairs = ((str(number), each) for number, each in enumerate(value))
    else:
        return
    for key, each in pairs:
        yield (*place, key), each
        yield from _branches(each, (*place, key))


def _leaves(value: object, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    return (
        (there, each)
        for there, each in _branches(value, place)
        if not isinstance(each, dict | list)
    )


def _without_how(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _without_how(value) if isinstance(value, dict) and key not in _LABELS else value
        for key, value in values.items()
        if not _HOW.fullmatch(key)
    }
