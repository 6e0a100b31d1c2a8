"""What the features of an ESPnet model mean, and how to undo its normalisation."""

from typing import Optional, Tuple

import torch
from espnet2.layers.global_mvn import GlobalMVN
from espnet2.tts.feats_extract.log_mel_fbank import LogMelFbank

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec

# LogMelFbank clamps linear mel there.
_FLOOR = 1e-10


def spec_of(feats_extract: Optional[torch.nn.Module]) -> FeatureSpec:
    """The feature spec of ESPnet's `feats_extract`.

    Raises
    ------
    UserError
        If it is not a mel front-end, or there is none (features come from files then, and do not say what they are).
    """
    if not isinstance(feats_extract, LogMelFbank):
        what = "has no feats_extract" if feats_extract is None else f"extracts {type(feats_extract).__name__}"
        raise UserError(
            f"the acoustic model {what}, so what its features mean is not known: vocoders here read log-mel "
            "(feats_extract: fbank); for features from files name their spec, spec: FILE in --vocoder_config"
        )
    if not feats_extract.stft.center:
        raise UserError("feats_extract: center is false, so its frames are not centred at multiples of the hop")
    mel = feats_extract.logmel
    return FeatureSpec(
        fs=feats_extract.fs,
        n_fft=feats_extract.n_fft,
        win_length=feats_extract.win_length or feats_extract.n_fft,
        hop_length=feats_extract.hop_length,
        window=feats_extract.window,
        n_mels=feats_extract.n_mels,
        fmin=mel.mel_options["fmin"],
        fmax=mel.mel_options["fmax"],
        log_base=mel.log_base,
        floor=_FLOOR,
        mel_scale="htk" if mel.mel_options["htk"] else "slaney",
    )


def global_statistics(normalize: Optional[torch.nn.Module], n_mels: int) -> Tuple[torch.Tensor, torch.Tensor]:
    """Mean and deviation, each ``(n_mels,)``, that an ESPnet model normalises its features by; 0 and 1 for none.

    Raises
    ------
    UserError
        If the normalisation cannot be undone.
    """
    mean, std = torch.zeros(n_mels), torch.ones(n_mels)
    if normalize is None:
        return mean, std
    if not isinstance(normalize, GlobalMVN):
        raise UserError(
            f"normalize: {type(normalize).__name__} cannot be undone before the vocoder: use global_mvn, or none"
        )
    if normalize.norm_means:
        mean = normalize.mean.detach().clone().float()
    if normalize.norm_vars:
        std = normalize.std.detach().clone().float()
    return mean, std
