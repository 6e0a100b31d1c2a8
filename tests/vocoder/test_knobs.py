"""Knobs do what they say, and at 0 nothing at all."""

import dataclasses

import numpy as np
import pytest
import torch
from exports import save_small, song, turned

from espnet2_nhv import load_vocoder
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.knobs import KNOBS, NAMES
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder import build_vocoder
from espnet2_nhv.vocoder.knobs import frames_of_knobs
from espnet2_nhv.vocoder.nhv.knob_filters import KnobFilters

GAIN = 10 ** (6 / 20)


@pytest.fixture(scope="module")
def vocoder(tmp_path_factory):
    return load_vocoder(save_small(tmp_path_factory.mktemp("knobs") / "saved"))


@pytest.fixture(scope="module")
def features(vocoder):
    mel, f0 = (torch.from_numpy(x) for x in song(vocoder, 1.2))
    return mel - 0.5, f0


def test_neutral_is_bit_for_bit_and_nothing_is_computed(vocoder, features, monkeypatch):
    plain = vocoder.inference(*features)

    def computed(*_):
        raise AssertionError("something was computed for a knob at 0")

    monkeypatch.setattr(KnobFilters, "forward", computed)
    zeros = np.zeros(len(features[0]), np.float32)
    for knobs in (
        {},
        None,
        dict.fromkeys(NAMES, 0.0),
        dict.fromkeys(NAMES, zeros),
        torch.zeros(len(zeros), len(NAMES)),
    ):
        assert torch.equal(plain, vocoder.inference(*features, knobs=knobs))
    stream = vocoder.stream()
    assert torch.equal(plain, torch.cat([stream.push(*features, knobs=dict(gender=0)), stream.flush()]))


def test_a_knob_back_at_0_leaves_no_trace(vocoder, features):
    """Where the curve is 0 the filters are those without, to the last bit, though another frame's are not."""
    plain = vocoder.inference(*features)
    for name in NAMES:
        curve = np.zeros(len(features[0]), np.float32)
        curve[150:160] = 3.0
        other = vocoder.inference(*features, knobs={name: curve})
        assert torch.equal(plain[: 148 * 256], other[: 148 * 256])
        assert (plain - other)[150 * 256 : 160 * 256].abs().max() > 1e-3
        assert torch.equal(plain[165 * 256 :], other[165 * 256 :])


def test_levels_are_those_of_the_parts(vocoder, features):
    plain = vocoder.inference(*features)
    assert plain.abs().max() < 0.4  # nothing is limited
    harmonic = (vocoder.inference(*features, knobs=dict(voicing=6)) - plain) / (GAIN - 1)
    noise = (vocoder.inference(*features, knobs=dict(breathiness=6)) - plain) / (GAIN - 1)
    assert harmonic.std() > 0.003 and noise.std() > 0.003
    torch.testing.assert_close(harmonic + noise, plain, atol=1e-5, rtol=0)
    loud = vocoder.inference(*features, knobs=dict(loudness=6))
    torch.testing.assert_close(loud, plain * GAIN, atol=1e-5, rtol=0)
    hushed = vocoder.inference(*features, knobs=dict(voicing=-60))
    torch.testing.assert_close(hushed, noise, atol=2e-3, rtol=0)


