"""A configuration records what a gate file declares, and which user code ran."""

import json
from collections.abc import Mapping
from typing import Any

from gate.errors import EvidenceError
from gate.evidence.records import Code, Configuration, Split
from gate.subject.datasets.spec import DataSpec
from gate.subject.gatefile import Factory, GateFile
from gate.subject.outputs import output_spec
from gate.subject.packages import package_of
from gate.wording import plain


def configuration_of(gatefile: GateFile, used: Mapping[str, str | None]) -> Configuration:
    """Return the configuration of a measurement.

    ``used`` are the files of user code that the model ran with, perhaps on other machines. Raises
    EvidenceError where the source files that lie here are not those.
    """
    splits = gatefile.data.given()
    predicted = any(spec.predictions is not None for spec in splits.values())
    return Configuration(
        input=None if predicted else gatefile.input.model_dump(mode="json"),
        output=None if predicted else output_spec(gatefile.output).model_dump(mode="json"),
        weights=gatefile.model.key if gatefile.model else None,
        groups={Split(name): _grouping(spec) for name, spec in splits.items()},
        code={each.key: _code(each, gatefile, used) for each in gatefile.factories()},
    )


def _grouping(spec: DataSpec) -> dict[str, str] | None:
    if spec.group_pattern is not None:
        return {"pattern": spec.group_pattern}
    return None if spec.group is None else {"column": spec.group}


def _code(named: Factory, gatefile: GateFile, used: Mapping[str, str | None]) -> Code:
    package = package_of(named.spec, base=gatefile.base)
    if other := package.differing(used):
        raise EvidenceError(
            f"{named.key} {named.spec}",
            f"{plain(other)} is not the file that the model was measured with",
            "measure again in a new process, with the same code on every machine",
        )
    kwargs = _as_json(named.kwargs)
    return Code(named.spec, kwargs, package.name, len(package.files), package.sha256)


def _as_json(kwargs: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- what JSON holds
    """Return keyword arguments as JSON values; what Python alone can give, as text."""
    return json.loads(json.dumps(dict(kwargs), default=str), parse_constant=str)
