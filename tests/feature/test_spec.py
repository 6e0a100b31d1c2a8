"""The feature contract: what it refuses and in which words, what it converts and how exactly."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.convert import convert_features, resample_frames
from espnet2_nhv.feature.spec import FeatureSpec, check_compatible

PRESETS = sorted((Path(__file__).parents[2] / "conf" / "feature").glob("*.yaml"))
SPEC = FeatureSpec()


@pytest.mark.parametrize("log_base, ln_base", [(10.0, 2.302585092994046), (2.0, 0.6931471805599453), (None, 1.0)])
def test_logarithms(log_base, ln_base):
    spec = dataclasses.replace(SPEC, log_base=log_base, floor=1e-5)
    assert spec.ln_base == pytest.approx(ln_base, rel=1e-15)
    assert spec.log_floor * ln_base == pytest.approx(-11.512925464970229, rel=1e-15)
    assert spec.frame_rate == pytest.approx(172.265625)


@pytest.mark.parametrize(
    "change, sentence",
    [
        (dict(fs=0), "feature spec: fs is 0; give a number above 0"),
        (dict(n_fft=-2048), "feature spec: n_fft is -2048; give a number above 0"),
        (dict(hop_length="256"), "feature spec: hop_length is '256'; give a number above 0"),
        (dict(n_mels=True), "feature spec: n_mels is True; give a number above 0"),
        (dict(floor=0), "feature spec: floor is 0; give a number above 0"),
        (dict(floor=math.nan), "feature spec: floor is nan; give a number above 0"),
        (dict(f0_floor=None), "feature spec: f0_floor is None; give a number above 0"),
        (dict(fs=math.inf), "feature spec: fs is inf; give a number above 0"),
        (dict(hop_length=256.5), "feature spec: hop_length is 256.5; give a whole number"),
        (dict(fmin=None), "feature spec: fmin is None; give a whole number"),
        (dict(fmin=math.nan), "feature spec: fmin is nan; give a whole number"),
        (dict(log_base=3.0), "feature spec: log_base is 3.0; give 10.0, 2.0 or null (natural logarithm)"),
        (dict(mel_scale="bark"), "feature spec: mel_scale is 'bark'; give slaney or htk"),
        (dict(fmax=22051), "feature spec: fmin 40 and fmax 22051 Hz do not fit 0 <= fmin < fmax <= 22050"),
        (dict(fmin=-1), "feature spec: fmin -1 and fmax 22050 Hz do not fit 0 <= fmin < fmax <= 22050"),
        (dict(fmin=8000, fmax=8000), "feature spec: fmin 8000 and fmax 8000 Hz do not fit 0 <= fmin < fmax <= 22050"),
        (dict(win_length=4096), "feature spec: win_length 4096 is larger than n_fft 2048"),
        (dict(f0_floor=1200.0), "feature spec: f0_floor 1200.0 and f0_ceil 1200.0 Hz are out of order"),
        (dict(f0_ceil=22050.0), "feature spec: f0_floor 50.0 and f0_ceil 22050.0 Hz are out of order"),
    ],
)
def test_refuses_values_out_of_range(change, sentence):
    with pytest.raises(UserError) as refusal:
        dataclasses.replace(SPEC, **change)
    assert str(refusal.value) == sentence


def test_survives_being_written_and_read(tmp_path):
    for spec in (SPEC, FeatureSpec(log_base=None, floor=1e-5, window="hamming", mel_scale="htk", f0_floor=63.5)):
        spec.save(tmp_path / "spec.yaml")
        assert FeatureSpec.load(tmp_path / "spec.yaml") == spec
        assert FeatureSpec.from_dict(spec.to_dict()) == spec


def test_whole_numbers_may_be_written_as_floats():
    spec = FeatureSpec(fs=44100.0, n_fft=2048.0, hop_length=256.0, fmin=40.0, fmax=22050.0)
    assert spec == SPEC and isinstance(spec.hop_length, int)


@pytest.mark.parametrize(
    "content, sentence",
    [
        (None, "no feature spec there"),
        ("fs: [44100", "not readable as YAML"),
        ("- 44100", "a feature spec is a mapping of names to values"),
        ("", "a feature spec is a mapping of names to values"),
        ("fs: 44100\nhop: 256", "unknown entry 'hop'; known are f0_ceil, f0_floor, floor"),
        ("hop_length: 0", "feature spec: hop_length is 0; give a number above 0"),
    ],
)
def test_unreadable_file_is_named(tmp_path, content, sentence):
    path = tmp_path / "spec.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError) as refusal:
        FeatureSpec.load(path)
    assert str(refusal.value).startswith(f"{path}: {sentence}")


def test_presets_are_what_their_owners_use():
    presets = {path.stem: FeatureSpec.load(path) for path in PRESETS}
    assert presets["44k_hop256"] == SPEC
    openutau = presets["44k_hop512_openutau"]
    assert (openutau.log_base, openutau.hop_length, openutau.n_mels, openutau.fmax) == (None, 512, 128, 16000)
    assert openutau.log_floor == pytest.approx(math.log(1e-5))
    espnet = presets["24k_hop300"]
    assert (espnet.fs, espnet.n_fft, espnet.win_length, espnet.hop_length) == (24000, 2048, 1200, 300)
    assert (espnet.n_mels, espnet.fmin, espnet.fmax, espnet.log_base) == (80, 80, 7600, 10.0)
    opencpop = presets["44k_hop512"]
    assert (opencpop.hop_length, opencpop.win_length, opencpop.n_mels, opencpop.fmin) == (512, 2048, 80, 80)


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_presets_leave_no_entry_to_a_default(path):
    assert set(yaml.safe_load(path.read_text())) == {field.name for field in dataclasses.fields(FeatureSpec)}


@pytest.mark.parametrize(
    "name, value",
    [
        ("fs", 48000),
        ("n_fft", 4096),
        ("win_length", 2048),
        ("window", "hamming"),
        ("n_mels", 80),
        ("fmin", 0),
        ("fmax", 16000),
        ("mel_scale", "htk"),
    ],
)
def test_what_cannot_be_converted_is_refused_with_both_values(name, value):
    other = dataclasses.replace(SPEC, **{name: value})
    mine = getattr(SPEC, name)
    with pytest.raises(UserError) as refusal:
        convert_features(torch.zeros(3, 128), None, other, SPEC)
    assert str(refusal.value) == (
        f"features have {name} {value} but the vocoder needs {mine}: "
        f"extract them again with {name} {mine}, or use a vocoder made for {value}"
    )


def test_floor_can_be_raised_but_not_lowered():
    low, high = SPEC, dataclasses.replace(SPEC, floor=1e-5)
    mel = torch.tensor([[-9.0, -5.5, -5.0, -4.5]])
    assert convert_features(mel, None, low, high)[0].tolist() == [[-5.0, -5.0, -5.0, -4.5]]
    with pytest.raises(UserError) as refusal:
        check_compatible(high, low, what="mels in dump/dev", wanted_by="model")
    assert str(refusal.value) == (
        "mels in dump/dev are clamped at floor 1e-05 but the model needs 1e-10, and what was below it is lost: "
        "extract them again with floor 1e-10"
    )


@pytest.mark.parametrize("source", [10.0, 2.0, None])
@pytest.mark.parametrize("target", [10.0, 2.0, None])
def test_log_base_is_converted_exactly(source, target):
    amplitude = 10 ** np.random.default_rng(0).uniform(-9, 2, size=(50, 128))
    logarithm = {10.0: np.log10, 2.0: np.log2, None: np.log}
    specs = [dataclasses.replace(SPEC, log_base=base) for base in (source, target)]
    mel, f0 = convert_features(torch.from_numpy(logarithm[source](amplitude)), None, *specs)
    assert f0 is None
    np.testing.assert_allclose(mel.numpy(), logarithm[target](amplitude), rtol=1e-14, atol=1e-14)


def test_openutau_features_reach_a_log10_vocoder():
    source = FeatureSpec(log_base=None, floor=1e-5)
    target = FeatureSpec(log_base=10.0, floor=1e-4)
    mel = convert_features(torch.tensor([[math.log(1e-5), math.log(0.1)]]), None, source, target)[0]
    torch.testing.assert_close(mel, torch.tensor([[-4.0, -1.0]]))


@pytest.mark.parametrize("n_frames", [1, 2, 7, 8])
@pytest.mark.parametrize("source_hop, target_hop", [(512, 256), (256, 512), (300, 256), (256, 441)])
def test_hop_is_converted_by_interpolation(n_frames, source_hop, target_hop):
    source, target = (dataclasses.replace(SPEC, hop_length=hop) for hop in (source_hop, target_hop))
    # A straight line stays one, in mel and in log F0, whatever the positions; the last frame is held.
    slope = torch.arange(n_frames, dtype=torch.float64)
    mel, f0 = convert_features(slope[:, None].repeat(1, 128), 100 * 2 ** (slope / 12), source, target)
    assert len(mel) == len(f0) == math.ceil(n_frames * source_hop / target_hop)
    positions = np.minimum(np.arange(len(mel)) * target_hop / source_hop, n_frames - 1)
    np.testing.assert_allclose(mel[:, 77], positions, atol=1e-12)
    np.testing.assert_allclose(f0, 100 * 2 ** (positions / 12), rtol=1e-12)


def test_same_spec_changes_nothing():
    mel, f0 = torch.randn(9, 128), torch.rand(9) * 100 + 100
    assert convert_features(mel, f0, SPEC, dataclasses.replace(SPEC)) == (mel, f0)
    torch.testing.assert_close(resample_frames(mel, 1.0), mel)
