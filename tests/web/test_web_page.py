"""The page that sings in a browser, made by tools/web.sh, in a headless Chromium."""

import functools
import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from browser import open_browser
from exports import save_small
from waiting import until

from espnet2_nhv.feature.knobs import NAMES, KnobSource
from espnet2_nhv.feature.pitch.analysis import extract_f0
from espnet2_nhv.feature.pitch.curve_files import read_curve
from espnet2_nhv.feature.pitch.source import PitchSource
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.synthesis.copy_synthesis import Change, copy_synthesis
from espnet2_nhv.vocoder import load_vocoder

ROOT = Path(__file__).resolve().parent.parent.parent
VOCODER = ROOT / "pretrained" / "nhv"
LARGEST, OURS = 25e6, 10e6  # bytes
LOUDEST_ERROR = -60.0  # dB under the signal
SPEC = FeatureSpec()
# Key and knobs at which the page's sound is compared with Python's.
TURNED = (
    (0, {}),
    (3, {}),
    (-5, {"breathiness": 6, "voicing": -3, "tension": -1.5, "gender": 4, "loudness": -4}),
)
# It may sound without a click, and hears a file in place of a microphone.
FLAGS = (
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)

KEPT_KEY = """
    const done = arguments[0];
    import('./src/store.js').then((store) => store.kept()).then((what) => done(what?.knobs?.key ?? null));
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The page's folder."""
    pytest.importorskip("onnx", reason="the package onnx is not installed")
    package = list((ROOT / "build" / "npm").glob("onnxruntime-web-*.tgz"))
    if not package and shutil.which("npm") is None:
        pytest.skip("no npm here, which the page's runtime comes from (Debian: apt-get install nodejs npm)")
    out = tmp_path_factory.mktemp("web") / "web"
    command = [ROOT / "tools" / "web.sh", "--out", out, "--python", sys.executable]
    ran = subprocess.run(command, capture_output=True, text=True)
    if "npm could not fetch" in ran.stderr:
        pytest.skip("npm cannot fetch onnxruntime-web here")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return out


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def log_request(self, code="-", size="-"):
        self.server.answers.append((self.path, int(code)))