@pytest.mark.parametrize("tension", [-6.0, 3.0])
def test_tension_is_a_slope_of_the_harmonics_alone(vocoder, features, tension):
    numbers = torch.zeros(1, 5, sum(vocoder.sizes))
    mel, f0 = features[0][None, :5], features[1][None, :5]
    knobs = frames_of_knobs(dict(tension=tension), 5, mel.device)[None]
    plain, tilted = (vocoder.filters(numbers, mel, f0, f0, None, knobs=k) for k in (None, knobs))
    frequency = np.arange(vocoder.n_fft // 2 + 1) * vocoder.fs / vocoder.n_fft
    inside = (frequency > 150) & (frequency < 20000)
    gain = 20 * torch.log10(tilted[0].abs() / plain[0].abs())[0].numpy()[:, inside]
    np.testing.assert_allclose(gain, np.tile(tension * np.log2(frequency[inside] / 1000), (5, 1)), atol=0.3)
    assert torch.equal(plain[1], tilted[1])


@pytest.mark.parametrize("gender", [-7.0, 4.0])
def test_gender_moves_the_envelope(vocoder, gender):
    """Peaks of both filters, and the phase of the harmonic one, are found elsewhere, by so many semitones."""
    scale, quefrency = 2 ** (gender / 12), torch.arange(-vocoder.anticausal_order, vocoder.sizes[0] - 64)
    harmonic = 0.6 * torch.cos(0.2 * quefrency) * torch.exp(-quefrency.abs() / 25.0) * (quefrency > -30)
    noise = 1.5 * torch.cos(0.3 * torch.arange(vocoder.sizes[1])) * torch.exp(-torch.arange(vocoder.sizes[1]) / 12.0)
    cepstra = [x[None, None].expand(1, 4, -1) for x in (harmonic, noise)]
    moved = vocoder.knob_filters(*cepstra, frames_of_knobs(dict(gender=gender), 4, harmonic.device)[None])
    before, after = vocoder.responses(*cepstra), vocoder.responses(*moved)
    frequency = np.arange(vocoder.n_fft // 2 + 1) * vocoder.fs / vocoder.n_fft
    at = np.geomspace(100, 12000, 200)
    for read in (
        lambda filters: filters[0].abs().log(),
        lambda filters: torch.from_numpy(np.unwrap(filters[0].angle().numpy())),
        lambda filters: filters[1].log(),
    ):
        want, got = (np.interp(f, frequency, read(x)[0, 2].numpy()) for f, x in ((at, before), (at * scale, after)))
        assert np.ptp(want) > 0.8
        np.testing.assert_allclose(got, want, atol=0.08)


def test_the_network_reads_the_mel_as_it_is_whatever_the_gender(vocoder, features, monkeypatch):
    """A mel with formants moved down is like none of its training: it answered with 20 dB too much of the highs."""
    seen, read = [], vocoder.network_input
    monkeypatch.setattr(vocoder, "network_input", lambda mel, f0: seen.append((mel, f0)) or read(mel, f0))
    for gender in (0, -9):
        vocoder.inference(*features, knobs=dict(gender=gender))
    half = len(seen) // 2
    for before, after in zip(seen[:half], seen[half:]):
        assert all(torch.equal(x, y) for x, y in zip(before, after))


def test_chunks_equal_the_whole_with_curves(vocoder, features):
    knobs = turned(len(features[0]))
    whole = vocoder.inference(*features, knobs=knobs)
    assert (whole - vocoder.inference(*features)).abs().max() > 0.05
    stream, begin, parts = vocoder.stream(), 0, []
    for n in (1, 2, 40, 7, 100, len(features[0])):
        part = slice(begin, begin + n)
        chunk = {name: curve[part] for name, curve in knobs.items()}
        parts.append(stream.push(features[0][part], features[1][part], knobs=chunk))
        begin = min(begin + n, len(features[0]))
        if begin == len(features[0]):
            break
    torch.testing.assert_close(torch.cat([*parts, stream.flush()]), whole, atol=1e-5, rtol=0)


def test_turned_on_and_off_in_a_stream(vocoder, features):
    """As a player turns: not there, there, not there; the whole with that curve is the same."""
    mel, f0 = features
    curve = np.zeros(len(mel), np.float32)
    curve[50:90] = 8.0
    stream = vocoder.stream()
    parts = [stream.push(mel[:50], f0[:50]), stream.push(mel[50:90], f0[50:90], knobs=dict(gender=8, tension=-2))]
    parts += [stream.push(mel[90:], f0[90:]), stream.flush()]
    whole = vocoder.inference(mel, f0, knobs=dict(gender=curve, tension=-curve / 4))
    torch.testing.assert_close(torch.cat(parts), whole, atol=1e-5, rtol=0)


def test_frames_in_the_middle_of_their_hop():
    spec = FeatureSpec(hop_length=512, frame_centre=0.5)
    vocoder = build_vocoder("nhv", spec, channels=16, hidden=16, n_blocks=1).eval()
    mel, f0 = (torch.from_numpy(x) for x in song(vocoder, 0.8))
    knobs = turned(len(mel))
    whole, stream = vocoder.inference(mel, f0, knobs=knobs), vocoder.stream()
    head = {name: curve[:9] for name, curve in knobs.items()}
    tail = {name: curve[9:] for name, curve in knobs.items()}
    parts = [stream.push(mel[:9], f0[:9], knobs=head), stream.push(mel[9:], f0[9:], knobs=tail), stream.flush()]
    torch.testing.assert_close(torch.cat(parts), whole, atol=1e-5, rtol=0)


def test_curves_follow_the_features_to_another_hop(vocoder, features):
    """Features of twice the hop, and a curve of theirs: the level follows in time, whatever the frames."""
    spec = dataclasses.replace(vocoder.spec, hop_length=512)
    mel, f0 = features[0][::2], features[1][::2]
    curve = np.linspace(-20, 0, len(mel)).astype(np.float32)
    plain = vocoder.inference(mel, f0, spec)
    other = vocoder.inference(mel, f0, spec, knobs=dict(loudness=curve))
    level = 10 * torch.log10(other.unfold(0, 4096, 4096).square().sum(1) / plain.unfold(0, 4096, 4096).square().sum(1))
    expected = np.interp(np.arange(len(level)) * 4096 + 2048, np.arange(len(mel)) * 512, curve)
    np.testing.assert_allclose(level.numpy(), expected, atol=0.5)


def test_a_batch_has_knobs_and_their_gradients(vocoder, features):
    mel, f0 = features[0].T[None, :, :40], features[1][None, None, :40]
    zeros = torch.zeros(1, len(NAMES), 40)

    def run(knobs):
        torch.manual_seed(3)
        return vocoder(mel, f0, knobs=knobs)

    assert torch.equal(run(None), run(zeros))
    knobs = (zeros + 0.1).requires_grad_(True)
    run(knobs).square().mean().backward()
    assert (knobs.grad.abs().sum(dim=2) > 0).all()


@pytest.mark.parametrize(
    "knobs, words",
    [
        (dict(growl=1), "no knob 'growl'; there are breathiness"),
        (dict(gender=25), "gender is 25: give semitones from -24 to 24"),
        (dict(tension=np.array([0, 0, 7.0] + 203 * [0.0])), "tension is 7 at frame 2"),
        (dict(loudness=float("nan")), "loudness is nan"),
        (dict(voicing=np.zeros(9)), "9 values and the mel 206 frames"),
        (torch.zeros(206, 2), "do not fit"),
    ],
)
def test_what_cannot_be_turned(vocoder, features, knobs, words):
    with pytest.raises(UserError, match=words):
        vocoder.inference(*features, knobs=knobs)


def test_others_have_none(features):
    peer = build_vocoder("nhv-direct").eval()
    assert len(peer.inference(features[0][:9], features[1][:9], knobs=dict(loudness=0))) == 9 * 256
    with pytest.raises(UserError, match="no knobs"):
        peer.inference(*features, knobs=dict(loudness=1))


def test_every_range_holds_0_and_is_sung(vocoder, features):
    for name, (_, _, limits) in KNOBS.items():
        assert limits[0] < 0 < limits[1]
        for limit in limits:
            wav = vocoder.inference(*features, knobs={name: limit})
            assert torch.isfinite(wav).all() and wav.abs().max() <= 1
