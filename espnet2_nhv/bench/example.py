"""What vocoders are measured on."""

from typing import Dict

import torch

from espnet2_nhv.feature.spec import FeatureSpec


def example_features(spec: FeatureSpec, seconds: float) -> Dict[str, torch.Tensor]:
    """Features of singing-like size: a random envelope and a 220 Hz note with vibrato."""
    n_frames = max(1, int(seconds * spec.frame_rate))
    generator = torch.Generator().manual_seed(0)
    mel = torch.randn(n_frames, spec.n_mels, generator=generator) * 0.3 - 2.0
    time = torch.arange(n_frames) / spec.frame_rate
    return {"mel": mel, "f0": 220.0 * 2 ** (torch.sin(2 * torch.pi * 6.0 * time) / 12)}
