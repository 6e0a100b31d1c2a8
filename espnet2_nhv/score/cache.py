"""The reference's F0, analysed once and kept for every vocoder that is scored against it."""

import contextlib
import hashlib
from pathlib import Path
from typing import Tuple
from urllib.parse import quote

import numpy as np

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import whole_file
from espnet2_nhv.score import tracker


def cached_f0(wav: np.ndarray, spec: FeatureSpec, folder: Path, utt: str) -> Tuple[np.ndarray, np.ndarray]:
    """F0 and voicing of `wav`, from `folder` where it holds those of the same samples, spec and analyser.

    Parameters
    ----------
    wav : ndarray [shape=(L,)], at ``spec.fs``
    spec : FeatureSpec
    folder : path, made where missing
    utt : str, names the file

    Returns
    -------
    f0 : ndarray [shape=(L // hop_length,)], Hz, > 0
    vuv : ndarray [shape=(L // hop_length,)]
    """
    path = folder / f"{quote(utt, safe='')}.npz"
    key = _key(wav, spec)
    try:
        with np.load(path) as kept:
            if str(kept["key"]) == key:
                return kept["f0"], kept["vuv"]
    except Exception:  # missing, or cut short in any of the ways zip and npy files can be: it is only a cache
        pass
    f0, vuv = tracker.heard_f0(wav, spec)
    with contextlib.suppress(OSError):  # a full or read-only disk costs time, not the result
        folder.mkdir(parents=True, exist_ok=True)
        # Two scorings may run at once.
        with whole_file(path, shared=True, sync=False) as part, open(part, "wb") as file:
            np.savez(file, key=key, f0=f0, vuv=vuv)
    return f0, vuv


def _key(wav: np.ndarray, spec: FeatureSpec) -> str:
    digest = hashlib.sha256(tracker.analyser_code())
    digest.update(repr((spec.fs, spec.hop_length, spec.f0_floor, spec.f0_ceil)).encode())
    digest.update(np.ascontiguousarray(wav, dtype=np.float32))
    return digest.hexdigest()
