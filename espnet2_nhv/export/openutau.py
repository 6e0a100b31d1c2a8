"""A package for OpenUtau, and for other programs that sing with DiffSinger's acoustic models.

They read ``vocoder.yaml`` beside an ONNX file whose inputs are `mel` ``(1, T, n_mels)`` and `f0` ``(1, T)`` and whose
output is the waveform ``(1, samples)``. OpenUtau keeps whatever else comes out in its cache, so nothing else does. An
``.oudep`` file is a zip archive of these with ``oudep.yaml``, which names the folder it is installed to.

Sources: what OpenUtau's DsVocoder, DiffSingerRenderer and DependencyInstaller read, and DiffSinger's vocoder exporter
writes.
"""

import io
import re
import zipfile
from pathlib import Path
from typing import Union

import yaml

import espnet2_nhv
from espnet2_nhv.errors import UserError
from espnet2_nhv.export.card import attributions
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import write_whole

# What the acoustic models in use agree on; conf/feature/44k_hop512_openutau.yaml.
_CONVENTION = dict(fs=44100, hop_length=512, win_length=2048, n_fft=2048, n_mels=128, fmin=40, fmax=16000)
_LOG_BASES = {None: "e", 10.0: "10"}


def check_openutau(spec: FeatureSpec, name: str, where: Union[str, Path]) -> None:
    """Refuse a name it cannot have and features no acoustic model for OpenUtau writes, saying what differs."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise UserError(f"name {name!r}: OpenUtau wants lower-case letters, digits, '-', '_' and '.'")
    for name, wanted in _CONVENTION.items():
        if getattr(spec, name) != wanted:
            raise UserError(
                f"{where}: it reads features of {name} {getattr(spec, name)}, but OpenUtau's are of {wanted}: "
                "train it on conf/feature/44k_hop512_openutau.yaml"
            )
    if spec.log_base not in _LOG_BASES:
        raise UserError(f"{where}: it reads logarithms to base {spec.log_base:g}, but OpenUtau knows e and 10 only")


def write_package(model: Path, card: dict, path: Path, name: str) -> Path:
    """Pack an exported ONNX file.

    Parameters
    ----------
    model : path of the ONNX file
    card : dict, its card
    path : of the .oudep file
    name : str, under which it is installed: what an acoustic model's ``dsconfig.yaml`` gives as its vocoder

    Returns
    -------
    path : as given
    """
    spec = FeatureSpec.from_dict(card["spec"])
    vocoder = dict(
        name=name,
        model=f"{name}.onnx",
        sample_rate=spec.fs,
        hop_size=spec.hop_length,
        win_size=spec.win_length,
        fft_size=spec.n_fft,
        num_mel_bins=spec.n_mels,
        mel_fmin=spec.fmin,
        mel_fmax=spec.fmax,
        mel_base=_LOG_BASES[spec.log_base],
        mel_scale=spec.mel_scale,
        pitch_controllable=True,  # F0 need not be that of the mel
        force_on_cpu=False,  # float32, no loop: graphics processors can run it
    )
    dependency = dict(
        id=name,  # newer versions install to a folder of this name, older ones of the next
        name=name,
        version=espnet2_nhv.__version__,
        description=f"NHV vocoder, {spec.fs} Hz; licence: {card['licence']}",
    )
    notice = f"{name}: NHV, a neural homomorphic vocoder\nLicence of the weights: {card['licence']}\n"
    notice += f"Trained on: {card['trained_on']}\nWritten by: {card['written_by']}\n"
    notice += "".join(f"\n{line}\n" for line in attributions(card))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, facts in (("oudep.yaml", dependency), ("vocoder.yaml", vocoder)):
            archive.writestr(file, yaml.safe_dump(facts, sort_keys=False, allow_unicode=True))
        archive.writestr("NOTICE.txt", notice)
        archive.write(model, f"{name}.onnx")
    write_whole(path, content.getbuffer())
    return path
