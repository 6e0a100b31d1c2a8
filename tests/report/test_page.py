"""The listening page's files, and the page itself in a headless Chromium."""

import base64
import functools
import http.server
import io
import json
import re
import threading

import numpy as np
import pytest
import soundfile
from browser import open_browser
from PIL import Image
from waiting import until

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.report.page.build import build_page
from espnet2_nhv.report.page.tables import result_tables
from espnet2_nhv.report.results import write_results
from espnet2_nhv.score import cache
from espnet2_nhv.score.metrics import METRICS
from espnet2_nhv.train.curve import add_point

SPEC = FeatureSpec()
FS = SPEC.fs
PITCH = {"reference": 1000.0, "nhv": 1500.0, "hifigan": 2000.0}  # Hz: who is heard can be told by the tone
ENTER, SHIFT, LEFT, UP, RIGHT, DOWN = (
    "\ue007",
    "\ue008",
    "\ue012",
    "\ue013",
    "\ue014",
    "\ue015",
)  # as WebDriver writes keys
SECONDS = {"song/1": 20.0, "song 2": 1.0, "song3": 1.0}
SCORES = {
    "nhv": {"mrstft": 0.5, "mcd": 10.5, "f0_rmse": None, "ap_6": 2.0},
    "hifigan": {"mrstft": 0.9, "mcd": 9.5, "f0_rmse": 3.0, "ap_6": -8.0},
}


def write_tones(folder, name, utts=SECONDS):
    (folder / "wav").mkdir(parents=True)
    lines = []
    for number, utt in enumerate(utts):
        wav = 0.1 * np.sin(2 * np.pi * PITCH[name] * np.arange(int(SECONDS[utt] * FS)) / FS)
        soundfile.write(folder / "wav" / f"{number}.wav", wav, FS, subtype="PCM_16")
        lines.append(f"{utt.replace(' ', '_')} {folder}/wav/{number}.wav\n")
    (folder / "wav.scp").write_text("".join(lines))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """exp with two vocoders (of which hifigan lacks the last utterance), dump, and the rows of RESULTS.json."""
    root = tmp_path_factory.mktemp("page")
    exp, dump = root / "exp", root / "dump"
    write_tones(dump / "eval", "reference")
    SPEC.save(dump / "spec.yaml")
    for name, utts in (("nhv", list(SECONDS)), ("hifigan", list(SECONDS)[:2])):
        decode = exp / name / "decode" / "eval"
        write_tones(decode, name, utts)
        mean = {metric.key: SCORES[name].get(metric.key, 1.0) for metric in METRICS}
        each = {utt.replace(" ", "_"): {**mean, "lsd_worst_at": 0.25} for utt in utts}
        scores = dict(mean=mean, utterances=each, n_utterances=3, n_scored=len(utts), n_missing=3 - len(utts))
        (decode / "scores.json").write_text(json.dumps(scores))
        for epoch in (1, 2, 3):
            losses = dict(mr_stft=SCORES[name]["mrstft"] * (2 - epoch / 3), mel=0.1)
            add_point(exp / name, epoch, 100 * epoch, 60.0 * epoch, losses)
        (decode / "rtf.json").write_text('{"rtf": %g, "threads": 1, "device": "cpu"}' % SCORES[name]["mrstft"])
    rows = write_results(exp, ["nhv", "hifigan", "absent"], ["dev", "eval"])
    return exp, dump, rows


@pytest.fixture(scope="module")
def page(folders):
    """index.html; the tones' F0 is not analysed but known."""
    exp, dump, rows = folders
    with pytest.MonkeyPatch.context() as patch:
        n_frames = lambda wav: len(wav) // SPEC.hop_length  # noqa: E731
        known = lambda wav, spec: (np.full(n_frames(wav), 440.0), np.ones(n_frames(wav)))  # noqa: E731
        patch.setattr(cache.tracker, "heard_f0", known)
        notes = dump / "notes.json"
        notes.write_text(json.dumps({"song/1": [[1.0, 2.0, 72], [5.0, 5.5, 66]]}))
        return build_page(exp, dump, rows, command="./run.sh <all> & more", notes=notes)


