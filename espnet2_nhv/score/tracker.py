"""The one F0 tracker that scores are made with, whatever features were made with."""

import dataclasses
import importlib
from pathlib import Path
from typing import Tuple

import numpy as np

from espnet2_nhv.feature.pitch.analysis import extract_f0
from espnet2_nhv.feature.spec import FeatureSpec

# All tables were made with it. Another one would make all of them anew.
SCORE_METHOD = "harvest"
_CODE = ("analysis", "base", "periodicity", "voicing", "world", "dio", SCORE_METHOD)


def heard_f0(wav: np.ndarray, spec: FeatureSpec, centre: float = 0.0) -> Tuple[np.ndarray, np.ndarray]:
    """F0 (Hz, > 0) and voicing of a signal, both ``(T,)``, from ``spec.f0_floor`` to ``spec.f0_ceil``.

    Scores have their frames at ``i * hop_length`` whatever the features'; `centre` asks for others. See
    :func:`espnet2_nhv.feature.pitch.analysis.extract_f0`.
    """
    return extract_f0(wav, dataclasses.replace(spec, frame_centre=centre), SCORE_METHOD)


def analyser_code() -> bytes:
    """The program text of the analysis: another program finds another F0."""
    modules = (importlib.import_module(f"espnet2_nhv.feature.pitch.{name}") for name in _CODE)
    return b"".join(Path(module.__file__).read_bytes() for module in modules)
