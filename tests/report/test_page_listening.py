"""The listening page's first tab in a browser: who is heard, where, and by which name."""

import json

import pytest
from page_browser import DOWN, ENTER, LEFT, RIGHT, UP, click, expect_no_complaint, opened, press, press_shifted, wait
from page_files import PITCH
from waiting import until


def heard_tone(chromium):
    """Frequency, Hz, of the loudest line of what the page plays."""
    chromium.execute_script(
        "const player = page.listen.player;"
        "window.ear ??= player.context.createAnalyser(); ear.fftSize = 8192; ear.smoothingTimeConstant = 0;"
        "player.output.connect(ear);"
    )
    # Long enough for the analyser's window to hold nothing from before.
    begin = chromium.execute_script("return page.listen.player.context.currentTime")
    wait(chromium, f"page.listen.player.context.currentTime > {begin} + 0.3")
    level, loudest = chromium.execute_script(
        "const levels = new Float32Array(ear.frequencyBinCount); ear.getFloatFrequencyData(levels);"
        "const top = levels.indexOf(Math.max(...levels)); return [levels[top], top * ear.context.sampleRate / 8192]"
    )
    return loudest if level is not None and level > -80 else None  # JSON has no minus infinity


def test_notes_of_a_score_lie_under_the_contours(chromium, page):
    opened(chromium, page.as_uri())
    shown = """
        const { pitch } = page.listen, { canvas } = pitch, [low, high] = pitch.range();
        const x = (time) => Math.round((time / pitch.seconds) * canvas.width);
        const share = (midi) => Math.log(440 * 2 ** ((midi - 69) / 12) / low) / Math.log(high / low);
        const y = (midi) => Math.round(canvas.height * (1 - share(midi)));
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const alpha = ([time, midi]) => data[4 * (y(midi) * canvas.width + x(time)) + 3];
        return [[1.5, 72], [2.5, 72], [1.5, 73], [5.25, 66]].map(alpha)
    """
    inside, after, above, other = chromium.execute_script(shown)
    assert inside > 50 and other > 50 and after == above == 0
    expect_no_complaint(chromium)


def test_playing_switching_and_seeking(chromium, page_address):
    opened(chromium, page_address)
    click(chromium, "#play")
    assert heard_tone(chromium) == pytest.approx(PITCH["reference"], abs=6)
    for key, name in (("b", "nhv"), ("c", "hifigan"), (ENTER, "nhv"), (ENTER, "hifigan"), (UP, "nhv")):
        chromium.execute_script("page.listen.player.seek(5)")  # far from the end, which a slow machine would come to
        before = chromium.execute_script("return page.listen.player.position")
        press(chromium, key)
        after = chromium.execute_script("return page.listen.player.position")
        assert 5 <= before <= after < 20
        assert heard_tone(chromium) == pytest.approx(PITCH[name], abs=6)
        heard = chromium.find_elements("css selector", ".row.heard")
        assert [row.get_attribute("data-name") for row in heard] == [name]
    shown = float(chromium.find_element("id", "time").text.split()[0])
    cursor = float(chromium.execute_script("return document.getElementById('cursor').style.getPropertyValue('--at')"))
    assert shown > 5 and cursor * 20 >= shown - 0.005  # shown in hundredths
    press(chromium, " ")
    assert heard_tone(chromium) is None
    assert chromium.find_element("id", "play").text == "Play"
    rest = chromium.execute_script("return page.listen.player.position")
    press(chromium, LEFT)
    assert chromium.execute_script("return page.listen.player.position") == pytest.approx(rest - 1, abs=0.01)
    expect_no_complaint(chromium)


