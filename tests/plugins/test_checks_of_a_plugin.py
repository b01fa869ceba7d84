"""A check of another package works like ours where a policy lists it, and nowhere else."""

import json

import pytest
from throwaway import CHECK, POINTS, POLICY, code

from gate.checks import REGISTRY
from gate.errors import DocumentError
from gate.evidence.store import save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.policy.reading import read_policy
from gate.policy.record import PolicyRecord
from gate.policy.schema import policy_schema


def result(report, rule="enough"):
    return next(each for each in report["results"] if each["rule"] == rule)


def test_a_listed_check_is_judged_and_its_package_stands_in_the_report(desk):
    status, report, _ = desk.report()

    assert status == 0
    assert result(report)["outcome"] == "passed"
    assert [(each["package"], each["version"]) for each in report["policy"]["plugins"]] == [
        ("paint-checks", "1.2")
    ]


def test_a_listed_check_fails_a_model_with_its_own_remedy(desk):
    desk.write("policy.yaml", POLICY.replace("min: 100", "min: 5000"))

    status, report, _ = desk.report()

    assert (status, result(report)["remedy"]) == (1, "take more pictures of paint")


def test_a_policy_without_the_package_does_not_know_the_check_and_imports_nothing(desk, paint):
    desk.write("policy.yaml", POLICY.replace("plugins: [paint-checks]\n", ""))

    status, out, err = desk.judge()

    assert (status, out) == (2, "")
    assert "unknown check 'min-images'" in err
    assert not paint.is_imported("paint_checks")


def test_a_shipped_policy_imports_nothing_and_the_shipped_checks_stay_as_they_are(desk, paint):
    read_policy("release")
    assert not paint.is_imported("paint_checks")

    read_policy(str(desk.folder / "policy.yaml"))

    assert "min-images" not in REGISTRY
    assert "min-images" not in json.dumps(policy_schema())


def test_a_package_that_is_not_installed_is_told_at_its_line(desk, paint):
    paint.remove()

    status, _, err = desk.judge()

    assert status == 2
    assert "policy.yaml:4:11: plugin paint-checks: no installed package" in err


def test_a_policy_that_extends_another_inherits_its_packages(desk):
    desk.write(
        "child.yaml",
        "apiVersion: gate/v1\nkind: Policy\nmetadata: {name: child, version: '1'}\n"
        "extends: policy.yaml\nrules:\n  - {id: enough, min: 200}\n"
        "  - {id: more, check: min-images, min: 300}\n",
    )

    document = read_policy(str(desk.folder / "child.yaml"))

    assert document.policy.plugins == ("paint-checks==1.2",)
    assert [rule.min for rule in document.policy.rules if rule.check == "min-images"] == [200, 300]


def test_a_lock_holds_for_a_rule_of_a_plugin(desk):
    desk.write("policy.yaml", POLICY.replace("min: 100", "min: 100, lock: tighten-only"))
    head = "apiVersion: gate/v1\nkind: Policy\nmetadata: {name: child, version: '1'}\n"
    desk.write("looser.yaml", head + "extends: policy.yaml\nrules:\n  - {id: enough, min: 9}\n")
    desk.write("tighter.yaml", head + "extends: policy.yaml\nrules:\n  - {id: enough, min: 900}\n")

    assert desk.command("policy", "lint", desk.folder / "tighter.yaml")[0] == 0
    status, _, err = desk.command("policy", "lint", desk.folder / "looser.yaml")
    assert status == 2
    assert "loosens min: 100 -> 9" in err


def test_a_version_that_is_asked_for_is_held_to(desk):
    desk.write("policy.yaml", POLICY.replace("paint-checks", "paint-checks==1.2"))
    assert desk.judge()[0] == 0

    desk.write("policy.yaml", POLICY.replace("paint-checks", "paint-checks==1.3"))
    status, _, err = desk.judge()

    assert status == 2
    assert "version 1.3 is asked for, and 1.2 is installed" in err


