"""The JSON Schema of a policy, for editors: `python -m gate.policy.schema` prints it.

It is made from the models, so that completion and hover text say what the reader does. A rule's
keys depend on its check, which editors follow through if and then.
"""

from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gate.checks import REGISTRY
from gate.checks.base import Rule, SplitName
from gate.checks.data_requirements import DataRequirements
from gate.documents.json_schema import DIALECT, as_read, as_text
from gate.policy.model import ID_PATTERN, Header

_REFERENCE = "#/$defs/{model}"


def policy_schema() -> dict[str, Any]:
    """Return the JSON Schema (Draft 2020-12) of a policy."""
    models: list[type[BaseModel]] = [Header, *REGISTRY.values()]
    references, shared = models_json_schema(
        [(model, "validation") for model in models], by_alias=True, ref_template=_REFERENCE
    )
    definitions = shared["$defs"]
    header = definitions.pop(references[Header, "validation"]["$ref"].rsplit("/", 1)[1])
    for rule in REGISTRY.values():
        name = references[rule, "validation"]["$ref"].rsplit("/", 1)[1]
        _finish_rule(definitions[name], rule)
    by_check = {check: references[rule, "validation"] for check, rule in REGISTRY.items()}
    rules = {
        "description": "The rules; a model passes when every blocking one is met.",
        "type": "array",
        "minItems": 1,
        "items": _rule(by_check, _restate(definitions.values())),
    }
    data = {
        "description": "What the splits must hold; each entry is a rule called data-SPLIT.",
        "type": "object",
        "additionalProperties": False,
        "properties": {split: _asked_of(split, definitions) for split in get_args(SplitName)},
    }
    schema = {
        "title": "A policy of validate-model",
        "description": "How a model is judged.",
        "type": "object",
        "additionalProperties": False,
        "required": ["apiVersion", "kind", "metadata"],
        "anyOf": [{"required": ["rules"]}, {"required": ["extends"]}],
        "properties": {**header["properties"], "data": data, "rules": rules},
        "$defs": definitions,
    }
    return {"$schema": DIALECT, **as_read(schema)}


def _finish_rule(schema: dict[str, Any], rule: type[Rule]) -> None:
    """State what the reader adds: ``check`` is written out, and ids can stand in reports."""
    purpose = (rule.__doc__ or "").splitlines()[0]
    schema["properties"]["check"] = {**schema["properties"]["check"], "description": purpose}
    schema["required"] = ["check", *schema.get("required", [])]
    schema["properties"]["id"] = {
        **schema["properties"]["id"],
        "pattern": f"^{ID_PATTERN}$",
    }
    del schema["properties"]["id"]["default"]


def _rule(references: dict[str, Any], restated: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an entry: a rule of its check, or an id and what changes of it."""
    return {
        "type": "object",
        "properties": {"check": {"description": "The kind of check.", "enum": list(references)}},
        "if": {"required": ["check"]},
        "then": {
            "allOf": [
                {"if": {"properties": {"check": {"const": check}}}, "then": reference}
                for check, reference in references.items()
            ]
        },
        "else": {
            "required": ["id"],
            "properties": restated,
            "additionalProperties": False,
        },
    }


def _restate(definitions: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the keys of all rules: those that an inherited rule may be given anew.

    A key that several checks know takes what any of them does.
    """
    known: dict[str, list[dict[str, Any]]] = {}
    for definition in definitions:
        if "check" in definition.get("properties", {}):
            for key, value in definition["properties"].items():
                if key != "check" and value not in known.setdefault(key, []):
                    known[key].append(value)
    return {
        key: values[0]
        if len(values) == 1
        else {"description": values[0].get("description", ""), "anyOf": values}
        for key, values in known.items()
    }


def _asked_of(split: str, definitions: dict[str, Any]) -> dict[str, Any]:
    properties = definitions[DataRequirements.__name__]["properties"]
    return {
        "description": f"What {split} must hold; that it is given goes without saying.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            key: value for key, value in properties.items() if key not in ("id", "check", "split")
        },
    }


if __name__ == "__main__":
    print(as_text(policy_schema()), end="")  # noqa: T201 -- a tool, not the product's output
