"""Marks show that this program wrote a file, before the file is taken away."""

import re
from pathlib import Path

from gate.report.renderings import Format
from gate.report.renderings.words import VERDICTS

_HEAD, _TAIL = 1 << 17, 1 << 12  # bytes; a mark stands near the start or the end
_VERDICT = "|".join(VERDICTS.values())
# What the start and the end of a rendering look like, whatever it says.
_MARKS: dict[Format, tuple[str, str]] = {
    "text": (r"model   ", rf"\n({_VERDICT})\b[^\n]* \(exit status \d+\)\n\Z"),
    "json": (r'\{\s*"schema_version": "[^"]*",\s*"tool": \{\s*"name": "validate-model"', ""),
    "markdown": (rf"## \S+ ({_VERDICT})\b[\s\S]*\| policy \| [^\n]*, sha256 [0-9a-f]{{64}} \|", ""),
    "html": (r'<!DOCTYPE html>[\s\S]*<p class="kicker">validate-model</p>', ""),
    "junit": (r'<\?xml [\s\S]*<property name="tool" value="validate-model ', ""),
    "sarif": (r'\{[\s\S]*"driver": \{\s*"name": "validate-model"', ""),
    "github": (r"::(error|warning|notice) file=[^\n]*,title=", ""),
    "openmetrics": (r"# TYPE gate_verdict stateset\n", r"\n# EOF\n\Z"),
    "gitlab-codequality": (
        r'\[(\]\n\Z|\s*\{\s*"description": .*\s*"check_name": .*\s*"fingerprint": "[0-9a-f]{64}")',
        "",
    ),
    "model-card": (r"---\npipeline_tag: ", r"\nMeasured by validate-model [^\n]*\n\Z"),
    "intoto": (r'\{\s*"_type": "https://in-toto.io/Statement/v1"', r'"doesNotSay": \['),
}


def is_ours(path: Path, format_: Format) -> bool:
    """Return whether a regular file is a rendering that this program wrote, of any verdict.

    What cannot be read is not: in doubt a file is somebody else's.
    """
    if path.is_symlink() or not path.is_file():
        return False
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
            stream.seek(max(path.stat().st_size - _TAIL, 0))
            tail = stream.read()
    except OSError:
        return False
    start, end = _MARKS[format_]
    return bool(re.match(start, _text(head)) and re.search(end, _text(tail)))


def _text(found: bytes) -> str:
    return found.decode("utf-8", errors="replace")
