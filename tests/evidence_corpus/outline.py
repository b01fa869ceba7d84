"""The structure of a page: its headings, its glance, its cards, and where pictures stand."""

import re
from html.parser import HTMLParser

_HEADINGS = {"h1", "h2", "h3", "h4"}


def outline(page: str) -> str:
    """Return a line a heading, with the state and the fold of what it heads; no figures."""
    reader = _Outline()
    reader.feed(page)
    return "\n".join(reader.lines) + "\n"


class _Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._folds: list[str] = []  # of the details that are open in the text
        self._heading = ""
        self._said = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "details":
            fold = "open" if "open" in named else "folded"
            self._folds.append(f"{fold} {named.get('class') or ''}".strip())
        elif tag in _HEADINGS:
            self._heading, self._said = tag, ""
        elif tag == "img" and self.lines[-1:] != ["   pictures"]:
            self.lines.append("   pictures")
        elif tag == "ul" and named.get("class") in ("plot", "glances", "why"):
            self.lines.append(f"   {named['class']}")
        elif tag == "table" and not any("inner" in fold for fold in self._folds):
            self.lines.append("   table")

    def handle_endtag(self, tag: str) -> None:
        if tag == "details":
            self._folds.pop()
        elif tag == self._heading:
            said = re.split(r" (?:[≥≤<>]|on |taken) ?", " ".join(self._said.split()))[0]
            fold = f"  [{self._folds[-1]}]" if self._folds else ""
            self.lines.append(f"{tag} {said}{fold}")
            self._heading = ""

    def handle_data(self, data: str) -> None:
        if self._heading:
            self._said += data