def test_rows_beyond_z_have_numbers(chromium, page):
    opened(chromium, page.as_uri())
    letters, label = chromium.execute_script(
        "const names = ['reference', ...Array.from({ length: 30 }, (_, k) => `vocoder${k}`)];"
        "const samples = names.map((name) => ({ name }));"
        "const rows = new Choices('many').rows('eval', samples), nothing = { hear: () => {}, rate: () => {} };"
        "const last = { ...rows[30], named: false };"
        "const element = buildRow(last, { seconds: 1 }, [], [], nothing);"
        "return [rows.map(({ letter }) => letter).join(' '), element.querySelector('.name').textContent]"
    )
    assert letters == "a b c d e f g h i j k l m n o p q r s t u v w x y z 27 28 29 30 31"
    assert label == "31sample 31"
    expect_no_complaint(chromium)


def test_only_the_open_utterance_is_loaded(chromium, page_address):
    opened(chromium, page_address)

    def loaded():
        names = chromium.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
        return {name.split("/data/")[1] for name in names if "/data/eval/" in name}

    stems = ("0-reference", "1-nhv", "2-hifigan")
    if not page_address.startswith("file"):  # from disk, Chromium lists nothing
        assert loaded() == {f"eval/000/{stem}.{kind}" for stem in stems for kind in ("js", "png")}
    press_shifted(chromium, RIGHT)  # the next utterance
    wait(chromium, "document.getElementById('tracks').dataset.loaded?.includes('song_2')")
    assert chromium.find_element("id", "title").text == "song_2"
    assert chromium.execute_script("return page.listen.player.buffers.size") == 3
    assert chromium.execute_script("return page.listen.player.duration") == pytest.approx(1.0, abs=1e-3)
    press_shifted(chromium, RIGHT)
    wait(chromium, "document.getElementById('tracks').dataset.loaded?.includes('song3')")
    missing = chromium.find_element("css selector", ".row[data-name=hifigan] .problem")
    assert missing.text == "it was not synthesised"
    expect_no_complaint(chromium)


