"""A trained singing model of ESPnet with a vocoder, singing phrases from their notes."""

import dataclasses
from pathlib import Path
from typing import List, Sequence, Union

import numpy as np
import torch
import yaml

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.feature.knobs import KnobSource
from espnet2_nhv.notation.phrases import Syllable
from espnet2_nhv.notation.timing import frames_by_score

_WEIGHTS = ("model.pth", "valid.loss.best.pth", "valid.mel_loss.best.pth", "latest.pth")
_JOINT = ("joint_score2wav", "vits")


@dataclasses.dataclass
class SungPhrase:
    """A phrase that was sung.

    Parameters
    ----------
    start : float, s, of its first sample, by the score; it may be below 0
    wav : array [shape=(L,)], float32, within [-1, 1]
    f0 : array [shape=(T,)], Hz, > 0, a value a frame; empty where the model does not say it
    frames : array [shape=(N,)], int, how long each phoneme is
    """

    start: float
    wav: np.ndarray
    f0: np.ndarray
    frames: np.ndarray


class Singer:
    """ESPnet's ``SingingGenerate``, with notes as long as the score has them.

    Parameters
    ----------
    folder : a trained model: config.yaml and its weights, as ESPnet's training leaves them
    vocoder : a saved vocoder, for a model that is not one with its own
    device : where to compute

    Attributes
    ----------
    fs : int, Hz
    phonemes : list of str, what the model can sing

    Raises
    ------
    UserError
        If the folder is no such model, or model and vocoder do not fit.
    """

    def __init__(self, folder: Union[str, Path], vocoder: Union[str, Path, None] = None, device: str = "cpu"):
        folder = Path(folder)
        config, weights = folder / "config.yaml", [folder / name for name in _WEIGHTS if (folder / name).is_file()]
        if not config.is_file() or not weights:
            what = "weights" if config.is_file() else "config.yaml"
            raise UserError(f"{folder}: there is no {what}, so it is not a trained singing model of ESPnet")
        try:
            settings = yaml.safe_load(config.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise UserError(f"{config}: not readable as YAML ({in_one_line(error)})") from None
        if not isinstance(settings, dict) or "svs" not in settings:
            raise UserError(f"{config}: not the configuration of a singing model of ESPnet")
        joint = settings["svs"] in _JOINT
        from espnet2.bin.svs_inference import SingingGenerate

        from espnet2_nhv.espnet.registration import register

        register()
        self.espnet = SingingGenerate(
            str(config), str(weights[0]), vocoder_checkpoint=None if joint else str(vocoder), device=device,
            svs_task="gan_svs" if joint else "svs",
        )  # fmt: skip
        self.listener = getattr(self.espnet.svs, "listener", None)
        if self.listener is None:
            raise UserError(
                f"{folder}: {settings['svs']} has no durations of its own, which singing from a score takes"
            )
        generator = getattr(self.espnet.svs, "generator", None)
        inside = generator["vocoder"] if isinstance(generator, torch.nn.ModuleDict) else self.espnet.vocoder
        self.voice = inside if hasattr(inside, "knobs") else None
        self.phonemes: List[str] = list(settings["token_list"])
        self.fs = self.espnet.fs or settings["fs"]
        self.rate = settings["fs"] / settings["feats_extract_conf"]["hop_length"]

    def sing(self, phrase: Sequence[Syllable], tempo: float = 120.0, knobs: KnobSource = KnobSource()) -> SungPhrase:
        """Sing a phrase.

        Parameters
        ----------
        phrase : list of Syllable, between two pauses
        tempo : float, quarters a minute, for models that read it
        knobs : KnobSource, how far knobs are turned; curves count in the time of the song as it is sung

        Raises
        ------
        UserError
            If knobs are turned that the vocoder does not have.
        """
        begin = phrase[0].start
        if self.voice is not None:
            self.voice.knobs = lambda spec, n_frames: knobs.at_frames(spec, n_frames, start=begin)
        elif not knobs.is_neutral:
            raise UserError("the vocoder within this model has no knobs")
        notes = [(s.start - begin, s.end - begin, s.lyric, s.midi, "_".join(s.phones)) for s in phrase]
        text = tuple(phone for syllable in phrase for phone in syllable.phones)

        frames = np.zeros(0, dtype=np.int64)

        def retime(predicted: torch.Tensor) -> torch.Tensor:
            nonlocal frames
            frames = frames_by_score(predicted[0].cpu().numpy(), phrase, self.rate)
            return torch.as_tensor(frames, device=predicted.device)[None]

        self.listener.retime = retime
        try:
            output = self.espnet({"text": text, "score": (round(tempo), notes)})
        finally:
            self.listener.retime = None
        f0 = output.get("f0")
        f0 = getattr(self.espnet.vocoder, "f0", None) if f0 is None else f0
        wav = output["wav"].detach().cpu().numpy().astype(np.float32)
        return SungPhrase(begin, wav, np.zeros(0) if f0 is None else f0.detach().cpu().numpy(), frames)
