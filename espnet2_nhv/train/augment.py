"""What a batch of segments becomes before it is trained on: other levels, other pitches, other mels."""

import dataclasses
import math
from typing import Optional, Tuple

import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.mel import LogMel
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.base import AbsVocoder

# Noise without a voice: levels of a spectrum at so many frequencies, evenly apart in octaves, and how far they stray.
_N_LEVELS, _LEVEL_DB, _TILT_DB = 8, 8.0, 6.0
# Where noise ends, as a share of ten octaves below half the sampling rate, how steeply (dB an octave), how far down.
_LOWEST_END, _END_DB, _ENDED_DB = 0.3, (9.0, 48.0), 90.0
_NOISE_DB = (-66.0, -12.0)
# Where recordings end that a codec or a converter has been at, Hz; how steeply, octaves; and what is left above, full
# scale, from less than 16 bits have to a worn converter.
_LIMITS, _LIMIT_FADE, _LEFT_DB = (3000.0, 20000.0), 1 / 12, (-120.0, -85.0)


class Augmentation(torch.nn.Module):
    """Waveforms with F0 to waveforms with mel and F0, each segment changed in its own way.

    Parameters
    ----------
    spec : FeatureSpec
    key : (float, float), segments are played at a speed drawn between these, evenly in logarithm, so that one voice is
        heard at other pitches (the dataset does it, :class:`~.segments.SegmentDataset`)
    gain_db : float >= 0, segments are made quieter by up to so many decibels, by half of that or less most often
    polarity : bool, half of the segments are turned over
    noise : float in [0, 1], share of segments that are replaced by noise of any colour, which has no voice, at any F0
    foreign : float in [0, 1], share of segments whose mel is that of the same phrase sung, by the vocoder as it is, at
        another F0. In half of them the vocoder is told at which, if it can be (`takes_mel_f0`)
    foreign_octaves : float >= 0, how far that F0 is from the phrase's, at most
    blur : float in [0, 1], share of segments whose mel is blurred over bands and frames, as acoustic models' are
    band_limit : float in [0, 1], share of segments that lose all above some frequency

    Raises
    ------
    UserError
        If a value is outside its range.

    Source: pairs of one phrase at two pitches, each made of the other, are how openvpi train pc-nsf-hifigan.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        key: Tuple[float, float] = (1.0, 1.0),
        gain_db: float = 0.0,
        polarity: bool = False,
        noise: float = 0.0,
        foreign: float = 0.0,
        foreign_octaves: float = 1.0,
        blur: float = 0.0,
        band_limit: float = 0.0,
    ):
        super().__init__()
        if not 0.5 <= key[0] <= key[1] <= 2.0:
            raise UserError(f"augment: key is {list(key)}, but two rising speeds in [0.5, 2] are needed")
        for name, share in dict(noise=noise, foreign=foreign, blur=blur, band_limit=band_limit).items():
            if not 0 <= share <= 1:
                raise UserError(f"augment: {name} is {share}, but a share in [0, 1] is needed")
        if gain_db < 0 or foreign_octaves < 0:
            raise UserError("augment: gain_db and foreign_octaves are 0 or more")
        self.spec = spec
        self.gain_db, self.polarity, self.noise, self.blur = gain_db, polarity, noise, blur
        self.band_limit = band_limit
        self.foreign, self.foreign_octaves = foreign, foreign_octaves
        # A segment's audio begins where its first frame is centred.
        self.log_mel = LogMel(dataclasses.replace(spec, frame_centre=0.0))

    @torch.no_grad()
    def forward(
        self, wav: torch.Tensor, f0: torch.Tensor, generator: AbsVocoder
    ) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor, Optional[torch.Tensor]]:
        """Change a batch.

        Parameters
        ----------
        wav : Tensor [shape=(B, 2 * margin_frames * hop_length + T * hop_length)], :func:`margin_frames` on either side
        f0 : Tensor [shape=(B, 1, T)], Hz
        generator : AbsVocoder, which sings the phrases at other pitches

        Returns
        -------
        wav : Tensor [shape=(B, 1, T * hop_length)], what is to be sung
        mel : Tensor [shape=(B, n_mels, T)]
        f0 : Tensor [shape=(B, 1, T)], Hz, at which it is to be sung
        mel_f0 : Tensor [shape=(B, 1, T)] or None, Hz, at which the mel was sung, as far as the vocoder is told; None
            where it does not want to know
        """
        batch, device = len(wav), wav.device
        if self.noise:
            replaced = self._drawn(self.noise, batch, device)
            if replaced.any():
                wav = wav.clone()
                wav[replaced] = coloured_noise(int(replaced.sum()), wav.shape[1], device)
                low, high = math.log(self.spec.f0_floor), math.log(self.spec.f0_ceil)
                pitch = torch.exp(low + (high - low) * torch.rand(batch, 1, 1, device=device))
                f0 = torch.where(replaced[:, None, None], pitch.expand_as(f0), f0)
        if self.gain_db:
            # A square is most often small.
            wav = wav * 10 ** (-self.gain_db / 20 * torch.rand(batch, 1, device=device).square())
        if self.polarity:
            wav = torch.where(torch.rand(batch, 1, device=device) < 0.5, -wav, wav)
        if self.band_limit:
            limited = self._drawn(self.band_limit, batch, device)
            if limited.any():
                wav = wav.clone()
                wav[limited] = band_limited(wav[limited], self.spec.fs)
        n_frames, margin, hop_length = f0.shape[-1], margin_frames(self.spec), self.spec.hop_length
        mel = self.log_mel(wav)[..., margin : margin + n_frames]
        real = wav[:, None, margin * hop_length : (margin + n_frames) * hop_length]
        mel, mel_f0 = self._sung_elsewhere(mel, f0, generator)
        if self.blur:
            mel = torch.where(self._drawn(self.blur, batch, device)[:, None, None], blurred(mel), mel)
        return real, mel, f0, mel_f0

    def _sung_elsewhere(self, mel, f0, generator):
        batch, device = len(mel), mel.device
        mel_f0 = f0 if generator.takes_mel_f0 else None
        chosen = torch.nonzero(self._drawn(self.foreign, batch, device))[:, 0]
        if len(chosen) == 0 or not generator.needs_f0:
            return mel, mel_f0
        octaves = self.foreign_octaves * (2 * torch.rand(len(chosen), 1, 1, device=device) - 1)
        elsewhere = (f0[chosen] * 2**octaves).clamp(self.spec.f0_floor, self.spec.f0_ceil)
        training = generator.training
        sung = generator.eval()(mel[chosen], elsewhere)[:, 0]
        generator.train(training)
        mel = mel.clone()
        mel[chosen] = self.log_mel(sung)
        if mel_f0 is not None:
            told = torch.rand(len(chosen), 1, 1, device=device) < 0.5
            mel_f0 = f0.clone()
            mel_f0[chosen] = torch.where(told, elsewhere, f0[chosen])
        return mel, mel_f0

    def _drawn(self, share: float, batch: int, device) -> torch.Tensor:
        return torch.rand(batch, device=device) < share


def margin_frames(spec: FeatureSpec) -> int:
    """Frames of audio that the mel of a segment's first and last frame needs beyond it."""
    return math.ceil(spec.n_fft / 2 / spec.hop_length)


