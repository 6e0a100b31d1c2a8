"""Reading recordings: any format, rate and number of channels; and saying in one sentence what is wrong with one."""

import io
import math
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Callable, List, Tuple, Union

import numpy as np
import soundfile
import soxr
from kaldiio.utils import open_like_kaldi

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.feature.kaldi import load_place
from espnet2_nhv.feature.sniff import kind_of, needs_ffmpeg
from espnet2_nhv.files import write_whole
from espnet2_nhv.text import existing_path

BLOCK = 1 << 20  # samples read at a time: a long recording is kept as mono only
MIN_SECONDS = 0.1
MAX_CLIPPED = 0.01
SILENCE = 2**-16
FULL_SCALE = 1 - 2**-15  # the largest 16-bit sample
_ARK = re.compile(r".+\.ark:\d+$")


class BadAudio(Exception):
    """One sentence on why a recording cannot be used; whoever reads many lists it and goes on."""


def load_audio(
    source: str,
    fs: int,
    allow_upsampling: bool = False,
    min_seconds: float = MIN_SECONDS,
    strict: bool = True,
    speed: float = 1.0,
) -> Tuple[np.ndarray, List[str]]:
    """Read a recording as mono at a wanted rate.

    Parameters
    ----------
    source : path of a file, Kaldi pipe (``command |``) or place in an ark (``file.ark:offset``)
    fs : int > 0, Hz
    allow_upsampling : whether a recording of a lower rate is taken all the same
    min_seconds : float > 0, s
    strict : whether silence and clipping, from which nothing good can be learnt, are refused
    speed : float > 0, how many times faster, and higher, it is played

    Returns
    -------
    wav : ndarray [shape=(L,)], float32, within [-1, 1]; the level is that of the recording
    warnings : list of str, one sentence each

    Raises
    ------
    BadAudio
        If the recording is missing, unreadable, empty, too short, not finite, has a lower rate and `allow_upsampling`
        is false, or, where `strict`, is silent or clipped in more than 1% of its samples.
    """
    wav, source_fs, warnings = read_mono(source, strict)
    check_length(len(wav), source_fs, min_seconds)
    rate = source_fs * speed  # at which it sounds
    warnings += check_rate(rate, fs, allow_upsampling)
    if rate != fs:
        wav = soxr.resample(wav, rate, fs, quality="VHQ")
    gain, turned_down = gain_of(float(np.abs(wav).max()))
    return wav if gain == 1 else wav * np.float32(gain), warnings + turned_down


def gain_of(peak: float) -> Tuple[float, List[str]]:
    """What brings a recording down to full scale, and the warning of it: 16 bits would clip it."""
    if peak <= 1:  # only floating point and resampled recordings can be above
        return 1.0, []
    return FULL_SCALE / peak, [f"turned down by {20 * math.log10(peak):.2f} dB: its peak was above full scale"]


def check_rate(rate: float, fs: int, allow_upsampling: bool) -> List[str]:
    """Refuse a recording of a lower rate (Hz) than is wanted, or, where that is allowed, warn of it."""
    if rate >= fs:
        return []
    if not allow_upsampling:
        raise BadAudio(
            f"its sampling rate {rate:g} Hz is below {fs} Hz: "
            f"give --allow_upsampling to use it all the same, or choose a feature spec of a lower rate"
        )
    return [f"upsampled from {rate:g} Hz: its real bandwidth ends at {rate / 2:g} Hz"]


def read_mono(source: str, strict: bool = True) -> Tuple[np.ndarray, int, List[str]]:
    """Read and check a recording at its own rate; its channels are averaged.

    Returns
    -------
    wav : ndarray [shape=(L,)], float32
    fs : int, Hz
    warnings : list of str

    Raises
    ------
    BadAudio
        As :func:`load_audio`.
    """
    mono: List[np.ndarray] = []
    fs, channels, warnings = scan_mono(source, lambda block, fs: mono.append(block), strict)
    wav = np.concatenate(mono)
    if strict:
        check_peak(float(np.abs(wav).max()), channels)
    return wav, fs, warnings


