"""Listening to an acoustic model: which F0 and timing belong to the mel it has just made."""

from typing import Any, Callable, Dict, Optional, Tuple

import torch
from espnet2.svs.xiaoice.XiaoiceSing import XiaoiceSing

from espnet2_nhv.errors import UserError
from espnet2_nhv.espnet.pitch import PitchScale, continuous_f0, fit_frames, note_f0
from espnet2_nhv.feature.spec import FeatureSpec

SOURCES = ("auto", "model", "score")
_DURATIONS = ("predicted", "label")
_durations = "predicted"


def set_durations(which: str) -> None:
    """Timing of singing synthesis from now on: 'predicted', as ESPnet has it, or that of the 'label' files.

    With the labels' timing, synthesis lines up with the recording frame by frame, as metrics and fine-tuning need.
    """
    global _durations
    if which not in _DURATIONS:
        raise UserError(f"--durations is {which!r}; give {' or '.join(_DURATIONS)}")
    _durations = which


def label_durations(duration: Any, forced: bool = False) -> Optional[torch.Tensor]:
    """Of ESPnet's `duration` of an inference the labels' ``(1, N)``, where they are asked for or `forced`, or None.

    Raises
    ------
    UserError
        If they are asked for and there are none.
    """
    if not ((_durations == "label" or forced) and isinstance(duration, dict)):
        return None
    if duration.get("lab") is None:
        raise UserError("durations of the labels are asked for, but this score has no label: give both")
    return duration["lab"]


