"""Turns of generator and discriminator, and the small parts around them."""

import argparse
import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from espnet2.tasks.abs_task import optim_classes, scheduler_classes
from small import SMALL, TRAINABLE
from tiny_dump import SPEC, features, tone

from espnet2_nhv.discriminator.registry import build_discriminator
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.train.config import load_config
from espnet2_nhv.train.model import ESPnetGANVocoderModel
from espnet2_nhv.train.task import GANVocoderTask
from espnet2_nhv.vocoder.registry import build_vocoder, vocoder_class

SMALL_DISCRIMINATOR = dict(
    scales=1,
    scale_discriminator_params=dict(channels=8, max_downsample_channels=32, max_groups=4),
    periods=[2, 3],
    period_discriminator_params=dict(channels=4, max_downsample_channels=16),
)


@pytest.fixture(scope="module")
def batch():
    """Two segments of 24 frames."""
    items = []
    for seed, pitch in ((0, 180.0), (1, 420.0)):
        wav, f0 = tone(0.3, pitch, seed=seed)
        mel, f0 = features(wav, f0)
        items.append((wav[: 24 * SPEC.hop_length], mel[:24], f0[:24]))
    wavs, mels, f0s = (torch.from_numpy(np.stack(x)) for x in zip(*items))
    return dict(singing=wavs, feats=mels, f0=f0s)


def build_model(name, discriminator=True, seed=0, **options):
    torch.manual_seed(seed)
    vocoder = build_vocoder(name, SPEC, **SMALL.get(name, {}))
    weights = dict(mr_stft=1.0, mel=1.0, adversarial=1.0, feature_matching=1.0)
    weights.update(dict.fromkeys(vocoder.own_losses, 1.0))
    options = {**dict(loss_weights=weights), **options}
    discriminator = build_discriminator("hifigan_msmpd", **SMALL_DISCRIMINATOR) if discriminator else None
    return ESPnetGANVocoderModel(vocoder, discriminator, **options)


def build_optimizers(model, lr=1e-4):
    conf = dict(lr=lr)
    args = dict(optim="adamw", optim_conf=conf, optim2="adamw", optim2_conf=conf)
    return GANVocoderTask.build_optimizers(
        argparse.Namespace(**args, generator_grad_norm=10.0, discriminator_grad_norm=-1.0), model
    )


def turn(model, optimizers, batch, generator):
    """One turn as GANTrainer takes it."""
    result = model(forward_generator=generator, **batch)
    result["loss"].backward()
    optimizers[result["optim_idx"]].step()
    for optimizer in optimizers:
        optimizer.zero_grad()
    return {name: float(value) for name, value in result["stats"].items()}


@pytest.mark.parametrize("name", TRAINABLE)
def test_one_step_lowers_the_loss(name, batch):
    model = build_model(name)
    optimizers = build_optimizers(model)

    def spectral_loss():
        model.eval()
        with torch.no_grad():
            loss = float(model(**batch)["loss"])
        model.train()
        return loss

    before = spectral_loss()
    assert spectral_loss() == before  # the same noise every time
    frozen = copy.deepcopy(model.discriminator.state_dict())
    stats = turn(model, optimizers, batch, generator=True)
    own = set(vocoder_class(name).own_losses)
    assert set(stats) == {"generator_loss", "mr_stft", "mel", "adversarial", "feature_matching"} | own
    assert spectral_loss() < before
    for key, value in model.discriminator.named_parameters():
        assert torch.equal(value, frozen[key])

    generator = copy.deepcopy(model.generator.state_dict())
    torch.manual_seed(0)
    first = turn(model, optimizers, batch, generator=False)
    assert set(first) == {"discriminator_loss", "discriminator_real", "discriminator_fake"}
    for key, value in model.generator.state_dict().items():
        assert torch.equal(value, generator[key])


