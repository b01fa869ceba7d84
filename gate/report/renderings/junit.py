"""JUnit XML in the dialect of Jenkins: one test case a result, and one for the verdict itself.

The verdict is a case of its own, so that a report that could not judge anything is never green.
"""

from typing import Any
from xml.etree import ElementTree as ET

from gate.healing import advice
from gate.report.model import Report, ResultPart
from gate.report.renderings import Mark, Rendering
from gate.report.renderings.words import SENTENCES, headline, level, outcomes_counted, word
from gate.wording import printable


def junit(report: Report) -> str:
    """Return JUnit XML.

    A blocking failure is a failure; a blocking result that is open or could not be evaluated is an
    error; a warning passes and says so in system-out; what is waived or not applicable is skipped.
    """
    suite = ET.Element("testsuite", name=printable(f"policy {report.policy.name}", 200))
    _properties(suite, report)
    _verdict(suite, report)
    for error in report.errors:
        case = _case(suite, "errors", error.where)
        message = f"{error.message} ({advice(retriable=error.retriable)})"
        _problem(case, "error", error.kind, message, error.remedy)
    for result in report.results:
        _result(suite, result)
    totals = {
        "tests": len(suite.findall("testcase")),
        "failures": len(suite.findall("testcase/failure")),
        "errors": len(suite.findall("testcase/error")),
        "skipped": len(suite.findall("testcase/skipped")),
    }
    for name, total in totals.items():
        suite.set(name, str(total))
    suite.set("time", _seconds(report.run))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    body = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _properties(suite: ET.Element, report: Report) -> None:
    properties = ET.SubElement(suite, "properties")
    facts = {
        "verdict": report.verdict,
        "enforced": str(report.decision.enforced).lower(),
        "exit_status": str(report.decision.exit_status),
        "retriable": str(report.decision.retriable).lower(),
        "checkpoint_sha256": report.subject.sha256 or "",
        "policy": f"{report.policy.name} {report.policy.version}",
        "policy_sha256": report.policy.resolved_sha256,
        "tool": f"validate-model {report.tool.version}",
    }
    for name, value in facts.items():
        ET.SubElement(properties, "property", name=name, value=printable(value))


def _verdict(suite: ET.Element, report: Report) -> None:
    case = _case(suite, "verdict", "verdict")
    said = f"{headline(report)}: {SENTENCES[report.verdict]} ({outcomes_counted(report)})"
    if report.verdict == "pass":
        ET.SubElement(case, "system-out").text = said
    else:
        _problem(case, "failure" if report.verdict == "fail" else "error", report.verdict, said, "")


def _result(suite: ET.Element, result: ResultPart) -> None:
    case = _case(suite, result.rule, result.key)
    said = printable(result.message)
    match level(result):
        case "error":
            element = "failure" if result.outcome == "failed" else "error"
            _problem(case, element, result.outcome, result.message, result.remedy)
        case "warning":
            ET.SubElement(case, "system-out").text = f"{word(result)}: {said}"
        case "waived":
            reason = f"waived by {result.waiver}: {result.message}" if result.waiver else said
            ET.SubElement(case, "skipped", message=printable(reason))
        case "not-applicable":
            ET.SubElement(case, "skipped", message=said)
        case "passed":
            ET.SubElement(case, "system-out").text = said


def _case(suite: ET.Element, group: str, name: str) -> ET.Element:
    return ET.SubElement(
        suite,
        "testcase",
        classname=f"validate-model.{printable(group, 200)}",
        name=printable(name, 400),
    )


def _problem(case: ET.Element, element: str, kind: str, message: str, remedy: str) -> None:
    said = printable(message)
    body = ET.SubElement(case, element, type=printable(kind, 40), message=said)
    body.text = f"{said}\nto fix: {printable(remedy)}" if remedy else said


def _seconds(run: dict[str, Any]) -> str:
    seconds = run.get("seconds")
    return f"{seconds:.3f}" if isinstance(seconds, int | float) else "0"


RENDERING = Rendering(
    name="junit",
    about="test cases, for CI servers",
    render=lambda report, _: junit(report),
    mark=Mark(r'<\?xml [\s\S]*<property name="tool" value="validate-model '),
)
