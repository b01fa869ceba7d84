"""in-toto: the statement that `attest` would sign, laid out for reading."""

import json

from gate.report.model import Report
from gate.report.renderings import Mark, Rendering
from gate.report.statement import statement


def intoto(report: Report) -> str:
    """Return the unsigned statement as indented JSON; `attest` signs the same without spaces.

    The report knows one digest of the checkpoint; `attest` gives the files their names, and lists
    every file of a model folder. Raises EvidenceError for a report that no statement can be made
    of.
    """
    sha256 = report.subject.sha256
    subjects = {} if sha256 is None else {"checkpoint": sha256}
    return json.dumps(statement(report, subjects), indent=2) + "\n"


RENDERING = Rendering(
    name="intoto",
    about="what attest would sign, laid out for reading",
    render=lambda report, _: intoto(report),
    mark=Mark(r'\{\s*"_type": "https://in-toto.io/Statement/v1"', r'"doesNotSay": \['),
)