def coloured_noise(batch: int, n_samples: int, device=None) -> torch.Tensor:
    """Gaussian noise ``(batch, n_samples)``, each of its own level, slope and colour, swelling or fading.

    Six in ten end at a frequency, steeply, three of them below 1 kHz: a mel of such a rumble is like a dark vowel's.
    """
    spectrum = torch.fft.rfft(torch.randn(batch, n_samples, device=device))
    octaves = torch.linspace(0, 1, spectrum.shape[1], device=device).clamp(min=2.0**-10).log2() / 10 + 1
    place = octaves * (_N_LEVELS - 1)
    left = place.floor().clamp(max=_N_LEVELS - 2).long()
    slope = torch.linspace(-1, 1, _N_LEVELS, device=device) * 3 * _TILT_DB * torch.randn(batch, 1, device=device)
    levels = slope + _LEVEL_DB * torch.randn(batch, _N_LEVELS, device=device)
    colour = torch.lerp(levels[:, left], levels[:, left + 1], place - left)
    # Beyond 1 it does not end; low ends are drawn more often.
    end = _LOWEST_END + (1 - _LOWEST_END) * 2 * torch.rand(batch, 1, device=device) ** 1.5
    beyond = 10 * (octaves - end).clamp(min=0.0)  # octaves
    low, high = _END_DB
    steep = low + (high - low) * torch.rand(batch, 1, device=device)
    colour = colour - (steep * beyond).clamp(max=_ENDED_DB)
    noise = torch.fft.irfft(spectrum * 10 ** (colour / 20), n=n_samples)
    noise = noise / noise.std(dim=1, keepdim=True).clamp(min=1e-9)
    low, high = _NOISE_DB
    level = low + (high - low) * torch.rand(batch, 2, 1, device=device)
    time = torch.linspace(0, 1, n_samples, device=device)
    return (noise * 10 ** (torch.lerp(level[:, 0], level[:, 1], time) / 20)).clamp(-1.0, 1.0)


def band_limited(wav: torch.Tensor, fs: int) -> torch.Tensor:
    """Waveforms ``(batch, n_samples)`` without what lies above a frequency, each another, and with a little noise."""
    n = wav.shape[1]
    low, high = _LIMITS
    limit = low * (high / low) ** torch.rand(len(wav), 1, device=wav.device)
    frequency = torch.arange(n // 2 + 1, device=wav.device) * (fs / n)
    octaves = torch.log2(frequency.clamp(min=1.0) / limit)
    wav = torch.fft.irfft(torch.fft.rfft(wav) * (1 - octaves / _LIMIT_FADE).clamp(0, 1), n=n)
    low, high = _LEFT_DB
    left = low + (high - low) * torch.rand(len(wav), 1, device=wav.device)
    return wav + 10 ** (left / 20) * torch.randn_like(wav)


def blurred(mel: torch.Tensor) -> torch.Tensor:
    """Log-mel ``(B, n_mels, T)``, each blurred by its own amount over up to three bands and three frames."""
    amount = torch.rand(len(mel), 1, 1, device=mel.device)
    padded = torch.nn.functional.pad(mel[:, None], (1, 1, 1, 1), mode="replicate")
    return torch.lerp(mel, torch.nn.functional.avg_pool2d(padded, 3, stride=1)[:, 0], amount)
