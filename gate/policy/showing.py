"""A resolved policy as text that reads back as the same policy."""

import json
from typing import Any

import yaml

from gate.documents.scalars import read_plain
from gate.policy.merging import PlacedRule
from gate.policy.model import Policy
from gate.policy.reading import PolicyDocument


def as_json(policy: Policy) -> str:
    """Return the resolved policy as JSON, indented by two, without a final line break."""
    return json.dumps(policy.resolved(), indent=2, ensure_ascii=False)


def as_yaml(policy: Policy) -> str:
    """Return the resolved policy as YAML, without a final line break."""
    return "\n".join(_dump(policy.resolved()))


def with_places(document: PolicyDocument) -> str:
    """Return the resolved policy as YAML with the place that each value of a rule comes from.

    What is stated nowhere is the check's own default. It reads back as the same policy.
    """
    whole = document.policy.resolved()
    lines = [*_dump({key: whole[key] for key in whole if key != "rules"}), "rules:"]
    for placed, rule in zip(document.placed, whole["rules"], strict=True):
        for number, (key, value) in enumerate(rule.items()):
            first, *more = _dump({key: value})
            head = f"{'- ' if number == 0 else '  '}{first}"
            lines += [f"{head:<48}  # {_source(placed, key)}", *(f"  {line}" for line in more)]
    return "\n".join(lines)


def places(document: PolicyDocument) -> dict[str, dict[str, str]]:
    """Return rule -> key -> where its value comes from: file:line, or "default"."""
    return {
        placed.rule.id: {key: _source(placed, key) for key in rule}
        for placed, rule in zip(document.placed, document.policy.resolved()["rules"], strict=True)
    }


def _source(placed: PlacedRule, key: str) -> str:
    origin = placed.stated.get(key, placed.defaulted.get(key))
    if origin is None and key != "id":  # a rule without an id is named by its check
        return "default"
    file, line, _ = (origin or placed.entry).place
    shown = file if file.isprintable() else repr(file)
    return f"{shown}:{line}"


def _dump(values: dict[str, Any]) -> list[str]:
    text = yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text.splitlines()


class _Dumper(yaml.SafeDumper):
    """Quotes every word that a strict reader would refuse or take for something else."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 -- as PyYAML declares it
        """Return True: our reader refuses aliases."""
        return True


def _word(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if read_plain(text) == text else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _word)
