"""A run by a policy that lists a package, with a rendering of it beside ours."""

from throwaway import CHECK, POLICY, RENDERING, code

LISTED = POLICY.replace("min: 0.85", "min: 0.6").replace("min: 0.9}", "min: 0.6}")


def test_a_run_judges_and_renders_by_the_package(paint, project):
    project.write("policy.yaml", LISTED)

    ran = project.run("-o", "paint=paint.txt", "-o", "html=page.html", "--format", "paint")

    assert (ran.status, ran.out) == (0, "PAINT pass\n")
    assert (project.folder / "paint.txt").read_text() == "PAINT pass\n"
    assert "enough" in (project.folder / "page.html").read_text()
    assert [each["package"] for each in ran.report["policy"]["plugins"]] == ["paint-checks"]


def test_the_report_of_a_run_stays_where_the_rendering_raises(paint, project):
    project.write("policy.yaml", LISTED)
    paint.install(rendering=code(RENDERING, "raise RuntimeError('no paint')"))

    ran = project.run("--format", "paint")

    assert (ran.status, ran.out) == (4, "")
    assert "plugin paint of paint-checks 1.2: rendering the report: RuntimeError" in ran.err
    assert ran.report["verdict"] == "pass"


def test_a_run_whose_check_raises_is_not_evaluated_and_says_all_else(paint, project):
    project.write("policy.yaml", LISTED)
    paint.install(check=code(CHECK, "raise RuntimeError('no paint')"))

    ran = project.run()

    assert ran.status == 4
    assert ran.report["verdict"] == "error"
    assert "plugin min-images of paint-checks 1.2" in " ".join(ran.out.split())


def test_a_run_by_a_package_that_is_gone_measures_nothing_and_keeps_the_last(paint, project):
    project.write("policy.yaml", LISTED)
    project.run()
    paint.remove()

    ran = project.run()

    assert (ran.status, ran.report) == (2, None)
    assert (project.folder / "gate-out" / "report.previous.json").is_file()
