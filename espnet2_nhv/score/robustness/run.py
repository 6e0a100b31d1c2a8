"""Put one saved vocoder to the test, probe by probe, going on where an earlier run stopped."""

import hashlib
import json
import logging
import math
import time
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Union

import numpy as np
import torch
from tqdm import tqdm

from espnet2_nhv.bench.measure import peak_memory, real_time_factors
from espnet2_nhv.bench.subjects import build_subject
from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.feature.mel import log_mel_of_long
from espnet2_nhv.feature.spec import FeatureSpec, check_compatible
from espnet2_nhv.files import write_whole
from espnet2_nhv.score.evaluate import load_wav
from espnet2_nhv.score.files import load_facts
from espnet2_nhv.score.lsd import lsd
from espnet2_nhv.score.mcd import mcd
from espnet2_nhv.score.robustness.columns import COLUMNS, kind_of
from espnet2_nhv.score.robustness.drift import drift
from espnet2_nhv.score.robustness.frame_rate import frame_rate_traces
from espnet2_nhv.score.robustness.glitches import glitches
from espnet2_nhv.score.robustness.held import SHORTEST
from espnet2_nhv.score.robustness.limits import band_limited, level_above
from espnet2_nhv.score.robustness.periodicity import periodicity
from espnet2_nhv.score.robustness.probes import (
    KNOWN,
    Phrase,
    asked_f0,
    cycle_probes,
    level_probes,
    limit_probes,
    load_phrases,
    noise_probes,
    shift_probes,
    steady_frame,
)
from espnet2_nhv.score.robustness.rows import FILE
from espnet2_nhv.score.robustness.shift import shift_errors
from espnet2_nhv.score.robustness.unvoiced import gained_periodicity, level_difference, make_noise
from espnet2_nhv.score.stft import mrstft
from espnet2_nhv.score.tracker import analyser_code, heard_f0
from espnet2_nhv.synthesis.wav import write_wav
from espnet2_nhv.vocoder.saved import digest_of, load_vocoder

HELD_SECONDS = (10, 30, 60)
SPEED_SECONDS, SPEED_ROUNDS, THREADS = 10.0, 3, (1, 2)
LEVEL_LSD = ("lsd_0_4", "lsd_8_16")
SHOWS = ("columns", "rows")  # files beside this one that measure nothing: what they say may change
SEARCHED = 10  # phrases among which the steadiest note is looked for


def measure_robustness(
    vocoder: Union[str, Path],
    data: Union[str, Path],
    out: Union[str, Path],
    held_seconds: Sequence[int] = HELD_SECONDS,
    n_phrases: int = 3,
    limit: float = 600.0,
) -> dict:
    """All probes of one vocoder: `out`/robustness.json and, to hear them, `out`/wav/PROBE[_UTT].wav.

    Parameters
    ----------
    vocoder : path of a saved vocoder
    data : a set with features and recordings (dump/SET)
    out : path, made where missing
    held_seconds : lengths of the held notes, s, each 4 or more
    n_phrases : int >= 1, phrases that are shifted
    limit : float > 0, seconds of computing that a probe may take; one that would take longer is skipped

    Returns
    -------
    results : dict, as in robustness.json
        probes : {probe: {metric: value or None} or {"skipped": why}}, see :data:`COLUMNS`
        vocoder : str, digits that tell the saved vocoder that was measured from others
        held_from : {utt, seconds, f0}, the frame that is held
        phrases : list of str, the utterances that are shifted

    Raises
    ------
    UserError
        If vocoder or data are not what they should be, or do not fit each other.
    """
    if min(held_seconds, default=SHORTEST) < SHORTEST:
        raise UserError(f"a held note of {min(held_seconds)} s is too short: give {SHORTEST:g} s or more")
    folder, data, out = Path(vocoder), Path(data), Path(out)
    spec = FeatureSpec.load(data.parent / "spec.yaml")
    vocoder = load_vocoder(folder)
    check_compatible(spec, vocoder.spec, what=f"features in {data}", wanted_by=f"vocoder in {folder}")
    found = load_phrases(data, max(SEARCHED, n_phrases))
    phrases = load_phrases(data, n_phrases)
    source, frame = steady_frame(found)
    held_from = dict(utt=source.utt, seconds=frame * spec.hop_length / spec.fs, f0=float(source.f0[frame]))
    results = dict(
        made_from=_fingerprint(folder, data, n_phrases),
        vocoder=digest_of(folder),
        held_from=held_from,
        phrases=[phrase.utt for phrase in phrases],
        probes={},
    )
    kept = load_facts(out / FILE)
    if kept.get("made_from") == results["made_from"]:
        # What was skipped is tried again: the limit may be another, or there may be more memory now.
        results["probes"] = {name: values for name, values in kept["probes"].items() if "skipped" not in values}
    (out / "wav").mkdir(parents=True, exist_ok=True)
    probe = _Probes(vocoder, folder, spec, source, frame, phrases, out / "wav", limit)
    known = vocoder.takes_mel_f0
    names = [*(f"held_{seconds:g}" for seconds in held_seconds), *shift_probes(known), *cycle_probes(known)]
    names += [*level_probes(), *noise_probes(), *limit_probes(spec), "speed"]
    for name in tqdm(names, desc=f"robustness of {folder}", dynamic_ncols=True, disable=None):
        if name not in results["probes"]:
            results["probes"][name] = probe.run(name)
            write_whole(out / FILE, json.dumps(results, indent=1, allow_nan=False, ensure_ascii=False) + "\n")
    return {**results, "probes": {name: results["probes"][name] for name in names}}