def check_peak(peak: float, channels: int = 1) -> None:
    """Refuse a recording of which nothing would be left in 16 bits."""
    if peak <= SILENCE:
        mixed = "" if channels == 1 else " once its channels are mixed"
        raise BadAudio(f"silent: every sample is zero{mixed}")


def check_audio(source: str) -> float:
    """Read a recording through, as :func:`load_audio` would, and keep nothing of it; its length in s.

    Raises
    ------
    BadAudio
        As :func:`load_audio`, but for what depends on the rate that is wanted.
    """
    n_samples, peak = 0, 0.0

    def take(block: np.ndarray, fs: int) -> None:
        nonlocal n_samples, peak
        n_samples, peak = n_samples + len(block), max(peak, float(np.abs(block).max()))

    fs, channels, _ = scan_mono(source, take)
    check_length(n_samples, fs, MIN_SECONDS)
    check_peak(peak, channels)
    return n_samples / fs


def check_length(n_samples: int, fs: int, min_seconds: float) -> None:
    """Refuse a recording shorter than `min_seconds`."""
    if n_samples < min_seconds * fs:
        length = "one sample" if n_samples == 1 else f"{n_samples / fs:.3g} s"
        raise BadAudio(f"too short: it has {length} and at least {min_seconds:g} s is needed")


def scan_mono(source: str, take: Callable[[np.ndarray, int], None], strict: bool = True) -> Tuple[int, int, List[str]]:
    """Read and check a recording block by block at its own rate; its channels are averaged.

    Parameters
    ----------
    source, strict : as for :func:`load_audio`
    take : called with each block, float32 ``(n,)``, and the rate, Hz

    Returns
    -------
    fs : int, Hz
    channels : int >= 1
    warnings : list of str

    Raises
    ------
    BadAudio
        As :func:`load_audio`, but for what only the whole can tell.
    """
    try:
        if _ARK.match(source):
            blocks, fs = _read_ark(source)
        else:
            blocks, fs = _read_blocks(_read_pipe(source) if source.endswith("|") else _find_file(source))
        channels, full, flat, position = 1, 0, 0, 0
        for block in blocks:
            finite = np.isfinite(block).all(axis=1)
            if not finite.all():
                where = (position + int(np.argmin(finite))) / fs
                raise BadAudio(f"holds a value that is not a finite number at {where:.3f} s")
            at_full_scale = (np.abs(block) >= FULL_SCALE) & (np.abs(block) <= 1)
            full += int(at_full_scale.sum())
            flat += int((at_full_scale[1:] & at_full_scale[:-1]).sum())
            channels = block.shape[1]
            take(block.mean(axis=1, dtype=np.float32), fs)
            position += len(block)
    except (soundfile.LibsndfileError, ValueError, RuntimeError, EOFError) as error:
        raise BadAudio(f"cannot be read as audio ({_reason(error)})") from None
    if position == 0:
        raise BadAudio("empty: it has no samples")
    share = full / (position * channels)
    if strict and share > MAX_CLIPPED:
        raise BadAudio(f"clipped: {share:.1%} of its samples are at full scale, more than {MAX_CLIPPED:.0%}")
    # A single sample at full scale is a recording turned up as far as it goes; several in a row are clipped.
    warnings = [f"clipped in places: {share:.2g} of its samples are at full scale; kept"] if flat else []
    return fs, channels, warnings


def stamp(source: str) -> Tuple[int, ...]:
    """Size and time of change of a recording's file, so that a change is noticed; () where there is none.

    Of a pipe only the command can be compared; what is missing is a problem for whoever reads it.
    """
    try:
        stat = os.stat(existing_path(source.rpartition(":")[0] if _ARK.match(source) else source))
    except OSError:
        return ()
    return stat.st_size, stat.st_mtime_ns


