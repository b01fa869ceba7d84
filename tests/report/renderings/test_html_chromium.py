"""The page in a browser: quiet, alone, usable by keyboard, and no wider than a telephone."""

import json
import shutil
from importlib import resources

import numpy as np
import pytest
from measured import as_measured

from gate.evidence.records import Subject
from gate.evidence.store import save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.report.renderings import Beside
from gate.report.renderings.registry import render

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromium-driver"),
]
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--disable-dev-shm-usage --window-size=1280,1000"
)
MOST_BYTES = {10: 3_000_000, 1000: 15_000_000}


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
def page(request, tmp_path, report_on):
    """Return the path of a page of 10 or of 1,000 classes, within its bar of bytes."""
    evidence = _evidence(request.param)
    save(evidence, tmp_path / "evidence.sqlite")
    beside = Beside(evidence=tmp_path / "evidence.sqlite")
    path = tmp_path / "report.html"
    path.write_text(render(report_on(evidence), "html", beside), encoding="utf-8")
    assert path.stat().st_size < MOST_BYTES[request.param]
    return path


@pytest.fixture
def browser(tmp_path):
    """Return a Chromium that tells what it logs and what it asks for."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS.split(), f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.get("about:blank")
    driver.get_log("performance")  # what the browser asks for by itself as it starts
    yield driver
    driver.quit()


def _asked_for(browser):
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return {
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
        and message["params"].get("documentURL", "").startswith("file:")
    }


def _shown(browser):
    script = "return document.querySelectorAll('#table tbody tr:not([hidden])').length"
    return browser.execute_script(script)


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

    browser.get(page.as_uri())
    everything = _shown(browser)
    while focused("name") != "outcome":
        press(Keys.TAB)
    failed_only = everything - browser.execute_script(
        "return document.querySelectorAll('#table tr[data-outcome=' + arguments[0] + ']').length",
        focused("value"),
    )
    press(Keys.SPACE)
    assert _shown(browser) == failed_only
    press(Keys.SPACE)
    assert _shown(browser) == everything

    while focused("id") != "search":
        press(Keys.TAB)
    press("RECALL class-0003")

    found = _shown(browser)
    assert 0 < found < everything
    told = browser.execute_script("return document.getElementById('shown').textContent")
    assert told == f"{found} of {everything} results shown"


@pytest.mark.parametrize("width", [400, 320])
def test_a_telephone_scrolls_in_one_direction_only(width, page, browser):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": True},
    )

    browser.get(page.as_uri())

    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_light_and_dark_give_other_colours_to_page_and_drawings(page, browser):
    def colours(scheme):
        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
        )
        return browser.execute_script(
            "return ['body', 'figure svg text'].map("
            "each => getComputedStyle(document.querySelector(each)))"
            ".map(style => style.backgroundColor + style.fill)"
        )

    browser.get(page.as_uri())

    light, dark = colours("light"), colours("dark")
    assert light[0] != dark[0]
    assert light[1] != dark[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_that_keeps_people_out(scheme, page, browser):
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    browser.get(page.as_uri())
    browser.set_script_timeout(240)
    browser.execute_script(resources.files("axe_core_python").joinpath("axe.min.js").read_text())

    found = browser.execute_async_script(
        "axe.run(document, {resultTypes: ['violations']}).then(arguments[arguments.length - 1])"
    )

    serious = [each for each in found["violations"] if each["impact"] in ("serious", "critical")]
    assert [(each["id"], each["nodes"][0]["html"]) for each in serious] == []
    assert len(found["passes"]) > 20


def test_what_is_folded_is_printed(page, browser):
    browser.get(page.as_uri())

    browser.execute_script("window.dispatchEvent(new Event('beforeprint'))")

    assert (
        browser.execute_script("return document.querySelectorAll('details:not([open])').length")
        == 0
    )
