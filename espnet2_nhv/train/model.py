"""A vocoder and its discriminator, as ESPnet's GAN trainer wants them."""

import contextlib
from typing import Any, Dict, Optional

import torch
from espnet2.gan_tts.hifigan.loss import DiscriminatorAdversarialLoss, FeatureMatchLoss, GeneratorAdversarialLoss
from espnet2.torch_utils.device_funcs import force_gatherable
from espnet2.train.abs_gan_espnet_model import AbsGANESPnetModel

from espnet2_nhv.errors import UserError
from espnet2_nhv.loss.mel import MelLoss
from espnet2_nhv.loss.parts import over_parts
from espnet2_nhv.loss.recording import RECORDING_LOSSES, RecordingLoss
from espnet2_nhv.train.augment import Augmentation
from espnet2_nhv.vocoder.base import AbsVocoder

# What `loss_weights` may name.
LOSSES = (*RECORDING_LOSSES, "mel", "adversarial", "feature_matching")
# What validation reports, whatever is trained on.
_REPORTED = ("mr_stft", "periodicity")


class ESPnetGANVocoderModel(AbsGANESPnetModel):
    """Losses of generator and discriminator, in turns, generator first.

    ``repulsion`` is minus half the STFT distance between two draws of one segment, for vocoders that draw noise: see
    :class:`RecordingLoss`.

    Parameters
    ----------
    generator : AbsVocoder
    discriminator : Module or None (no adversarial part)
    loss_weights : dict of name in LOSSES, or in the generator's `own_losses`, to float >= 0; a name left out weighs 0
    adversarial_start_steps : int >= 0, steps before the discriminator takes part; before, it is not run at all
    stft_loss_conf, band_level_loss_conf, periodicity_loss_conf, modulation_loss_conf : see :class:`RecordingLoss`
    augmentation : :class:`Augmentation` or None, what training segments that come without a mel go through
    adversarial_loss_conf : arguments of ESPnet's GeneratorAdversarialLoss and DiscriminatorAdversarialLoss
    feature_matching_loss_conf : arguments of ESPnet's FeatureMatchLoss

    Attributes
    ----------
    steps : Tensor, generator steps made; saved with the weights, so that a resumed training goes on counting
    milliseconds : Tensor, time spent training, kept by the trainer

    Raises
    ------
    UserError
        For a loss that does not exist, or weights that are all 0.
    """

    def __init__(
        self,
        generator: AbsVocoder,
        discriminator: Optional[torch.nn.Module],
        loss_weights: Dict[str, float],
        adversarial_start_steps: int = 0,
        stft_loss_conf: Optional[Dict[str, Any]] = None,
        adversarial_loss_conf: Optional[Dict[str, Any]] = None,
        feature_matching_loss_conf: Optional[Dict[str, Any]] = None,
        periodicity_loss_conf: Optional[Dict[str, Any]] = None,
        band_level_loss_conf: Optional[Dict[str, Any]] = None,
        modulation_loss_conf: Optional[Dict[str, Any]] = None,
        augmentation: Optional[Augmentation] = None,
    ):
        super().__init__()
        names = (*LOSSES, *generator.own_losses)
        unknown = sorted(set(loss_weights) - set(names))
        if unknown:
            raise UserError(f"loss_weights: there is no loss {unknown[0]!r}; there are {', '.join(names)}")
        self.loss_weights = {name: float(loss_weights.get(name, 0.0)) for name in names}
        compared = sum(self.loss_weights[name] for name in ("mr_stft", "mel", *generator.own_losses))
        if min(self.loss_weights.values()) < 0 or compared == 0:
            own = "".join(f", {name}" for name in generator.own_losses)
            raise UserError(f"loss_weights: give weights of 0 or more, with one of mr_stft, mel{own} above 0")
        self.generator = generator
        self.discriminator = discriminator
        # What the discriminator's optimizer steps on while there is nothing to discriminate.
        self.idle = torch.nn.Parameter(torch.zeros(()))
        self.adversarial_start_steps = adversarial_start_steps
        self.compared = RecordingLoss(
            generator.spec,
            {name: self.loss_weights[name] for name in RECORDING_LOSSES},
            stft_loss_conf=stft_loss_conf,
            band_level_loss_conf=band_level_loss_conf,
            periodicity_loss_conf=periodicity_loss_conf,
            modulation_loss_conf=modulation_loss_conf,
        )
        self.mel = MelLoss(generator.spec)
        self.augmentation = augmentation
        self.generator_adversarial = GeneratorAdversarialLoss(**(adversarial_loss_conf or {}))
        self.discriminator_adversarial = DiscriminatorAdversarialLoss(**(adversarial_loss_conf or {}))
        self.feature_matching = FeatureMatchLoss(**(feature_matching_loss_conf or {}))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self.register_buffer("milliseconds", torch.zeros((), dtype=torch.long))
        self._judged = None

    @property
    def is_adversarial(self) -> bool:
        """Whether there is a discriminator and a loss that asks for it."""
        return self.discriminator is not None and self.loss_weights["adversarial"] > 0

    def discriminator_parameters(self):
        """What the second optimizer trains."""
        return [self.idle] if self.discriminator is None else [*self.discriminator.parameters(), self.idle]

    def forward(
        self,
        singing: torch.Tensor,
        feats: Optional[torch.Tensor] = None,
        f0: Optional[torch.Tensor] = None,
        forward_generator: bool = True,
        **lengths: torch.Tensor,
    ) -> Dict[str, Any]:
        """One turn.

        Parameters
        ----------
        singing : Tensor [shape=(B, T * hop_length)], full scale is [-1, 1]; with margins where `feats` is not given
        feats : Tensor [shape=(B, T, n_mels)], raw log-mel of the vocoder's spec, or None: `augmentation` makes it
        f0 : Tensor [shape=(B, T, 1)], Hz, > 0
        forward_generator : bool, whose turn it is; the discriminator's must follow the generator's on the same batch
        **lengths : ignored, segments are of one length

        Returns
        -------
        dict of loss (Tensor), stats (dict), weight (Tensor, the batch size), optim_idx (0 generator, 1 discriminator)
        """
        if forward_generator:
            loss, stats = self._generator_turn(*self._features(singing, feats, f0.transpose(1, 2)))
        else:
            loss, stats = self._discriminator_turn()
        loss, stats, weight = force_gatherable((loss, stats, len(singing)), loss.device)
        return dict(loss=loss, stats=stats, weight=weight, optim_idx=0 if forward_generator else 1)

    def _features(self, singing, feats, f0):
        """Recording, and what the generator is given of it."""
        if feats is not None:
            return singing[:, None], feats.transpose(1, 2), f0, {}
        real, mel, f0, mel_f0 = self.augmentation(singing, f0, self.generator)
        return real, mel, f0, {} if mel_f0 is None else dict(mel_f0=mel_f0)

    def _generator_turn(self, real, mel, f0, more):
        adversarial = self.training and self.is_adversarial and int(self.steps) >= self.adversarial_start_steps
        with contextlib.nullcontext() if self.training else _repeatable(real.device):
            fake, another, losses = self._generate(mel, f0, real, more)
        compared, stats = self.compared(fake, real, f0, another, reported=() if self.training else _REPORTED)
        if self.loss_weights["mel"] or not self.training:
            losses["mel"] = self.mel(fake, real)
        if adversarial:
            # One generator pass serves both turns.
            self._judged = fake.detach(), real
            losses.update(self._adversarial_losses(fake, real))
        if self.training:
            self.steps += 1
        loss = compared + sum(self.loss_weights[name] * value for name, value in losses.items())
        stats.update({name: value.detach() for name, value in losses.items()})
        return loss, dict(generator_loss=loss.detach(), **stats)

    def _generate(self, mel, f0, real, more):
        """What the generator makes, another draw of it where one is asked for, and its own losses."""
        repelled = self.compared.draws_twice
        if any(self.loss_weights[name] for name in self.generator.own_losses):
            with torch.no_grad():
                another = self.generator(mel, f0, **more) if repelled else None
            fake, losses = self.generator.forward_with_losses(mel, f0, real)
            return fake, another, losses
        if repelled:
            return *self.generator.forward_twice(mel, f0, **more), {}
        return self.generator(mel, f0, **more), None, {}

    def _adversarial_losses(self, fake, real):
        with _frozen(self.discriminator):
            judged = self.discriminator(fake)
            losses = dict(adversarial=self._judge(self.generator_adversarial, judged))
            if self.loss_weights["feature_matching"]:
                with torch.no_grad():
                    judged_real = self.discriminator(real)
                losses["feature_matching"] = self._judge(self.feature_matching, judged, judged_real)
        return losses

    def _judge(self, loss, *judged):
        return over_parts(loss, getattr(self.discriminator, "part_weights", None), *judged)

    def _discriminator_turn(self):
        if self._judged is None:
            return 0.0 * self.idle, {}
        (fake, real), self._judged = self._judged, None
        judged, judged_real = self.discriminator(fake), self.discriminator(real)
        real_loss, fake_loss = self._judge(self.discriminator_adversarial, judged, judged_real)
        loss = real_loss + fake_loss
        stats = dict(
            discriminator_loss=loss.detach(),
            discriminator_real=real_loss.detach(),
            discriminator_fake=fake_loss.detach(),
        )
        return loss, stats

    def collect_feats(self, feats: torch.Tensor, feats_lengths: torch.Tensor, **others) -> Dict[str, torch.Tensor]:
        """What ESPnet's collect_stats takes mean and variance of: the mel, ``(B, T, n_mels)``."""
        return dict(feats=feats, feats_lengths=feats_lengths)


@contextlib.contextmanager
def _frozen(module: torch.nn.Module):
    """Spare the gradients that the generator's turn would leave in the discriminator."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


@contextlib.contextmanager
def _repeatable(device: torch.device):
    """The same noise and phases whenever it is entered; the random state outside stays as it is."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(0)
        yield
