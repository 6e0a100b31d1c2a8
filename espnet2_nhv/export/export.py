"""Writing a saved vocoder in other formats."""

import dataclasses
import shutil
from pathlib import Path
from typing import Callable, List, Optional, Tuple, Union

import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.export.card import make_card
from espnet2_nhv.export.nhv_step import NHVStep
from espnet2_nhv.export.onnx_file import write_onnx
from espnet2_nhv.export.onnx_vocoder import OnnxVocoder
from espnet2_nhv.export.openutau import check_openutau, write_package
from espnet2_nhv.export.torchscript import TorchScriptVocoder, write_torchscript
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import whole_file
from espnet2_nhv.vocoder.nhv.generator import NHV
from espnet2_nhv.vocoder.nhv.stream import stream_noise
from espnet2_nhv.vocoder.saved import load_vocoder

try:
    from espnet2_nhv.export.onnx_builder import OPSET
    from espnet2_nhv.export.onnx_graph import stream_model, whole_model
    from espnet2_nhv.export.plain_nhv import OPSET as PLAIN_OPSET
    from espnet2_nhv.export.plain_nhv import plain_model
except ImportError:  # the onnx package is an extra
    OPSET = None

FORMATS = ("onnx", "torchscript", "torch", "openutau")
# Of full scale: what an export may differ from PyTorch by.
_TOLERANCE = 1e-4


def export(folder: Union[str, Path], form: str, out: Union[str, Path], name: str = "nhv") -> Tuple[List[Path], float]:
    """Export a saved vocoder, and compare what was written with it.

    Parameters
    ----------
    folder : path of a saved vocoder
    form : a row of FORMATS: onnx (NAME.onnx for utterances, NAME_stream.onnx for streams), torchscript (NAME.pt), torch
        (NAME, a saved vocoder), openutau (NAME.oudep)
    out : path of a folder, made where missing
    name : str

    Returns
    -------
    paths : list of Path, what was written
    difference : float, the largest from PyTorch over a second of a note, of full scale

    Raises
    ------
    UserError
        If the vocoder cannot be exported so, or what was written differs.
    """
    if form not in FORMATS:
        raise UserError(f"there is no format {form!r}; there are {', '.join(FORMATS)}")
    if not name or Path(name).name != name:
        raise UserError(f"--name {name}: give a name without folders, and the folder as --out")
    folder, out = Path(folder), Path(out)
    vocoder = load_vocoder(folder).requires_grad_(False)
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file: give a folder")
    out.mkdir(parents=True, exist_ok=True)
    if form == "torch":
        target = out / name
        if target.resolve() == folder.resolve():
            raise UserError(f"{target} is the vocoder itself: give another --out or --name")
        target.mkdir(exist_ok=True)
        for file in ("vocoder.pth", "vocoder.yaml"):  # the card last: a folder with a card has its weights
            with whole_file(target / file) as part:
                shutil.copyfile(folder / file, part)
        return [target], 0.0
    if not isinstance(vocoder, NHV):
        raise UserError(f"{folder}: a vocoder of kind {vocoder.name} cannot be written as {form}, only nhv; torch can")
    takes = dict(takes_mel_f0=vocoder.takes_mel_f0, takes_knobs=True)
    if form == "torchscript":
        path = out / f"{name}.pt"
        write_torchscript(vocoder, make_card(folder, "torchscript", **takes), path)
        module = TorchScriptVocoder(path).module
        return [path], _compare(vocoder, lambda mel, f0, white: module(mel, f0, 0, white)[0], path)
    if form == "openutau":
        check_openutau(vocoder.spec, name, folder)
    if OPSET is None:
        raise UserError("writing ONNX needs the package onnx, reading it onnxruntime: pip install onnx onnxruntime")
    if form == "openutau":
        return _export_package(vocoder, folder, out, name)
    step = NHVStep(vocoder).eval()
    facts = dict(opset=OPSET, stride=step.stride, delay_samples=step.delay_samples, **takes)
    path = out / f"{name}.onnx"
    card = make_card(folder, "onnx", **facts)
    write_onnx(whole_model(step, vocoder.spec.first_centre), card, path)
    session = OnnxVocoder(path).session

    def run(mel, f0, white):
        inputs = dict(mel=mel.numpy(), f0=f0.numpy(), white_noise=white.numpy())
        return torch.from_numpy(session.run(["waveform"], inputs)[0])

    difference = _compare(vocoder, run, path)
    stream = out / f"{name}_stream.onnx"
    write_onnx(stream_model(step), make_card(folder, "onnx-stream", **facts), stream)
    return [path, stream], difference


def _export_package(vocoder: NHV, folder: Path, out: Path, name: str) -> Tuple[List[Path], float]:
    """NAME.oudep, and by how much the model in it differs from PyTorch."""
    # Who sings with DiffSinger's acoustic models has their frames.
    spec = dataclasses.replace(vocoder.spec, frame_centre=0.5)
    card = make_card(folder, "onnx", opset=PLAIN_OPSET)
    model = out / f"{name}.onnx"
    write_onnx(plain_model(vocoder, spec.first_centre), dict(card, spec=spec.to_dict()), model)
    try:
        session = OnnxVocoder(model).session
        difference = _compare(
            vocoder,
            lambda mel, f0, _: torch.from_numpy(session.run(None, dict(mel=mel.numpy(), f0=f0.numpy()))[0]),
            model,
            spec,
        )
        return [write_package(model, card, out / f"{name}.oudep", name)], difference
    finally:
        model.unlink()  # it is in the package


def _compare(vocoder: NHV, run: Callable, path: Path, spec: Optional[FeatureSpec] = None) -> float:
    """Largest difference from PyTorch over a second of a gliding note, the noise being the same."""
    n_frames = int(vocoder.spec.frame_rate)
    generator = torch.Generator().manual_seed(0)
    # Bands of about -43 dB make a signal of ordinary loudness.
    mel = (0.7 * torch.randn(n_frames, vocoder.spec.n_mels, generator=generator) - 5.0) / vocoder.spec.ln_base
    f0 = torch.logspace(7, 9, n_frames, base=2.0)
    white = stream_noise(vocoder, 0, (n_frames + 4) * vocoder.spec.hop_length)
    with torch.no_grad():
        difference = (run(mel[None], f0[None], white)[0] - vocoder.inference(mel, f0, spec)).abs().max().item()
    if not difference <= _TOLERANCE:
        raise UserError(f"{path}: differs from PyTorch by {difference:.2g} of full scale and is not to be used")
    return difference
