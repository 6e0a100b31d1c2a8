"""What the page in web/ reads beside its own files: singers, mel graphs, the pitch tracker, and a list of it all."""

import hashlib
import json
import shutil
import tempfile
from importlib import metadata
from pathlib import Path
from typing import List, Sequence, Union

import torch
from tqdm import tqdm

from espnet2_nhv.errors import UserError
from espnet2_nhv.export.card import make_card
from espnet2_nhv.export.export import export
from espnet2_nhv.export.onnx_file import read_onnx, write_onnx
from espnet2_nhv.export.onnx_vocoder import OnnxVocoder
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import write_whole
from espnet2_nhv.vocoder.saved import load_card

LIST = "singers.json"
_DIFFERENCE = -75.0  # dB, the most that making a file small may change
_FILES = "files.js"
# What frames that the page cuts itself depend on, and so what makes a mel graph another one.
_MEL = ("fs", "n_fft", "win_length", "window", "n_mels", "fmin", "fmax", "log_base", "floor", "mel_scale")


def write_folder(folders: Sequence[Union[str, Path]], out: Union[str, Path]) -> List[Path]:
    """Write what the page reads.

    Parameters
    ----------
    folders : paths of saved vocoders of kind nhv, the first of which sings at first; all of one sampling rate
    out : path of a folder, which exists, with the page's own files; a file ``demo.*`` in it becomes the demo

    Returns
    -------
    paths : list of Path, of the files written

    Raises
    ------
    UserError
        If a vocoder cannot be exported, or two have one name or different rates.
    """
    from espnet2_nhv.export.mel_graph import mel_model

    out = Path(out)
    names = [Path(folder).resolve().name for folder in folders]
    if len(set(names)) < len(names):
        raise UserError(f"two of these vocoders have one name ({', '.join(names)}): give each folder another")
    specs = [FeatureSpec.from_dict(load_card(folder)["spec"], where=str(folder)) for folder in folders]
    if len({spec.fs for spec in specs}) > 1:
        raise UserError("these vocoders have different sampling rates: a page plays at one")
    for part in ("singers", "mel", "tracker"):
        (out / part).mkdir(exist_ok=True)
    singers, mels, paths = [], {}, []
    for folder, name, spec in tqdm(list(zip(folders, names, specs)), desc="singers", disable=None):
        singer = f"singers/{name}_stream.onnx"
        _write_singer(folder, name, out / singer)
        card = make_card(folder, "onnx-mel")
        numbers = {key: spec.to_dict()[key] for key in _MEL}
        mel = f"mel/{hashlib.sha256(json.dumps(numbers).encode()).hexdigest()[:12]}.onnx"
        if mel not in mels:
            facts = {key: card[key] for key in ("format", "kind", "written_by", "spec")}
            write_onnx(mel_model(spec), facts, out / mel)
            mels[mel] = dict(file=mel, spec=numbers)
        singers.append(dict(name=name, file=singer, licence=card["licence"]))
        paths += [out / singer, out / mel]
    tracker = _write_tracker(out / "tracker")
    folder = dict(singers=singers, mels=list(mels.values()), tracker=tracker.relative_to(out).as_posix())
    for demo in sorted(out.glob("demo.*"))[:1]:
        folder["demo"] = dict(name=demo.name, file=demo.name)
    write_whole(out / LIST, json.dumps(folder, ensure_ascii=False, indent=1))
    return [*dict.fromkeys(paths), tracker, out / LIST, list_files(out)]


def _write_singer(folder: Union[str, Path], name: str, path: Path) -> None:
    """A vocoder's stream, made small, and compared with what it was made of."""
    import onnx

    from espnet2_nhv.export.compact import compact

    with tempfile.TemporaryDirectory() as scratch:
        _, stream = export(folder, "onnx", scratch, name)[0]
        content, card = read_onnx(stream)
        model = onnx.load_from_string(content)
        del model.metadata_props[:]  # the card, which is written anew
        write_onnx(compact(model), dict(card, spec=card["spec"].to_dict()), path)
        vocoder, small = OnnxVocoder(stream, threads=1), OnnxVocoder(path, threads=1)
        spec, n_frames = vocoder.spec, int(vocoder.spec.frame_rate)
        generator = torch.Generator().manual_seed(0)
        mel = (0.7 * torch.randn(n_frames, spec.n_mels, generator=generator) - 5.0) / spec.ln_base
        f0 = torch.logspace(7, 9, n_frames, base=2.0)
        wanted = vocoder.synthesize(mel, f0)
        difference = (small.synthesize(mel, f0) - wanted).square().mean() / wanted.square().mean()
    if not 10 * difference.log10() <= _DIFFERENCE:
        path.unlink()
        raise UserError(f"{folder}: made small for a page it sings otherwise ({10 * difference.log10():.0f} dB)")


def _write_tracker(out: Path) -> Path:
    """SwiftF0's ONNX file and licence, from its package."""
    package = metadata.distribution("swift-f0")
    model = next(file for file in package.files if file.name == "model.onnx")
    licence = next(file for file in package.files if file.name.upper().startswith(("LICENSE", "LICENCE")))
    path = out / f"swift_f0-{package.version}.onnx"
    shutil.copyfile(model.locate(), path)
    shutil.copyfile(licence.locate(), out / "LICENSE")
    return path


def list_files(out: Path) -> Path:
    """The list by which the service worker keeps the folder; its version follows from all that is in it."""
    path = out / _FILES
    files = sorted(file for file in out.rglob("*") if file.is_file() and file not in (path, out / "sw.js"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(out).as_posix().encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    names = ["./", *(file.relative_to(out).as_posix() for file in files)]
    write_whole(path, f"self.FOLDER = {json.dumps(dict(version=digest.hexdigest()[:16], files=names), indent=1)};\n")
    return path
