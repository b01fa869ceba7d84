"""The page in a browser: quiet, alone, usable by keyboard, and no wider than a telephone."""

import json
from importlib import resources

import numpy as np
import pytest
from chromium import chromium, needs_chromium
from measured import as_measured

from gate.evidence.records import Subject
from gate.evidence.store import save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.report.renderings import Beside
from gate.report.renderings.registry import render

pytestmark = [pytest.mark.slow, needs_chromium]
MOST_BYTES = {10: 350_000, 1000: 1_500_000}


def _matrix(classes, images, right, generator):
    counts = np.zeros((classes, classes), int)
    for label in range(classes):
        counts[label, label] = right
        others = generator.integers(1, classes, images - right)
        np.add.at(counts[label], (label + others) % classes, 1)
    return tuple(map(tuple, counts.tolist()))


def _evidence(classes):
    generator = np.random.default_rng(classes)
    made = synthetic_evidence(
        SyntheticRun(
            classes=tuple(f"class-{label:04d} of {classes}" for label in range(classes)),
            critical=(f"class-0001 of {classes}",),
            train=_matrix(classes, 20, 19, generator),
            test=_matrix(classes, 10, 8, generator),
            copies=3,
            confidence=(0.9, 0.6),
            train_loss=(3.0, 2.0, 1.5),
            validation_loss=(3.1, 2.2, 2.0),
            probe="sound",
        )
    )
    return as_measured(made, Subject("ab" * 32, 9, "safetensors", "nets:build", 7))


@pytest.fixture(params=[10, 1000], ids=["10-classes", "1000-classes"])
def page(request, tmp_path, report_on, champion):
    """Return the path of a page of 10 or of 1,000 classes, within its bar of bytes."""
    evidence = _evidence(request.param)
    save(evidence, tmp_path / "evidence.sqlite")
    beside = Beside(evidence=tmp_path / "evidence.sqlite")
    path = tmp_path / "report.html"
    report = report_on(evidence).model_copy(update={"baseline": champion})
    path.write_text(render(report, "html", beside), encoding="utf-8")
    assert path.stat().st_size < MOST_BYTES[request.param]
    return path


@pytest.fixture
def browser(tmp_path):
    """Return a Chromium that tells what it logs and what it asks for."""
    with chromium(tmp_path / "profile") as driver:
        yield driver


def _asked_for(browser):
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return {
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
        and message["params"].get("documentURL", "").startswith("file:")
    }


def _shown(browser):
    script = "return document.querySelectorAll('#cards tr[data-state]:not([hidden])').length"
    return browser.execute_script(script)


def _axe(browser):
    """Return what axe-core finds on the page that is open, and how many of its rules held."""
    browser.set_script_timeout(240)
    browser.execute_script(resources.files("axe_core_python").joinpath("axe.min.js").read_text())
    found = browser.execute_async_script(
        "axe.run(document, {resultTypes: ['violations']}).then(arguments[arguments.length - 1])"
    )
    violations = [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]]
    return violations, len(found["passes"])


def test_nothing_is_logged_and_no_request_leaves_the_page(page, browser):
    browser.get(page.as_uri())

    asked = _asked_for(browser)
    assert browser.get_log("browser") == []
    assert page.as_uri() in asked
    assert all(address == page.as_uri() or address.startswith("data:") for address in asked)


def test_the_policy_of_the_page_stops_a_script_that_is_not_ours(page, browser):
    text = page.read_text(encoding="utf-8")
    page.write_text(
        text.replace("</main>", "<script>document.title = 'forged'</script></main>"),
        encoding="utf-8",
    )

    browser.get(page.as_uri())

    assert browser.title != "forged"
    assert any(
        "Content Security Policy" in entry["message"] for entry in browser.get_log("browser")
    )


