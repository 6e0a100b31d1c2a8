"""Discriminators: what each returns, and that it learns to tell one sound from another."""

from pathlib import Path

import pytest
import torch
from espnet2.gan_tts.hifigan.loss import DiscriminatorAdversarialLoss, FeatureMatchLoss, GeneratorAdversarialLoss
from small import SMALL_DISCRIMINATORS as SMALL

from espnet2_nhv.discriminator.registry import DISCRIMINATORS, build_discriminator
from espnet2_nhv.errors import UserError
from espnet2_nhv.loss.parts import over_parts
from espnet2_nhv.train.config import load_config

ROOT = Path(__file__).resolve().parents[2]


def verdicts(outputs):
    return [part[-1] if isinstance(part, (list, tuple)) else part for part in outputs]


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_learns_noise_from_a_tone(name):
    torch.manual_seed(0)
    discriminator = build_discriminator(name, **SMALL[name])
    optimizer = torch.optim.Adam(discriminator.parameters(), 3e-3)
    noise = 0.1 * torch.randn(2, 1, 6000)
    tone = 0.1 * torch.sin(torch.arange(6000) * 0.05).expand(2, 1, -1)

    def loss():
        pairs = zip(verdicts(discriminator(tone)), verdicts(discriminator(noise)))
        return sum((real - 1).square().mean() + fake.square().mean() for real, fake in pairs)

    first = loss()
    for _ in range(8):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    assert loss() < 0.9 * first


@pytest.mark.parametrize(
    "name, conf, n_parts",
    [
        ("univnet_mrd", {}, 3),
        ("multi_band_stft", {}, 3),
        ("mpd_mrd", SMALL["mpd_mrd"], 1 + 3),
        ("mpd_mrd", dict(SMALL["mpd_mrd"], spectral="multi_band_stft"), 1 + 3),
    ],
)
def test_parts(name, conf, n_parts):
    outputs = build_discriminator(name, **conf)(torch.randn(1, 1, 5000))
    assert len(outputs) == n_parts
    for part in outputs:
        assert len(part) > 1 and all(torch.isfinite(layer).all() for layer in part)


@torch.no_grad()
def test_bands_of_the_spectrum_are_looked_at_apart():
    """A tone in one band changes what that band's layers say and leaves the others alone."""
    torch.manual_seed(0)
    discriminator = build_discriminator("multi_band_stft", n_ffts=[1024], channels=4)
    silence = torch.zeros(1, 1, 8192)
    tone = torch.sin(torch.arange(8192) * (0.6 * torch.pi)) * torch.hann_window(8192)  # in the fourth of five bands
    quiet, loud = discriminator(silence)[0], discriminator(silence + tone)[0]
    changes = [float((a - b).abs().max()) for a, b in zip(quiet[:-1], loud[:-1])]
    per_band = [max(changes[5 * band : 5 * band + 5]) for band in range(5)]
    assert max(per_band[:3] + per_band[4:]) < 1e-2 * per_band[3]


@pytest.mark.parametrize("conf", [dict(bands=[0.0, 0.5]), dict(bands=[0.0, 0.6, 0.4, 1.0])])
def test_bands_that_leave_something_out(conf):
    with pytest.raises(UserError, match="bands"):
        build_discriminator("multi_band_stft", **conf)


def test_spectral_part_that_does_not_exist():
    with pytest.raises(UserError, match="univnet_mrd, multi_band_stft"):
        build_discriminator("mpd_mrd", spectral="melspec")


@pytest.mark.parametrize("average", [True, False])
def test_parts_that_count_less(average):
    """Against ESPnet's own sums over all parts, and over each alone."""
    torch.manual_seed(0)
    fake, real = ([[torch.randn(2, 3), torch.randn(2, 5)] for _ in range(3)] for _ in range(2))
    losses = [
        (GeneratorAdversarialLoss(average), (fake,)),
        (DiscriminatorAdversarialLoss(average, "hinge"), (fake, real)),
        (FeatureMatchLoss(average_by_discriminators=average), (fake, real)),
    ]
    for loss, judged in losses:
        want = torch.as_tensor(loss(*judged))
        assert torch.allclose(torch.as_tensor(over_parts(loss, None, *judged)), want)
        assert torch.allclose(over_parts(loss, [1.0] * 3, *judged), want)
        alone = torch.stack([torch.as_tensor(loss(*([x[i]] for x in judged))) for i in range(3)])
        weighed = alone[0] + 0.1 * alone[1] + 0.1 * alone[2]
        got = over_parts(loss, [1.0, 0.1, 0.1], *judged)
        assert torch.allclose(got, weighed / 1.2 if average else weighed)
    assert build_discriminator("mpd_mrd", spectral_weight=0.1, **SMALL["mpd_mrd"]).part_weights == [1.0, 0.1, 0.1, 0.1]


@pytest.mark.parametrize(
    "name, published",
    [
        ("hifigan", [1.0] * 8),  # its paper, equation 7: a sum over discriminators
        ("sifigan", [1.0] * 8),  # its authors' training configuration
        ("stylemelgan", [1.0] * 16),  # the configuration of the library that ESPnet's generator comes from
        ("mb-melgan", [2.5 / 3] * 3),  # the same, averaged there by default
        ("vocos", [1 / 5] * 5 + [0.1 / 3] * 3),  # its authors' training: a mean, and a tenth of the other mean
        ("apnet2", [1.0] * 5 + [0.1] * 3),  # its authors' training: sums, that of spectrograms a tenth as much
    ],
)
def test_verdicts_weigh_what_their_authors_have_them_weigh(name, published):
    """In the generator's loss, by its gradient with respect to each verdict (at a half, where a square's is one)."""
    config = load_config(ROOT / "conf" / "train" / f"{name}.yaml")
    discriminator = build_discriminator(config["discriminator"], **config.get("discriminator_conf", {}))
    n_verdicts = len(discriminator(torch.zeros(1, 1, 4352)))
    judged = [torch.full((1,), 0.5, requires_grad=True) for _ in range(n_verdicts)]
    loss = GeneratorAdversarialLoss(**config.get("adversarial_loss_conf", {}))
    value = over_parts(loss, getattr(discriminator, "part_weights", None), [[verdict] for verdict in judged])
    gradient = torch.stack(torch.autograd.grad(config["loss_weights"]["adversarial"] * value, judged)).flatten()
    assert (-gradient / -gradient[0]).tolist() == pytest.approx([weight / published[0] for weight in published])
    assert -gradient[0] == pytest.approx(published[0], rel=0.1)
