"""A headless browser for the tests of pages; they are skipped where there is none."""

import shutil
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--disable-extensions", "--no-first-run", "--proxy-server=127.0.0.1:1",
)  # fmt: skip


class Browser:
    """Pages opened from the file system, with what they say on the console."""

    def __init__(self, downloads: Path):
        missing = "selenium is not installed"
        webdriver = pytest.importorskip("selenium.webdriver", reason=missing)
        program = next((p for p in map(shutil.which, BROWSERS) if p), None)
        driver = shutil.which("chromedriver")
        if program is None or driver is None:
            pytest.skip("there is no chromium with its chromedriver")
        options = webdriver.ChromeOptions()
        options.binary_location = program
        for argument in ARGUMENTS:
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService(driver)
        self.driver = webdriver.Chrome(options=options, service=service)
        self.keys = webdriver.Keys
        self.actions = webdriver.ActionChains
        self.downloads = downloads
        self.driver.execute_cdp_cmd(
            "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)}
        )

    def open(self, page: Path, width=1280, height=900, scheme="light"):
        """Open a page in a window of a size, by day or by night."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        self.driver.get(page.as_uri())
        return self

    def run(self, script: str, *arguments):
        """What a script in the page returns."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, script: str, seconds=10):
        """Wait until a script returns something true; what it returns."""
        waited = (
            "const end = performance.now() + 1000 * arguments[0], done = arguments[1];"
            "const look = () => {"
            "    let found;"
            "    try { found = (() => {" + script + "})(); } catch {}"
            "    if (found || performance.now() > end) done(found); else setTimeout(look, 20);"
            "};"
            "look();"
        )
        found = self.driver.execute_async_script(waited, seconds)
        assert found, f"never true: {script}; the page said {self.complaints()}"
        return found

    def press(self, *keys):
        """Press keys, one after the other, and wait until the page has answered."""
        self.actions(self.driver, duration=0).send_keys(*keys).perform()
        self.rest()

    def rest(self):
        """Wait for two frames of the page: then what was begun is drawn."""
        self.driver.execute_async_script(
            "requestAnimationFrame(() => requestAnimationFrame(() => arguments[0]()))"
        )

    def complaints(self):
        """What the console has said since it was last asked."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def downloaded(self, ending: str) -> bytes:
        """The content of the file that was saved last, which is taken away."""
        for _ in range(200):
            done = [p for p in self.downloads.glob(f"*{ending}") if p.stat().st_size]
            if done:
                content = done[0].read_bytes()
                done[0].unlink()
                return content
            self.run("return 0")
            self.driver.execute_async_script("setTimeout(arguments[0], 25)")
        raise AssertionError(f"no {ending} was saved")

    def close(self):
        """End the browser."""
        self.driver.quit()
