"""Synthesise a whole set from its stored features."""

import json
import time
from pathlib import Path
from typing import Dict, Optional, Tuple, Union
from urllib.parse import quote

import soundfile
import torch
from tqdm import tqdm

from espnet2_nhv.alone import alone_in
from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.feature.ark import read_matrix
from espnet2_nhv.feature.datadir import read_table, write_table
from espnet2_nhv.feature.extract import F0_METHOD
from espnet2_nhv.feature.spec import FeatureSpec, check_compatible
from espnet2_nhv.files import digest, write_whole
from espnet2_nhv.refiner.refined import RefinedVocoder
from espnet2_nhv.refiner.saved import load_refiner
from espnet2_nhv.synthesis.default import set_threads
from espnet2_nhv.synthesis.outputs import Outputs, leaving_out
from espnet2_nhv.synthesis.wav import SUBTYPES, write_wav
from espnet2_nhv.vocoder.saved import digest_of, load_vocoder
from espnet2_nhv.vocoder.synthesizer import Synthesizer

SOURCE = "source.yaml"  # what the files were made from
_DONE, _WARM_UP_FRAMES = "utt2seconds", 32


def decode_set(
    vocoder: Union[str, Path],
    data: Union[str, Path],
    out: Union[str, Path],
    device: str = "cpu",
    threads: Optional[int] = None,
    subtype: str = "PCM_16",
    refiner: Optional[Union[str, Path]] = None,
) -> dict:
    """Copy synthesis of every utterance of a set, from where an earlier run stopped.

    Makes ``out/wav/UTT.wav``, ``out/wav.scp``, ``out/rtf.json`` and, to know what is done, ``out/utt2seconds`` (seconds
    of audio and of computing) and ``out/source.yaml``. Utterances synthesised before are kept while vocoder, features
    and options are the same.

    Parameters
    ----------
    vocoder : path of a saved vocoder
    data : path with feats.scp and, where the vocoder needs it, f0.scp or wav.scp; spec.yaml lies in its parent
    out : path, made where missing
    device : str, as PyTorch names them
    threads : int >= 1 or None, CPU threads; None leaves PyTorch's default
    subtype : ['PCM_16', 'FLOAT'], of the wav files
    refiner : path of a saved refiner that mels pass first, or None

    Returns
    -------
    summary : dict of n_utterances, n_kept (from before), failed (dict of utterance to reason) and the entries of
        rtf.json: rtf, audio_seconds, compute_seconds, threads, device

    Raises
    ------
    UserError
        If vocoder and features do not fit, or nothing could be synthesised.
    """
    if subtype not in SUBTYPES:
        raise UserError(f"subtype {subtype!r} is not one of {', '.join(SUBTYPES)}")
    set_threads(threads)
    folder, data, out = Path(vocoder), Path(data), Path(out)
    spec = FeatureSpec.load(data.parent / "spec.yaml")
    vocoder = load_vocoder(folder).to(device)
    check_compatible(spec, vocoder.spec, what=f"features in {data}", wanted_by=f"vocoder in {folder}")
    feats = read_table(data / "feats.scp")
    f0s = read_table(data / "f0.scp") if vocoder.needs_f0 else {}
    recordings = read_table(data / "wav.scp") if vocoder.needs_wav else {}
    speed_setting = dict(threads=torch.get_num_threads(), device=str(device))
    source = dict(
        vocoder=digest_of(folder),
        features=digest(data / "feats.scp"),
        features_written=(data / "feats.scp").stat().st_mtime_ns,
        spec=spec.to_dict(),
        subtype=subtype,
        **speed_setting,
    )
    if refiner is not None:
        vocoder = RefinedVocoder(vocoder, load_refiner(refiner))
        source["refiner"] = digest(Path(refiner) / "refiner.yaml", Path(refiner) / "refiner.pth")
    note = data / F0_METHOD
    if note.exists():
        source["f0_method"] = note.read_text(encoding="utf-8").strip()
    with alone_in(out):
        outputs = Outputs(out, source, note=SOURCE, log=_DONE)
        names = {utt: f"wav/{quote(utt, safe='')}" for utt in feats}
        done = {utt: outputs.made[name] for utt, name in names.items() if outputs.is_made(name)}
        todo, n_kept, is_warm = [utt for utt in feats if utt not in done], len(done), False
        if todo:
            (out / "wav.scp").unlink(missing_ok=True)  # lest an interruption leaves old and new files listed as one

        failed: Dict[str, str] = {}
        for utt in tqdm(todo, desc=f"decode {data.name}", unit="utt", dynamic_ncols=True, disable=None):
            with leaving_out(utt, failed):
                mel, f0 = _read_features(utt, feats, f0s, vocoder)
                recording = _read_recording(utt, recordings, spec) if vocoder.needs_wav else None
                if not is_warm:
                    head = mel[:_WARM_UP_FRAMES], None if f0 is None else f0[:_WARM_UP_FRAMES]
                    samples = None if recording is None else recording[: _WARM_UP_FRAMES * spec.hop_length]
                    _synthesize(vocoder, *head, spec, samples)
                    is_warm = True
                wav, seconds = _synthesize(vocoder, mel, f0, spec, recording)
                write_wav(outputs.path(names[utt]), wav, vocoder.fs, subtype)
                done[utt] = outputs.add(names[utt], len(wav) / vocoder.fs, seconds)
        if not done:
            utt, reason = next(iter(failed.items()))
            raise UserError(f"{data}: no utterance could be synthesised ({utt}: {reason})")
        wav_scp = {utt: str(outputs.path(names[utt])) for utt in done}
        if not (out / "wav.scp").exists() or read_table(out / "wav.scp") != wav_scp:
            write_table(out / "wav.scp", wav_scp)
        audio, compute = (sum(map(float, column)) for column in zip(*done.values()))
        speed = dict(rtf=compute / audio, audio_seconds=audio, compute_seconds=compute, **speed_setting)
        write_whole(out / "rtf.json", json.dumps(speed, indent=1) + "\n")
        return dict(n_utterances=len(done), n_kept=n_kept, failed=failed, **speed)