def test_another_version_of_the_package_resolves_to_another_digest(desk, paint):
    first = read_policy(str(desk.folder / "policy.yaml")).resolved_sha256
    paint.install(version="1.3")

    assert read_policy(str(desk.folder / "policy.yaml")).resolved_sha256 != first


def test_a_policy_without_plugins_resolves_as_before():
    assert "plugins" not in read_policy("release").policy.resolved()


def test_show_prints_a_policy_that_reads_back_as_the_same(desk):
    _, out, _ = desk.command("policy", "show", desk.folder / "policy.yaml")
    desk.write("shown.yaml", out)

    shown, read = (read_policy(str(desk.folder / f"{n}.yaml")) for n in ("shown", "policy"))
    assert "paint-checks==1.2" in out
    assert shown.resolved_sha256 == read.resolved_sha256


def test_the_record_of_a_policy_reads_back_with_its_plugins(desk):
    record = PolicyRecord.of(read_policy(str(desk.folder / "policy.yaml")))

    assert PolicyRecord.from_json(json.loads(json.dumps(record.as_json()))) == record


def test_diff_tells_packages_that_are_listed_anew(desk):
    old = desk.write(
        "old.yaml",
        POLICY.replace("plugins: [paint-checks]\n", "").replace(
            "  - {id: enough, check: min-images, min: 100}\n", ""
        ),
    )

    status, out, _ = desk.command(
        "policy", "diff", old, desk.folder / "policy.yaml", "--forbid-loosening"
    )

    assert status == 0
    assert "added     plugins: [] -> [paint-checks==1.2]" in out
    assert "added     enough" in out


def test_policy_test_judges_fixtures_by_the_check(desk):
    fixtures = desk.write(
        "fixtures.yaml",
        "apiVersion: gate/v1\nkind: PolicyFixtures\npolicy: ./policy.yaml\nfixtures:\n"
        "  - {name: few, measured: {test: [[40, 0], [0, 40]]}, expect: {enough: failed}}\n",
    )

    assert desk.command("policy", "test", fixtures)[0] == 0


def test_lint_asks_the_hooks_of_the_check(desk):
    desk.write("policy.yaml", POLICY.replace("min: 100", "min: 1"))

    status, _, err = desk.command("policy", "lint", desk.folder / "policy.yaml")

    assert status == 2
    assert "every test set has an image" in err


def test_lint_tells_an_example_that_does_not_come_out(desk, paint):
    assert desk.command("policy", "lint", desk.folder / "policy.yaml")[0] == 0
    paint.install(check=CHECK.replace('{"min": 101}', '{"min": 99}'))

    status, _, err = desk.command("policy", "lint", desk.folder / "policy.yaml")

    assert status == 2
    assert "paint-checks 1.2: the example 'too few' is passed, and not failed" in err


def test_lint_tells_a_parameter_that_the_check_does_not_have(desk):
    desk.write("policy.yaml", POLICY.replace("min: 100", "mim: 100"))

    status, _, err = desk.command("policy", "lint", desk.folder / "policy.yaml")

    assert status == 2
    assert "did you mean" in err


def test_explain_shows_the_check_by_its_package_and_by_its_policy(desk):
    for said in (("--plugin", "paint-checks"), ("--policy", desk.folder / "policy.yaml")):
        status, out, _ = desk.command("explain", "min-images", *said)

        assert status == 0
        assert "min-images (data), a check of paint-checks 1.2" in out
        assert "too few" in out


def test_explain_shows_a_rule_of_the_policy_and_the_catalogue_with_the_package(desk):
    _, rule, _ = desk.command("explain", "enough", "--policy", desk.folder / "policy.yaml")
    _, catalogue, _ = desk.command("explain", "--plugin", "paint-checks")

    assert "min: 100" in rule
    assert "min-images" in catalogue
    assert desk.command("explain", "min-images")[0] == 2


