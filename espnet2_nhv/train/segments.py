"""Short segments of audio and its features, aligned to the sample."""

import itertools
import math
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np
import soundfile
import soxr
import torch
from espnet2.train.dataset import AbsDataset

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.ark import read_matrix
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import write_whole


def list_segments(
    n_frames: Dict[str, int], segment_frames: int, multiple_of: int = 1, weights: Optional[Mapping[str, float]] = None
) -> List[str]:
    """Names of segments, so many of each utterance that every second of audio is equally likely to be seen.

    Parameters
    ----------
    n_frames : dict of utterance to number of frames, not empty
    segment_frames : int >= 1
    multiple_of : int >= 1, the number of segments is rounded up to a multiple of this (the batch size, which ESPnet's
        sampler would otherwise stretch up to twofold)
    weights : mapping of utterance to float > 0, how much more often than others it is to be seen; None: all alike

    Returns
    -------
    names : list of "UTT@INDEX", in the order of the utterances
    """
    counts = {
        utt: math.ceil(frames * (weights[utt] if weights else 1.0) / segment_frames) for utt, frames in n_frames.items()
    }
    longest_first = sorted(n_frames, key=n_frames.get, reverse=True)
    missing = -sum(counts.values()) % multiple_of
    for utt in itertools.islice(itertools.cycle(longest_first), missing):
        counts[utt] += 1
    return [f"{utt}@{index}" for utt, count in counts.items() for index in range(count)]


def pick_evenly(names: List[str], count: int) -> List[str]:
    """At most `count` of `names`, evenly spaced, in order."""
    chosen = np.linspace(0, len(names) - 1, min(count, len(names))).round().astype(int)
    return [names[index] for index in chosen]


