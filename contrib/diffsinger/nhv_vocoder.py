"""NHV as a vocoder of DiffSinger: put this file into DiffSinger's folder and name it in the configuration.

    vocoder: nhv_vocoder.NHV
    vocoder_ckpt: /path/to/nhv_openutau    # a saved vocoder, its .onnx or its .pt; needs espnet2_nhv to be installed

What DiffSinger's own registry knows by name (``vocoder: NHV``) is registered when this file is imported.
"""

import numpy as np
import torch
from basics.base_vocoder import BaseVocoder
from modules.vocoders.registry import register_vocoder
from utils.hparams import hparams

from espnet2_nhv import load_vocoder
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.audio import load_audio
from espnet2_nhv.feature.mel import log_mel_of_long
from espnet2_nhv.feature.pitch.given import continuous_f0
from espnet2_nhv.feature.spec import FeatureSpec

# DiffSinger's names of what a spec says.
_KEYS = dict(
    fs="audio_sample_rate",
    n_mels="audio_num_mel_bins",
    n_fft="fft_size",
    win_length="win_size",
    hop_length="hop_size",
    fmin="fmin",
    fmax="fmax",
)


@register_vocoder
class NHV(BaseVocoder):
    """From DiffSinger's mel and F0 to a waveform.

    Raises
    ------
    UserError
        If `vocoder_ckpt` is no vocoder, or was made for other features than those of the configuration.
    """

    def __init__(self):
        self.vocoder = load_vocoder(hparams["vocoder_ckpt"])
        base = hparams.get("mel_base", 10)
        own = self.vocoder.spec
        for name, key in _KEYS.items():
            if hparams[key] != getattr(own, name):
                raise UserError(f"{key} is {hparams[key]}, but {hparams['vocoder_ckpt']} needs {getattr(own, name)}")
        # Its frames are centred in the middle of their hop, and its floor is that of its logarithm.
        self.spec = FeatureSpec.from_dict(
            {**own.to_dict(), "log_base": None if base == "e" else float(base), "frame_centre": 0.5, "floor": 1e-5}
        )

    def to_device(self, device) -> None:
        """Move it, if it runs in PyTorch."""
        if isinstance(self.vocoder, torch.nn.Module):
            self.vocoder.to(device)

    def get_device(self):
        """Where it is."""
        return self.vocoder.device

    def spec2wav_torch(self, mel: torch.Tensor, **kwargs) -> torch.Tensor:
        """Mel ``(1, T, n_mels)`` and, as `f0` ``(1, T)``, Hz, to a waveform ``(T * hop_size,)``."""
        return self._sing(mel[0], kwargs["f0"][0])

    def spec2wav(self, mel: np.ndarray, **kwargs) -> np.ndarray:
        """Mel ``(T, n_mels)`` and, as `f0` ``(T,)``, Hz, to a waveform ``(T * hop_size,)``; 0 is unvoiced."""
        return self._sing(torch.as_tensor(mel), kwargs["f0"]).cpu().numpy()

    def _sing(self, mel: torch.Tensor, f0) -> torch.Tensor:
        f0, _ = continuous_f0(torch.as_tensor(f0).cpu().numpy().reshape(-1), "DiffSinger", self.spec)
        return self.vocoder.inference(mel, torch.from_numpy(f0), self.spec)

    def wav2spec(self, inp_path, keyshift=0, speed=1, device=None):
        """A recording's samples and its mel ``(T, n_mels)``, as the configuration wants it."""
        if keyshift or speed != 1:
            raise UserError("the mel of another key or speed is made by DiffSinger's own vocoder class, not by NHV")
        wav, _ = load_audio(str(inp_path), self.spec.fs, allow_upsampling=True)
        return wav, log_mel_of_long(wav, self.spec).numpy()
