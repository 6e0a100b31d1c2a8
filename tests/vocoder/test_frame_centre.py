"""Frames centred half a hop later: clicks stay where they are, whatever vocoder sings them and however."""

import dataclasses

import numpy as np
import pytest
import torch
from signals import FS

from espnet2_nhv import load_vocoder
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.convert import convert_features
from espnet2_nhv.feature.mel import LogMel
from espnet2_nhv.feature.pitch.analysis import extract_f0
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.registry import build_vocoder
from espnet2_nhv.vocoder.saved import save_vocoder

EARLY = FeatureSpec(hop_length=512, win_length=1024, n_mels=80)
LATE = dataclasses.replace(EARLY, frame_centre=0.5)
CLICKS = np.array([20.0, 45.25, 70.5, 95.75]) * 512  # samples, at four places within a frame


def _clicks():
    wav = 1e-4 * np.random.default_rng(0).standard_normal(120 * 512)
    for click in CLICKS:
        wav[int(click) : int(click) + 2] += 0.9
    return wav.astype(np.float32)


def _features(spec):
    mel = LogMel(spec)(torch.from_numpy(_clicks()))[0].T
    return mel, torch.full((len(mel),), 100.0)


def _offsets(wav):
    """Where the energy around each click is centred, ms after the click."""
    energy, reach = np.square(wav.numpy().astype(np.float64)), 3000
    time = np.arange(-reach, reach)
    around = [energy[int(click) - reach : int(click) + reach] for click in CLICKS]
    return np.array([1000 / FS * (time * part).sum() / part.sum() for part in around])


@pytest.fixture(scope="module", params=["nhv", "griffinlim"])
def pair(request):
    """The same vocoder for frames of either kind."""
    torch.manual_seed(0)
    vocoders = [build_vocoder(request.param, spec).eval() for spec in (EARLY, LATE)]
    vocoders[1].load_state_dict(vocoders[0].state_dict())
    return dict(zip((EARLY, LATE), vocoders))


@pytest.mark.parametrize("made_for", [EARLY, LATE], ids=["vocoder0", "vocoder0.5"])
@pytest.mark.parametrize("features", [EARLY, LATE], ids=["frames0", "frames0.5"])
def test_clicks_stay_where_they_are(pair, made_for, features):
    vocoder = pair[made_for]
    wav = vocoder.inference(*_features(features), spec=features)
    assert len(wav) == 120 * 512
    assert np.abs(_offsets(wav).mean()) < 1  # ms; half a hop are 5.8
    assert np.abs(_offsets(wav)).max() < 3.5  # each: its frames are spread by a hop


def test_taken_for_the_other_kind_they_move_by_half_a_hop(pair):
    wav = pair[EARLY].inference(*_features(LATE))
    assert _offsets(wav).mean() == pytest.approx(-1000 * 256 / FS, abs=1)


def test_the_signal_is_moved_and_nothing_interpolated(pair):
    mel, f0 = _features(LATE)
    torch.manual_seed(0)
    late = pair[LATE].inference(mel, f0)
    torch.manual_seed(0)
    held = pair[EARLY].inference(torch.cat([mel[:1], mel]), torch.cat([f0[:1], f0]))
    assert torch.equal(late, held[256:][: len(late)])


def test_a_stream_equals_the_whole():
    vocoder = build_vocoder("nhv", LATE).eval()
    mel, f0 = _features(LATE)
    whole, stream = vocoder.inference(mel, f0), vocoder.stream()
    parts, fed, sent = [], 0, 0
    for size in (1, 2, 3, 5, 60, 49):
        parts.append(stream.push(mel[fed : fed + size], f0[fed : fed + size]))
        fed, sent = fed + size, sent + len(parts[-1])
        assert sent >= (fed - stream.latency_frames) * 512 + 256
    parts.append(stream.flush())
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=1e-5)
    assert len(vocoder.stream().flush()) == 0


