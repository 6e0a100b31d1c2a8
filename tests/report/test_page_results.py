"""The listening page's second tab in a browser: tables and plots."""

import numpy as np
from page_browser import click, expect_no_complaint, opened


def test_sorting_and_the_plot(chromium, page_address):
    opened(chromium, page_address)
    click(chromium, "[data-tab=results]")
    table = chromium.find_elements("css selector", "table.sortable")[1]

    def order(label, table=table):
        headings = table.find_elements("css selector", "th button")
        next(heading for heading in headings if heading.text.startswith(label)).click()
        return [row.find_element("css selector", "td").text for row in table.find_elements("css selector", "tbody tr")]

    assert order("MCD") == ["hifigan", "nhv", "absent"]  # 9.5 before 10.5: by number, not by text
    assert order("MCD") == ["nhv", "hifigan", "absent"]
    assert order("F0 fine")[0] == "hifigan"
    assert order("vocoder") == ["absent", "hifigan", "nhv"]
    periodicity = chromium.find_elements("css selector", "table.sortable")[2]
    assert order("aperiodicity 6k", periodicity) == ["nhv", "hifigan"]  # 2 is nearer to 0 than -8

    points = {
        point.get_attribute("data-name"): (float(point.get_attribute("cx")), float(point.get_attribute("cy")))
        for point in chromium.find_elements("css selector", "#plot circle")
    }
    assert set(points) == {"nhv", "hifigan"}
    assert points["nhv"][0] < points["hifigan"][0]  # faster is left
    assert points["nhv"][1] < points["hifigan"][1]  # a lower MR-STFT is up
    expect_no_complaint(chromium)


def test_learning_curves(chromium, page_address):
    opened(chromium, page_address)
    click(chromium, "[data-tab=results]")

    def lines():
        drawn = {}
        for line in chromium.find_elements("css selector", "#curve-plot polyline"):
            points = [tuple(map(float, point.split(","))) for point in line.get_attribute("points").split()]
            drawn[line.get_attribute("data-name")] = points
        return drawn

    drawn = lines()
    assert set(drawn) == {"nhv", "hifigan"} and all(len(points) == 3 for points in drawn.values())
    for points in drawn.values():  # more minutes are right, a lower loss is down
        assert [x for x, _ in points] == sorted(x for x, _ in points)
        assert [y for _, y in points] == sorted(y for _, y in points)
    assert all(nhv[1] > hifigan[1] for nhv, hifigan in zip(drawn["nhv"], drawn["hifigan"]))
    names = [text.text for text in chromium.find_elements("css selector", "#curve-plot text")]
    assert {"nhv", "hifigan", "minutes of training"} <= set(names)
    chromium.execute_script(
        "const against = document.getElementById('curve-against'); against.value = 'steps';"
        "against.dispatchEvent(new Event('change'));"
    )
    names = [text.text for text in chromium.find_elements("css selector", "#curve-plot text")]
    assert "steps" in names
    assert np.allclose(lines()["nhv"], drawn["nhv"], atol=0.1)  # they made as many steps a minute
    expect_no_complaint(chromium)


def test_many_names_beside_curves(chromium, page):
    """Every name of forty lies within the plot, on a line of its own."""
    opened(chromium, page.as_uri())
    click(chromium, "[data-tab=results]")
    places = chromium.execute_script(
        "const point = (k) => ({ steps: 2, seconds: 60 + k, mr_stft: 1 + k });"
        "const curves = Object.fromEntries([...Array(40).keys()].map((k) => [`vocoder${k}`, [point(k)]]));"
        "new Curves({ curves, curve_metrics: page.data.curve_metrics });"
        "const plot = document.getElementById('curve-plot').getBoundingClientRect();"
        "const texts = [...document.querySelectorAll('#curve-plot text')];"
        "const names = texts.filter((text) => text.textContent.startsWith('vocoder'));"
        "return names.map((text) => text.getBoundingClientRect())"
        ".map(({ top, bottom }) => [top - plot.top, plot.bottom - bottom])"
    )
    assert len(places) == 40
    assert all(above > 0 and below > 0 for above, below in places)
    tops = sorted(above for above, _ in places)
    assert min(np.diff(tops)) > 8
    expect_no_complaint(chromium)


def test_only_sentences_stand_left_in_a_table(chromium, page):
    """Numbers stand right, also in the last column; tables of many columns stay within a wide window."""
    opened(chromium, page.as_uri())
    chromium.set_window_size(1500, 900)
    click(chromium, "[data-tab=results]")
    aligned = chromium.execute_script(
        "return [...document.querySelectorAll('table.sortable')].map((table) =>"
        "[...table.tBodies[0].rows[0].cells].map((cell) => [getComputedStyle(cell).textAlign, cell.className]))"
    )
    assert len(aligned) >= 4
    for cells in aligned:
        assert cells[0][0] == "left"
        assert all((side == "left") == (kind == "wide") for side, kind in cells[1:])
    overflow = chromium.execute_script(
        "return [...document.querySelectorAll('.scroll')].map((one) => one.scrollWidth - one.clientWidth)"
    )
    assert overflow[2] <= 0  # the one of periodicity
    chromium.set_window_size(1280, 800)