def write_shapes(path: Union[str, Path], names: List[str], spec: FeatureSpec, segment_frames: int) -> None:
    """ESPnet's shape file of segments: what its samplers read, with the lengths that batches really have."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Each process of a training writes it, while another may be reading.
    write_whole(path, "".join(f"{name} {segment_frames},{spec.n_mels}\n" for name in names), shared=True)


def collate(data: Sequence[Tuple[str, Dict[str, np.ndarray]]]) -> Tuple[List[str], Dict[str, torch.Tensor]]:
    """A batch of ``(name, arrays)``, zero-padded, with lengths, as ESPnet's CommonCollateFn makes it.

    Importing that one makes NLTK look for English dictionaries in the internet.
    """
    batch = {}
    for key in data[0][1]:
        arrays = [torch.from_numpy(arrays[key]) for _, arrays in data]
        batch[key] = torch.nn.utils.rnn.pad_sequence(arrays, batch_first=True)
        batch[f"{key}_lengths"] = torch.tensor([len(array) for array in arrays])
    return [name for name, _ in data], batch


class SegmentDataset(AbsDataset):
    """Segments by the names of :func:`list_segments`, read from the middle of their files.

    A training segment starts at a random frame of its utterance. Otherwise segment ``k`` starts at frame
    ``k * segment_frames``, or as near to it as the utterance is long. The first sample of a
    segment is the centre of its first frame.
    An utterance shorter than a segment is continued: wav with zeros, mel with its values in digital silence, F0 with
    its last value.

    ESPnet's own dataset decodes whole files and keeps them, when it caches, as they are after cropping: the same
    segment for ever. This one reads no more than it gives.

    Parameters
    ----------
    scp : dict of name in (singing, feats, f0) to dict of utterance to file (audio) or Kaldi's path:offset
    spec : FeatureSpec
    segment_frames : int >= 1
    silence : ndarray [shape=(n_mels,)], log-mel of digital silence
    train : bool, start at random
    """

    def __init__(
        self, scp: Dict[str, Dict[str, str]], spec: FeatureSpec, segment_frames: int, silence: np.ndarray, train: bool
    ):
        self.scp = scp
        self.spec = spec
        self.segment_frames = segment_frames
        self.silence = silence
        self.train = train

    def has_name(self, name: str) -> bool:
        return name in self.scp

    def names(self) -> Tuple[str, ...]:
        return tuple(self.scp)

    def __repr__(self) -> str:
        return f"SegmentDataset(segment_frames={self.segment_frames}, train={self.train})"

    def __getitem__(self, name: str) -> Tuple[str, Dict[str, np.ndarray]]:
        """Name and ``singing (n * hop_length,)``, ``feats (n, n_mels)``, ``f0 (n, 1)``, n = segment_frames, float32."""
        utt, index = name.rsplit("@", 1)
        mel, f0 = (read_matrix(utt, self.scp[name][utt]) for name in ("feats", "f0"))
        if mel.shape[1] != self.spec.n_mels or len(f0) != len(mel):
            raise UserError(
                f"features of {utt} have shapes {mel.shape} (mel) and {f0.shape} (F0), but {self.spec.n_mels} bands "
                "and as many frames of F0 are needed: extract them again"
            )
        n_free = max(len(mel) - self.segment_frames, 0)
        start = np.random.randint(n_free + 1) if self.train else min(int(index) * self.segment_frames, n_free)
        hop_length = self.spec.hop_length
        first = start * hop_length + self.spec.first_centre
        wav = self._read(self.scp["singing"][utt], first, self.segment_frames * hop_length)
        mel, f0 = (x[start : start + self.segment_frames] for x in (mel, f0))
        missing = self.segment_frames - len(mel)
        if missing:
            mel = np.concatenate([mel, np.tile(self.silence, (missing, 1))])
            f0 = np.concatenate([f0, np.tile(f0[-1:], (missing, 1))])
        return name, dict(singing=wav, feats=mel.astype(np.float32), f0=f0.astype(np.float32))

    def _read(self, path: str, begin: int, n_samples: int) -> np.ndarray:
        """Samples from `begin` on, zeros before the recording and after it."""
        with soundfile.SoundFile(path) as file:
            if file.samplerate != self.spec.fs or file.channels != 1:
                raise UserError(
                    f"{path}: {file.channels} channels at {file.samplerate} Hz, "
                    f"but the features were made of one channel at {self.spec.fs} Hz: prepare the audio again"
                )
            before = min(max(-begin, 0), n_samples)
            file.seek(min(max(begin, 0), file.frames))
            wav = file.read(n_samples - before, dtype="float32", fill_value=0.0)
            return np.concatenate([np.zeros(before, np.float32), wav]) if before else wav


class FreshSegments(SegmentDataset):
    """Training segments of which features are yet to be made, played at other speeds.

    Audio comes with a margin on either side, for the mel of the first and the last frame, and without a mel.

    Parameters
    ----------
    key : (float, float), speeds, 2 sings an octave higher and is over in half the time; drawn evenly in logarithm
    margin_frames : int >= 0
    others : as :class:`SegmentDataset`
    """

    def __init__(self, *others, key: Tuple[float, float], margin_frames: int):
        super().__init__(*others)
        self.key, self.margin_frames = key, margin_frames

    def __getitem__(self, name: str) -> Tuple[str, Dict[str, np.ndarray]]:
        """Name, ``singing ((n + 2 * margin_frames) * hop_length,)``, ``f0 (n, 1)``, float32."""
        utt, _ = name.rsplit("@", 1)
        hop_length, margin, n = self.spec.hop_length, self.margin_frames, self.segment_frames
        f0 = read_matrix(utt, self.scp["f0"][utt])[:, 0]
        speed = math.exp(np.random.uniform(*np.log(self.key)))
        start = np.random.uniform(0, max(len(f0) - n * speed, 0))
        begin = round((start - margin * speed) * hop_length)
        n_samples = math.ceil((n + 2 * margin) * speed * hop_length) + 1
        wav = self._read(self.scp["singing"][utt], begin, n_samples)
        if speed != 1:
            wav = soxr.resample(wav, self.spec.fs * speed, self.spec.fs)
        wav = wav[: (n + 2 * margin) * hop_length]
        wav = np.pad(wav, (0, (n + 2 * margin) * hop_length - len(wav)))
        at = begin / hop_length - self.spec.frame_centre + (margin + np.arange(n)) * speed
        f0 = speed * np.exp(np.interp(at, np.arange(len(f0)), np.log(f0)))
        f0 = f0.clip(max=0.45 * self.spec.fs)
        return name, dict(singing=wav.astype(np.float32), f0=f0.astype(np.float32)[:, None])
