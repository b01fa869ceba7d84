"""Packages of others that took part in measuring are compared with those that somebody named."""

from collections.abc import Iterator

from gate.approval.verification import Verification
from gate.errors import AttestationError, RefusalCode
from gate.plugins import as_pip
from gate.wording import printable


def check_packages(verification: Verification) -> list[str]:
    """Return what is pinned of the packages: nothing where the trust file does not speak of them.

    Raises AttestationError for a package that neither the policy nor the trust file names.
    """
    if verification.trust.packages is None:
        return []
    if strangers := unnamed_packages(verification):
        raise AttestationError(
            verification.where,
            RefusalCode.PACKAGE_NOT_ALLOWED,
            f"{', '.join(strangers)} took part in measuring, and neither the policy nor the trust "
            "file names it",
            "measure without it, or have the trust file's owner add it to packages",
        )
    return ["packages"]


def unnamed_packages(verification: Verification) -> list[str]:
    """Return the packages that measured and that nobody who deploys has named, in words."""
    listed = (*verification.policy.policy.plugins, *(verification.trust.packages or ()))
    named = [(as_pip(name), version) for name, _, version in (e.partition("==") for e in listed)]
    return [
        f"{printable(package, 80)} {printable(version, 40)} ({how})"
        for package, version, how in _took_part(verification)
        if (as_pip(package), version) not in named and (as_pip(package), "") not in named
    ]


def _took_part(verification: Verification) -> Iterator[tuple[str, str, str]]:
    """Yield package, version and what it did; the versions of an engine may be several."""
    plugins = verification.judged.said.plugins
    if verification.trust.configuration.plugins is None:  # else pinned by their digest
        for package, version in plugins.evidence.items():
            yield package, version, "data, model or measurement"
    for package, versions in plugins.engines.items():
        for version in versions.split(","):
            yield package, version, "engine"