@pytest.mark.parametrize("name", TRAINABLE)
def test_vocoder_survives_espnets_cast(name, batch):
    """ESPnet calls ``model.to(dtype=torch.float32)``, which would strip complex buffers of their imaginary parts."""
    model = build_model(name, discriminator=False).eval()
    with torch.no_grad():
        before = float(model(**batch)["loss"])
        assert float(model.to(dtype=torch.float32)(**batch)["loss"]) == before


def test_nsf_learns_at_its_authors_rate_from_the_first_step():
    """Adam at 0.0003, in their training configuration; its steps take seconds, and few are made in a short training."""
    config = load_config(Path(__file__).resolve().parents[2] / "conf" / "train" / "nsf.yaml")
    optimizer = optim_classes[config["optim"]]([torch.nn.Parameter(torch.zeros(1))], **config["optim_conf"])
    scheduler = scheduler_classes[config["scheduler"]](optimizer, **config["scheduler_conf"])
    for _ in range(10):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(3e-4, rel=0.02)
        optimizer.step()
        scheduler.step()


def test_discriminator_learns_from_its_turn(batch):
    model = build_model("hifigan")
    optimizers = build_optimizers(model, lr=1e-3)
    losses = []
    for _ in range(8):
        with torch.no_grad():
            model._judged = model.generator(batch["feats"].transpose(1, 2)), batch["singing"][:, None]
        losses.append(turn(model, optimizers, batch, generator=False)["discriminator_loss"])
    assert losses[-1] < losses[0]


def test_discriminator_waits_for_its_step(batch, monkeypatch):
    model = build_model("hifigan", adversarial_start_steps=2)
    optimizers = build_optimizers(model)
    before = copy.deepcopy(model.discriminator.state_dict())
    calls = []
    model.discriminator.register_forward_hook(lambda *_: calls.append(1))
    for step in range(2):
        assert set(turn(model, optimizers, batch, True)) == {"generator_loss", "mr_stft", "mel"}
        assert turn(model, optimizers, batch, False) == {}
    assert not calls and int(model.steps) == 2
    for key, value in model.discriminator.state_dict().items():
        assert torch.equal(value, before[key])
    assert not optimizers[1].state.get(next(model.discriminator.parameters()))

    # A resumed training goes on counting.
    resumed = build_model("hifigan", adversarial_start_steps=2, seed=1)
    resumed.load_state_dict(model.state_dict())
    optimizers = build_optimizers(resumed)
    assert "adversarial" in turn(resumed, optimizers, batch, True)
    assert "discriminator_loss" in turn(resumed, optimizers, batch, False)


def test_one_generator_pass_serves_both_turns(batch):
    model = build_model("hifigan")
    passes = []
    model.generator.register_forward_hook(lambda module, inputs, output: passes.append(output))
    seen = []
    model.discriminator.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    optimizers = build_optimizers(model)
    turn(model, optimizers, batch, True)
    turn(model, optimizers, batch, False)
    assert len(passes) == 1 and len(seen) == 4
    assert torch.equal(seen[2], passes[0]) and not seen[2].requires_grad
    assert torch.equal(seen[3], batch["singing"][:, None])


def test_without_discriminator(batch):
    model = build_model("hifigan", discriminator=False)
    optimizers = build_optimizers(model)
    assert set(turn(model, optimizers, batch, True)) == {"generator_loss", "mr_stft", "mel"}
    assert turn(model, optimizers, batch, False) == {}
    # A discriminator whose verdict counts nothing is not asked.
    assert not build_model("hifigan", loss_weights=dict(mel=1.0, adversarial=0.0)).is_adversarial


def test_validation_reports_what_curves_are_of_and_leaves_random_numbers_alone(batch):
    model = build_model("hifigan", loss_weights=dict(mel=45.0, adversarial=1.0)).eval()
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    stats = model(**batch)["stats"]
    assert torch.rand(1) == expected
    assert set(stats) == {"generator_loss", "mr_stft", "mel", "periodicity"}
    assert float(stats["generator_loss"]) == pytest.approx(45 * float(stats["mel"]), rel=1e-5)
    assert model(forward_generator=False, **batch)["stats"] == {} and int(model.steps) == 0


