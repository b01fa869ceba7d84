"""A resolved policy as text that reads back as the same policy."""

import json
from typing import Any

import yaml

from gate.policy.model import Policy
from gate.policy.scalars import read_plain


def as_json(policy: Policy) -> str:
    """Return the resolved policy as JSON, indented by two, without a final line break."""
    return json.dumps(policy.resolved(), indent=2, ensure_ascii=False)


def as_yaml(policy: Policy) -> str:
    """Return the resolved policy as YAML, without a final line break."""
    text = yaml.dump(
        policy.resolved(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100
    )
    return text.removesuffix("\n")


class _Dumper(yaml.SafeDumper):
    """Quotes every word that a strict reader would refuse or take for something else."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 -- as PyYAML declares it
        """Return True: our reader refuses aliases."""
        return True


def _word(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if read_plain(text) == text else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _word)
