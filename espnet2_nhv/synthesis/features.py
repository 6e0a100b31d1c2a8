"""Features in the files people have them in: Kaldi ark and scp, NumPy npz and npy, one utterance or many."""

import logging
from pathlib import Path
from typing import Callable, Dict, Iterator, Optional, Tuple, Union

import numpy as np

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.datadir import read_table
from espnet2_nhv.feature.finding import AUDIO
from espnet2_nhv.feature.kaldi import open_archive, open_place
from espnet2_nhv.feature.numpy_files import open_arrays
from espnet2_nhv.feature.pitch.curve import Curve
from espnet2_nhv.feature.pitch.curve_files import MIDI, TABLES, read_curve
from espnet2_nhv.feature.stored import HeldArray, StoredArray
from espnet2_nhv.synthesis.inputs import LISTS, input_files
from espnet2_nhv.synthesis.pack import Pack, read_pack
from espnet2_nhv.text import existing_path, same_name

SUFFIXES = (".npz", ".npy", ".pt")
# so-vits-svc and its kin call what belongs to x.wav x.wav.f0.npy, x.wav.soft.pt and so on: what is neither is not ours.
_MEL_ENDS, _F0_ENDS = (".mel", ".feats"), (".f0", ".pitch")
_OTHER_ENDS = (".soft", ".spec", ".vol", ".aug_mel", ".aug_vol", ".unit", ".units")
# Names in npz files, of this package's words and of other vocoders'.
_MEL_NAMES = ("mel", "log_melspc", "mels", "feats", "arr_0")
_F0_NAMES = ("f0", "cf0", "pitch", "lf0_hz", "arr_0")

Reader = Callable[[], Union[np.ndarray, Curve]]


def read_mels(
    path: Union[str, Path],
) -> Iterator[Tuple[str, Union[StoredArray, Pack, UserError], Optional[StoredArray]]]:
    """Mel spectrograms of a file, a folder or a list of files, one at a time, to be read in blocks.

    Parameters
    ----------
    path : ``.scp`` or ``.ark`` of Kaldi; ``.npy`` of one array; ``.npz`` of one utterance (mel and perhaps f0), of many
        (``NAME|log_melspc``, ``NAME|f0``), or of one array per utterance; ``.pt`` of DiffSinger's segments; a folder of
        those, or a list. Of ``x.wav.mel.npy`` the utterance is ``x``, as of ``x.npy``

    Yields
    ------
    name : str, of the utterance
    mel : StoredArray, or the Pack of a ``.pt`` file; or a UserError that says why this one cannot be read
    f0 : StoredArray or None, where the same file holds it

    Raises
    ------
    UserError
        If `path` is missing, or is a damaged ark or list.
    """
    path = Path(path)
    if path.suffix == ".ark" or path.suffix == ".scp":
        for name, read in _kaldi(path):
            yield name, _or_why_not(read), None
        return
    for name, file in _numpy_files(path, _F0_ENDS).items():
        if Path(file).suffix == ".pt":
            yield name, _or_why_not(lambda: read_pack(file)), None
            continue
        try:
            utterances = _utterances(_open_numpy(Path(file)), name, file, _MEL_NAMES)
        except UserError as error:
            utterances = {name: (error, None)}
        for utterance, members in utterances.items():
            yield utterance, members[0], members[1]


def read_f0s(path: Union[str, Path]) -> Dict[str, Reader]:
    """F0 contours of a file, a folder or a list, as :func:`read_mels`: a name to a function that reads it.

    Tables of time and Hz and MIDI files (:func:`espnet2_nhv.feature.pitch.curve_files.read_curve`) give a Curve.
    """
    path = Path(path)
    if _is_curve(path):
        return {utterance_name(path.stem): lambda: read_curve(path)}
    if path.is_dir():
        curves = {file.stem: file for file in sorted(path.iterdir()) if _is_curve(file)}
        if curves:
            return {utterance_name(name): lambda file=file: read_curve(file) for name, file in curves.items()}
    if path.suffix == ".ark" or path.suffix == ".scp":
        return {same_name(name): lambda read=read: np.asarray(read()) for name, read in _kaldi(path)}
    readers: Dict[str, Reader] = {}
    for name, file in _numpy_files(path, _MEL_ENDS).items():
        if Path(file).suffix == ".pt":
            raise UserError(f"{file}: a pack of segments has its own F0: leave --f0 out, or give npy, npz or csv")
        try:
            utterances = _utterances(_open_numpy(Path(file)), name, file, _F0_NAMES)
        except UserError as error:
            utterances = {name: (error, None)}
        for utterance, members in utterances.items():
            readers[same_name(utterance)] = lambda f0=members[0]: _given(f0)
    return readers


def _given(f0: Union[StoredArray, UserError]) -> np.ndarray:
    if isinstance(f0, UserError):
        raise f0
    return np.asarray(f0)


