"""A headless Chromium for tests of pages."""

import os
import shutil
from pathlib import Path

import pytest

CHROMIUM, DRIVER = "chromium", "chromedriver"
# It is to test pages, not to look for updates; and root may not have a sandbox.
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --mute-audio --window-size=1280,900 "
    "--disable-default-apps --disable-extensions"
)


def open_browser(folder: Path, *flags: str):
    """A Selenium driver whose profile and downloads lie in `folder`; skips the test where there is no Chromium."""
    paths = [shutil.which(program) for program in (CHROMIUM, DRIVER)]
    if None in paths:
        pytest.skip("no Chromium with its driver here (Debian: apt-get install chromium chromium-driver)")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = paths[0]
    for flag in (*FLAGS.split(), *flags, f"--user-data-dir={folder}/profile"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=paths[1], env={**os.environ, "HOME": str(folder)})
    driver = webdriver.Chrome(options=options, service=service)
    driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
    return driver
