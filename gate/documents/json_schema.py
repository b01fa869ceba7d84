"""The JSON Schema of a document is made from its model, and allows what our reader allows."""

import json
from typing import Any

from pydantic import BaseModel

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def model_schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    """Return the JSON Schema (Draft 2020-12) of a document that one model describes."""
    return {"$schema": DIALECT, **as_read(model.model_json_schema(by_alias=True)), "title": title}


def as_read(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema of pydantic's as our reader reads: no value may be null.

    The titles that pydantic makes of names say nothing more than the names.
    """
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            kept[key] = {name: as_read(inner) for name, inner in value.items()}
        elif key == "anyOf":
            members = [as_read(member) for member in value if member != {"type": "null"}]
            kept |= members[0] if len(members) == 1 else {"anyOf": members}
        elif isinstance(value, dict):
            kept[key] = as_read(value)
        elif isinstance(value, list) and key in ("allOf", "oneOf", "prefixItems"):
            kept[key] = [as_read(member) for member in value]
        elif not (key == "title" and "$defs" not in schema) and not (
            key == "default" and value is None
        ):
            kept[key] = value
    return kept


def as_text(schema: dict[str, Any]) -> str:
    """Return a schema as it is committed: indented by two, with a final line break."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