class AcousticListener:
    """Hooks on an acoustic model of ESPnet; it computes what it did before.

    Parameters
    ----------
    acoustic : Module, ESPnet's score-to-mel or text-to-mel model
    pitch_extract, pitch_normalize : those of the ESPnet model around it

    Attributes
    ----------
    inputs : dict, keyword arguments of the last call
    output : what the last inference returned
    retime : function or None, which makes other durations ``(1, N)`` of those that an inference predicts
    forced : bool, teacher forcing, where the model around knows of it and this one is not told
    """

    def __init__(
        self,
        acoustic: torch.nn.Module,
        pitch_extract: Optional[torch.nn.Module] = None,
        pitch_normalize: Optional[torch.nn.Module] = None,
    ):
        self.acoustic = acoustic
        self.inputs: Dict[str, Any] = {}
        self.output: Any = None
        self._heard: Dict[str, torch.Tensor] = {}
        self._expanded: Optional[Tuple[torch.Tensor, float]] = None
        self._inferring = False
        self.forced = False
        self.retime: Optional[Callable[[torch.Tensor], torch.Tensor]] = None
        self.connect(pitch_extract, pitch_normalize)
        acoustic.register_forward_pre_hook(self._called, with_kwargs=True)
        for name in ("linear_projection", "pitch_predictor"):
            if isinstance(getattr(acoustic, name, None), torch.nn.Module):
                getattr(acoustic, name).register_forward_hook(self._hear(name))
        if isinstance(getattr(acoustic, "length_regulator", None), torch.nn.Module):
            acoustic.length_regulator.register_forward_pre_hook(self._expand, with_kwargs=True)
        self._infer, acoustic.inference = acoustic.inference, self._inference

    def connect(self, pitch_extract, pitch_normalize) -> None:
        """Take over what the model around says about pitch."""
        self.pitch_normalize = pitch_normalize
        self.scale = PitchScale(pitch_extract, pitch_normalize)

    @property
    def name(self) -> str:
        return type(self.acoustic).__name__

    def _called(self, module, args, kwargs) -> None:
        self.inputs, self.output = kwargs, None

    def _hear(self, name: str) -> Callable:
        def hook(module, args, output):
            self._heard[name] = output

        return hook

    def _expand(self, module, args, kwargs):
        """Before frames are made of tokens: note how many of each, or say how many."""
        values = dict(zip(("xs", "ds", "alpha"), args), **kwargs)
        label = label_durations(self.inputs.get("duration"), self._is_forced) if self._inferring else None
        if label is not None and label.shape == values["ds"].shape:
            values.update(ds=label.clone(), alpha=1.0)
        elif self._inferring and self.retime is not None:
            values.update(ds=self.retime(values["ds"]), alpha=1.0)
        self._expanded = values["ds"], values.get("alpha", 1.0)
        return (), values

    @property
    def _is_forced(self) -> bool:
        return bool(self.inputs.get("use_teacher_forcing") or self.forced)

    def _inference(self, *args, **kwargs):
        self.inputs, self._inferring = kwargs, True
        duration = kwargs.get("duration")
        if isinstance(duration, dict) and duration.get("lab") is None:
            # ESPnet's models look for the labels' durations even where they do not use them.
            kwargs = {**kwargs, "duration": {**duration, "lab": duration["score_phn"]}}
        try:
            self.output = self._infer(*args, **kwargs)
        finally:
            self._inferring = False
        return self.output

    def check_source(self, source: str, sings: bool) -> None:
        """Refuse a source of F0 that this model cannot be.

        Parameters
        ----------
        source : ['auto', 'model', 'score'], auto is the model where it has F0, else the score
        sings : bool, whether there is a score
        """
        if source not in SOURCES:
            raise UserError(f"f0_source is {source!r}; give one of {', '.join(SOURCES)}")
        if source == "score" and not sings:
            raise UserError("f0_source is score, but text-to-speech has none: leave it at auto")
        why_not = self._why_no_f0()
        if why_not and (source == "model" or not sings):
            alternative = "give f0_source: score" if sings else "use FastSpeech2"
            raise UserError(f"the vocoder needs F0, but {why_not}: {alternative}, or a vocoder without F0")
        # What has F0 but spoils it is not passed over in silence.
        if why_not and source == "auto" and self._has_f0():
            raise UserError(f"the vocoder needs F0, but {why_not}: train with pitch_normalize: none, or "
                            "give f0_source: score")  # fmt: skip

    def _has_f0(self) -> bool:
        if isinstance(self.acoustic, XiaoiceSing):
            return self.acoustic.loss_function == "XiaoiceSing2"
        if self.name == "TokSing":
            return bool(self.acoustic.predict_pitch or self.acoustic.use_discrete_token)
        return self.name == "FastSpeech2"

    def _why_no_f0(self) -> Optional[str]:
        if not self._has_f0():
            return f"the acoustic model {self.name} predicts none"
        if isinstance(self.acoustic, XiaoiceSing) and self.pitch_normalize is not None:
            return (
                f"{self.name} takes pitch below 0 for unvoiced, and pitch_normalize puts every note below the "
                "mean there"
            )
        return None

    def f0(self, source: str, n_frames: int, spec: FeatureSpec, lengths: Optional[torch.Tensor] = None) -> torch.Tensor:
        """F0 of the last call.

        Parameters
        ----------
        source : ['auto', 'model', 'score', 'ground_truth']
            Under teacher forcing 'auto' is the ground truth.
        n_frames : int, of the mel that was made
        spec : FeatureSpec, whose range of F0 holds
        lengths : Tensor [shape=(B,)], frames that count, in training

        Returns
        -------
        f0 : Tensor [shape=(B, n_frames)], Hz, continuous

        Raises
        ------
        UserError
            If there is none.
        """
        if source == "auto":
            forced = self._is_forced and self.inputs.get("pitch") is not None
            source = "ground_truth" if forced else "score" if self._why_no_f0() else "model"
        read = dict(model=self._of_model, score=self._of_score, ground_truth=self._of_recording)[source]
        f0, voiced = read()
        f0, voiced = fit_frames(f0, n_frames), fit_frames(voiced, n_frames)
        return continuous_f0(f0, voiced, spec, lengths)

    def _of_recording(self):
        pitch = self.inputs.get("pitch")
        if pitch is None:
            raise UserError(
                "f0_source is ground_truth, but the task gives no pitch: set pitch_extract: dio with "
                "use_token_averaged_f0: false, or choose another f0_source"
            )
        # (B, T, 1) in training; (T, 1) in inference.
        f0, voiced = self.scale.to_hz(pitch.reshape(1, -1) if pitch.dim() < 3 else pitch[..., 0])
        return self._frames(f0, voiced)

    def _of_score(self):
        melody = self.inputs.get("melody")
        melody = melody.get("score") if isinstance(melody, dict) else melody
        if melody is None:
            raise UserError("F0 is to come from the score's notes, but there is no score")
        return self._frames(*note_f0(torch.atleast_2d(melody)))

    def _of_model(self):
        if self.name == "TokSing":
            return self.scale.to_hz(self.output["pitch"].reshape(1, -1))
        if self.name == "FastSpeech2":
            return self._frames(*self.scale.to_hz(self._heard["pitch_predictor"][..., 0]))
        projected = self._heard["linear_projection"]
        projected = projected.reshape(len(projected), -1, self.acoustic.odim + 2)
        f0, audible = self.scale.to_hz(projected[..., -2])
        return f0, audible & (projected[..., -1] > 0)

    def _frames(self, f0, voiced):
        """Values of tokens as values of frames, by the durations the model used; values of frames stay."""
        if self._expanded is None or self._expanded[0].shape != f0.shape:
            return f0, voiced
        ds, alpha = self._expanded
        values = torch.stack([f0, voiced.to(f0)], dim=-1)
        # Its forward, not a call: the hook is for the model's own calls.
        frames = self.acoustic.length_regulator.forward(values, ds, alpha)
        return frames[..., 0], frames[..., 1] > 0.5