class _Probes:
    """Runs probes by name."""

    def __init__(self, vocoder, folder, spec, source, frame, phrases, wavs, limit):
        self.vocoder, self.folder, self.spec = vocoder, folder, spec
        self.source, self.frame, self.phrases = source, frame, phrases
        self.wavs, self.limit = wavs, limit
        self._pace: Optional[float] = None

    def run(self, name: str) -> dict:
        """What the probe measured, or why it did not."""
        try:
            values = getattr(self, f"_{kind_of(name)}")(name)
        except (UserError, RuntimeError, MemoryError) as error:
            reason = in_one_line(error)
            logging.warning("%s: %s is skipped: %s", self.folder, name, reason)
            return dict(skipped=reason)
        return {key: None if value is None else round(float(value), 6) for key, value in values.items()}

    def _held(self, name: str) -> dict:
        seconds = float(name.removeprefix("held_"))
        n_frames = math.ceil(seconds * self.spec.frame_rate)
        f0 = float(self.source.f0[self.frame])
        wav = self._synthesize(np.tile(self.source.mel[self.frame], (n_frames, 1)), np.full(n_frames, f0), name)
        return {
            **drift(wav, f0, self.spec),
            **periodicity(wav, f0, self.spec.fs),
            **glitches(wav, self.spec),
            **frame_rate_traces(wav, f0, self.spec),
        }

    def _shifted(self, name: str) -> dict:
        if not self.vocoder.needs_f0:
            raise UserError("it reads no F0, so no other can be asked for")
        each: List[Dict[str, Optional[float]]] = []
        for phrase in self.phrases:
            asked = asked_f0(name, phrase, self.spec)
            wav = self._synthesize(phrase.mel, asked, f"{name}_{phrase.utt}", _told(name, phrase.f0))
            each.append(shift_errors(wav, asked, self._recording(phrase), phrase.f0, phrase.vuv, self.spec))
        return _gathered(each)

    def _cycle(self, name: str) -> dict:
        if not self.vocoder.needs_f0:
            raise UserError("it reads no F0, so no other can be asked for")
        each: List[Dict[str, Optional[float]]] = []
        for phrase in self.phrases:
            asked = asked_f0(name, phrase, self.spec)
            away = self._synthesize(phrase.mel, asked, f"{name}_{phrase.utt}_away", _told(name, phrase.f0))
            mel = log_mel_of_long(away.astype(np.float32), self.spec).numpy()
            back = self._synthesize(mel, phrase.f0[: len(mel)], f"{name}_{phrase.utt}", _told(name, asked[: len(mel)]))
            pair = self._recording(phrase), back, self.spec
            distances = lsd(*pair)
            distances.pop("lsd_worst_at")
            each.append({**mrstft(*pair), **mcd(*pair, (phrase.f0, phrase.vuv)), **distances})
        return _gathered(each)

    def _level(self, name: str) -> dict:
        gain = 10 ** (float(name.removeprefix("level_")) / 20)
        each: List[Dict[str, Optional[float]]] = []
        for phrase in self.phrases:
            quiet = gain * self._recording(phrase)
            mel = log_mel_of_long(quiet.astype(np.float32), self.spec).numpy()
            wav = self._synthesize(mel, phrase.f0[: len(mel)], f"{name}_{phrase.utt}")
            distances = lsd(quiet / gain, wav / gain, self.spec)
            each.append(dict(level_off=level_difference(quiet, wav), **{key: distances[key] for key in LEVEL_LSD}))
        return _gathered(each)

    def _noise(self, name: str) -> dict:
        noise = make_noise(name.removeprefix("noise_"), self.spec)
        mel = log_mel_of_long(noise.astype(np.float32), self.spec).numpy()
        f0, _ = heard_f0(noise, self.spec, self.spec.frame_centre)
        return gained_periodicity(noise, self._synthesize(mel, f0, name), self.spec)

    def _limit(self, name: str) -> dict:
        limit = 1000 * float(name.removeprefix("limit_"))
        each: List[Dict[str, Optional[float]]] = []
        for phrase in self.phrases:
            limited = band_limited(self._recording(phrase), self.spec.fs, limit)
            mel = log_mel_of_long(limited.astype(np.float32), self.spec).numpy()
            wav = self._synthesize(mel, phrase.f0[: len(mel)], f"{name}_{phrase.utt}")
            above = level_above(limited, wav, limit, self.spec)
            each.append(dict(above_worst=above, level_off=level_difference(limited, wav)))
        return _gathered(each)

    def _speed(self, name: str) -> dict:
        self._check_time(SPEED_SECONDS)
        before, values = torch.get_num_threads(), {}
        try:
            for threads in THREADS:
                subjects = {str(self.folder): build_subject(str(self.folder))}
                rtf = real_time_factors(subjects, SPEED_SECONDS, threads, SPEED_ROUNDS, self.limit)
                values[f"rtf_{threads}"] = rtf[str(self.folder)]
                values[f"peak_mb_{threads}"] = peak_memory(str(self.folder), SPEED_SECONDS, threads)
        finally:
            torch.set_num_threads(before)
        return values

    def _recording(self, phrase: Phrase) -> np.ndarray:
        return load_wav(phrase.wav, self.spec.fs)[: len(phrase.mel) * self.spec.hop_length]

    def _synthesize(self, mel: np.ndarray, f0: np.ndarray, name: str, mel_f0: Optional[np.ndarray] = None):
        self._check_time(len(mel) / self.spec.frame_rate)
        wav = self._inference(mel, f0, mel_f0)
        write_wav(self.wavs / f"{name.replace('/', '_')}.wav", wav, self.spec.fs)
        return wav.astype(np.float64)

    def _inference(self, mel: np.ndarray, f0: np.ndarray, mel_f0: Optional[np.ndarray] = None) -> np.ndarray:
        torch.manual_seed(0)  # where there is noise, the same noise in every run
        f0 = torch.as_tensor(f0, dtype=torch.float32) if self.vocoder.needs_f0 else None
        told = {} if mel_f0 is None else {"mel_f0": torch.as_tensor(mel_f0, dtype=torch.float32)}
        return self.vocoder.inference(torch.as_tensor(mel, dtype=torch.float32), f0, spec=self.spec, **told).numpy()

    def _check_time(self, seconds: float) -> None:
        """Refuse what would take longer than the limit, judged by a second of audio."""
        if self._pace is None:
            n_frames = max(1, min(len(self.source.mel), int(self.spec.frame_rate)))
            start = time.perf_counter()
            self._inference(self.source.mel[:n_frames], self.source.f0[:n_frames])
            self._pace = (time.perf_counter() - start) * self.spec.frame_rate / n_frames
        if self._pace * seconds > self.limit:
            raise UserError(f"{seconds:g} s of audio would take {self._pace * seconds:.0f} s, over the limit")