def test_a_drag_loops(chromium, page_address):
    from selenium.webdriver.common.action_chains import ActionChains

    opened(chromium, page_address)
    track = chromium.find_element("css selector", ".row[data-name=nhv] .track")
    width = track.size["width"]
    start = ActionChains(chromium).move_to_element_with_offset(track, -width // 4, 0).click_and_hold()
    start.move_by_offset(width // 4, 0).release().perform()
    loop = chromium.execute_script("return page.listen.player.loop")
    assert loop["start"] == pytest.approx(5, abs=0.1) and loop["end"] == pytest.approx(10, abs=0.1)
    assert chromium.execute_script("return page.listen.player.position") == pytest.approx(5, abs=0.1)
    # Seven seconds on from the fifth it is at the seventh again.
    at = "const p = page.listen.player; p.startedAt = 100; p.rest = 5; return p.positionAt(107)"
    assert chromium.execute_script(at) == pytest.approx(7, abs=0.2)
    click(chromium, "#unloop")
    assert chromium.execute_script("return page.listen.player.loop") is None
    expect_no_complaint(chromium)


def test_blind_listening(chromium, page_address):
    opened(chromium, page_address)
    press(chromium, "b", "3")  # openly
    click(chromium, "#blind")
    rows = chromium.find_elements("css selector", "#rows .row")
    names = [row.find_element("css selector", ".name").text.split("\n")[-1] for row in rows]
    assert names == ["reference", "sample B", "sample C", "sample D"]
    # Nor does what was heard or rated before tell who is behind a letter, the copy of the recording included.
    assert [row.get_attribute("data-letter") for row in chromium.find_elements("css selector", ".row.heard")] == ["a"]
    assert not chromium.find_elements("css selector", ".rating [aria-pressed=true]")
    shown = chromium.find_element("id", "rows").text
    assert "nhv" not in shown and "hifigan" not in shown and "MCD" not in shown
    assert not chromium.find_elements("css selector", "#rows .nameless img")

    # Rate each by what is heard: the copy of the recording 5, nhv 4, hifigan 2.
    wanted = {"reference": 5, "nhv": 4, "hifigan": 2}
    press(chromium, " ")
    order = []
    for letter in "bcd":
        chromium.execute_script("page.listen.player.seek(5)")
        press(chromium, letter)
        tone = heard_tone(chromium)
        order.append(min(PITCH, key=lambda name: abs(PITCH[name] - tone)))
        press(chromium, str(wanted[order[-1]]))
    press(chromium, " ")
    assert sorted(order) == sorted(PITCH)

    (chromium.downloads / "choices.json").unlink(missing_ok=True)
    click(chromium, "#save")
    until((chromium.downloads / "choices.json").exists)
    saved = json.loads((chromium.downloads / "choices.json").read_text())["choices"]
    assert {entry["vocoder"]: entry["rating"] for entry in saved} == wanted
    for entry in saved:
        assert (entry["set"], entry["utterance"], entry["blind"], entry["order"]) == ("eval", "song/1", True, order)

    click(chromium, "#reveal")
    assert [row.get_attribute("data-letter") for row in chromium.find_elements("css selector", ".row.heard")] == ["d"]
    assert [row.get_attribute("data-name") for row in chromium.find_elements("css selector", "#rows .row")[1:]] == order
    click(chromium, "#blind")
    means = chromium.find_element("css selector", "#summary ol").text.split("\n")
    assert means == ["reference: 5.00 (1)", "nhv: 4.00 (1)", "hifigan: 2.00 (1)"]
    expect_no_complaint(chromium)


def test_a_row_that_cannot_be_heard(chromium, page):
    opened(chromium, page.as_uri())
    # The row that lacks a file between two others; its reason has its name in it.
    chromium.execute_script(
        "const { samples } = page.data.sets[0].utterances[2];"
        "samples.reverse(); samples[0].problem = 'exp/hifigan/x.wav'; page.listen.step(2);"
    )
    names = [row.get_attribute("data-name") for row in chromium.find_elements("css selector", "#rows .row")]
    assert names == ["reference", "hifigan", "nhv"]

    def heard():
        return chromium.find_element("css selector", ".row.heard").get_attribute("data-name")

    press(chromium, DOWN)
    assert heard() == "nhv"
    press(chromium, DOWN)
    assert heard() == "nhv"
    press(chromium, UP)
    assert heard() == "reference"
    assert "exp/hifigan/x.wav" in chromium.find_element("id", "rows").text
    click(chromium, "#blind")
    assert "there is nothing to hear" in chromium.find_element("id", "rows").text
    assert "hifigan" not in chromium.find_element("id", "rows").get_attribute("outerHTML")


def test_a_picture_is_as_long_as_its_sound(chromium, page):
    opened(chromium, page.as_uri())
    widths = chromium.execute_script(
        "const sample = { ...page.data.sets[0].utterances[0].samples[1], seconds: 5 };"
        "const row = buildRow({ sample, letter: 'b', named: true }, { seconds: 20 }, [], [], {});"
        "return [row, ...document.querySelectorAll('#rows .row')].map((one) => one.querySelector('img').style.width)"
    )
    assert widths == ["25%", "100%", "100%", "100%"]


def test_order_is_shuffled_anew_for_each_utterance(chromium, page_address):
    opened(chromium, page_address)
    orders = chromium.execute_script(
        "const samples = [...'abcdefgh'].map((name) => ({ name })).concat({ name: 'reference' });"
        "const choices = new Choices('test'); choices.blind = true;"
        "const order = (place) => choices.rows(place, samples).slice(1).map((row) => row.sample.name).join('');"
        "return [...Array(20).keys(), 0].map((index) => order(JSON.stringify(['s', index])));"
    )
    assert all(sorted(order) == sorted("abcdefghreference") for order in orders)
    assert len(set(orders[:20])) > 15  # of 362880 orders
    assert orders[0] == orders[20]  # an utterance keeps its order
