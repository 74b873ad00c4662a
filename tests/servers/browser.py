"""Debian's Chromium, driven by its own chromedriver: with a new profile, without a window, and asking nobody."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from selenium.webdriver import Chrome, ChromeOptions, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/bin"
QUIET = (
    "--headless --disable-gpu --disable-background-networking --disable-component-update --disable-sync "
    "--no-first-run --no-default-browser-check --force-color-profile=srgb"
).split()
DESKTOP, PHONE = (1280, 900), (390, 844)
_WITHIN_S = 60.0


@attrs.frozen
class Browser:
    """A browser with one page in it."""

    driver: Chrome

    def look(self, size: tuple[int, int] = DESKTOP, scheme: str = "light", media: str = "screen") -> None:
        """Have another width and height, another colour scheme, or paper."""
        self._tell(
            "Emulation.setDeviceMetricsOverride",
            width=size[0],
            height=size[1],
            deviceScaleFactor=1,
            mobile=size == PHONE,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._tell("Emulation.setEmulatedMedia", media=media, features=features)

    def open(self, page: Path, query: str = "") -> None:
        """Load it anew, with what stands behind the #."""
        self.driver.get("about:blank")
        self.driver.get(page.as_uri() + (f"#{query}" if query else ""))
        self.until(lambda: bool(self.all("#sessions .found")), "the list")

    def go(self, query: str) -> None:
        """Have another address behind the #, and wait until the page has seen that."""
        self.run("location.hash = arguments[0]", query)
        self.settle()

    def settle(self) -> None:
        """Wait until everything that the last key or click began is done."""
        self.driver.execute_async_script(
            "const done = arguments[0]; setTimeout(() => requestAnimationFrame(() => setTimeout(done, 0)), 200)"
        )

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script in the page gives."""
        return self.driver.execute_script(script, *arguments)

    def all(self, where: str) -> list[WebElement]:
        """The elements that a CSS selector finds."""
        return self.driver.find_elements(By.CSS_SELECTOR, where)

    def one(self, where: str) -> WebElement:
        """The only one."""
        (found,) = self.all(where)
        return found

    def text(self, where: str) -> str:
        """The text of the only one, as it is seen."""
        return self.one(where).text

    def click(self, where: str | WebElement) -> None:
        """Click on it, and wait until that is done."""
        found = self.one(where) if isinstance(where, str) else where
        self.run("arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })", found)
        found.click()
        self.settle()

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, where the focus is."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)
        self.settle()

    def tab_to(self, where: str, most: int = 200) -> None:
        """Press the tab key until it is there."""
        for _ in range(most):
            if self.run("return document.activeElement.matches(arguments[0])", where):
                return
            self.driver.switch_to.active_element.send_keys(Keys.TAB)
        raise AssertionError(f"no number of tabs leads to {where}")

    def focused(self) -> str:
        """The text of what has the focus."""
        return self.driver.switch_to.active_element.text

    def found(self) -> int:
        """How many sessions the list has found."""
        return int(self.one("#sessions .found").get_attribute("data-count") or "")

    def nodes(self) -> int:
        """How many elements there are."""
        return int(self.run("return document.getElementsByTagName('*').length"))

    def is_wider_than_the_window(self) -> bool:
        """Whether one has to scroll sideways."""
        return bool(self.run("return document.documentElement.scrollWidth > document.documentElement.clientWidth"))

    def requests(self) -> list[str]:
        """What the browser has asked for since it was asked this before."""
        told = [json.loads(one["message"])["message"] for one in self._log("performance")]
        return [one["params"]["request"]["url"] for one in told if one["method"] == "Network.requestWillBeSent"]

    def complaints(self) -> list[str]:
        """What it has written to its console since it was asked this before."""
        return [one["message"] for one in self._log("browser")]

    def picture(self, size: tuple[int, int], top: int = 0) -> str:
        """A part of the page as PNG, in base64."""
        clip = {"x": 0, "y": top, "width": size[0], "height": size[1], "scale": 1}
        told = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        return str(told["data"])

    def without_scripts(self, page: Path) -> None:
        """Load a page, and run nothing of it."""
        self._tell("Emulation.setScriptExecutionDisabled", value=True)
        try:
            self.driver.get(page.as_uri())
        finally:
            self._tell("Emulation.setScriptExecutionDisabled", value=False)

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for it."""
        end = time.monotonic() + _WITHIN_S
        while not holds():
            assert time.monotonic() < end, f"{what}: not within {_WITHIN_S} s"
            time.sleep(0.02)

    def _tell(self, command: str, **values: Any) -> None:
        self.driver.execute_cdp_cmd(command, values)

    def _log(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.driver.get_log(kind)  # type: ignore[no-untyped-call] # it has no types
        return found


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser whose profile is in `folder`."""
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium", path=PATH) or "chromium"
    for argument in (*QUIET, f"--user-data-dir={folder}", *["--no-sandbox"] * (os.geteuid() == 0)):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # Where the driver is named nothing looks for one elsewhere.
    service = Service(shutil.which("chromedriver", path=PATH) or "chromedriver")
    driver = Chrome(options=options, service=service)
    try:
        yield Browser(driver)
    finally:
        driver.quit()