def content(page, key):
    text = (page.parent / "data" / f"{key}.js").read_text()
    return json.loads(text[text.index(", {") + 2 : text.rindex(");")])


# --- its files


def test_sound_and_contour_are_whole(page, folders):
    sample = content(page, "eval/000/1-nhv")
    heard, fs = soundfile.read(io.BytesIO(base64.b64decode(sample["sound"])), dtype="int16")
    wav, _ = soundfile.read(folders[0] / "nhv/decode/eval/wav/0.wav", dtype="int16")
    assert fs == FS and np.array_equal(heard, wav)
    assert set(sample["f0"]) == {4400}
    assert len(sample["f0"]) * sample["f0_step"] == pytest.approx(20, abs=0.02)


def test_a_tone_is_a_line_at_its_place(page):
    import librosa

    centres = librosa.mel_frequencies(130, fmin=0, fmax=22050)[1:-1]
    for index, (name, pitch) in enumerate(PITCH.items()):
        picture = np.array(Image.open(page.parent / "data" / "eval" / "001" / f"{index}-{name}.png"))
        assert picture.shape == (128, 100)  # bands, and columns of 10 ms
        assert (picture[::-1, 50].argmax() == np.abs(centres - pitch).argmin()).all()


def test_nothing_is_fetched_from_elsewhere(page):
    files = [page, *(page.parent / "assets").iterdir()]
    for file in files:
        addresses = re.findall(r"https?://[^\s\"'`]+", file.read_text())
        assert set(addresses) <= {"http://www.w3.org/2000/svg"}, file
    for link in re.findall(r'(?:src|href)="([^"]+)"', page.read_text()):
        assert link.startswith("data:,") or (page.parent / link).is_file()
    assert "./run.sh &lt;all&gt; &amp; more" in page.read_text()


