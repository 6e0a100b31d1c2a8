"""Spectrograms under one another, whole and a part of them larger, as one picture: to see what scores do not say."""

import io
from pathlib import Path
from typing import Dict, Optional, Tuple, Union

import numpy as np
from PIL import Image

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.audio import BadAudio, load_audio
from espnet2_nhv.files import naming, whole_file
from espnet2_nhv.score.frames import power_spectra, spectrum_size

COLOURS = 64
RANGE = 80.0  # dB from the brightest to the darkest
WIDEST = 1600  # columns of a spectrogram


def draw_spectrograms(
    files: Dict[str, Union[str, Path]],
    out: Union[str, Path],
    fs: int = 44100,
    span: Optional[Tuple[float, float]] = None,
    zoom: Optional[Tuple[float, float]] = None,
    band: Tuple[float, float] = (4000.0, 12000.0),
) -> None:
    """Write a PNG: a row for each file, with the whole on the left and the zoom on the right.

    Levels are comparable: the brightest colour is the loudest bin of the first file, which is the recording.

    Parameters
    ----------
    files : dict of a title to a sound file, the recording first; all of one beginning
    out : path of the PNG
    fs : int > 0, Hz, to which all are resampled
    span : (begin, end), s, what is shown; all of the first file if None
    zoom : (begin, end), s, what is shown larger; the loudest second of `span` if None
    band : (low, high), Hz, of the zoom

    Raises
    ------
    UserError
        If `out` has the name of another format, a file cannot be read or has nothing at those times, or times or band
        are not in order.
    """
    if not files:
        raise UserError("there is no file to draw a spectrogram of")
    if Path(out).suffix.lower() != ".png":  # perhaps the first recording, with the picture's name forgotten
        raise UserError(f"{out}: what is drawn is a PNG: give a file ending in .png, before the sound files")
    wavs = {title: _load(path, fs) for title, path in files.items()}
    first = next(iter(wavs.values()))
    begin, end = span or (0.0, len(first) / fs)
    shown = {title: wav[round(max(begin, 0) * fs) : round(end * fs)] for title, wav in wavs.items()}
    for title, wav in shown.items():
        if len(wav) < spectrum_size(fs):
            raise UserError(f"{title}: there is no sound from {begin:g} to {end:g} s")
    near = zoom or _loudest_second(next(iter(shown.values())), fs, begin)
    if not begin <= near[0] < near[1] <= end + 1e-6:
        raise UserError(f"the zoom from {near[0]:g} to {near[1]:g} s is not within {begin:g} to {end:g} s")
    if not 0 <= band[0] < band[1] <= fs / 2:
        raise UserError(f"a band from {band[0]:g} to {band[1]:g} Hz is not within 0 to {fs / 2:g} Hz")

    import matplotlib.figure  # slow to import

    figure = matplotlib.figure.Figure(figsize=(14, 0.6 + 2.6 * len(shown)), layout="constrained")
    axes = figure.subplots(len(shown), 2, squeeze=False, width_ratios=(3, 2))
    levels = {title: _levels(wav, fs) for title, wav in shown.items()}
    top = max(float(next(iter(levels.values()))[0].max()), -100.0)
    for row, (title, (level, step)) in zip(axes, levels.items()):
        extent = (begin, begin + level.shape[1] * step, 0, fs / 2000)
        for axis in row:
            axis.imshow(level, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=top - RANGE, vmax=top)
            axis.set_ylabel("kHz")
        row[0].set_title(title, loc="left")
        row[1].set(xlim=near, ylim=(band[0] / 1000, band[1] / 1000))
        row[0].add_patch(_frame(near, band))
    for axis in axes[-1]:
        axis.set_xlabel("s")
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=80)
    with whole_file(out) as part, naming(out):  # of few colours, which a repository of text can bear
        Image.open(content).convert("RGB").quantize(COLOURS).save(part, format="PNG", optimize=True)


def _load(path: Union[str, Path], fs: int) -> np.ndarray:
    try:
        return load_audio(str(path), fs, allow_upsampling=True, strict=False)[0].astype(np.float64)
    except BadAudio as error:
        raise UserError(f"{path}: {error}") from None


def _levels(wav: np.ndarray, fs: int) -> Tuple[np.ndarray, float]:
    """Levels of bins, dB ``(bins, columns)``, from windows of 46 ms, and the seconds a column is long."""
    n_fft = spectrum_size(fs)
    hop = max(n_fft // 16, -(-len(wav) // WIDEST))
    power = np.concatenate([block for _, block in power_spectra(wav, n_fft, hop, -(-len(wav) // hop))])
    return 10 * np.log10(np.maximum(power, 1e-12)).T, hop / fs


def _loudest_second(wav: np.ndarray, fs: int, begin: float) -> Tuple[float, float]:
    energy = np.concatenate([[0.0], np.cumsum(wav**2)])
    first = int(np.argmax(energy[fs:] - energy[:-fs])) if len(wav) > fs else 0
    return begin + first / fs, begin + min(first + fs, len(wav)) / fs


def _frame(near: Tuple[float, float], band: Tuple[float, float]):
    from matplotlib.patches import Rectangle

    size = near[1] - near[0], (band[1] - band[0]) / 1000
    return Rectangle((near[0], band[0] / 1000), *size, fill=False, edgecolor="white", linewidth=1)