def test_filter_and_search_work_by_keyboard_alone(page, browser):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    def press(*keys):
        ActionChains(browser).send_keys(*keys).perform()

    def focused(name):
        return browser.execute_script(f"return document.activeElement.{name}")

    def tab_to(name, value):
        for _ in range(40):
            press(Keys.TAB)
            if focused(name) == value:
                return
        pytest.fail(f"no tab leads to {value}")

    browser.get(page.as_uri())
    everything = _shown(browser)
    tab_to("name", "state")
    without = everything - browser.execute_script(
        "return document.querySelectorAll("
        "'#cards tr[data-state=' + CSS.escape(arguments[0]) + ']').length",
        focused("value"),
    )
    press(Keys.SPACE)
    assert _shown(browser) == without
    press(Keys.SPACE)
    assert _shown(browser) == everything

    tab_to("id", "search")
    press("RECALL class-0003")

    found = _shown(browser)
    assert 0 < found < everything
    told = browser.execute_script("return document.getElementById('shown').textContent")
    assert told == f"{found} of {everything} listed results shown"


def test_the_address_keeps_the_filter(page, browser):
    browser.get(page.as_uri())
    browser.find_element("css selector", "input[value=PASS]").click()
    browser.find_element("id", "search").send_keys("recall class-0003")
    shown = _shown(browser)
    browser.find_element("link text", "Classes").click()
    address = browser.current_url

    browser.get("about:blank")
    browser.get(address)

    assert address.split("#")[1].startswith("classes&show=")
    assert _shown(browser) == shown
    assert browser.find_element("id", "search").get_attribute("value") == "recall class-0003"
    assert not browser.find_element("css selector", "input[value=PASS]").is_selected()
    assert browser.execute_script(
        "return document.getElementById('classes').closest('details').open"
    )


@pytest.mark.parametrize("address", ["#show=%3Cimg%3E&find=%3Cimg%20src%3Dx%3E", "#&&=", "#%"])
def test_an_address_of_anything_shows_a_page_and_makes_no_markup(address, page, browser):
    browser.get(page.as_uri() + address)

    assert browser.execute_script("return document.querySelectorAll('img').length") == 0
    assert browser.find_element("tag name", "h1").is_displayed()
    assert not [each for each in browser.get_log("browser") if each["level"] == "SEVERE"]


def test_without_scripts_everything_can_be_read(page, browser):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.get(page.as_uri())

    browser.find_element("css selector", "#cards > details:not([open]) > summary").click()

    assert not browser.find_element("id", "filters").is_displayed()
    assert browser.find_element("css selector", ".glances").is_displayed()
    opened = browser.find_elements("css selector", "#cards > details[open]")
    assert all(each.find_element("css selector", ".place").is_displayed() for each in opened)


@pytest.mark.parametrize("width", [400, 320])
@pytest.mark.parametrize("folded", ["folded", "open"])
def test_a_telephone_scrolls_in_one_direction_only(width, folded, page, browser):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": True},
    )

    browser.get(page.as_uri())
    if folded == "open":
        browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")

    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_light_and_dark_give_other_colours_to_page_and_drawings(page, browser):
    def colours(scheme):
        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
        )
        return browser.execute_script(
            "return ['body', '.scale text'].map("
            "each => getComputedStyle(document.querySelector(each)))"
            ".map(style => style.backgroundColor + style.fill)"
        )

    browser.get(page.as_uri())

    light, dark = colours("light"), colours("dark")
    assert light[0] != dark[0]
    assert light[1] != dark[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(scheme, page, browser):
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    browser.get(page.as_uri())

    if "of 1000" not in page.read_text(encoding="utf-8"):  # there it would take minutes
        browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    violations, passes = _axe(browser)

    assert violations == []
    assert passes > 20


def test_what_is_folded_is_printed(page, browser):
    browser.get(page.as_uri())

    browser.execute_script("window.dispatchEvent(new Event('beforeprint'))")

    assert (
        browser.execute_script("return document.querySelectorAll('details:not([open])').length")
        == 0
    )
    browser.execute_script("window.dispatchEvent(new Event('afterprint'))")
    assert browser.execute_script("return document.querySelectorAll('details:not([open])').length")