def _told(name: str, f0: np.ndarray) -> Optional[np.ndarray]:
    """The F0 of a mel, in the probes that tell it."""
    return f0 if name.endswith(KNOWN) else None


def _gathered(each: List[Dict[str, Optional[float]]]) -> Dict[str, Optional[float]]:
    """Means over the phrases that have a value, but the worst of what is called the worst."""
    result = {}
    for key in each[0]:
        values = [scores[key] for scores in each if scores[key] is not None]
        result[key] = (max if key.endswith("_worst") else np.mean)(values) if values else None
    return result


def _fingerprint(folder: Path, data: Path, n_phrases: int) -> str:
    """Changes when the vocoder, the features or the code that measures does."""
    digest = hashlib.sha256(analyser_code() + repr((n_phrases, sorted(COLUMNS))).encode())
    here = Path(__file__).parent
    codes = [path for path in sorted(here.glob("*.py")) if path.stem not in SHOWS]
    codes += [here.parent / f"{name}.py" for name in ("f0", "frames", "lsd", "mcd", "stft")]
    for path in (folder / "vocoder.yaml", folder / "vocoder.pth", data / "feats.scp", data / "f0.scp", *codes):
        digest.update(path.read_bytes())
    digest.update(repr((data / "feats.scp").stat().st_mtime_ns).encode())
    return digest.hexdigest()
