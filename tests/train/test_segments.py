"""Segments stay aligned to the sample, and every second of audio is as likely as every other."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_dump import SPEC, write_set

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.datadir import read_table
from espnet2_nhv.train.segments import SegmentDataset, collate, list_segments, pick_evenly
from espnet2_nhv.train.task import log_mel_of_silence

HOP = SPEC.hop_length
SEGMENT = 8
SCALE = 2**23  # a 24-bit FLAC holds the sample's own number exactly


@pytest.fixture(scope="module")
def numbered(tmp_path_factory):
    """Utterances whose samples and features say where they stand; one is shorter than a segment."""
    utterances = {}
    for utt, n_frames in (("long", 100), ("exact", SEGMENT), ("short", 5)):
        wav = np.arange(n_frames * HOP + 17) / SCALE
        mel = np.tile(np.arange(n_frames, dtype=np.float32)[:, None], (1, SPEC.n_mels))
        utterances[utt] = wav, mel, np.arange(n_frames, dtype=np.float32)[:, None] + 100
    folder = write_set(tmp_path_factory.mktemp("numbered") / "train", utterances, subtype="PCM_24")
    return {name: read_table(folder / f"{file}.scp") for name, file in
            (("singing", "wav"), ("feats", "feats"), ("f0", "f0"))}  # fmt: skip


def dataset(scp, train=True):
    return SegmentDataset(scp, SPEC, SEGMENT, np.full(SPEC.n_mels, -6.0, dtype=np.float32), train)


def test_frame_and_sample_stay_together(numbered):
    np.random.seed(0)
    starts = set()
    for _ in range(200):
        name, arrays = dataset(numbered)["long@3"]
        start = int(arrays["feats"][0, 0])
        assert (arrays["feats"] == np.arange(start, start + SEGMENT)[:, None]).all()
        assert (arrays["f0"][:, 0] == np.arange(start, start + SEGMENT) + 100).all()
        samples = np.round(arrays["singing"].astype(np.float64) * SCALE).astype(int)
        assert (samples == np.arange(start * HOP, (start + SEGMENT) * HOP)).all()
        assert name == "long@3" and all(array.dtype == np.float32 for array in arrays.values())
        starts.add(start)
    assert min(starts) <= 3 and max(starts) >= 89 and max(starts) <= 92


def test_short_utterance_goes_on_in_silence(numbered):
    _, arrays = dataset(numbered)["short@0"]
    assert {name: array.shape for name, array in arrays.items()} == {
        "singing": (SEGMENT * HOP,), "feats": (SEGMENT, SPEC.n_mels), "f0": (SEGMENT, 1)
    }  # fmt: skip
    assert (arrays["feats"][:5, 0] == np.arange(5)).all() and (arrays["feats"][5:] == -6).all()
    assert (arrays["f0"][5:] == 104).all()
    # The recording's own last samples are heard, then nothing.
    assert (arrays["singing"][5 * HOP + 17 :] == 0).all() and (arrays["singing"][5 * HOP : 5 * HOP + 17] != 0).all()


def test_validation_segments_never_change(numbered):
    valid = dataset(numbered, train=False)
    assert valid["long@0"][1]["feats"][0, 0] == 0
    assert valid["long@3"][1]["feats"][0, 0] == 3 * SEGMENT
    assert valid["long@12"][1]["feats"][0, 0] == 92  # the last whole segment
    assert valid["exact@0"][1]["feats"][0, 0] == 0


def test_batches_have_lengths(numbered):
    names, batch = collate([dataset(numbered)[name] for name in ("long@0", "short@0")])
    assert names == ["long@0", "short@0"]
    assert batch["singing"].shape == (2, SEGMENT * HOP) and batch["f0"].shape == (2, SEGMENT, 1)
    assert batch["feats_lengths"].tolist() == [SEGMENT, SEGMENT]


def test_another_rate_is_refused(numbered, tmp_path):
    import soundfile

    soundfile.write(tmp_path / "x.wav", np.zeros(30000), 22050)
    with pytest.raises(UserError, match="22050 Hz"):
        dataset({**numbered, "singing": {"long": str(tmp_path / "x.wav")}})["long@0"]


def test_silence_is_what_espnet_makes_of_zeros():
    silence = log_mel_of_silence(SPEC)
    assert silence.shape == (SPEC.n_mels,)
    assert (silence >= SPEC.log_floor).all() and (silence < -5).all()
    assert torch.isfinite(torch.from_numpy(silence)).all()


@given(
    st.dictionaries(st.text("ab@_1", min_size=1, max_size=5), st.integers(1, 500), min_size=1, max_size=10),
    st.integers(1, 64),
    st.integers(1, 20),
)
def test_segments_cover_everything_in_whole_batches(n_frames, segment_frames, multiple_of):
    names = list_segments(n_frames, segment_frames, multiple_of)
    assert len(names) % multiple_of == 0 and len(set(names)) == len(names)
    counts = Counter(name.rsplit("@", 1)[0] for name in names)
    least = {utt: -(-frames // segment_frames) for utt, frames in n_frames.items()}
    assert set(counts) == set(n_frames) and all(counts[utt] >= least[utt] for utt in n_frames)
    assert len(names) - sum(least.values()) < multiple_of


def test_pick_evenly_keeps_both_ends():
    names = [f"u@{index}" for index in range(101)]
    assert pick_evenly(names, 5) == ["u@0", "u@25", "u@50", "u@75", "u@100"]
    assert pick_evenly(names, 1000) == names
