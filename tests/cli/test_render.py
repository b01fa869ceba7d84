"""render, and what the commands that end in a report share: formats, colour, outputs of a step."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gate.cli import main
from gate.cli.output import FORMATS
from gate.evidence.store import FILE_NAME, save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.report.renderings import registry

GOLDEN = Path(__file__).parents[1] / "golden"
verdicts = pytest.mark.parametrize("verdict", ["pass", "fail", "inconclusive", "error"])
GOOD = SyntheticRun(
    train=((970, 30), (30, 970)), test=((490, 10), (10, 490)), probe="sound", copies=0
)
BAD = SyntheticRun(
    train=((970, 30), (30, 970)), test=((490, 10), (400, 100)), probe="sound", copies=0
)


def test_the_formats_of_the_command_line_are_those_that_can_be_rendered():
    assert FORMATS == registry.FORMATS


@verdicts
@pytest.mark.parametrize("format_", FORMATS)
def test_render_writes_every_format_and_ends_in_0_whatever_the_verdict(verdict, format_, tmp_path):
    target = tmp_path / "out"

    status = main(["render", str(GOLDEN / f"{verdict}.json"), "-o", f"{format_}={target}"])

    assert status == 0
    assert target.read_text(encoding="utf-8").endswith("\n")


def test_render_without_targets_writes_one_document_to_standard_output(capsys):
    assert main(["render", str(GOLDEN / "fail.json"), "--format", "sarif"]) == 0

    out, err = capsys.readouterr()
    assert json.loads(out)["version"] == "2.1.0"
    assert err == ""


def test_render_leaves_the_report_as_it_was(tmp_path):
    report = tmp_path / "report.json"
    report.write_bytes((GOLDEN / "fail.json").read_bytes())

    main(["render", str(tmp_path), "-o", f"html={tmp_path / 'page.html'}"])

    assert report.read_bytes() == (GOLDEN / "fail.json").read_bytes()


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"schema_version": "9.9"}', "\x00\xff", "[" * 50_000]
)
def test_what_is_no_report_is_refused_in_words(text, tmp_path, capsys):
    (tmp_path / "report.json").write_text(text, encoding="latin-1")

    assert main(["render", str(tmp_path)]) == 4

    out, err = capsys.readouterr()
    assert out == ""
    assert "no report of version 1.0" in err


def test_a_report_that_is_not_there_is_refused_in_words(tmp_path, capsys):
    assert main(["render", str(tmp_path / "none.json")]) == 4
    assert "there is no report" in capsys.readouterr().err


def test_a_key_from_outside_cannot_move_the_cursor_in_the_error(tmp_path, capsys):
    document = json.loads((GOLDEN / "pass.json").read_text(encoding="utf-8"))
    (tmp_path / "report.json").write_text(json.dumps({**document, "\x1b[2J": 1}), encoding="utf-8")

    assert main(["render", str(tmp_path)]) == 4
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize("output", ["html", "=x", "yaml=x", "json=", "json=.", "json=" + 300 * "x"])
def test_a_wrong_target_is_refused_before_anything_is_read(output, capsys):
    assert main(["render", "none.json", "-o", output]) == 2
    assert "-o" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["-o", "--out"])
def test_a_name_that_is_too_long_for_a_file_is_told_in_words(option, tmp_path, capsys):
    (tmp_path / "gate.yaml").write_text(
        "{apiVersion: gate/v1, kind: Validation, model: {checkpoint: m.pt, factory: 'a:b'}, "
        "data: {test: {path: t.csv}}, policy: baseline}"
    )
    place = str(tmp_path / (300 * "x"))
    target = f"json={place}" if option == "-o" else place

    assert main(["run", str(tmp_path / "gate.yaml"), option, target]) == 2

    said = capsys.readouterr().err
    assert option in said
    assert "File name too long" in said


JUDGED = [(GOOD, "smoke", 0), (BAD, "smoke", 0), (BAD, "baseline", 1)]


@pytest.fixture(scope="module", params=JUDGED, ids=["good", "smoke-only-warns", "bad"])
def judged(request, tmp_path_factory):
    """Return the command that judges saved evidence, and the exit status of its verdict."""
    numbers, policy, status = request.param
    folder = tmp_path_factory.mktemp("saved")
    save(synthetic_evidence(numbers), folder / "evidence.sqlite")
    return ("judge", str(folder), "--policy", policy), status


@pytest.mark.parametrize("format_", [None, *FORMATS])
def test_the_exit_status_is_the_same_in_every_format(judged, format_, tmp_path):
    command, status = judged
    asked = () if format_ is None else ("--format", format_, "-o", f"junit={tmp_path / 'out.xml'}")

    assert main([*command, *asked]) == status


def test_colour_marks_words_only_where_it_is_asked_for(capsys):
    def shown(*color):
        main(["render", str(GOLDEN / "fail.json"), *color])
        return capsys.readouterr().out

    coloured = shown("--color", "always")

    assert "\n\x1b[31mFAIL\x1b[0m  exit status 1\n" in coloured
    assert "\x1b" not in shown("--color", "never")
    assert "\x1b" not in shown()  # not a terminal
    plain = coloured
    for code in ("\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"):
        plain = plain.replace(code, "")
    assert plain == shown("--color", "never")


@verdicts
def test_quiet_says_the_verdict_in_one_line(verdict, capsys):
    main(["render", str(GOLDEN / f"{verdict}.json"), "-q"])

    out = capsys.readouterr().out
    status = {"pass": 0, "fail": 1, "inconclusive": 3, "error": 4}[verdict]
    assert out == f"{verdict.upper()}  exit status {status}\n"


def test_verbose_says_every_result(capsys):
    report = json.loads((GOLDEN / "fail.json").read_text(encoding="utf-8"))

    main(["render", str(GOLDEN / "fail.json"), "--verbose"])

    out = " ".join(capsys.readouterr().out.split())
    assert all(" ".join(each["message"].split()) in out for each in report["results"])


def test_a_file_has_the_same_text_however_much_a_terminal_shows(tmp_path, capsys):
    for flag in ("-q", "-v"):
        main(["render", str(GOLDEN / "fail.json"), flag, "-o", f"text={tmp_path / flag}"])
    capsys.readouterr()

    assert (tmp_path / "-q").read_bytes() == (tmp_path / "-v").read_bytes()


def test_verbose_and_quiet_together_are_refused(capsys):
    assert main(["render", str(GOLDEN / "fail.json"), "-q", "-v"]) == 2

    assert "-q" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is POSIX")
@pytest.mark.parametrize(("no_color", "coloured"), [(None, True), ("1", False)])
def test_a_terminal_gets_colour_unless_no_color_is_set(no_color, coloured):
    import pty

    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    if no_color:
        environment["NO_COLOR"] = no_color
    script = "import sys; from gate.cli import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", script, "render", str(GOLDEN / "error.json")],
        stdout=theirs,
        env=environment,
        cwd=Path(__file__).parents[2],
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # how a pseudo-terminal ends
        pass
    os.close(ours)

    assert process.wait(60) == 0
    assert (b"\x1b[" in shown) == coloured


def test_the_verdict_is_last_and_before_it_the_next_command(capsys):
    main(["render", str(GOLDEN / "fail.json")])

    *_, following, verdict = capsys.readouterr().out.splitlines()
    assert verdict == "FAIL  exit status 1"
    assert following.startswith("next  validate-model render ")


def test_an_open_question_is_followed_by_plan(capsys):
    main(["render", str(GOLDEN / "inconclusive.json")])

    assert "next  validate-model plan --policy policy.yaml\n" in capsys.readouterr().out


def test_what_was_not_measured_is_not_followed_by_plan(tmp_path, capsys):
    document = json.loads((GOLDEN / "inconclusive.json").read_text(encoding="utf-8"))
    for each in document["results"]:
        if each["outcome"] == "inconclusive":
            each["measured"] = {**each["measured"], "value": None}
    (tmp_path / "report.json").write_text(json.dumps(document), encoding="utf-8")

    main(["render", str(tmp_path / "report.json")])

    assert "validate-model plan" not in capsys.readouterr().out


def test_where_evidence_lies_beside_it_the_plan_counts_its_images(tmp_path, capsys):
    (tmp_path / "report.json").write_bytes((GOLDEN / "inconclusive.json").read_bytes())
    save(
        synthetic_evidence(SyntheticRun(test=((9, 1), (1, 9)), critical=("dog",))),
        tmp_path / FILE_NAME,
    )

    main(["render", str(tmp_path)])

    [following] = [each for each in capsys.readouterr().out.splitlines() if each[:4] == "next"]
    program, *arguments = shlex.split(following.removeprefix("next"))
    expected = ["plan", "--policy", "policy.yaml", "--evidence", str(tmp_path / FILE_NAME)]
    assert (program, arguments) == ("validate-model", expected)
    assert main([*arguments[:2], "recall-first", *arguments[3:]]) == 0
    assert "critical-recall of dog" in capsys.readouterr().out


def test_a_refused_checkpoint_is_followed_by_inspect(capsys):
    main(["render", str(GOLDEN / "error.json")])

    assert "next  validate-model inspect model.pt" in capsys.readouterr().out


def test_names_break_no_terminal_that_cannot_show_them(tmp_path):
    text = (GOLDEN / "fail.json").read_text(encoding="utf-8").replace("tumour", "опухоль")
    (tmp_path / "report.json").write_text(text, encoding="utf-8")
    script = "import sys; from gate.cli import main; sys.exit(main(sys.argv[1:]))"

    finished = subprocess.run(
        [sys.executable, "-c", script, "render", str(tmp_path)],
        env={**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
    )

    assert finished.returncode == 0
    assert b"\\u043e" in finished.stdout


def test_outputs_of_a_step_are_added_only_where_annotations_are_asked_for(tmp_path, monkeypatch):
    file = tmp_path / "outputs"
    file.write_text("earlier=1\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_OUTPUT", str(file))

    main(["render", str(GOLDEN / "fail.json"), "-o", f"junit={tmp_path / 'j.xml'}"])
    untouched = file.read_text(encoding="utf-8")
    main(["render", str(GOLDEN / "fail.json"), "-o", f"github={tmp_path / 'a.txt'}"])

    assert untouched == "earlier=1\n"
    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "earlier=1"
    assert lines[lines.index(next(x for x in lines if x.startswith("verdict<<"))) + 1] == "fail"


def test_render_imports_neither_torch_nor_pillow():
    script = (
        "import sys; from gate.cli import main; status = main(sys.argv[1:]); "
        "print(sorted({'torch', 'PIL', 'jinja2'} & set(sys.modules)), file=sys.stderr); "
        "sys.exit(status)"
    )

    finished = subprocess.run(
        [sys.executable, "-c", script, "render", str(GOLDEN / "fail.json"), "--format", "junit"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0
    assert finished.stderr.strip() == "[]"
