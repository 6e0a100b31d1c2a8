"""The listening page in a headless Chromium, and what a user does there."""

import functools
import http.server
import threading

import pytest
from browser import open_browser
from waiting import until

ENTER, SHIFT, LEFT, UP, RIGHT, DOWN = (
    "\ue007",
    "\ue008",
    "\ue012",
    "\ue013",
    "\ue014",
    "\ue015",
)  # as WebDriver writes keys


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    driver = open_browser(folder)
    driver.downloads = folder
    yield driver
    driver.quit()


@pytest.fixture(params=["disk", "server"])
def page_address(request, page):
    """The page's address, from disk and from Python's own web server."""
    if request.param == "disk":
        yield page.as_uri()
        return
    handler = functools.partial(QuietHandler, directory=page.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/index.html"
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def wait(browser, script):
    """What a script returns, once that is true."""
    return until(lambda: browser.execute_script(f"return {script}"), what=script)


def opened(browser, address):
    browser.get(address)
    browser.execute_script("try { localStorage.clear() } catch {}")
    browser.get(address)
    wait(browser, "document.getElementById('tracks').dataset.loaded")
    return browser


def press(browser, *keys):
    from selenium.webdriver.common.action_chains import ActionChains

    for key in keys:
        ActionChains(browser).send_keys(key).perform()


def press_shifted(browser, key):
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).key_down(SHIFT).send_keys(key).key_up(SHIFT).perform()


def click(browser, selector):
    browser.find_element("css selector", selector).click()


def expect_no_complaint(browser):
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