def test_exports_sing_the_frames_of_the_vocoder(tmp_path):
    from espnet2_nhv.export.export import export

    torch.manual_seed(0)
    vocoder = build_vocoder("nhv", LATE, channels=32, hidden=64, n_blocks=2).eval()
    save_vocoder(vocoder, tmp_path / "saved", licence="none", trained_on="nothing")
    mel, f0 = _features(LATE)
    for form in ("onnx", "torchscript"):
        for path in export(tmp_path / "saved", form, tmp_path)[0]:
            exported = load_vocoder(path)
            assert exported.spec == LATE
            for spec in (LATE, EARLY):
                wanted = vocoder.inference(*_features(spec), spec=spec)
                heard = exported.inference(*_features(spec), spec=spec)
                # The noise is another one where the exports' begins elsewhere; where the clicks are is what counts.
                assert np.abs(_offsets(heard) - _offsets(wanted)).max() < 1


def test_openutau_gets_its_frames_from_either_kind(tmp_path):
    import zipfile

    import onnxruntime

    from espnet2_nhv.export.export import export

    usual = FeatureSpec(
        hop_length=512, win_length=2048, n_mels=128, fmin=40, fmax=16000, log_base=None, floor=1e-5
    )  # fmt: skip
    vocoder = build_vocoder("nhv", usual, channels=32, hidden=64, n_blocks=2).eval()
    save_vocoder(vocoder, tmp_path / "saved", licence="none", trained_on="nothing")
    (package,), _ = export(tmp_path / "saved", "openutau", tmp_path)
    with zipfile.ZipFile(package) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".onnx")]
        session = onnxruntime.InferenceSession(archive.read(name))
    mel, f0 = _features(dataclasses.replace(usual, frame_centre=0.5))
    wav = session.run(["waveform"], dict(mel=mel[None].numpy(), f0=f0[None].numpy()))[0][0]
    assert np.abs(_offsets(torch.from_numpy(wav)).mean()) < 1


def test_another_hop_is_read_at_the_right_instants():
    half = FeatureSpec(hop_length=256, win_length=1024, n_mels=80)
    slope = torch.arange(40.0)[:, None].repeat(1, 80) / 8 - 8
    mel, _ = convert_features(slope, None, LATE, half)
    # Frame j of the target is at sample 256 j, which is frame j / 2 - 0.5 of the source.
    wanted = (torch.arange(80.0) / 2 - 0.5).clamp(0, 39) / 8 - 8
    torch.testing.assert_close(mel[:, 0], wanted)


def test_mel_and_f0_are_of_the_same_instants():
    n = np.arange(2 * FS)
    contour = 200 * 2 ** (0.25 * np.sin(2 * np.pi * 2 * n / FS))
    phase = 2 * np.pi * np.cumsum(contour) / FS
    wav = 0.1 * sum(np.cos(k * phase) / k for k in range(1, 30))
    for spec in (EARLY, LATE):
        f0, _ = extract_f0(wav, spec, "dio")
        frames = np.arange(10, len(f0) - 10)

        def error(shift):
            at = frames * 512 + spec.first_centre + shift
            return np.abs(np.log2(f0[frames] / np.interp(at, n, contour))).mean()

        shifts = np.arange(-300, 301, 20)
        assert abs(shifts[np.argmin([error(shift) for shift in shifts])]) <= 40  # within a millisecond


def test_what_is_refused():
    with pytest.raises(UserError, match="frame_centre is 0.25; give 0"):
        FeatureSpec(frame_centre=0.25)
    with pytest.raises(UserError, match="frame_centre 0.5 needs an even hop_length, not 93"):
        FeatureSpec(hop_length=93, frame_centre=0.5)
    assert "frame_centre" in FeatureSpec().to_dict()
    old = FeatureSpec().to_dict()
    del old["frame_centre"]
    assert FeatureSpec.from_dict(old) == FeatureSpec()