def test_schema_prints_the_checks_of_a_package_where_it_is_named(desk):
    _, out, _ = desk.command("policy", "schema", "--plugin", "paint-checks")

    assert (
        "min-images"
        in json.loads(out)["properties"]["rules"]["items"]["properties"]["check"]["enum"]
    )
    assert desk.command("policy", "schema", "trust", "--plugin", "paint-checks")[0] == 2


UNFIT = {
    "no Rule": (CHECK.replace("MinImages(Rule)", "MinImages"), "is no subclass of Rule"),
    "another name": (CHECK.replace('"min-images"', '"images"'), "does not state check"),
    "no family": (CHECK.replace('"data"', '"paint"'), "has no family"),
    "no examples": (CHECK.replace("examples: ClassVar = (", "others: ClassVar = ("), "no examples"),
    "no module": (f"import paint_that_is_not_there\n{CHECK}", "cannot be loaded"),
    "an exit": (f"raise SystemExit(0)\n{CHECK}", "cannot be loaded: SystemExit"),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_what_is_no_check_is_told_with_its_package(kind, desk, paint):
    source, fact = UNFIT[kind]
    paint.install(check=source)

    status, out, err = desk.judge()

    assert (status, out) == (2, "")
    assert "min-images of paint-checks 1.2" in err
    assert fact in err


@pytest.mark.parametrize("version", ["1.2 or so", "1.2==1.3", "not a version!!"])
def test_a_version_that_could_be_read_as_another_is_refused(version, desk, paint):
    paint.install(version=version)

    status, _, err = desk.judge()

    assert status == 2
    assert "its metadata holds no name with a version" in err


@pytest.mark.parametrize("entry", ["'a b'", "paint-checks>=1", "''", "3", "[x]"])
def test_an_entry_that_names_no_package_is_told(entry, desk):
    desk.write("policy.yaml", POLICY.replace("[paint-checks]", f"[paint-checks, {entry}]"))

    status, _, err = desk.judge()

    assert status == 2
    assert "policy.yaml:4:" in err
    assert "Traceback" not in err


def test_a_shipped_name_cannot_be_taken(desk, paint):
    paint.install(points=POINTS.replace("min-images =", "recall ="))

    status, _, err = desk.judge()

    assert status == 2
    assert "takes a name that validate-model ships: recall" in err


def test_two_listed_packages_that_add_one_name_are_refused(desk, paint):
    paint.install("other-checks")
    desk.write("policy.yaml", POLICY.replace("[paint-checks]", "[paint-checks, other-checks]"))

    status, _, err = desk.judge()

    assert status == 2
    assert "adds what another listed package adds too: min-images" in err


CRASHES = {
    "evaluate": code(CHECK, "raise RuntimeError('no paint')"),
    "an exit": code(CHECK, "raise SystemExit(0)"),
    "no list": code(CHECK, "return True"),
    "compared_splits": CHECK + "\n    def compared_splits(self):\n        raise KeyError('x')\n",
    "no splits": CHECK + "\n    def compared_splits(self):\n        return 'test'\n",
    "an operator": CHECK.replace('">="', '"!="'),
    "no number": CHECK.replace("float(self.min)", "float('nan')"),
    "a split": CHECK.replace('Scope(split="test")', 'Scope(split="paint")'),
    "never unmet": CHECK.replace('Scope(split="test")', "Scope(), unmet=Outcome.PASSED"),
    "an estimate": CHECK.replace("Count(len(rows))", "'many'"),
    "writes": code(CHECK, "evidence.splits['test'].rows.labels[:] = 0"),
}


@pytest.mark.parametrize("kind", CRASHES)
def test_a_check_that_breaks_its_contract_is_an_error_with_its_package_named(kind, desk, paint):
    paint.install(check=CRASHES[kind])

    status, report, _ = desk.report()

    assert (status, report["verdict"]) == (4, "error")
    crashed = result(report)
    assert "plugin min-images of paint-checks 1.2" in crashed["message"]
    assert crashed["remedy"] == "report this as a bug of paint-checks, with the report"
    assert result(report, "accuracy")["outcome"] == "passed"


@pytest.mark.parametrize("hook", ["vacuous", "lenient", "class_names", "misfits", "concern"])
def test_a_hook_that_raises_ends_in_words_and_status_4(hook, desk, paint):
    signature = "self" if hook in ("class_names", "concern") else "self, given"
    decorator = "    @property\n" if hook == "concern" else ""
    body = f"\n{decorator}    def {hook}({signature}):\n        raise RuntimeError('no paint')\n"
    paint.install(check=CHECK + body)

    status, _, err = desk.command("policy", "lint", desk.folder / "policy.yaml")
    if status == 0:  # the linter has no classes to ask of
        status, _, err = desk.judge()

    assert status == 4
    assert f"plugin min-images of paint-checks 1.2: {hook}: RuntimeError: no paint" in err
    assert "Traceback" not in err


def test_a_validator_that_raises_is_a_policy_that_cannot_be_read(desk, paint):
    body = "\n    def model_post_init(self, context):\n        raise RuntimeError('no paint')\n"
    paint.install(check=CHECK + body)

    status, _, err = desk.judge()

    assert status == 2
    assert "paint-checks 1.2: reading a rule: RuntimeError: no paint" in err


def test_what_a_check_prints_is_not_in_the_report(desk, paint):
    paint.install(check=f"print('imported')\n{code(CHECK, 'print(1 / 3)')}")

    _, report, err = desk.report()

    assert report["verdict"] == "pass"
    assert "imported" in err
    assert "0.333" in err


def test_what_a_check_does_to_the_evidence_is_seen_by_nobody_else(desk, paint):
    honest = desk.report()[1]
    paint.install(check=code(CHECK, "rows = evidence.splits.pop('train')"), version="1.2")

    spoilt = desk.report()[1]

    assert spoilt["data"] == honest["data"]
    assert spoilt["metrics"] == honest["metrics"]
    assert [each["message"] for each in spoilt["results"]] == [
        each["message"] for each in honest["results"]
    ]


def test_an_error_past_every_guard_still_ends_in_words(desk, paint):
    body = "\n    def model_dump(self, **settings):\n        raise RuntimeError('no paint')\n"
    paint.install(check=CHECK + body)

    status, _, err = desk.command("explain", "enough", "--policy", desk.folder / "policy.yaml")

    assert status == 4
    assert "plugin min-images of paint-checks 1.2: raised RuntimeError: no paint" in err
    assert "internal error" not in err


def test_a_check_that_cannot_say_whether_it_judges_copies_does_not_hide_them(desk, paint):
    copied = SyntheticRun(
        train=((970, 30), (30, 970)), test=((490, 10), (10, 490)), probe="sound", copies=5
    )
    save(synthetic_evidence(copied), desk.folder / "evidence.sqlite")
    body = "\n    def judges_copies(self, a, b, kind):\n        raise RuntimeError('no paint')\n"
    paint.install(check=CHECK + body)

    status, report, _ = desk.report()

    assert status == 0
    assert "metrics are shown with and without them" in report["leakage"]["unjudged"][0]


def test_more_packages_than_any_policy_needs_are_refused_before_one_is_looked_up(
    tmp_path, paint, monkeypatch
):
    def look_up(*_):
        raise AssertionError("a package was looked up")

    many = ", ".join(f"paint-{index}" for index in range(101))
    (tmp_path / "many.yaml").write_text(POLICY.replace("paint-checks", many))
    monkeypatch.setattr("gate.policy.reading.package_of", look_up)

    with pytest.raises(DocumentError, match="101 packages are listed; list 100 at most"):
        read_policy(str(tmp_path / "many.yaml"))


def test_a_package_among_as_many_as_may_be_listed_is_looked_up_with_them(tmp_path, paint):
    many = ", ".join(["paint-checks", *(f"paint-{index}" for index in range(99))])
    (tmp_path / "many.yaml").write_text(POLICY.replace("paint-checks", many))

    with pytest.raises(DocumentError, match="plugin paint-0: no installed package"):
        read_policy(str(tmp_path / "many.yaml"))
