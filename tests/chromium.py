"""Debian's Chromium, driven by selenium, with axe-core; what is missing is installed."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from debian_packages import Unavailable, install
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

PACKAGES = {
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
    "npm": "npm",
    "pdftotext": "poppler-utils",
}
AXE = "axe-core@4.14.1"
HERE = Path(__file__).parent
AXE_SCRIPT = HERE / "node_modules" / "axe-core" / "axe.min.js"

PHONE, DESKTOP = (375, 740), (1280, 900)
"""Width and height of a window in pixels."""

ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",  # root has none
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def install_browser() -> None:
    """Install Chromium, its driver and axe-core where they are missing.

    Raises
    ------
    Unavailable
        If that cannot be done here.
    """
    install(PACKAGES)
    try:
        version = json.loads(AXE_SCRIPT.with_name("package.json").read_text())["version"]
    except FileNotFoundError:
        version = ""
    if f"axe-core@{version}" != AXE:
        # Nothing about it is written into the project: a lock file would name the host that it came from.
        quiet = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
        done = subprocess.run(["npm", "install", *quiet, "--prefix", str(HERE), AXE], capture_output=True, timeout=300)
        if done.returncode != 0:
            raise Unavailable(f"{AXE} is not there, and npm cannot install it")


class Chromium:
    """A running browser with one window, and what a test asks of it."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver
        self._axe = AXE_SCRIPT.read_text(encoding="utf-8")

    def open(self, address: Path | str, anchor: str = "") -> None:
        """Load a page, from disk or from a server; a new load even where only the anchor differs from the last."""
        self.driver.get("about:blank")
        where = address.as_uri() if isinstance(address, Path) else address
        self.driver.get(f"{where}#{anchor}" if anchor else where)

    def size(self, size: tuple[int, int]) -> None:
        """Give the window a width and height; a narrow one counts as a phone."""
        width, height = size
        self._cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )

    def prefer(self, scheme: str, media: str = "") -> None:
        """Make the system prefer `light` or `dark`, and show the page as on `print` where asked."""
        self._cdp(
            "Emulation.setEmulatedMedia",
            media=media,
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )

    def scripts(self, allowed: bool) -> None:
        """Let pages run scripts, or not."""
        self._cdp("Emulation.setScriptExecutionDisabled", value=not allowed)

    def ask(self, expression: str, *arguments: Any) -> Any:
        """Value of an expression of JavaScript, in which `arguments` are at hand."""
        return self.driver.execute_script(f"return {expression}", *arguments)

    def all(self, selector: str) -> list[WebElement]:
        """Elements of a CSS selector."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        """The element of a CSS selector; an error where there are several."""
        (element,) = self.all(selector)
        return element

    def press(self, *keys: str) -> None:
        """Press keys where the focus is."""
        ActionChains(self.driver).send_keys(*keys).perform()

    def messages(self) -> list[str]:
        """What the console has been told since it was last asked, but for mere information."""
        entries = self.driver.get_log("browser")
        return [f"{entry['level']}: {entry['message']}" for entry in entries if entry["level"] not in ("INFO", "DEBUG")]

    def requests(self) -> list[str]:
        """Addresses that were asked for since it was last asked."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]

    def overflow(self) -> int:
        """How many pixels the page is wider than the window."""
        return int(self.ask("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def faults(self, *rules: str) -> list[str]:
        """Accessibility faults that axe finds, but for minor ones; by some of its rules, or by all."""
        if not self.ask("typeof axe === 'object'"):
            self.driver.execute_script(self._axe)
        options: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
        if rules:
            options["runOnly"] = {"type": "rule", "values": rules}
        run = "axe.run(document, arguments[0]).then(found => arguments[1](found.violations))"
        return [
            f"{fault['id']}: {node['html'][:200]}: {node['failureSummary']}"
            for fault in self.driver.execute_async_script(run, options)
            if fault["impact"] != "minor"
            for node in fault["nodes"][:5]
        ]

    def pdf(self, file: Path) -> list[str]:
        """Print the page into a file, and return the text of every sheet."""
        printed = self._cdp("Page.printToPDF", printBackground=False, preferCSSPageSize=True)
        file.write_bytes(base64.b64decode(printed["data"]))
        text = subprocess.run(["pdftotext", "-layout", str(file), "-"], check=True, capture_output=True, text=True)
        return text.stdout.split("\f")[:-1]

    def _cdp(self, command: str, **parameters: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, parameters)


@contextmanager
def started() -> Iterator[Chromium]:
    """A browser that sees no network, and ends with the context."""
    options = ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # Both programs are named, so that selenium looks for none and asks no server.
    driver = Chrome(options, ChromeService("/usr/bin/chromedriver"))
    try:
        driver.set_script_timeout(60)
        yield Chromium(driver)
    finally:
        driver.quit()
