"""Measure the page that tools/web.sh makes, in a headless Chromium: times, speed and memory, as a visitor has them."""

import argparse
import functools
import http.server
import json
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

FLAGS = ("--autoplay-policy=no-user-gesture-required", "--enable-precise-memory-info")
# The pitch of what the page plays, at the sound card's door, every animation frame or 20 ms.
LISTEN = """
const Old = AudioWorkletNode.prototype.connect;
window.heardAt = [];
AudioWorkletNode.prototype.connect = function (to, ...rest) {
  const analyser = new AnalyserNode(this.context, { fftSize: 1024, smoothingTimeConstant: 0 });
  Old.call(this, analyser);
  const block = new Float32Array(1024);
  setInterval(() => {
    analyser.getFloatTimeDomainData(block);
    window.heardAt.push([performance.now(), Math.hypot(...block)]);
  }, 5);
  return Old.call(this, to, ...rest);
};
"""


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def wait(browser, script, seconds=1800.0):
    """What an expression gives once that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = browser.execute_script(f"const $ = (id) => document.getElementById(id); return {script}")
        if value:
            return value
        time.sleep(0.02)
    raise SystemExit(f"error: never true: {script}")


def turn(browser, name, value):
    """Move a slider; returns when, in ms of the page's clock."""
    return browser.execute_script(
        "const knob = document.getElementById(`knob-${arguments[0]}`); knob.value = arguments[1];"
        "knob.dispatchEvent(new Event('input', { bubbles: true })); return performance.now();",
        name,
        value,
    )


def open_recording(browser, path):
    """Give it to the page, and wait until it has been heard."""
    browser.execute_script("delete document.documentElement.dataset.heard")
    browser.find_element("id", "file").send_keys(str(path.resolve()))
    wait(browser, "document.documentElement.dataset.heard")


def reactions(browser, knob, values):
    """ms from each move of a slider to the first sound of another level, heard by an analyser of the page's output."""
    found = []
    for value in values:
        time.sleep(0.8)
        before = turn(browser, knob, value)
        time.sleep(0.8)
        levels = [(at, level) for at, level in browser.execute_script("return window.heardAt") if at > before - 200]
        quiet = [level for at, level in levels if at <= before]
        usual = sum(quiet) / max(1, len(quiet))
        changed = [at for at, level in levels if at > before and not usual / 2 < level < usual * 2]
        found.append(round(changed[0] - before) if changed else None)
        turn(browser, knob, 0)
    return found


def memory(browser):
    """MB of the browser's processes for pages, by the kernel's count of what is theirs alone or shared in parts."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_text()
            if "--type=renderer" in command and browser.profile in command:
                rows = (folder / "smaps_rollup").read_text().splitlines()
                total += sum(int(row.split()[1]) for row in rows if row.startswith("Pss:"))
        except OSError:
            continue
    return total / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recording", type=Path, help="ten seconds of singing or so")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "web", help="the page's folder")
    parser.add_argument("--long", type=Path, help="a long recording, for memory")
    parser.add_argument("--tone", type=Path, help="a held note, at which the time from slider to sound is measured")
    args = parser.parse_args()
    from browser import open_browser

    facts, profile = {}, Path(tempfile.mkdtemp())
    handler = functools.partial(Handler, directory=args.folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = open_browser(profile, *FLAGS)
        browser.profile = str(profile)
        try:
            browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", dict(source=LISTEN))
            begin = time.monotonic()
            browser.get(f"http://127.0.0.1:{server.server_port}/")
            wait(browser, "$('status').textContent === 'Ready.'")
            facts["page opened to ready (s)"] = round(time.monotonic() - begin, 2)
            # As a visitor who presses play as soon as that can be pressed.
            browser.execute_script(
                "const play = document.getElementById('play'); const timer = setInterval(() => {"
                "if (!play.disabled) { clearInterval(timer); play.click(); } }, 5);"
            )
            begin = time.monotonic()
            open_recording(browser, args.recording)
            facts["file to all heard (s)"] = round(time.monotonic() - begin, 2)
            wait(browser, "$('speed').textContent.includes('first sound')")
            facts["first (page's own words)"] = browser.find_element("id", "speed").text
            if args.tone:
                open_recording(browser, args.tone)
                browser.find_element("id", "play").click()
                time.sleep(1)
                facts["slider to heard (ms)"] = reactions(browser, "loudness", [12, -18, 9, -12, 12, -18, 9, -12])
                facts["playing (page's own words)"] = browser.find_element("id", "speed").text
                browser.find_element("id", "play").click()
            begin = time.monotonic()
            browser.find_element("id", "save").click()
            wait(browser, "$('status').textContent.startsWith('Written')")
            facts["written (s)"] = round(time.monotonic() - begin, 2)
            facts["at the end (page's own words)"] = browser.find_element("id", "speed").text
            facts["memory (MB)"] = round(memory(browser))
            if args.long:
                open_recording(browser, args.long)
                facts["memory, long recording heard (MB)"] = round(memory(browser))
                browser.find_element("id", "save").click()
                peak, end = 0.0, time.monotonic() + 1800
                while time.monotonic() < end and "Written" not in browser.find_element("id", "status").text:
                    peak = max(peak, memory(browser))
                    time.sleep(0.5)
                facts["memory, long recording written, peak (MB)"] = round(peak)
                facts["long (page's own words)"] = browser.find_element("id", "speed").text
            facts["complaints"] = [entry["message"] for entry in browser.get_log("browser")]
        finally:
            browser.quit()
            server.shutdown()
            shutil.rmtree(profile, ignore_errors=True)
    print(json.dumps(facts, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
