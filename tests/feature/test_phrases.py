"""Phrases: everything that sounds is in one, and none is longer than allowed."""

import numpy as np
import pytest
import soundfile

from espnet2_nhv.feature.phrases import EDGE, LONG_SILENCE, split_phrases

FS = 16000


def _song(seed, floor_db=-80.0):
    """Notes of 0.3 to 6 s with rests of 0.05 to 4 s between: wav, and the notes as (start, end) in samples."""
    rng = np.random.default_rng(seed)
    parts, notes, position = [], [], 0
    for _ in range(15):
        rest, note = int(rng.choice([0.05, 0.3, 1.0, 4.0]) * FS), int(rng.uniform(0.3, 6) * FS)
        tone = np.sin(2 * np.pi * rng.uniform(100, 900) * np.arange(note) / FS)
        parts += [np.zeros(rest), rng.uniform(0.1, 0.5) * tone]
        notes.append((position + rest, position + rest + note))
        position += rest + note
    wav = np.concatenate(parts)
    return (wav + 10 ** (floor_db / 20) * rng.standard_normal(len(wav))).astype(np.float32), notes


@pytest.mark.parametrize("floor_db", [-200, -80, -60])
@pytest.mark.parametrize("seed", range(5))
def test_all_notes_are_kept(seed, floor_db):
    wav, notes = _song(seed, floor_db)
    phrases = split_phrases(wav, FS)
    inside = np.zeros(len(wav), int)
    for start, end in phrases:
        assert 0 < end - start <= 12 * FS
        inside[start:end] += 1
    assert inside.max() == 1 and phrases == sorted(phrases)
    assert all(inside[start:end].all() for start, end in notes)
    # Of a long rest a little stays at both ends, and hardly more.
    for (_, last), (first, _) in zip(notes, notes[1:]):
        rest = inside[last:first]
        if len(rest) <= 0.5 * FS:
            assert rest.all()
        elif not rest.all():
            left, right = np.argmin(rest), np.argmin(rest[::-1])
            assert all(0.2 * FS < kept < 0.35 * FS for kept in (left, right))
    assert any(first - last > 2 * FS for (_, last), (first, _) in zip(notes, notes[1:]))  # or this would say little
    assert inside.mean() < 0.95


def test_short_phrases_are_joined_if_near():
    tone, near, far = 0.3 * np.sin(np.arange(FS)), np.zeros(int(1.2 * FS)), np.zeros(5 * FS)
    phrases = split_phrases(np.concatenate([tone, near, tone, far, tone]), FS)
    assert len(phrases) == 2 and phrases[0][0] == 0 and phrases[0][1] == pytest.approx(3.45 * FS, abs=0.05 * FS)


def test_breath_stays_with_its_phrase():
    rng = np.random.default_rng(0)
    breath = 0.3 * 10 ** (-36 / 20) * rng.standard_normal(int(0.35 * FS))
    tone = 0.3 * np.sin(0.1 * np.arange(4 * FS))
    parts = [tone, np.zeros(2 * FS), breath, np.zeros(int(0.15 * FS)), tone]
    wav = np.concatenate(parts) + 1e-5 * rng.standard_normal(sum(map(len, parts)))
    (_, first_end), (second_start, _) = split_phrases(wav, FS)
    assert first_end < 4.4 * FS and 5.6 * FS < second_start < 5.8 * FS


def test_without_silence_the_cut_is_where_it_is_quietest():
    time = np.arange(20 * FS) / FS
    gain = 0.3 - 0.2 * np.exp(-(((time - 8.3) / 0.1) ** 2))
    phrases = split_phrases(gain * np.sin(2 * np.pi * 200 * time), FS)
    assert [start for start, _ in phrases[1:]] == [end for _, end in phrases[:-1]]
    assert phrases[0][0] == 0 and phrases[-1][1] == len(time) and len(phrases) == 2
    assert phrases[0][1] / FS == pytest.approx(8.3, abs=0.05)


def test_short_silence_before_a_quieter_note():
    time = np.arange(20 * FS) / FS
    wav = np.where((time > 6) & (time < 9), 0.01, 0.3) * np.sin(2 * np.pi * 200 * time)
    wav[(time > 11.0) & (time < 11.3)] = 0
    phrases = split_phrases(wav, FS)
    assert len(phrases) == 2 and 11.0 < phrases[0][1] / FS < 11.3


def test_rumble_and_offset_are_no_sound():
    time = np.arange(16 * FS) / FS
    rumble = 0.01 * np.sin(2 * np.pi * 30 * time) + 0.02
    wav = rumble + 0.2 * np.sin(2 * np.pi * 300 * time) * ((time < 5) | (time > 11))
    phrases = split_phrases(wav, FS)
    assert len(phrases) == 2 and phrases[0][1] < 5.4 * FS and phrases[1][0] > 10.6 * FS


def test_lone_click_is_no_phrase():
    time = np.arange(16 * FS) / FS
    wav = 0.3 * np.sin(2 * np.pi * 300 * time) * (time < 5) + 1e-4 * np.random.default_rng(0).standard_normal(len(time))
    wav[12 * FS : 12 * FS + 50] += 0.03
    assert len(split_phrases(wav, FS)) == 1
    wav[12 * FS : 12 * FS + 8000] += 0.3 * np.sin(2 * np.pi * 300 * time[:8000])  # but a short loud note is
    assert len(split_phrases(wav, FS)) == 2


@pytest.mark.parametrize("seconds", [1.0, 2.5, 30.0])
def test_longest_phrase_can_be_chosen(seconds):
    wav, notes = _song(0)
    phrases = split_phrases(wav, FS, max_seconds=seconds)
    assert max(end - start for start, end in phrases) <= seconds * FS
    assert min(end - start for start, end in phrases) > 0.1 * FS
    assert all(any(start <= note < end for start, end in phrases) for span in notes for note in (span[0], span[1] - 1))


def test_constant_sound_of_any_length():
    for samples in (1700, FS, 12 * FS, 12 * FS + 1, 60 * FS):
        phrases = split_phrases(0.1 * np.ones(samples) * np.sin(np.arange(samples)), FS)
        assert phrases[0][0] == 0 and phrases[-1][1] == samples
        assert len(phrases) >= samples / (12 * FS)


def test_constants_make_sense():
    assert 2 * EDGE < LONG_SILENCE


def test_real_songs_lose_no_phoneme(pjs):
    """What the labels call a phoneme is inside a phrase, to 50 ms (the labels' own accuracy)."""
    for number in range(81, 91):
        song = f"pjs{number:03d}"
        (path,) = (path for path in (pjs / song).glob(f"{song}_song.*") if path.suffix in (".wav", ".flac"))
        wav, fs = soundfile.read(path, dtype="float32")
        inside = np.zeros(len(wav), bool)
        for start, end in split_phrases(wav, fs):
            inside[start:end] = True
        assert inside.mean() < 0.97  # the pause before the song is gone
        for line in (pjs / song / f"{song}.lab").read_text().splitlines():
            start, end, phoneme = line.split()
            span = inside[int(float(start) * fs / 1e7) : int(float(end) * fs / 1e7)]
            assert phoneme == "pau" or (~span).sum() < 0.05 * fs, (song, line)
