"""A Chromium without a window, for tests that look at a page as people do; ``needs_chromium``."""

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--disable-dev-shm-usage --window-size=1280,1000"
)
needs_chromium = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="needs chromium and chromium-driver"
)


@contextmanager
def chromium(profile: Path) -> Iterator[Any]:
    """Yield a driver that tells what the browser logs and what it asks for."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS.split(), f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        driver.get("about:blank")
        driver.get_log("performance")  # what the browser asks for by itself as it starts
        yield driver
    finally:
        driver.quit()


def show(driver: Any, page: Path, width: int, *, scheme: str = "light") -> None:
    """Open a page as wide as ``width`` pixels; below 600 as a telephone does."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    driver.get(page.as_uri())


def picture(driver: Any, width: int, height: int) -> bytes:
    """Return the top of the page that is open, as PNG."""
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    wanted = {"format": "png", "clip": clip, "captureBeyondViewport": True}
    taken = driver.execute_cdp_cmd("Page.captureScreenshot", wanted)
    return base64.b64decode(taken["data"])