@pytest.fixture(scope="module")
def server(folder):
    handler = functools.partial(Handler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.answers = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def browser(tmp_path_factory, server):
    downloads = tmp_path_factory.mktemp("chromium")
    driver = open_browser(downloads, *FLAGS)
    driver.downloads, driver.address = downloads, f"http://127.0.0.1:{server.server_port}/"
    yield driver
    driver.quit()


@pytest.fixture
def page(browser):
    """The page, newly opened, with nothing kept from before."""
    browser.get(browser.address)
    wait(browser, "$('demo') && !$('demo').disabled")
    if browser.execute_script("return !document.getElementById('view').hidden"):
        wait(browser, "!$('forget').hidden")
        click(browser, "forget")
        wait(browser, "$('view').hidden")
    browser.get_log("browser")
    yield browser
    complaints = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not complaints


@pytest.fixture(scope="module")
def song(folder):
    return folder / "demo.flac"


def wait(browser, script):
    """What an expression gives once that is true; `$` finds by id."""
    script = f"const $ = (id) => document.getElementById(id); return {script}"
    return until(lambda: browser.execute_script(script), what=f"{script} ({browser.current_url})")


def click(browser, name):
    browser.find_element("id", name).click()


def text(browser, name):
    return browser.find_element("id", name).text


def turn(browser, name, value):
    """Move a slider as a visitor's hand does."""
    browser.execute_script(
        "const knob = document.getElementById(`knob-${arguments[0]}`); knob.value = arguments[1];"
        "knob.dispatchEvent(new Event('input', { bubbles: true }));",
        name,
        value,
    )


def open_file(browser, path, field="file"):
    browser.find_element("id", field).send_keys(str(path))


def heard(browser, path):
    """Open a recording and wait until it has been heard to its end."""
    browser.execute_script("delete document.documentElement.dataset.heard")
    open_file(browser, path)
    wait(browser, "document.documentElement.dataset.heard")


def saved(browser, button, pattern):
    """Press a button and wait for the file it writes."""
    for old in browser.downloads.glob(pattern):
        old.unlink()
    click(browser, button)
    return until(lambda: list(browser.downloads.glob(pattern)))[0]


def error_db(got, wanted):
    return 10 * np.log10(np.mean((got - wanted) ** 2) / np.mean(wanted**2))


# --- the folder


def test_the_folder_is_small_and_whole(folder):
    files = [file for file in folder.rglob("*") if file.is_file()]
    sizes = {file: file.stat().st_size for file in files}
    assert sum(sizes.values()) <= LARGEST
    assert sum(size for file, size in sizes.items() if file.parent.name != "ort") <= OURS
    listed = json.loads((folder / "files.js").read_text().removeprefix("self.FOLDER = ").rstrip(";\n"))["files"]
    names = {file.relative_to(folder).as_posix() for file in files} - {"files.js", "sw.js"}
    assert set(listed) == {"./", *names}
    assert json.loads((folder / "singers.json").read_text())["singers"][0]["licence"] == "CC BY-SA 4.0"


def test_what_holds_something_else_is_not_replaced(folder, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    command = [ROOT / "tools" / "web.sh", "--out", tmp_path, "--python", sys.executable]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 1 and ran.stderr.startswith("error: ") and "holds something else" in ran.stderr
    assert (tmp_path / "notes.txt").read_text() == "mine"


# --- what it computes


def test_it_sings_what_python_sings(page, song, server, tmp_path):
    heard(page, song)
    curve = saved(page, "curve", "*.csv").rename(tmp_path / "curve.csv")
    wav, _ = soundfile.read(song, dtype="float32")
    f0, vuv = extract_f0(wav, SPEC)
    found = read_curve(curve).f0
    assert len(found) == len(f0)
    cents = 1200 * np.abs(np.log2(found / f0))[vuv > 0]
    assert np.median(cents) < 3 and np.mean(cents > 50) < 0.05
    vocoder, pitch = load_vocoder(VOCODER), PitchSource("file", curves=curve)
    for key, turned in TURNED:
        for name in NAMES:
            turn(page, name, turned.get(name, 0))
        turn(page, "key", key)
        sung, fs = soundfile.read(saved(page, "save", "*.wav"))
        out = tmp_path / f"{key}.wav"
        change, knobs = Change(key_shift=key), KnobSource(turned)
        copy_synthesis(song, out, vocoder, "", change, pitch, "FLOAT", knobs=knobs)
        wanted, _ = soundfile.read(out)
        assert fs == SPEC.fs and len(sung) == len(wanted)
        assert error_db(sung, wanted) < LOUDEST_ERROR, (key, turned)
    assert re.match(r"Real-time factor: vocoder \d+\.\d", text(page, "speed"))
    # Nothing comes from elsewhere, and nothing is missing.
    asked = page.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert asked and all(address.startswith((page.address, "blob:")) for address in asked)
    assert all(code in (200, 304) for path, code in server.answers if path != "/favicon.ico")


def test_it_plays_and_a_slider_is_heard(page, song):
    heard(page, song)
    click(page, "loop")  # lest a slow machine hears the end before the knob
    click(page, "play")
    wait(page, "$('speed').textContent.includes('first sound')")
    turn(page, "key", 5)
    wait(page, "$('speed').textContent.includes('a knob is heard after')")
    assert text(page, "play").startswith("■")
    click(page, "loop")
    turn(page, "speed", 2)
    wait(page, "$('play').textContent.includes('Play')")  # to the end, where it stops
    click(page, "original")
    click(page, "play")
    wait(page, "$('play').textContent.includes('Stop')")
    click(page, "play")
    assert "Play" in text(page, "play")


def test_twice_the_speed_is_half_as_long(page, song):
    heard(page, song)
    n_samples = soundfile.info(song).frames
    turn(page, "speed", 2)
    assert soundfile.info(saved(page, "save", "*.wav")).frames == pytest.approx(n_samples / 2, abs=SPEC.hop_length)


def test_a_drawn_pitch_is_sung_and_undone(page, song, tmp_path):
    from selenium.webdriver import ActionChains

    heard(page, song)
    before = read_curve(saved(page, "curve", "*.csv").rename(tmp_path / "before.csv")).f0
    click(page, "draw")
    canvas = page.find_element("id", "view")
    width, height = canvas.size["width"], canvas.size["height"]
    stroke = ActionChains(page).move_to_element_with_offset(canvas, -width // 4, height // 10).click_and_hold()
    stroke.move_by_offset(width // 4, -height // 20).release().perform()
    after = read_curve(saved(page, "curve", "*.csv").rename(tmp_path / "after.csv")).f0
    changed = np.flatnonzero(after != before)
    share = np.array([changed[0], changed[-1]]) / len(before)
    assert share == pytest.approx([0.25, 0.5], abs=0.02)
    drawn = np.log(after[changed[0] : changed[-1] + 1])
    assert np.all(np.diff(drawn) > -1e-6) and np.ptp(drawn) > 0.1  # up, as the mouse went
    sung, fs = soundfile.read(saved(page, "save", "*.wav"))
    f0, vuv = extract_f0(sung, SPEC)
    at = changed[10:-10]
    voiced = vuv[at] > 0
    assert np.median(1200 * np.abs(np.log2(f0[at] / after[at]))[voiced]) < 20
    click(page, "undo")
    assert read_curve(saved(page, "curve", "*.csv")).f0.tolist() == before.tolist()
    page.find_element("css selector", "body").send_keys("\ue00e")  # nowhere
    page.execute_script("document.getElementById('view').focus()")
    canvas.send_keys("\ue013")  # up: all by a semitone
    raised = read_curve(saved(page, "curve", "*.csv")).f0
    np.testing.assert_allclose(1200 * np.log2(raised / before), 100, atol=0.01)


# --- what it keeps, and what it says


def test_a_reload_loses_nothing_without_a_network_too(page, song, folder):
    heard(page, song)
    turn(page, "key", 7)
    wait(page, "$('offline').textContent.includes('without a network')")
    until(lambda: page.execute_async_script(KEPT_KEY) == 7)
    page.execute_cdp_cmd("Network.enable", {})
    page.execute_cdp_cmd(
        "Network.emulateNetworkConditions", dict(offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    )
    try:
        page.refresh()
        wait(page, "document.documentElement.dataset.heard")
        assert text(page, "name").startswith("demo.flac")
        assert page.find_element("id", "knob-key").get_property("value") == "7"
        assert soundfile.info(saved(page, "save", "*.wav")).frames > 1000
    finally:
        page.execute_cdp_cmd(
            "Network.emulateNetworkConditions",
            dict(offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1),
        )
    click(page, "forget")
    page.refresh()
    wait(page, "$('status').textContent === 'Ready.'")
    assert page.execute_script("return document.getElementById('view').hidden")


def test_bad_files_get_a_sentence(page, tmp_path):
    (tmp_path / "noise.wav").write_bytes(b"RIFF nothing")
    (tmp_path / "empty.wav").write_bytes(b"")
    soundfile.write(tmp_path / "silent.wav", np.zeros(44100), 44100)
    soundfile.write(tmp_path / "short.wav", 0.5 * np.ones(1000), 44100)
    for name, words in (
        ("noise.wav", "noise.wav: this browser cannot decode it"),
        ("empty.wav", "empty.wav: empty"),
        ("silent.wav", "silent.wav: silent"),
        ("short.wav", "short.wav: 0.02 s are too short"),
    ):
        open_file(page, tmp_path / name)
        wait(page, f"$('problem').textContent.startsWith({json.dumps(words)})")
    assert page.execute_script("return document.getElementById('view').hidden")


def test_another_singer_and_files_that_are_none(page, song, tmp_path):
    from espnet2_nhv.export.export import export

    small = save_small(tmp_path / "saved", FeatureSpec(hop_length=512))  # frames of other lengths too
    export(small, "onnx", tmp_path, "small")
    other = save_small(tmp_path / "other", FeatureSpec(n_mels=80))
    export(other, "onnx", tmp_path, "other")
    stream = (tmp_path / "small_stream.onnx").read_bytes()
    (tmp_path / "altered.onnx").write_bytes(stream[:5000] + b"x" + stream[5001:])
    (tmp_path / "foreign.onnx").write_bytes(b"<html>")
    for name, words in (
        ("altered.onnx", "altered or damaged"),
        ("foreign.onnx", "not a vocoder"),
        ("small.onnx", "exported for whole utterances"),
        ("other_stream.onnx", "features of n_mels 80"),
    ):
        open_file(page, tmp_path / name, "model")
        wait(page, f"$('problem').textContent.includes({json.dumps(words)})")
        assert page.find_element("id", "singer").get_property("value") == "nhv"
    heard(page, song)
    page.execute_script("delete document.documentElement.dataset.heard")
    open_file(page, tmp_path / "small_stream.onnx", "model")
    wait(page, "$('singer').value === 'small_stream.onnx' && document.documentElement.dataset.heard")
    assert "CC0-1.0" in text(page, "card") and "そう" in text(page, "card")
    saved_by_small, _ = soundfile.read(saved(page, "save", "*.wav"))
    page.execute_script(
        "const s = document.getElementById('singer'); s.value = 'nhv'; s.dispatchEvent(new Event('change'))"
    )
    wait(page, "$('card').textContent.includes('CC BY-SA 4.0') && document.documentElement.dataset.heard")
    saved_by_nhv, _ = soundfile.read(saved(page, "save", "*.wav"))
    n_samples = min(len(saved_by_nhv), len(saved_by_small))
    assert 0 <= len(saved_by_nhv) - len(saved_by_small) < 512
    assert error_db(saved_by_small[:n_samples], saved_by_nhv[:n_samples]) > -20


def test_the_microphone_is_heard(page):
    for seconds in (2, 30):  # a busy machine may hear less than a tenth of a second in two
        click(page, "record")  # Chromium's own, which beeps
        wait(page, "$('record').getAttribute('aria-pressed') === 'true'")
        time.sleep(seconds)
        click(page, "record")
        wait(page, "$('name').textContent.startsWith('microphone') || $('problem').textContent")
        if text(page, "name").startswith("microphone"):
            break
    assert text(page, "name").startswith("microphone")
    wait(page, "!$('save').disabled")


def test_everything_has_a_name_and_a_key(page, song):
    heard(page, song)
    unnamed = page.execute_script(
        "return [...document.querySelectorAll('button, input, select, canvas, progress')].filter((one) => "
        "!(one.getAttribute('aria-label') || one.textContent.trim() || one.labels?.length)).map((one) => one.outerHTML)"
    )
    assert unnamed == []
    page.execute_script("document.activeElement.blur()")
    body = page.find_element("css selector", "body")
    body.send_keys(" ")
    wait(page, "$('play').textContent.includes('Stop')")
    body.send_keys(" ")
    wait(page, "$('play').textContent.includes('Play')")
    body.send_keys("d")
    assert page.find_element("id", "draw").get_attribute("aria-pressed") == "true"
    for theme in ("light", "dark", ""):
        click(page, "theme")
        assert page.execute_script("return document.documentElement.dataset.theme") == theme


def test_without_simd_there_is_a_sentence(page):
    script = "WebAssembly.validate = () => false"
    added = page.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", dict(source=script))
    try:
        page.refresh()
        wait(page, "$('problem').textContent.includes('no WebAssembly with SIMD')")
    finally:
        page.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)
