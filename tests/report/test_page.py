"""The listening page's files."""

import base64
import io
import json
import re

import numpy as np
import pytest
import soundfile
from page_files import FS, PITCH
from PIL import Image

from espnet2_nhv.errors import UserError
from espnet2_nhv.report.page.build import build_page
from espnet2_nhv.report.page.tables import result_tables
from espnet2_nhv.score import cache


def content(page, key):
    text = (page.parent / "data" / f"{key}.js").read_text()
    return json.loads(text[text.index(", {") + 2 : text.rindex(");")])


def test_sound_and_contour_are_whole(page, page_folders):
    sample = content(page, "eval/000/1-nhv")
    heard, fs = soundfile.read(io.BytesIO(base64.b64decode(sample["sound"])), dtype="int16")
    wav, _ = soundfile.read(page_folders[0] / "nhv/decode/eval/wav/0.wav", dtype="int16")
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


def test_what_is_there_is_not_made_again_and_what_is_not_shown_goes(page_folders, page, tmp_path):
    import shutil

    exp = tmp_path / "exp"
    shutil.copytree(page_folders[0], exp)  # keeps times of files
    rows = [row for row in page_folders[2] if row["set"] == "eval"]
    with pytest.MonkeyPatch.context() as patch:
        # Paths are part of what a sample is made from, so the copy's are made once.
        patch.setattr(cache.tracker, "heard_f0", lambda wav, spec: (np.full(len(wav) // 256, 440.0),) * 2)
        data = build_page(exp, page_folders[1], rows).parent / "data" / "eval"
        before = {path: path.stat().st_mtime_ns for path in data.rglob("*.*")}
        assert len(before) == 2 * 8
        build_page(exp, page_folders[1], rows)
        assert {path: path.stat().st_mtime_ns for path in data.rglob("*.*")} == before
        (data / "notes.txt").write_text("the user's own")
        (data / "000" / "1-nhv.js").write_text("cut sho")
        build_page(exp, page_folders[1], [row for row in rows if row["vocoder"] == "nhv"], n_utterances=2)
        left = sorted(path.relative_to(data).as_posix() for path in data.rglob("*.*"))
    stems = [f"{number}/{name}" for number in ("000", "001") for name in ("0-reference", "1-nhv")]
    assert left == sorted([*(f"{stem}.{kind}" for stem in stems for kind in ("js", "png")), "notes.txt"])
    assert "sound" in (data / "000" / "1-nhv.js").read_text()


def test_a_file_that_cannot_be_read_is_a_gap(page_folders, tmp_path):
    exp = tmp_path / "exp"
    (exp / "nhv" / "decode" / "eval").mkdir(parents=True)
    (tmp_path / "broken.wav").write_bytes(b"RIFF nothing")
    (exp / "nhv" / "decode" / "eval" / "wav.scp").write_text(f"song/1 {tmp_path}/broken.wav\n")
    rows = [row for row in page_folders[2] if row["vocoder"] == "nhv"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache.tracker, "heard_f0", lambda wav, spec: (np.full(len(wav) // 256, 440.0),) * 2)
        index = build_page(exp, page_folders[1], rows).parent / "data" / "index.js"
    data = json.loads(index.read_text().removeprefix("page.data = ").rstrip(";\n"))
    samples = [{s["name"]: s["problem"] for s in utterance["samples"]} for utterance in data["sets"][0]["utterances"]]
    assert "broken.wav: not readable" in samples[0]["nhv"] and samples[0]["reference"] is None
    assert samples[1] == {"reference": None, "nhv": "it was not synthesised"}


def test_notes_that_cannot_be_read_are_named(page_folders, tmp_path):
    with pytest.raises(UserError, match="none.json: not readable as notes"):
        build_page(page_folders[0], page_folders[1], page_folders[2], notes=tmp_path / "none.json")


def test_nothing_to_listen_to_is_said(tmp_path, page_folders):
    (tmp_path / "exp").mkdir()
    rows = [row for row in page_folders[2] if row["vocoder"] == "absent"]
    with pytest.raises(UserError, match="nothing was decoded that could be listened to"):
        build_page(tmp_path / "exp", page_folders[1], rows)


def test_tables_hold_what_the_rows_say(page_folders):
    table = result_tables(page_folders[2])[1]
    assert table["title"] == "Copy synthesis of eval"
    labels = [column["label"] for column in table["columns"]]
    assert [row[0]["text"] for row in table["rows"]] == ["nhv", "hifigan", "absent"]
    cells = [row[labels.index("F0 fine (cent)")] for row in table["rows"]]
    assert cells == [dict(text="–", value=None), dict(text="3.0", value=3.0), dict(text="–", value=None)]
    assert [row[labels.index("utterances")]["value"] for row in table["rows"]] == [3, 2, None]
    assert table["rows"][2][labels.index("note")]["text"].startswith("failed: not trained")