def length_of(source: str) -> float:
    """Length of a recording, s, by its header; 0 where that cannot be read."""
    try:
        return soundfile.info(existing_path(source)).duration
    except (OSError, RuntimeError, TypeError, ValueError):
        return 0.0


def is_silent(wav: np.ndarray) -> bool:
    """Whether nothing would be left of it in 16 bits; read in blocks."""
    return all(np.abs(wav[first : first + BLOCK]).max() <= SILENCE for first in range(0, len(wav), BLOCK))


def write_flac(path: Union[str, Path], wav: np.ndarray, fs: int) -> None:
    """Write 16-bit FLAC; the file appears when it is whole.

    Raises
    ------
    OSError
        With the file's name, e.g. when the disk is full (libsndfile's own error would not say so).
    """
    # Rounded here, because libsndfile scales floats by 32767: a 16-bit recording keeps its very samples.
    samples = np.clip(np.rint(wav * 32768), -32768, 32767).astype(np.int16)
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, fs, format="FLAC", subtype="PCM_16")
    write_whole(path, buffer.getbuffer())


def _read_blocks(file):
    try:
        audio = soundfile.SoundFile(file)
    except soundfile.LibsndfileError:
        audio = soundfile.SoundFile(_by_ffmpeg(file))

    def blocks():
        with audio:
            while len(block := audio.read(BLOCK, dtype="float32", always_2d=True)):
                yield block

    return blocks(), audio.samplerate


def _by_ffmpeg(file):
    """What libsndfile does not read, by ffmpeg where there is one; else a sentence on what it is."""
    if isinstance(file, str):
        with open(file, "rb") as opened:
            kind = kind_of(opened.read(512))
    else:
        kind = kind_of(file.getvalue()[:512])
    if kind is None:
        raise BadAudio("cannot be read as audio (format not recognised)")
    if not needs_ffmpeg(kind):
        raise BadAudio(f"cannot be read as audio: it is {kind}")
    program = shutil.which("ffmpeg")
    if program is None or not isinstance(file, str):
        raise BadAudio(f"it is {kind}, which libsndfile does not read: install ffmpeg, or convert it to wav or flac")
    decoded = tempfile.TemporaryFile()
    command = [program, "-nostdin", "-v", "error", "-i", file, "-map", "0:a:0", "-c:a", "pcm_f32be", "-f", "au", "-"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=decoded, stderr=subprocess.PIPE)
    if result.returncode:
        lines = result.stderr.decode(errors="replace").strip().splitlines() or [f"status {result.returncode}"]
        raise BadAudio(f"it is {kind}, and ffmpeg cannot read it ({lines[-1][:200]})")
    decoded.seek(0)
    return decoded


def _read_pipe(source):
    stream = open_like_kaldi(source, "rb")
    data = stream.read()
    status = stream.close()
    if status:
        raise BadAudio(f"its command failed with status {status >> 8}: {source}")
    if not data:
        raise BadAudio(f"empty: its command wrote nothing: {source}")
    return io.BytesIO(data)


def _read_ark(source):
    path, _, offset = source.rpartition(":")
    try:
        first, second = load_place(f"{_find_file(path)}:{offset}")
    except UserError as error:
        raise BadAudio(str(error)) from None
    fs, wav = (first, second) if isinstance(first, int) else (second, first)
    if np.issubdtype(wav.dtype, np.integer):
        wav = wav / -float(np.iinfo(wav.dtype).min)
    return iter([wav.astype(np.float32).reshape(len(wav), -1)]), fs


def _find_file(path):
    path = existing_path(path)
    if not os.path.exists(path):
        raise BadAudio(f"missing: there is no file {path}")
    if os.path.isdir(path):
        raise BadAudio(f"not a file but a folder: {path}")
    if os.path.getsize(path) == 0:
        raise BadAudio(f"empty: {path} has 0 bytes")
    if not os.access(path, os.R_OK):
        raise BadAudio(f"not readable: permission denied for {path}")
    return path


def _reason(error):
    return in_one_line(error).rstrip(".").split(": ")[-1] or type(error).__name__
