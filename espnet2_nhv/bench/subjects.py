"""What can be measured: every vocoder of the registry with random weights, WORLD, and peers where installed."""

import dataclasses
import importlib.util
import io
import tempfile
from pathlib import Path
from typing import Callable, Optional

import numpy as np
import pyworld
import torch

from espnet2_nhv.bench.example import example_features
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.registry import VOCODERS, build_vocoder
from espnet2_nhv.vocoder.saved import load_vocoder, save_vocoder


@dataclasses.dataclass
class Subject:
    """Something that makes sound.

    Attributes
    ----------
    synthesize : callable, from a number of seconds to a function of no arguments that returns the waveform
    model : Module, or None where there is nothing trained
    file_mb : float, size of the exported file, where that is what runs
    """

    synthesize: Callable[[float], Callable[[], object]]
    model: Optional[torch.nn.Module] = None
    file_mb: Optional[float] = None

    @property
    def params(self) -> int:
        """Trainable numbers."""
        return 0 if self.model is None else sum(p.numel() for p in self.model.parameters())

    @property
    def saved_mb(self) -> float:
        """Size of the saved tensors or of the exported file, MB."""
        if self.file_mb is not None:
            return self.file_mb
        if self.model is None:
            return 0.0
        buffer = io.BytesIO()
        torch.save(self.model.state_dict(), buffer)
        return buffer.tell() / 1e6


def subject_names() -> list:
    """Everything :func:`build_subject` takes and that is installed."""
    optional = {**_EXPORTED, **_PEERS}
    extra = (name for name, package in optional.items() if importlib.util.find_spec(package))
    return list(dict.fromkeys([*VOCODERS, *extra]))


def build_subject(name: str) -> Subject:
    """Build by name, with random weights (speed does not depend on them), or load a saved vocoder by its folder."""
    torch.manual_seed(0)
    if name == "world":
        return Subject(_world)
    if name == "vocos":
        return _vocos()
    if name in _EXPORTED:
        return _exported(name)
    is_saved = (Path(name) / "vocoder.yaml").is_file()
    if name not in VOCODERS and not is_saved:
        known = ", ".join([*VOCODERS, *_EXPORTED, *_PEERS])
        raise UserError(f"there is no vocoder {name!r} to measure; there are {known}")
    vocoder = load_vocoder(name) if is_saved else build_vocoder(name).eval().fuse()

    def synthesize(seconds: float) -> Callable[[], torch.Tensor]:
        features = example_features(vocoder.spec, seconds)
        return lambda: vocoder.inference(features["mel"], features["f0"] if vocoder.needs_f0 else None)

    return Subject(synthesize, vocoder)


def _exported(name: str) -> Subject:
    """NHV as ONNX Runtime or TorchScript run it."""
    from espnet2_nhv.export.export import export
    from espnet2_nhv.export.load import load_vocoder as load_exported

    model = build_vocoder("nhv").eval()
    with tempfile.TemporaryDirectory() as folder:
        save_vocoder(model, f"{folder}/saved", licence="none", trained_on="nothing")
        path = export(f"{folder}/saved", name.partition("-")[2], folder)[0][0]
        vocoder, size = load_exported(path), path.stat().st_size

    def synthesize(seconds: float) -> Callable[[], torch.Tensor]:
        features = example_features(model.spec, seconds)
        return lambda: vocoder.inference(features["mel"], features["f0"])

    return Subject(synthesize, model, size / 1e6)


def _world(seconds: float) -> Callable[[], np.ndarray]:
    spec = FeatureSpec()
    f0 = example_features(spec, seconds)["f0"].double().numpy()
    n_bins = pyworld.get_cheaptrick_fft_size(spec.fs) // 2 + 1
    envelope = np.full((len(f0), n_bins), 1e-4)
    aperiodicity = np.full((len(f0), n_bins), 0.1)
    return lambda: pyworld.synthesize(f0, envelope, aperiodicity, spec.fs, 1000 / spec.frame_rate)


def _vocos() -> Subject:
    """Vocos at the size its 44.1 kHz models have: 14 M parameters, hop 512."""
    try:
        from vocos.heads import ISTFTHead
        from vocos.models import VocosBackbone
    except ImportError:
        raise UserError("vocos is not installed: pip install vocos, or leave it out") from None
    spec = FeatureSpec(hop_length=512, win_length=2048)
    backbone = VocosBackbone(input_channels=spec.n_mels, dim=512, intermediate_dim=1536, num_layers=8)
    head = ISTFTHead(dim=512, n_fft=spec.n_fft, hop_length=spec.hop_length)
    model = torch.nn.Sequential(backbone, head).eval()

    def synthesize(seconds: float) -> Callable[[], torch.Tensor]:
        mel = example_features(spec, seconds)["mel"].T[None]
        return lambda: model(mel)

    return Subject(synthesize, model)


# Rows that are there when a package is.
_EXPORTED = {"nhv-onnx": "onnxruntime", "nhv-torchscript": "torch"}
_PEERS = {"world": "pyworld", "vocos": "vocos"}
