"""One call for every kind of vocoder."""

import zipfile
from pathlib import Path
from typing import Union

from espnet2_nhv.errors import UserError
from espnet2_nhv.vocoder.synthesizer import Synthesizer

_LARGEST = 2 << 30  # bytes of a model; ONNX itself has no more


def load_vocoder(path: Union[str, Path], **options) -> Synthesizer:
    """A saved or exported vocoder, ready for ``wav = vocoder(mel, f0)``.

    Parameters
    ----------
    path : of a saved vocoder (a folder), an ONNX file (``.onnx``) or a TorchScript file (``.pt``)
    **options : of the kind: `fuse` of a folder, `threads` of an ONNX file

    Raises
    ------
    UserError
        If it is missing, damaged, of a newer format, or not a vocoder of ours.
    """
    path = Path(path)
    if path.suffix == ".onnx":
        from espnet2_nhv.export.onnx_vocoder import OnnxVocoder

        return OnnxVocoder(path, **options)
    if path.suffix == ".pt":
        from espnet2_nhv.export.torchscript import TorchScriptVocoder

        return TorchScriptVocoder(path, **options)
    if path.is_file():
        raise UserError(f"{path}: not a vocoder; one is a folder with vocoder.yaml, a .onnx or a .pt file")
    from espnet2_nhv.vocoder.saved import load_vocoder as load_saved

    return load_saved(path, **options)


def load_facts(path: Union[str, Path]) -> dict:
    """The card of any of those, or of an OpenUtau package (``.oudep``)."""
    path = Path(path)
    if path.suffix == ".onnx":
        from espnet2_nhv.export.onnx_file import read_onnx

        return read_onnx(path)[1]
    if path.suffix == ".pt":
        from espnet2_nhv.export.torchscript import read_torchscript_card

        return read_torchscript_card(path)
    if path.suffix == ".oudep":
        return _package_facts(path)
    from espnet2_nhv.vocoder.saved import load_card

    return load_card(path)


def _package_facts(path: Path) -> dict:
    import tempfile

    from espnet2_nhv.export.onnx_file import read_onnx

    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
            model = next(member for member in archive.infolist() if member.filename.endswith(".onnx"))
            if model.file_size > _LARGEST:
                raise UserError(f"{path}: unpacked its model has {model.file_size / 2**30:.0f} GiB, more than any has")
            return read_onnx(archive.extract(model, folder))[1]  # never out of the folder, whatever it is called
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except UserError:
        raise
    except Exception:  # damaged bytes fail in as many ways as there are bytes
        raise UserError(f"{path}: not an OpenUtau package of a vocoder, or damaged") from None
