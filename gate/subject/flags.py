"""The flags of the command line that stand for keys of the gate file: one table.

The options of the commands, the reference in ``.github/FLAGS.md`` and the wording of remedies are
read from it. Nothing heavy is imported: ``--help`` comes from here.
"""

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Key = str | int
Reads = Literal["text", "path", "paths", "policy", "size", "numbers", "number", "names", "columns",
                "resize", "pad", "json"]  # fmt: skip
# Lines of a gate file in a remedy: a list, or a mapping with at most one level below it.
_LINE = re.compile(
    r"\b(?:classes|critical|input|output|model|data): (?:\[[^\]]*\]|\{(?:[^{}]|\{[^{}]*\})*\})"
)
_FACTORY = re.compile(r"under model: add factory: ([\w.:]+), or use --model")
EVERY = "*"  # in a key: each split that is given


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag, the key of the gate file that it stands for, and what it says."""

    name: str  # without the dashes
    key: tuple[str, ...]  # from the top of the gate file
    help: str
    metavar: str = ""
    reads: Reads = "text"
    choices: tuple[str, ...] = ()

    @property
    def option(self) -> str:
        """The flag as it is typed: ``--crop-ratio``."""
        return f"--{self.name}"

    @property
    def parameter(self) -> str:
        """The flag as the name of an argument: ``crop_ratio``."""
        return self.name.replace("-", "_")

    @property
    def repeats(self) -> bool:
        """Whether it may be given several times."""
        return self.reads in ("names", "columns", "paths")


_NAMES = "NAME[,NAME]"
FLAGS = (
    Flag("checkpoint", ("model", "checkpoint"), "The checkpoint to judge.", "FILE", "path"),
    Flag(
        "model",
        ("model", "factory"),
        "Returns the nn.Module; your code.",
        "PKG.MODULE:FUNCTION",
    ),
    Flag(
        "model-kwargs",
        ("model", "kwargs"),
        "What that function is called with.",
        "JSON",
        "json",
    ),
    Flag(
        "weights-key",
        ("model", "key"),
        "The state dict to load, where the checkpoint holds several.",
        "NAME",
    ),
    Flag(
        "classes",
        ("classes",),
        "In the order of the model's outputs; may repeat.",
        _NAMES,
        "names",
    ),
    Flag(
        "critical",
        ("critical",),
        "The classes whose mistakes cost most; may repeat.",
        _NAMES,
        "names",
    ),
    Flag(
        "train",
        ("data", "train", "path"),
        "The images that the model learned from.",
        "PATH",
        "path",
    ),
    Flag("test", ("data", "test", "path"), "The images that it has never seen.", "PATH", "path"),
    Flag(
        "val", ("data", "validation", "path"), "The images that it was chosen on.", "PATH", "path"
    ),
    Flag(
        "predictions",
        ("data", "test", "predictions"),
        "Saved predictions of test, in place of a model and images.",
        "FILE",
        "path",
    ),
    Flag(
        "train-predictions",
        ("data", "train", "predictions"),
        "Saved predictions of train.",
        "FILE",
        "path",
    ),
    Flag(
        "val-predictions",
        ("data", "validation", "predictions"),
        "Saved predictions of validation.",
        "FILE",
        "path",
    ),
    Flag("data-format", ("data", EVERY, "format"), "The format of the data; else seen.", "NAME"),
    Flag("image", ("data", EVERY, "image"), "Image paths of a manifest; else `image`.", "COLUMN"),
    Flag(
        "folder", ("data", EVERY, "folder"), "Folder of a manifest's images; else its own.", "PATH"
    ),
    Flag(
        "extension",
        ("data", EVERY, "extension"),
        "What the names in a manifest lack, as .png.",
        "EXT",
    ),
    Flag("label", ("data", EVERY, "label"), "Class names of a manifest; else `label`.", "COLUMN"),
    Flag("id", ("data", EVERY, "id"), "Unique names of a manifest; else the paths.", "COLUMN"),
    Flag(
        "group",
        ("data", EVERY, "group"),
        "Patient, scene or batch of an image: none may be in two splits.",
        "COLUMN",
    ),
    Flag(
        "group-pattern",
        ("data", EVERY, "group_pattern"),
        "Finds the group in an image's name, in brackets.",
        "REGEX",
    ),
    Flag(
        "slices",
        ("data", EVERY, "slices"),
        "Columns whose values are judged one by one; may repeat.",
        "COLUMN[,COLUMN]",
        "columns",
    ),
    Flag("policy", ("policy",), "A shipped policy, or your own.", "NAME|FILE", "policy"),
    Flag("history", ("history",), "The losses of training.", "FILE", "path"),
    Flag("baseline", ("baseline",), "What the champion left on the same images.", "PATH", "path"),
    Flag("waivers", ("waivers",), "A document of accepted failures; may repeat.", "FILE", "paths"),
    Flag("size", ("input", "size"), "Height and width of the model's input.", "HxW", "size"),
    Flag(
        "channels",
        ("input", "channels"),
        "Grey, or the order of the colours.",
        choices=("L", "RGB", "BGR"),
    ),
    Flag(
        "resize",
        ("input", "resize"),
        "How an image is brought to the size: none (the default), stretch, shorter-side, "
        "longer-side, the pixels of its shorter side, or a height and width.",
        "HOW|N|HxW",
        "resize",
    ),
    Flag(
        "crop",
        ("input", "crop"),
        "Whether the size is cut from the middle.",
        choices=("none", "center", "center-floor"),
    ),
    Flag(
        "crop-ratio",
        ("input", "crop_ratio"),
        "Resize for a larger size, of which this part is cut (crop_pct).",
        "N",
        "number",
    ),
    Flag(
        "interpolation",
        ("input", "interpolation"),
        "How pixels are computed in resizing; bilinear by default.",
        choices=("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"),
    ),
    Flag(
        "pad",
        ("input", "pad"),
        "The border of an image that is too small: its level 0..255, one a channel, or mean.",
        "N[,N,N]|mean",
        "pad",
    ),
    Flag(
        "orientation",
        ("input", "orientation"),
        "Whether an image is turned as its EXIF data says.",
        choices=("exif", "stored"),
    ),
    Flag(
        "scale",
        ("input", "scale"),
        "What pixels of 0..255 are multiplied by; 1/255 by default.",
        "N",
        "number",
    ),
    Flag("offset", ("input", "offset"), "Added after scaling.", "N", "number"),
    Flag("mean", ("input", "mean"), "Subtracted after scaling to 0..1.", "N[,N,N]", "numbers"),
    Flag("std", ("input", "std"), "Divided by after that.", "N[,N,N]", "numbers"),
    Flag(
        "input-factory",
        ("input", "factory"),
        "Returns what turns an image into the input; your code, in place of all these.",
        "PKG.MODULE:FUNCTION",
    ),
    Flag(
        "model-output",
        ("output",),
        "What the model answers with; else it is found out.",
        choices=("logit", "probability"),
    ),
)


def flags_under(*path: str) -> tuple[Flag, ...]:
    """Return the flags of a key and of the keys below it, in the order of the table."""
    return tuple(each for each in FLAGS if each.key[: len(path)] == path)


def flag_of(path: Sequence[Key]) -> Flag | None:
    """Return the flag that stands for exactly this key; None where there is none."""
    for each in FLAGS:
        fits = (known in (EVERY, key) for known, key in zip(each.key, path, strict=False))
        if len(each.key) == len(path) and all(fits):
            return each
    return None


@dataclass(frozen=True, slots=True)
class Remedy:
    """A remedy in two spellings: keys for who wrote a gate file, flags for who gave flags."""

    in_file: str
    in_flags: str

    def __str__(self) -> str:
        return self.in_file


def remedy(template: str, said: Mapping[str, Any]) -> Remedy:
    """Return a remedy with ``{}`` in the template as lines of a gate file, and as flags.

    ``said`` is what to add, as a gate file has it; every key of it must have a flag.
    """
    in_file = ", ".join(f"{key}: {flow(value)}" for key, value in said.items())
    return Remedy(template.replace("{}", in_file), template.replace("{}", in_flags(said)))


def in_flags(said: Mapping[str, Any]) -> str:
    """Return what a gate file says as flags of the command line, quoted for a shell.

    Raises ValueError for a key that has no flag.
    """
    return " ".join(_spelled(said, ()))


def as_flags(text: str) -> str:
    """Return a remedy with the lines of a gate file in it as flags, where there are flags for them.

    >>> as_flags("add input: {size: [H, W], channels: RGB}, as in training")
    'add --size HxW --channels RGB, as in training'
    """
    spelt = _FACTORY.sub(r"add --model \1", text)
    return _LINE.sub(lambda line: _as_flags(line[0]), spelt)


def _as_flags(line: str) -> str:
    from gate.documents.source_text import Source
    from gate.documents.yaml_tree import read_tree

    root, faults = read_tree(Source("", line, ""))
    if root is None or faults:
        return line
    try:
        return in_flags(root.plain())
    except ValueError:
        return line


def _spelled(said: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[str]:
    for key, value in said.items():
        path = (*above, key)
        flag = flag_of(path)
        if flag is not None:
            yield f"{flag.option} {shlex.quote(typed(value, flag))}"
        elif isinstance(value, Mapping) and flags_under(*path):
            yield from _spelled(value, path)
        else:
            raise ValueError(f"no flag stands for {'.'.join(path)}")


def typed(value: Any, flag: Flag) -> str:  # noqa: ANN401 -- what a gate file holds
    """Return a value of the gate file as it is typed after a flag."""
    if flag.reads == "json":
        return json.dumps(value)
    if isinstance(value, list | tuple):
        if flag.reads in ("size", "resize"):
            return "x".join(map(str, value))
        if any("," in str(each) or str(each).startswith("[") for each in value):
            return json.dumps(list(value), ensure_ascii=False)
        return ",".join(f"{each:g}" if isinstance(each, float) else str(each) for each in value)
    return str(value)


def flow(value: Any) -> str:  # noqa: ANN401 -- what a gate file holds
    """Return a value as a line of a gate file has it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z.]([\w./:-]*[\w./-])?", value):
        from gate.documents.scalars import read_plain

        if value.isascii() and read_plain(value) == value:
            return value
    return json.dumps(value, ensure_ascii=False)


def named(flags: Iterable[Flag]) -> str:
    """Return flags in words, with what follows each: for a remedy that cannot say a value."""
    return ", ".join(f"{each.option} {each.metavar or '|'.join(each.choices)}" for each in flags)


def reference() -> str:
    """Return the table as Markdown."""
    rows = (
        f"| `{each.option} {(each.metavar or '|'.join(each.choices)).replace('|', chr(92) + '|')}` "
        f"| `{'.'.join(each.key).replace(EVERY, 'SPLIT')}` | {each.help} |\n"
        for each in FLAGS
    )
    return "".join(("| flag | key | what it says |\n|---|---|---|\n", *rows))


if __name__ == "__main__":
    print(reference(), end="")  # noqa: T201 -- a tool, not the product's output