def test_what_is_there_is_not_made_again_and_what_is_not_shown_goes(folders, page, tmp_path):
    import shutil

    exp = tmp_path / "exp"
    shutil.copytree(folders[0], exp)  # keeps times of files
    rows = [row for row in folders[2] if row["set"] == "eval"]
    with pytest.MonkeyPatch.context() as patch:
        # Paths are part of what a sample is made from, so the copy's are made once.
        patch.setattr(cache.tracker, "heard_f0", lambda wav, spec: (np.full(len(wav) // 256, 440.0),) * 2)
        data = build_page(exp, folders[1], rows).parent / "data" / "eval"
        before = {path: path.stat().st_mtime_ns for path in data.rglob("*.*")}
        assert len(before) == 2 * 8
        build_page(exp, folders[1], rows)
        assert {path: path.stat().st_mtime_ns for path in data.rglob("*.*")} == before
        (data / "notes.txt").write_text("the user's own")
        (data / "000" / "1-nhv.js").write_text("cut sho")
        build_page(exp, folders[1], [row for row in rows if row["vocoder"] == "nhv"], n_utterances=2)
        left = sorted(path.relative_to(data).as_posix() for path in data.rglob("*.*"))
    stems = [f"{number}/{name}" for number in ("000", "001") for name in ("0-reference", "1-nhv")]
    assert left == sorted([*(f"{stem}.{kind}" for stem in stems for kind in ("js", "png")), "notes.txt"])
    assert "sound" in (data / "000" / "1-nhv.js").read_text()


def test_a_file_that_cannot_be_read_is_a_gap(folders, tmp_path):
    exp = tmp_path / "exp"
    (exp / "nhv" / "decode" / "eval").mkdir(parents=True)
    (tmp_path / "broken.wav").write_bytes(b"RIFF nothing")
    (exp / "nhv" / "decode" / "eval" / "wav.scp").write_text(f"song/1 {tmp_path}/broken.wav\n")
    rows = [row for row in folders[2] if row["vocoder"] == "nhv"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache.tracker, "heard_f0", lambda wav, spec: (np.full(len(wav) // 256, 440.0),) * 2)
        index = build_page(exp, folders[1], rows).parent / "data" / "index.js"
    data = json.loads(index.read_text().removeprefix("page.data = ").rstrip(";\n"))
    samples = [{s["name"]: s["problem"] for s in utterance["samples"]} for utterance in data["sets"][0]["utterances"]]
    assert "broken.wav: not readable" in samples[0]["nhv"] and samples[0]["reference"] is None
    assert samples[1] == {"reference": None, "nhv": "it was not synthesised"}


def test_notes_that_cannot_be_read_are_named(folders, tmp_path):
    with pytest.raises(UserError, match="none.json: not readable as notes"):
        build_page(folders[0], folders[1], folders[2], notes=tmp_path / "none.json")


def test_nothing_to_listen_to_is_said(tmp_path, folders):
    (tmp_path / "exp").mkdir()
    rows = [row for row in folders[2] if row["vocoder"] == "absent"]
    with pytest.raises(UserError, match="nothing was decoded that could be listened to"):
        build_page(tmp_path / "exp", folders[1], rows)


def test_tables_hold_what_the_rows_say(folders):
    table = result_tables(folders[2])[1]
    assert table["title"] == "Copy synthesis of eval"
    labels = [column["label"] for column in table["columns"]]
    assert [row[0]["text"] for row in table["rows"]] == ["nhv", "hifigan", "absent"]
    cells = [row[labels.index("F0 fine (cent)")] for row in table["rows"]]
    assert cells == [dict(text="–", value=None), dict(text="3.0", value=3.0), dict(text="–", value=None)]
    assert [row[labels.index("utterances")]["value"] for row in table["rows"]] == [3, 2, None]
    assert table["rows"][2][labels.index("note")]["text"].startswith("failed: not trained")


# --- in a browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    driver = open_browser(folder)
    driver.downloads = folder
    yield driver
    driver.quit()


@pytest.fixture(params=["disk", "server"])
def address(request, page):
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


def heard_tone(browser):
    """Frequency, Hz, of the loudest line of what the page plays."""
    browser.execute_script(
        "const player = page.listen.player;"
        "window.ear ??= player.context.createAnalyser(); ear.fftSize = 8192; ear.smoothingTimeConstant = 0;"
        "player.output.connect(ear);"
    )
    # Long enough for the analyser's window to hold nothing from before.
    begin = browser.execute_script("return page.listen.player.context.currentTime")
    wait(browser, f"page.listen.player.context.currentTime > {begin} + 0.3")
    level, loudest = browser.execute_script(
        "const levels = new Float32Array(ear.frequencyBinCount); ear.getFloatFrequencyData(levels);"
        "const top = levels.indexOf(Math.max(...levels)); return [levels[top], top * ear.context.sampleRate / 8192]"
    )
    return loudest if level is not None and level > -80 else None  # JSON has no minus infinity


def test_notes_of_a_score_lie_under_the_contours(browser, page):
    opened(browser, page.as_uri())
    shown = """
        const { pitch } = page.listen, { canvas } = pitch, [low, high] = pitch.range();
        const x = (time) => Math.round((time / pitch.seconds) * canvas.width);
        const share = (midi) => Math.log(440 * 2 ** ((midi - 69) / 12) / low) / Math.log(high / low);
        const y = (midi) => Math.round(canvas.height * (1 - share(midi)));
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const alpha = ([time, midi]) => data[4 * (y(midi) * canvas.width + x(time)) + 3];
        return [[1.5, 72], [2.5, 72], [1.5, 73], [5.25, 66]].map(alpha)
    """
    inside, after, above, other = browser.execute_script(shown)
    assert inside > 50 and other > 50 and after == above == 0
    expect_no_complaint(browser)


def expect_no_complaint(browser):
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


def test_playing_switching_and_seeking(browser, address):
    opened(browser, address)
    click(browser, "#play")
    assert heard_tone(browser) == pytest.approx(PITCH["reference"], abs=6)
    for key, name in (("b", "nhv"), ("c", "hifigan"), (ENTER, "nhv"), (ENTER, "hifigan"), (UP, "nhv")):
        browser.execute_script("page.listen.player.seek(5)")  # far from the end, which a slow machine would come to
        before = browser.execute_script("return page.listen.player.position")
        press(browser, key)
        after = browser.execute_script("return page.listen.player.position")
        assert 5 <= before <= after < 20
        assert heard_tone(browser) == pytest.approx(PITCH[name], abs=6)
        heard = browser.find_elements("css selector", ".row.heard")
        assert [row.get_attribute("data-name") for row in heard] == [name]
    shown = float(browser.find_element("id", "time").text.split()[0])
    cursor = float(browser.execute_script("return document.getElementById('cursor').style.getPropertyValue('--at')"))
    assert shown > 5 and cursor * 20 >= shown - 0.005  # shown in hundredths
    press(browser, " ")
    assert heard_tone(browser) is None
    assert browser.find_element("id", "play").text == "Play"
    rest = browser.execute_script("return page.listen.player.position")
    press(browser, LEFT)
    assert browser.execute_script("return page.listen.player.position") == pytest.approx(rest - 1, abs=0.01)
    expect_no_complaint(browser)


def test_only_the_open_utterance_is_loaded(browser, address):
    opened(browser, address)

    def loaded():
        names = browser.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
        return {name.split("/data/")[1] for name in names if "/data/eval/" in name}

    stems = ("0-reference", "1-nhv", "2-hifigan")
    if not address.startswith("file"):  # from disk, Chromium lists nothing
        assert loaded() == {f"eval/000/{stem}.{kind}" for stem in stems for kind in ("js", "png")}
    press_shifted(browser, RIGHT)  # the next utterance
    wait(browser, "document.getElementById('tracks').dataset.loaded?.includes('song_2')")
    assert browser.find_element("id", "title").text == "song_2"
    assert browser.execute_script("return page.listen.player.buffers.size") == 3
    assert browser.execute_script("return page.listen.player.duration") == pytest.approx(1.0, abs=1e-3)
    press_shifted(browser, RIGHT)
    wait(browser, "document.getElementById('tracks').dataset.loaded?.includes('song3')")
    missing = browser.find_element("css selector", ".row[data-name=hifigan] .problem")
    assert missing.text == "it was not synthesised"
    expect_no_complaint(browser)


def test_a_drag_loops(browser, address):
    from selenium.webdriver.common.action_chains import ActionChains

    opened(browser, address)
    track = browser.find_element("css selector", ".row[data-name=nhv] .track")
    width = track.size["width"]
    start = ActionChains(browser).move_to_element_with_offset(track, -width // 4, 0).click_and_hold()
    start.move_by_offset(width // 4, 0).release().perform()
    loop = browser.execute_script("return page.listen.player.loop")
    assert loop["start"] == pytest.approx(5, abs=0.1) and loop["end"] == pytest.approx(10, abs=0.1)
    assert browser.execute_script("return page.listen.player.position") == pytest.approx(5, abs=0.1)
    # Seven seconds on from the fifth it is at the seventh again.
    at = "const p = page.listen.player; p.startedAt = 100; p.rest = 5; return p.positionAt(107)"
    assert browser.execute_script(at) == pytest.approx(7, abs=0.2)
    click(browser, "#unloop")
    assert browser.execute_script("return page.listen.player.loop") is None
    expect_no_complaint(browser)


def test_blind_listening(browser, address):
    opened(browser, address)
    press(browser, "b", "3")  # openly
    click(browser, "#blind")
    rows = browser.find_elements("css selector", "#rows .row")
    names = [row.find_element("css selector", ".name").text.split("\n")[-1] for row in rows]
    assert names == ["reference", "sample B", "sample C", "sample D"]
    # Nor does what was heard or rated before tell who is behind a letter, the copy of the recording included.
    assert [row.get_attribute("data-letter") for row in browser.find_elements("css selector", ".row.heard")] == ["a"]
    assert not browser.find_elements("css selector", ".rating [aria-pressed=true]")
    shown = browser.find_element("id", "rows").text
    assert "nhv" not in shown and "hifigan" not in shown and "MCD" not in shown
    assert not browser.find_elements("css selector", "#rows .nameless img")

    # Rate each by what is heard: the copy of the recording 5, nhv 4, hifigan 2.
    wanted = {"reference": 5, "nhv": 4, "hifigan": 2}
    press(browser, " ")
    order = []
    for letter in "bcd":
        browser.execute_script("page.listen.player.seek(5)")
        press(browser, letter)
        tone = heard_tone(browser)
        order.append(min(PITCH, key=lambda name: abs(PITCH[name] - tone)))
        press(browser, str(wanted[order[-1]]))
    press(browser, " ")
    assert sorted(order) == sorted(PITCH)

    (browser.downloads / "choices.json").unlink(missing_ok=True)
    click(browser, "#save")
    until((browser.downloads / "choices.json").exists)
    saved = json.loads((browser.downloads / "choices.json").read_text())["choices"]
    assert {entry["vocoder"]: entry["rating"] for entry in saved} == wanted
    for entry in saved:
        assert (entry["set"], entry["utterance"], entry["blind"], entry["order"]) == ("eval", "song/1", True, order)

    click(browser, "#reveal")
    assert [row.get_attribute("data-letter") for row in browser.find_elements("css selector", ".row.heard")] == ["d"]
    assert [row.get_attribute("data-name") for row in browser.find_elements("css selector", "#rows .row")[1:]] == order
    click(browser, "#blind")
    means = browser.find_element("css selector", "#summary ol").text.split("\n")
    assert means == ["reference: 5.00 (1)", "nhv: 4.00 (1)", "hifigan: 2.00 (1)"]
    expect_no_complaint(browser)


def test_a_row_that_cannot_be_heard(browser, page):
    opened(browser, page.as_uri())
    # The row that lacks a file between two others; its reason has its name in it.
    browser.execute_script(
        "const { samples } = page.data.sets[0].utterances[2];"
        "samples.reverse(); samples[0].problem = 'exp/hifigan/x.wav'; page.listen.step(2);"
    )
    names = [row.get_attribute("data-name") for row in browser.find_elements("css selector", "#rows .row")]
    assert names == ["reference", "hifigan", "nhv"]

    def heard():
        return browser.find_element("css selector", ".row.heard").get_attribute("data-name")

    press(browser, DOWN)
    assert heard() == "nhv"
    press(browser, DOWN)
    assert heard() == "nhv"
    press(browser, UP)
    assert heard() == "reference"
    assert "exp/hifigan/x.wav" in browser.find_element("id", "rows").text
    click(browser, "#blind")
    assert "there is nothing to hear" in browser.find_element("id", "rows").text
    assert "hifigan" not in browser.find_element("id", "rows").get_attribute("outerHTML")


def test_a_picture_is_as_long_as_its_sound(browser, page):
    opened(browser, page.as_uri())
    widths = browser.execute_script(
        "const sample = { ...page.data.sets[0].utterances[0].samples[1], seconds: 5 };"
        "const row = buildRow({ sample, letter: 'b', named: true }, { seconds: 20 }, [], [], {});"
        "return [row, ...document.querySelectorAll('#rows .row')].map((one) => one.querySelector('img').style.width)"
    )
    assert widths == ["25%", "100%", "100%", "100%"]


def test_order_is_shuffled_anew_for_each_utterance(browser, address):
    opened(browser, address)
    orders = browser.execute_script(
        "const samples = [...'abcdefgh'].map((name) => ({ name })).concat({ name: 'reference' });"
        "const choices = new Choices('test'); choices.blind = true;"
        "const order = (place) => choices.rows(place, samples).slice(1).map((row) => row.sample.name).join('');"
        "return [...Array(20).keys(), 0].map((index) => order(JSON.stringify(['s', index])));"
    )
    assert all(sorted(order) == sorted("abcdefghreference") for order in orders)
    assert len(set(orders[:20])) > 15  # of 362880 orders
    assert orders[0] == orders[20]  # an utterance keeps its order


def test_sorting_and_the_plot(browser, address):
    opened(browser, address)
    click(browser, "[data-tab=results]")
    table = browser.find_elements("css selector", "table.sortable")[1]

    def order(label, table=table):
        headings = table.find_elements("css selector", "th button")
        next(heading for heading in headings if heading.text.startswith(label)).click()
        return [row.find_element("css selector", "td").text for row in table.find_elements("css selector", "tbody tr")]

    assert order("MCD") == ["hifigan", "nhv", "absent"]  # 9.5 before 10.5: by number, not by text
    assert order("MCD") == ["nhv", "hifigan", "absent"]
    assert order("F0 fine")[0] == "hifigan"
    assert order("vocoder") == ["absent", "hifigan", "nhv"]
    periodicity = browser.find_elements("css selector", "table.sortable")[2]
    assert order("aperiodicity 6k", periodicity) == ["nhv", "hifigan"]  # 2 is nearer to 0 than -8

    points = {
        point.get_attribute("data-name"): (float(point.get_attribute("cx")), float(point.get_attribute("cy")))
        for point in browser.find_elements("css selector", "#plot circle")
    }
    assert set(points) == {"nhv", "hifigan"}
    assert points["nhv"][0] < points["hifigan"][0]  # faster is left
    assert points["nhv"][1] < points["hifigan"][1]  # a lower MR-STFT is up
    expect_no_complaint(browser)


def test_learning_curves(browser, address):
    opened(browser, address)
    click(browser, "[data-tab=results]")

    def lines():
        drawn = {}
        for line in browser.find_elements("css selector", "#curve-plot polyline"):
            points = [tuple(map(float, point.split(","))) for point in line.get_attribute("points").split()]
            drawn[line.get_attribute("data-name")] = points
        return drawn

    drawn = lines()
    assert set(drawn) == {"nhv", "hifigan"} and all(len(points) == 3 for points in drawn.values())
    for points in drawn.values():  # more minutes are right, a lower loss is down
        assert [x for x, _ in points] == sorted(x for x, _ in points)
        assert [y for _, y in points] == sorted(y for _, y in points)
    assert all(nhv[1] > hifigan[1] for nhv, hifigan in zip(drawn["nhv"], drawn["hifigan"]))
    names = [text.text for text in browser.find_elements("css selector", "#curve-plot text")]
    assert {"nhv", "hifigan", "minutes of training"} <= set(names)
    browser.execute_script(
        "const against = document.getElementById('curve-against'); against.value = 'steps';"
        "against.dispatchEvent(new Event('change'));"
    )
    names = [text.text for text in browser.find_elements("css selector", "#curve-plot text")]
    assert "steps" in names
    assert np.allclose(lines()["nhv"], drawn["nhv"], atol=0.1)  # they made as many steps a minute
    expect_no_complaint(browser)


def test_only_sentences_stand_left_in_a_table(browser, page):
    """Numbers stand right, also in the last column; tables of many columns stay within a wide window."""
    opened(browser, page.as_uri())
    browser.set_window_size(1500, 900)
    click(browser, "[data-tab=results]")
    aligned = browser.execute_script(
        "return [...document.querySelectorAll('table.sortable')].map((table) =>"
        "[...table.tBodies[0].rows[0].cells].map((cell) => [getComputedStyle(cell).textAlign, cell.className]))"
    )
    assert len(aligned) >= 4
    for cells in aligned:
        assert cells[0][0] == "left"
        assert all((side == "left") == (kind == "wide") for side, kind in cells[1:])
    overflow = browser.execute_script(
        "return [...document.querySelectorAll('.scroll')].map((one) => one.scrollWidth - one.clientWidth)"
    )
    assert overflow[2] <= 0  # the one of periodicity
    browser.set_window_size(1280, 800)
