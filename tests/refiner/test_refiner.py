"""The refiner: its flow, what it is trained on, saved and put before a vocoder."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.refiner import degrade
from espnet2_nhv.refiner.network import MelRefiner
from espnet2_nhv.refiner.refined import RefinedVocoder
from espnet2_nhv.refiner.saved import load_refiner, save_refiner
from espnet2_nhv.vocoder import build_vocoder

SPEC = FeatureSpec(n_mels=20)
SMALL = dict(channels=16, hidden=32, n_blocks=1)


def small(**changes):
    torch.manual_seed(0)
    refiner = MelRefiner(SPEC, **{**SMALL, **changes})
    refiner.set_stats(torch.linspace(-1, -3, 20), torch.linspace(0.5, 1, 20))
    return refiner


def test_blur_is_a_gaussian_in_both_directions(monkeypatch):
    monkeypatch.setattr(degrade, "_FRAMES", (1.5, 1.5))
    monkeypatch.setattr(degrade, "_BANDS", (0.8, 0.8))
    mel = np.random.default_rng(0).normal(size=(20, 40))
    expected = gaussian_filter1d(mel, 1.5, axis=1, mode="nearest", radius=5)
    expected = gaussian_filter1d(expected, 0.8, axis=0, mode="nearest", radius=5)
    np.testing.assert_allclose(degrade.blurred(torch.from_numpy(mel)[None])[0], expected, atol=1e-6)


def test_a_flow_that_is_known_ends_at_the_recording(monkeypatch):
    """With the true velocity, however many steps are taken, and however much noise there is."""
    refiner = small()
    given, recorded = torch.randn(12, 20) - 2, torch.randn(12, 20) - 2
    goal, start = ((mel.T[None] - refiner.mel_mean) / refiner.mel_std for mel in (recorded, given))
    noise = refiner.noise * torch.randn(start.shape, generator=torch.Generator().manual_seed(3))
    for n_steps, temperature in ((1, 1.0), (4, 1.0), (4, 0.3), (2, 0.0)):
        monkeypatch.setattr(refiner, "forward", lambda x, condition, t: goal - start - temperature * noise)
        torch.testing.assert_close(refiner.refine(given, n_steps, seed=3, temperature=temperature), recorded)


def test_it_learns_what_one_segment_lacks():
    """A few dozen steps on one pair: nearer to the recording than what was given."""
    refiner = small(channels=32, noise=0.1)
    recorded = torch.randn(1, 20, 24) - 2
    given = degrade.blurred(recorded)
    optimizer = torch.optim.Adam(refiner.parameters(), lr=1e-2)
    for _ in range(40):
        optimizer.zero_grad()
        loss = refiner.loss(given.expand(4, -1, -1), recorded.expand(4, -1, -1))
        loss.backward()
        optimizer.step()
    refined = refiner.refine(given[0].T)
    assert (refined - recorded[0].T).square().mean() < 0.5 * (given - recorded).square().mean()


def test_saved_and_read_again(tmp_path):
    refiner = small()
    torch.nn.init.normal_(refiner.head.weight, std=0.1)
    save_refiner(refiner, tmp_path / "refiner", "CC0-1.0", "chance")
    again = load_refiner(tmp_path / "refiner")
    mel = torch.randn(9, 20) - 2
    assert torch.equal(again.refine(mel), refiner.eval().refine(mel)) and again.spec == SPEC
    assert not torch.equal(again.refine(mel), again.refine(mel, seed=1))
    (tmp_path / "refiner" / "refiner.pth").write_bytes(b"PK")
    for folder, message in ((tmp_path / "refiner", "damaged"), (tmp_path, "not a saved refiner")):
        with pytest.raises(UserError, match=message):
            load_refiner(folder)


def test_before_a_vocoder():
    vocoder, refiner = build_vocoder("griffinlim", SPEC), small()
    both, mel = RefinedVocoder(vocoder, refiner, n_steps=2), torch.randn(6, 20) - 2
    torch.manual_seed(0)
    made = both.inference(mel)
    torch.manual_seed(0)
    assert torch.equal(made, vocoder.inference(refiner.refine(mel, 2)))
    with pytest.raises(UserError, match="fmin"):
        RefinedVocoder(build_vocoder("griffinlim", FeatureSpec(n_mels=20, fmin=80)), refiner)
    with pytest.raises(UserError, match="analyses a recording"):
        RefinedVocoder(build_vocoder("world", SPEC), refiner)


def test_before_a_vocoder_of_half_the_hop():
    """Mels are repaired as they come and interpolated then, with all that the vocoder is told beside them."""
    torch.manual_seed(0)
    nhv = build_vocoder("nhv", SPEC, channels=16, n_blocks=1).eval()
    coarse = dataclasses.replace(SPEC, hop_length=2 * SPEC.hop_length)
    refiner = MelRefiner(coarse, **SMALL)
    both, mel, f0 = RefinedVocoder(nhv, refiner, n_steps=2), torch.randn(9, 20) - 2, torch.linspace(200, 300, 9)
    told = dict(mel_f0=1.5 * f0, knobs={"breathiness": 0.5})
    assert both.spec == coarse and both.takes_knobs
    expected = nhv.inference(refiner.refine(mel, 2), f0, spec=coarse, **told)
    assert torch.equal(both.inference(mel, f0, **told), expected) and len(expected) == 9 * coarse.hop_length
    with pytest.raises(UserError, match="the refiner's features have hop_length 512, these 256"):
        both.inference(mel, f0, spec=SPEC)
