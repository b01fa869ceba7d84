"""A rendering of another package is a format like ours, and keeps off what is not its own."""

import json

import pytest
from throwaway import POINTS, RENDERING, code


def test_a_format_is_written_to_standard_output_and_to_files(desk, paint):
    assert desk.judge("--format", "paint")[:2] == (0, "PAINT pass\n")

    desk.judge("-o", f"paint={desk.folder / 'paint.txt'}")

    assert (desk.folder / "paint.txt").read_text() == "PAINT pass\n"


def test_render_knows_the_format(desk):
    desk.judge("--out", desk.folder / "out")

    assert desk.command("render", desk.folder / "out", "--format", "paint")[1] == "PAINT pass\n"


def test_help_lists_the_format_and_imports_nothing_of_it(desk, paint):
    status, out, _ = desk.command("judge", "--help")

    assert status == 0
    assert "intoto|paint]" in "".join(out.split())
    assert not paint.is_imported("paint_checks")


def test_a_run_in_another_format_imports_nothing_of_it(desk, paint):
    desk.judge("--format", "json", policy="../nowhere.yaml")

    assert not paint.is_imported("paint_checks")


def test_a_format_that_no_package_adds_is_told(desk, paint):
    paint.remove()

    status, _, err = desk.judge("-o", "paint=x.txt")
    assert status == 2
    assert "there is no format paint" in err
    assert desk.judge("--format", "paint")[0] == 2


BROKEN = {
    "raises": code(RENDERING, "raise RuntimeError('no paint')"),
    "exits": code(RENDERING, "raise SystemExit(0)"),
    "gives bytes": code(RENDERING, "return b'PAINT'"),
    "gives nothing": code(RENDERING, "return None"),
    "gives no text": code(RENDERING, "return '  '"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_rendering_that_fails_is_status_4_in_words_and_all_else_is_written(kind, desk, paint):
    paint.install(rendering=BROKEN[kind])
    out = desk.folder / "out"

    status, _, err = desk.judge(
        "--out", out, "-o", f"paint={desk.folder / 'p.txt'}", "-o", f"junit={desk.folder / 'j.xml'}"
    )

    assert status == 4
    assert "plugin paint of paint-checks 1.2" in err
    assert "Traceback" not in err
    assert json.loads((out / "report.json").read_text())["verdict"] == "pass"
    assert (desk.folder / "j.xml").is_file()
    assert not (desk.folder / "p.txt").exists()


UNFIT = {
    "no Rendering": (RENDERING.replace("= Rendering(", "= dict("), "not a Rendering"),
    "another name": (RENDERING.replace('"paint"', '"varnish"'), "calls itself 'varnish'"),
    "a bad mark": (RENDERING.replace("Mark(r", "Mark(r'(' + r"), "no pair of regular expressions"),
    "no module": (f"import paint_that_is_not_there\n{RENDERING}", "cannot be loaded"),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_what_is_no_rendering_is_refused_before_anything_is_judged(kind, desk, paint):
    source, fact = UNFIT[kind]
    paint.install(rendering=source)

    status, _, err = desk.judge("--format", "paint", "--out", desk.folder / "out")

    assert status == 2
    assert fact in err
    assert not (desk.folder / "out").exists()


def test_a_faulty_call_ends_in_words_where_nobody_can_tell_whose_the_file_is(desk, paint):
    file = desk.write("paint.txt", "PAINT fail\n")
    paint.install(rendering=UNFIT["no module"][0])

    status, _, err = desk.judge("-o", f"paint={file}")

    assert status == 2
    assert "cannot be loaded" in err
    assert "Traceback" not in err
    assert file.read_text() == "PAINT fail\n"


def test_a_format_of_two_packages_is_refused_in_words(desk, paint):
    paint.install("other-checks")
    file = desk.write("paint.txt", "PAINT fail\n")

    for said in (("-o", f"paint={file}"), ("--format", "paint")):
        status, _, err = desk.judge(*said)

        assert status == 2
        assert "more than one package: other-checks, paint-checks" in err


def test_the_stale_file_of_a_run_that_gives_no_verdict_is_withdrawn(desk):
    file = desk.write("paint.txt", "PAINT pass\n")
    (desk.folder / "evidence.sqlite").write_bytes(b"damaged")

    assert desk.judge("-o", f"paint={file}")[0] == 4
    assert not file.exists()


def test_a_shipped_format_cannot_be_taken(desk, paint):
    paint.install(points=POINTS.replace("paint = paint", "json = paint"))

    assert json.loads(desk.judge("--format", "json")[1])["verdict"] == "pass"
    assert not paint.is_imported("paint_checks.paint")


def test_its_own_file_is_written_anew(desk):
    file = desk.write("paint.txt", "PAINT fail\n")

    assert desk.judge("-o", f"paint={file}")[0] == 0
    assert file.read_text() == "PAINT pass\n"


def test_a_file_that_its_mark_does_not_know_stays(desk):
    file = desk.write("paint.txt", "my notes on paint\n")

    status, _, err = desk.judge("-o", f"paint={file}")

    assert status == 2
    assert "does not know as its own" in err
    assert file.read_text() == "my notes on paint\n"


def test_without_a_mark_no_file_is_replaced(desk, paint):
    paint.install(rendering=RENDERING.replace("    mark=", "    #"))
    file = desk.folder / "paint.txt"

    assert desk.judge("-o", f"paint={file}")[0] == 0
    assert desk.judge("-o", f"paint={file}")[0] == 2
    assert file.read_text() == "PAINT pass\n"


def test_what_a_rendering_does_to_the_report_or_prints_is_seen_by_no_other(desk, paint):
    paint.install(rendering=code(RENDERING, "print('hello'); report.results.clear()"))

    _, out, err = desk.judge("--format", "json", "-o", f"paint={desk.folder / 'p.txt'}")

    assert json.loads(out)["results"]
    assert "hello" in err