def utterance_name(stem: str) -> str:
    """The utterance of a file's name without its last suffix: that of ``x.wav.f0`` is ``x``, in one spelling."""
    for end in (*_MEL_ENDS, *_F0_ENDS):
        stem = stem.removesuffix(end)
    end = next((end for end in AUDIO if stem.lower().endswith(end) and len(stem) > len(end)), "")
    return same_name(stem[: len(stem) - len(end)])


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


class MelFrames:
    """A mel spectrogram, whichever way it is stored, as float32 ``(T, n_mels)``.

    Parameters
    ----------
    stored : StoredArray of two axes
    axis : int, that of time
    """

    def __init__(self, stored: StoredArray, axis: int):
        self._stored, self._axis = stored, axis
        self.shape = stored.shape[axis], stored.shape[1 - axis]

    def __len__(self) -> int:
        return self.shape[0]

    def blocks(self, n_frames: int) -> Iterator[np.ndarray]:
        """Frames as arrays of one's own ``(n, n_mels)``, `n` at most `n_frames`, one after the other.

        Raises
        ------
        UserError
            Where the file turns out to be damaged.
        """
        for block in self._stored.blocks(self._axis, n_frames):
            yield _own(block, self._axis)

    def whole(self) -> np.ndarray:
        """All of it, ``(T, n_mels)``."""
        return _own(np.asarray(self._stored), self._axis)


def _own(mel: np.ndarray, axis: int) -> np.ndarray:
    return np.array(mel if axis == 0 else mel.T, dtype=np.float32, order="C")


class Layout:
    """Which axis of a mel spectrogram is time, from mels of one run, one after the other.

    Parameters
    ----------
    n_mels : int, bands that the vocoder reads
    given : ['frames_first', 'bands_first'] or None, where somebody has said it
    """

    def __init__(self, n_mels: int, given: Optional[str] = None):
        self.n_mels = n_mels
        self.known = given

    def is_open(self, mel: StoredArray) -> bool:
        """Whether both readings fit, and no other mel has told yet which is meant."""
        return self.known is None and mel.matrix().shape == (self.n_mels, self.n_mels)

    def frames_first(self, mel: Union[StoredArray, np.ndarray], where: str) -> MelFrames:
        """A mel spectrogram of which it is known which axis is time.

        Raises
        ------
        UserError
            If it has no axis of `n_mels`, or is not numbers.
        """
        mel = (mel if isinstance(mel, StoredArray) else HeldArray(mel)).matrix()
        shape = mel.shape
        fits = len(shape) == 2 and self.n_mels in shape
        if not fits or mel.dtype == object or not np.can_cast(mel.dtype, np.float64, "same_kind"):
            raise UserError(
                f"{where}: a mel of shape {shape} of {mel.dtype} does not fit the vocoder, "
                f"which reads (T, {self.n_mels}) numbers"
            )
        own = "frames_first" if shape[1] == self.n_mels else "bands_first"
        if shape[0] != shape[1]:
            self.known = self.known or own
        elif self.known is None:
            logging.warning(
                "%s: %d by %d may be frames by bands or bands by frames, and is taken as frames by bands: "
                "if that is wrong, give --mel_layout bands_first",
                where, *shape,
            )  # fmt: skip
        else:
            own = self.known
        return MelFrames(mel, 0 if own == "frames_first" else 1)


def _kaldi(path: Path) -> Iterator[Tuple[str, Callable[[], StoredArray]]]:
    if path.suffix == ".scp":
        for name, place in read_table(path).items():
            yield name, lambda place=place: _at(place)
        return
    for name, matrix in open_archive(existing_path(path)):
        yield name, lambda matrix=matrix: matrix


def _at(place: str) -> StoredArray:
    try:
        return open_place(place)
    except FileNotFoundError as error:
        raise UserError(f"{error.filename or place}: there is no such file") from None
    except ValueError:
        raise UserError(f"{place}: it holds sound, not features") from None


def _or_why_not(read: Callable[[], Union[StoredArray, Pack]]) -> Union[StoredArray, Pack, UserError]:
    try:
        return read()
    except UserError as error:
        return error


def _numpy_files(path: Path, not_ending: Tuple[str, ...]) -> Dict[str, str]:
    if path.suffix in SUFFIXES:
        return {utterance_name(path.stem): str(path)}
    if path.suffix.lower() in AUDIO:
        raise UserError(f"{path}: it is a recording, not features: copy_synthesis takes it")
    files: Dict[str, str] = {}
    for name, file in input_files(path, SUFFIXES).items():
        if path.is_dir() and name.endswith((*not_ending, *_OTHER_ENDS)):
            continue
        if utterance_name(name) in files:
            raise UserError(
                f"{files[utterance_name(name)]} and {file} would both be of {utterance_name(name)}: move one"
            )
        files[utterance_name(name)] = file
    if not files:
        raise UserError(f"{path}: none of its files is wanted here, by their names")
    return files


def _open_numpy(path: Path) -> Dict[str, StoredArray]:
    try:
        return open_arrays(existing_path(path))
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None


def _utterances(arrays: Dict[str, StoredArray], name: str, file: str, wanted: Tuple[str, ...]):
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
