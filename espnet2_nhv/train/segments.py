"""Short segments of audio and its features, aligned to the sample."""

import itertools
import math
from pathlib import Path
from typing import Dict, List, Sequence, Tuple, Union

import numpy as np
import soundfile
import torch
from espnet2.train.dataset import AbsDataset

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.ark import read_matrix
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import write_whole


def list_segments(n_frames: Dict[str, int], segment_frames: int, multiple_of: int = 1) -> List[str]:
    """Names of segments, so many of each utterance that every second of audio is equally likely to be seen.

    Parameters
    ----------
    n_frames : dict of utterance to number of frames, not empty
    segment_frames : int >= 1
    multiple_of : int >= 1, the number of segments is rounded up to a multiple of this (the batch size, which ESPnet's
        sampler would otherwise stretch up to twofold)

    Returns
    -------
    names : list of "UTT@INDEX", in the order of the utterances
    """
    counts = {utt: math.ceil(frames / segment_frames) for utt, frames in n_frames.items()}
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
        wav = self._read_audio(self.scp["singing"][utt], start)
        mel, f0 = (x[start : start + self.segment_frames] for x in (mel, f0))
        missing = self.segment_frames - len(mel)
        if missing:
            mel = np.concatenate([mel, np.tile(self.silence, (missing, 1))])
            f0 = np.concatenate([f0, np.tile(f0[-1:], (missing, 1))])
        return name, dict(singing=wav, feats=mel.astype(np.float32), f0=f0.astype(np.float32))

    def _read_audio(self, path: str, start_frame: int) -> np.ndarray:
        hop_length = self.spec.hop_length
        with soundfile.SoundFile(path) as file:
            if file.samplerate != self.spec.fs or file.channels != 1:
                raise UserError(
                    f"{path}: {file.channels} channels at {file.samplerate} Hz, "
                    f"but the features were made of one channel at {self.spec.fs} Hz: prepare the audio again"
                )
            file.seek(min(start_frame * hop_length + self.spec.first_centre, file.frames))
            return file.read(self.segment_frames * hop_length, dtype="float32", fill_value=0.0)
