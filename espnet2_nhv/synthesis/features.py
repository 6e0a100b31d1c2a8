"""Features in the files people have them in: Kaldi ark and scp, NumPy npz and npy, one utterance or many."""

from pathlib import Path
from typing import Callable, Dict, Iterator, Optional, Tuple, Union

import kaldiio
import numpy as np

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.datadir import read_table
from espnet2_nhv.feature.pitch.curve import Curve
from espnet2_nhv.feature.pitch.curve_files import MIDI, TABLES, read_curve
from espnet2_nhv.synthesis.inputs import LISTS, input_files

SUFFIXES = (".npz", ".npy")
# Names in npz files, of this package's words and of other vocoders'.
_MEL_NAMES = ("mel", "log_melspc", "mels", "feats", "arr_0")
_F0_NAMES = ("f0", "cf0", "pitch", "lf0_hz", "arr_0")

Reader = Callable[[], Union[np.ndarray, Curve]]


def read_mels(path: Union[str, Path]) -> Iterator[Tuple[str, np.ndarray, Optional[np.ndarray]]]:
    """Mel spectrograms of a file, a folder or a list of files, one at a time.

    Parameters
    ----------
    path : ``.scp`` or ``.ark`` of Kaldi; ``.npy`` of one array; ``.npz`` of one utterance (mel and perhaps f0), of many
        (``NAME|log_melspc``, ``NAME|f0``), or of one array per utterance; a folder of those, or a list

    Yields
    ------
    name : str, of the utterance
    mel : ndarray, as stored
    f0 : ndarray or None, where the same file holds it

    Raises
    ------
    UserError
        If the file is missing, damaged or holds something else.
    """
    path = Path(path)
    if path.suffix == ".ark" or path.suffix == ".scp":
        for name, read in _kaldi(path):
            yield name, read(), None
        return
    for name, file in _numpy_files(path).items():
        arrays = _load_numpy(Path(file))
        for utterance, members in _utterances(arrays, name, file, _MEL_NAMES).items():
            yield utterance, members[0], members[1]


def read_f0s(path: Union[str, Path]) -> Dict[str, Reader]:
    """F0 contours of a file, a folder or a list, as :func:`read_mels`: a name to a function that reads it.

    Tables of time and Hz and MIDI files (:func:`espnet2_nhv.feature.pitch.curve_files.read_curve`) give a Curve.
    """
    path = Path(path)
    if _is_curve(path):
        return {path.stem: lambda: read_curve(path)}
    if path.is_dir():
        curves = {file.stem: file for file in sorted(path.iterdir()) if _is_curve(file)}
        if curves:
            return {name: lambda file=file: read_curve(file) for name, file in curves.items()}
    if path.suffix == ".ark" or path.suffix == ".scp":
        return dict(_kaldi(path))
    readers: Dict[str, Reader] = {}
    for name, file in _numpy_files(path).items():
        for utterance, members in _utterances(_load_numpy(Path(file)), name, file, _F0_NAMES).items():
            readers[utterance] = lambda f0=members[0]: f0
    return readers


def _is_curve(path: Path) -> bool:
    """Whether a file is a table of time and Hz or a MIDI file; a list of files may be called .txt too."""
    suffix = path.suffix.lower()
    if suffix not in (*TABLES, *MIDI) or not path.is_file():
        return False
    if suffix not in LISTS:
        return True
    with open(path, encoding="utf-8", errors="replace") as file:
        first = next((line.split()[0].strip(",;") for line in file if line.strip() and line[0] != "#"), "")
    return first.replace(".", "", 1).isdigit() or "time" in first.lower()


def frames_first(mel: np.ndarray, n_mels: int, where: str) -> np.ndarray:
    """A mel spectrogram as ``(T, n_mels)``, whichever way it was stored."""
    mel = mel[0] if mel.ndim == 3 and len(mel) == 1 else mel
    if mel.ndim != 2 or n_mels not in mel.shape:
        raise UserError(
            f"{where}: a mel of shape {tuple(mel.shape)} does not fit the vocoder, which reads (T, {n_mels})"
        )
    return np.array(mel if mel.shape[1] == n_mels else mel.T, dtype=np.float32)


def continuous_f0(f0: np.ndarray, where: str) -> Tuple[np.ndarray, int]:
    """F0 ``(T,)`` whose zeros (unvoiced frames) are interpolated, linearly in log F0; and how many there were."""
    f0 = np.asarray(f0, dtype=np.float64).reshape(-1)
    voiced = f0 > 0
    if not voiced.any():
        raise UserError(f"{where}: F0 has no value above 0 Hz")
    frame = np.arange(len(f0))
    filled = np.exp(np.interp(frame, frame[voiced], np.log(f0[voiced])))
    return np.where(voiced | ~np.isfinite(f0) | (f0 < 0), f0, filled).astype(np.float32), int((f0 == 0).sum())


def _kaldi(path: Path) -> Iterator[Tuple[str, Reader]]:
    def explain(error: Exception) -> UserError:
        return UserError(f"{path}: not readable as Kaldi features ({str(error).strip() or type(error).__name__})")

    if path.suffix == ".scp":
        for name, place in read_table(path).items():

            def read(place=place):
                try:
                    return np.asarray(kaldiio.load_mat(place))
                except Exception as error:  # damaged bytes fail in as many ways as there are bytes
                    raise explain(error) from None

            yield name, read
        return
    if not path.exists():
        raise UserError(f"{path}: there is no such file")
    try:
        for name, matrix in kaldiio.load_ark(str(path)):
            yield name, lambda matrix=matrix: matrix
    except UserError:
        raise
    except Exception as error:
        raise explain(error) from None


def _numpy_files(path: Path) -> Dict[str, str]:
    return {path.stem: str(path)} if path.suffix in SUFFIXES else input_files(path, SUFFIXES)


def _load_numpy(path: Path) -> Dict[str, np.ndarray]:
    try:
        loaded = np.load(path, allow_pickle=False)  # objects could run code
        return {"arr_0": loaded} if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except Exception as error:
        raise UserError(f"{path}: not readable as a NumPy file ({str(error).splitlines()[0]})") from None


def _utterances(arrays: Dict[str, np.ndarray], name: str, file: str, wanted: Tuple[str, ...]):
    """Of the arrays of a file: utterance to (what is wanted, its F0 or None)."""
    found = next((key for key in wanted if key in arrays), None)
    if found:
        return {name: (arrays[found], arrays.get("f0"))}
    shards = {key.rpartition("|")[0]: key for key in arrays if key.rpartition("|")[2] in wanted and "|" in key}
    if shards:
        return {part: (arrays[key], arrays.get(f"{part}|f0")) for part, key in shards.items()}
    if not arrays or any("|" in key for key in arrays):
        raise UserError(f"{file}: none of {', '.join(wanted)} is in it, but {', '.join(arrays) or 'nothing'}")
    return {key: (array, None) for key, array in arrays.items()}