def _read_features(utt: str, feats: Dict[str, str], f0s: Dict[str, str], vocoder: Synthesizer):
    if vocoder.needs_f0 and utt not in f0s:
        raise UserError("it is missing in f0.scp: extract its features again")
    mel = torch.from_numpy(read_matrix(utt, feats[utt]))
    return mel, torch.from_numpy(read_matrix(utt, f0s[utt])).reshape(-1) if vocoder.needs_f0 else None


def _read_recording(utt: str, recordings: Dict[str, str], spec: FeatureSpec) -> torch.Tensor:
    """Samples of an utterance for a vocoder that analyses them itself."""
    if utt not in recordings:
        raise UserError("it is missing in wav.scp, and this vocoder analyses the recording itself")
    try:
        samples, fs = soundfile.read(recordings[utt], dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        reason = in_one_line(error)
        raise UserError(f"{recordings[utt]}: not readable as audio ({reason}): prepare the audio again") from None
    if fs != spec.fs or samples.shape[1] != 1:
        raise UserError(
            f"{recordings[utt]}: {samples.shape[1]} channels at {fs} Hz, but its features were made of one channel at "
            f"{spec.fs} Hz: prepare the audio again"
        )
    return torch.from_numpy(samples[:, 0])


def _synthesize(vocoder: Synthesizer, mel, f0, spec: FeatureSpec, recording: Optional[torch.Tensor] = None) -> Tuple:
    """Waveform, as an array, and the seconds it took."""
    torch.manual_seed(0)  # where there is noise, the same noise in every run
    start = time.perf_counter()
    wav = vocoder.inference(mel, f0, spec=spec, wav=recording).cpu()  # which waits for the device
    return wav.numpy(), time.perf_counter() - start
