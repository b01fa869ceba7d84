"""A verdict by checks of another package counts where that very package is installed."""

import hashlib

import pytest
from throwaway import CHECK, POLICY, code

from gate.approval.unchecked import list_unchecked
from gate.errors import AttestationError, RefusalCode, UsageError
from gate.report.canonical import canonical
from gate.report.statement import EXTENSION

LENIENT = CHECK.replace("float(self.min)", "0.0")


@pytest.fixture
def judged(world, paint):
    """Return a world whose policy lists the package, with a good model attested by it."""
    world.write("policy.yaml", POLICY)
    world.judge()
    world.attest()
    return world


def test_the_package_that_judged_is_accepted_and_stands_in_the_statement(judged):
    predicate = judged.statement()["predicate"]

    assert judged.code() is None
    assert predicate[EXTENSION]["plugins"] == {
        "checks": {"paint-checks": "1.2"},
        "engines": {},
        "evidence": {},
    }
    assert any(each["name"] == "plugin:paint-checks" for each in predicate["configuration"])


def test_without_the_package_the_policy_cannot_be_read_and_nothing_is_accepted(judged, paint):
    paint.remove()

    with pytest.raises(UsageError, match="no installed package of this name adds checks"):
        judged.verify()


def test_another_version_of_the_package_is_refused(judged, paint):
    paint.install(version="1.3")

    came = judged.verify()

    assert (came.refusal.code, came.refused) == (RefusalCode.PLUGIN_DIFFERS, "policy")
    assert came.exit_status == 5
    assert "version 1.2, and 1.3 is installed here" in came.refusal.fact


def test_other_code_under_the_same_version_is_refused(judged, paint):
    paint.install(check=LENIENT)

    came = judged.verify()

    assert came.refusal.code == RefusalCode.PLUGIN_DIFFERS
    assert "its files are others here" in came.refusal.fact


def test_a_policy_at_deployment_that_lists_no_plugins_is_another_policy(judged):
    judged.write(
        "policy.yaml",
        POLICY.replace("plugins: [paint-checks]\n", "").replace(
            "  - {id: enough, check: min-images, min: 100}\n", ""
        ),
    )

    assert judged.code() == RefusalCode.POLICY_DIFFERS


def test_a_statement_that_keeps_quiet_of_the_plugins_is_refused(judged):
    quiet = judged.statement()
    quiet["predicate"][EXTENSION]["plugins"]["checks"] = {}
    judged.sign(quiet)
    assert judged.code() == RefusalCode.STATEMENT_CONTRADICTORY

    configuration = quiet["predicate"]["configuration"]
    quiet["predicate"]["configuration"] = [
        each for each in configuration if not each["name"].startswith("plugin:")
    ]
    judged.sign(quiet)
    assert judged.code() == RefusalCode.PLUGIN_DIFFERS


def test_a_statement_without_plugins_is_malformed(judged):
    old = judged.statement()
    del old["predicate"][EXTENSION]["plugins"]
    judged.sign(old)

    assert judged.code() == RefusalCode.STATEMENT_MALFORMED


@pytest.mark.parametrize("version", ["1.3", None])
def test_nothing_is_attested_by_another_version_than_judged(version, judged, paint):
    paint.install(version=version) if version else paint.remove()

    with pytest.raises(AttestationError, match="plugin paint-checks: the policy judged by") as told:
        judged.attest()

    assert told.value.code == RefusalCode.PLUGIN_DIFFERS


def test_nothing_is_attested_by_other_code_than_judged(judged, paint):
    paint.install(check=LENIENT)

    with pytest.raises(AttestationError, match=r"policy\.plugins\.0\.sha256") as told:
        judged.attest()

    assert told.value.code == RefusalCode.REPORT_DIFFERS


def test_a_lenient_copy_of_the_package_that_judges_is_not_the_one_at_deployment(judged, paint):
    """The attack: a package of the same name and version, found first where it was judged."""
    honest = judged.statement()
    paint.install(check=code(LENIENT, "pass"))
    judged.judge()
    judged.attest()
    assert judged.statement()["predicate"]["result"] == honest["predicate"]["result"] == "PASSED"
    paint.install()

    assert judged.code() == RefusalCode.PLUGIN_DIFFERS


def test_a_trust_file_pins_what_took_part_in_measuring(world):
    none = hashlib.sha256(canonical({})).hexdigest()
    other = hashlib.sha256(canonical({"dicom-zip": "1.0"})).hexdigest()

    world.trust(more=f"configuration: {{plugins: ['{none}']}}\n")
    assert world.code() is None
    world.trust(more=f"configuration: {{plugins: ['{other}']}}\n")
    assert world.code() == RefusalCode.CONFIGURATION_DIFFERS


# Packages that nobody who deploys has named


@pytest.fixture
def forging(world):
    """Return a world whose answers are of a format and an engine of a stranger's package."""
    world.judge(plugins={"Zip.Forge": "1.0"}, engines=(("fast", "1.0"), ("fast", "1.1")))
    world.attest()
    return world


def test_a_package_that_nobody_named_is_said_at_an_acceptance(forging):
    came = forging.verify()

    assert came.accepted
    assert {each.what: each.why for each in list_unchecked(came.verification)}["packages"] == (
        "Zip.Forge 1.0 (data, model or measurement), fast 1.0 (engine), fast 1.1 (engine) took "
        "part in measuring, and neither the policy nor the trust file names it"
    )


@pytest.mark.parametrize(
    "packages", ["", "zip-forge", "fast", "zip-forge, fast==1.0", "zip-forge==1.1, fast"]
)
def test_a_trust_file_refuses_packages_that_it_does_not_name(packages, forging):
    forging.trust(more=f"packages: [{packages}]\n")

    came = forging.verify()

    assert (came.refusal.code, came.refused) == (RefusalCode.PACKAGE_NOT_ALLOWED, "configuration")


@pytest.mark.parametrize("packages", ["zip-forge, fast", "zip_forge==1.0, FAST"])
def test_packages_that_the_trust_file_names_may_measure(packages, forging):
    forging.trust(more=f"packages: [{packages}]\n")

    came = forging.verify()

    assert came.accepted
    assert "packages" not in {each.what for each in list_unchecked(came.verification)}


def test_a_trust_file_that_wants_none_accepts_a_verdict_of_our_own_and_of_the_policy(judged):
    judged.judge(plugins={"paint-checks": "1.2"})
    judged.attest()
    judged.trust(more="packages: []\n")

    assert judged.code() is None
