"""A real browser, without a window, for tests of pages: Debian's Chromium, driven by Selenium."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
    # One process for all pages: what one stores is there for the next, however busy the machine is.
    "--renderer-process-limit=1",
    "--disable-features=BackForwardCache",
)
WAIT = 30.0  # seconds, for something to appear on a busy machine


class Browser:
    """One window."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def open(self, page: Path | str) -> None:
        """Open a file or an address, with nothing left over from the page before."""
        address = page.resolve().as_uri() if isinstance(page, Path) else page
        self.driver.get("about:blank")
        self.driver.get_log("performance")
        self.driver.get(address)

    def resize(self, width: int, height: int = 800, *, dense: float = 1.0) -> None:
        """Give the page this many CSS pixels, each `dense` device pixels wide."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": dense, "mobile": False},
        )

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element("css selector", selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements("css selector", selector)

    def texts(self, selector: str) -> list[str]:
        return [element.text for element in self.all(selector)]

    def wait(self, selector: str) -> WebElement:
        """Return the first element that fits, as soon as it is there and can be seen."""

        def seen() -> WebElement | None:
            return next((one for one in self.all(selector) if one.is_displayed()), None)

        found: WebElement = self.until(seen)
        return found

    def until(self, condition: Callable[[], Any]) -> Any:
        from selenium.common import TimeoutException
        from selenium.webdriver.support.ui import WebDriverWait

        wait = WebDriverWait(self.driver, WAIT, poll_frequency=0.02)
        try:
            return wait.until(lambda _: condition())
        except TimeoutException:
            raise AssertionError(f"not within {WAIT} s; {self._shown()}") from None

    def _shown(self) -> str:
        """Return what the page shows and keeps, for the message of a failure."""
        text = self.find("body").text[:300]
        kept = self.run("try { return JSON.stringify(localStorage) } catch (e) { return `${e}` }")
        return f"the page shows {text!r} and keeps {str(kept)[:300]!r}"

    def run(self, script: str, *arguments: object) -> Any:
        """Run JavaScript in the page and return what it returns."""
        return self.driver.execute_script(script, *arguments)

    def screenshot(self, path: Path) -> None:
        self.driver.save_screenshot(str(path))

    def requests(self) -> list[str]:
        """Return the addresses that were asked for since the page was opened."""
        found = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return found

    def complaints(self) -> list[str]:
        """Return what the browser's console holds since it was last asked."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Start a browser with a fresh profile; skips the test where there is none."""
    pytest.importorskip("selenium")
    from selenium.common import WebDriverException
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("no browser: apt-get install chromium chromium-driver")
    options = ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    try:
        chrome = Chrome(options=options, service=Service(driver))
    except WebDriverException as error:
        pytest.skip(f"the browser does not start: {error.msg}")
    try:
        yield Browser(chrome)
    finally:
        chrome.quit()