@pytest.mark.parametrize("weights", [{}, dict(adversarial=1.0), dict(mel=-1.0), dict(mel=1.0, melody=2.0)])
def test_loss_weights_that_cannot_be(weights):
    with pytest.raises(UserError, match="loss_weights"):
        build_model("hifigan", loss_weights=weights)


def test_discriminator_registry():
    assert build_discriminator("none") is None
    with pytest.raises(UserError, match="hifigan_msmpd"):
        build_discriminator("hifigan_msmp")
    with pytest.raises(UserError, match="hifigan_msmpd"):
        build_discriminator("hifigan_msmpd", perriods=[2])
    small, default = (
        sum(p.numel() for p in build_discriminator("hifigan_msmpd", **conf).parameters())
        for conf in (SMALL_DISCRIMINATOR, {})
    )
    assert small < 1e5 < 7e7 < default  # an override leaves nothing behind in the defaults


def test_with_repulsion_noise_is_the_best_answer_to_noise():
    """Of candidates to stand for white noise, white noise of the same level is least; without repulsion it is not.

    The other candidates are noise of other levels, and one noise that is the same every time.
    """

    class Candidate(torch.nn.Module):
        own_losses = ()

        def __init__(self, gain, is_drawn):
            super().__init__()
            self.spec, self.gain, self.is_drawn = FeatureSpec(), gain, is_drawn

        def forward(self, mel, f0):
            shape = mel.shape[0], 1, mel.shape[2] * 256
            generator = None if self.is_drawn else torch.Generator().manual_seed(7)
            return self.gain * torch.randn(shape, generator=generator)

        def forward_twice(self, mel, f0):
            return self(mel, f0), self(mel, f0)

    noise = 0.1 * torch.randn(4, 64 * 256, generator=torch.Generator().manual_seed(1))
    batch = dict(singing=noise, feats=torch.zeros(4, 64, 128), f0=torch.full((4, 64, 1), 200.0))

    def best(weight):
        losses = {}
        for candidate in (
            (0.05, True),
            (0.08, True),
            (0.1, True),
            (0.125, True),
            (0.2, True),
            (0.1, False),
            (0.08, False),
        ):
            model = ESPnetGANVocoderModel(Candidate(*candidate), None, dict(mr_stft=1.0, repulsion=weight)).eval()
            losses[candidate] = float(model(**batch)["loss"])
        return min(losses, key=losses.get)

    assert best(1.0) == (0.1, True)
    assert best(0.0) != (0.1, True)


def test_gradient_of_repulsion_is_that_of_the_distance_between_draws():
    """Value and gradient of the mean over draws, for one gain: d/dg of -E|g a - g b| / 2 is the value over g."""
    model = ESPnetGANVocoderModel(
        build_vocoder("nhv-direct", channels=8, groups=1, n_harmonics=2), None, dict(mr_stft=1.0, repulsion=1.0)
    )
    wav = torch.randn(2, 1, 8192, generator=torch.Generator().manual_seed(0))
    gain = torch.tensor(1.0, requires_grad=True)
    model.generator.forward = lambda mel, f0: gain * wav.roll(int(torch.randint(1000, ())))
    feats, f0 = torch.zeros(2, 32, 128), torch.full((2, 32, 1), 200.0)
    model.compared.mr_stft.log_weight = 0.0
    model.compared.mr_stft._distance = lambda magnitude, target, level, wanted: (
        (magnitude - target).abs().mean(),
        (magnitude - target).sign() / magnitude.numel(),
    )
    torch.manual_seed(0)
    result = model(singing=torch.zeros(2, 8192), feats=feats, f0=f0)
    to_silence = result["stats"]["mr_stft"]
    repulsion = result["stats"]["repulsion"]
    result["loss"].backward()
    # Over both draws the derivative is the value itself, half of it through each; all of it is asked of the one.
    assert repulsion < 0
    assert gain.grad == pytest.approx(float(to_silence + repulsion), rel=0.02)
