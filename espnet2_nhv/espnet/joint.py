"""ESPnet's joint models, acoustic model and vocoder trained as one, with our vocoders and the F0 they need."""

import copy
import inspect
from typing import Any, Dict, Optional

import torch
from espnet2.gan_svs.joint import joint_score2wav
from espnet2.gan_tts.hifigan.hifigan import HiFiGANPeriodDiscriminator, HiFiGANScaleDiscriminator
from espnet2.gan_tts.joint import joint_text2wav
from espnet2.tts.feats_extract.dio import Dio

from espnet2_nhv.discriminator.registry import DISCRIMINATORS
from espnet2_nhv.errors import UserError
from espnet2_nhv.espnet.joint_loss import JointVocoderLoss
from espnet2_nhv.espnet.joint_vocoder import JointVocoder
from espnet2_nhv.espnet.listener import AcousticListener
from espnet2_nhv.espnet.note_xiaoice import NoteXiaoiceSing
from espnet2_nhv.espnet.pitch import continuous_f0, fit_frames
from espnet2_nhv.vocoder.registry import VOCODERS

F0_SOURCES = ("ground_truth", "predicted", "score")
NO_DISCRIMINATOR = "none"  # a discriminator_type


class _Joint:
    """What both joint models share; ESPnet's own classes do the work.

    The acoustic model's output gets F0 as one more channel on its way to the vocoder, so that ESPnet's random
    cropping cuts both at the same frames.
    """

    acoustic_key = ""  # in the generator's dictionary
    stock: Any = None  # ESPnet's module of the joint model
    sings = False

    def _prepare(self, arguments: Dict[str, Any]) -> Dict[str, Any]:
        """Arguments for ESPnet's class: known names only, defaults that fit, nothing shared with anyone."""
        defaults = {
            name: parameter.default
            for name, parameter in inspect.signature(super().__init__).parameters.items()
            if parameter.default is not parameter.empty
        }
        for name in arguments:
            if name not in defaults and name not in ("idim", "odim"):
                raise UserError(
                    f"{type(self).__name__}: there is no argument {name!r}; there are {', '.join(defaults)}"
                )
        for what, ours, table in (
            ("vocoder", VOCODERS, self.stock.AVAILABLE_VOCODER),
            ("discriminator", DISCRIMINATORS, self.stock.AVAILABLE_DISCRIMINATORS),
        ):
            kind = arguments.setdefault(f"{what}_type", defaults[f"{what}_type"])
            if kind not in table:
                raise UserError(f"{what}_type: there is no {what} {kind!r}; there are {', '.join(sorted(table))}")
            # ESPnet's defaults are those of its default class, and mean nothing to ours.
            is_default = kind == defaults[f"{what}_type"]
            if f"{what}_params" not in arguments and (kind in ours or not is_default):
                arguments[f"{what}_params"] = {}
        if arguments["discriminator_type"] == NO_DISCRIMINATOR:
            # What it made is kept for the discriminator's turn, which then costs nothing.
            arguments.update(lambda_adv=0.0, use_feat_match_loss=False, cache_generator_outputs=True)
        key = f"{self.acoustic_key}_params"
        if key not in arguments:
            # ESPnet's defaults of the singing model have an argument that it does not take.
            model = getattr(self.stock, f"AVAILABLE_{self.acoustic_key.upper()}")[defaults[f"{self.acoustic_key}_type"]]
            known = inspect.signature(model).parameters
            defaults[key] = {name: value for name, value in defaults[key].items() if name in known}
        # ESPnet writes into its dictionaries of defaults.
        return copy.deepcopy({**defaults, **arguments})

    def _listen(self, f0_source: str) -> None:
        if f0_source not in F0_SOURCES or (f0_source == "score" and not self.sings):
            raise UserError(f"f0_source is {f0_source!r}; give one of {', '.join(F0_SOURCES[: 2 + self.sings])}")
        self.f0_source = f0_source
        acoustic = self.generator[self.acoustic_key]
        self.vocoder_is_ours = isinstance(self.generator["vocoder"], JointVocoder)
        self.listener = AcousticListener(acoustic)
        if self.vocoder_is_ours and self.generator["vocoder"].needs_f0:
            acoustic.register_forward_hook(self._append_f0, with_kwargs=True)
            self._infer_mel, acoustic.inference = acoustic.inference, self._infer_mel_and_f0
        if isinstance(self.discriminator, (HiFiGANPeriodDiscriminator, HiFiGANScaleDiscriminator)):
            # As several of them return it: ESPnet's losses take a single one's layers for as many discriminators,
            # and the phrases of a batch for their layers.
            self.discriminator.register_forward_hook(lambda module, args, output: [output])

    def _judge(self, vocoder_loss: Optional[Dict[str, Any]]) -> None:
        """The losses of the vocoder's own training in the place of ESPnet's mel loss, weighed by `lambda_mel`."""
        if vocoder_loss is None:
            return
        if not self.vocoder_is_ours or not self.use_mel_loss:
            raise UserError("vocoder_loss takes a vocoder of espnet2_nhv, and use_mel_loss: true, whose place it takes")
        try:
            self.mel_loss = JointVocoderLoss(self.generator["vocoder"], **vocoder_loss)
        except TypeError as error:
            raise UserError(f"vocoder_loss: {error}") from error

    def connect(self, model: torch.nn.Module, is_new: bool) -> None:
        """Agree with the ESPnet model around, or say in one sentence what does not fit.

        Parameters
        ----------
        model : ESPnet's model, with feats_extract, normalize, pitch_extract and pitch_normalize
        is_new : bool, whether the vocoder starts from random weights
        """
        self.listener.connect(model.pitch_extract, model.pitch_normalize)
        if not self.vocoder_is_ours:
            return
        vocoder = self.generator["vocoder"]
        vocoder.connect(model.feats_extract, model.normalize, is_new)
        if vocoder.needs_f0:
            inferred = {"ground_truth": "auto", "predicted": "model", "score": "score"}[self.f0_source]
            self.listener.check_source(inferred, self.sings)
            self.inference_source = inferred

    def _append_f0(self, module, args, kwargs, output):
        if not kwargs.get("joint_training"):
            return output
        loss, stats, feats = output
        self._check_length(feats.shape[1])
        f0 = self._training_f0(kwargs, feats.shape[1])
        return loss, stats, torch.cat([feats, f0[..., None].to(feats)], dim=-1)

    def _training_f0(self, kwargs, n_frames: int) -> torch.Tensor:
        source = "model" if self.f0_source == "predicted" else self.f0_source
        return self.listener.f0(source, n_frames, self.generator["vocoder"].spec, kwargs["feats_lengths"])

    def _check_length(self, n_frames: int) -> None:
        if n_frames < self.segment_size:
            raise UserError(
                f"segment_size is {self.segment_size} frames, but the longest utterance of a batch has {n_frames}: "
                "make it smaller, or leave short utterances out"
            )

    def _infer_mel_and_f0(self, *args, **kwargs):
        output = self._infer_mel(*args, **kwargs)
        feats = output["feat_gen"]
        f0 = self.listener.f0(self.inference_source, len(feats), self.generator["vocoder"].spec)
        output["feat_gen"] = torch.cat([feats, f0[0][:, None].to(feats)], dim=-1)
        return output

    def _finish(self, output: Dict[str, torch.Tensor]) -> Dict[str, torch.Tensor]:
        """What an inference returns, as ESPnet's programs expect it."""
        output["wav"] = output["wav"].reshape(-1)
        if self.vocoder_is_ours and self.generator["vocoder"].needs_f0:
            output["f0"] = output["feat_gen"][:, -1]
            output["feat_gen"] = output["feat_gen"][:, :-1]
        return output


class JointScore2Wav(_Joint, joint_score2wav.JointScore2Wav):
    """ESPnet's JointScore2Wav, which ESPnet 202511 can neither build nor call, mended; any vocoder of ours in it.

    Parameters
    ----------
    idim, odim : int, as ESPnet gives them
    vocoder_type : ESPnet's names or a row of our registry
    vocoder_params : dict; for ours the arguments of the vocoder's class, and `spec` or `init_vocoder` (a saved vocoder)
    discriminator_type, discriminator_params : ESPnet's names and ours, or 'none', which leaves out what it would say
    f0_source : ['ground_truth', 'predicted', 'score']
        F0 of the vocoder in training: the task's pitch, the acoustic model's, or the notes by the labels' durations. In
        inference it is the model's ('ground_truth': where it has one), else the notes'.
    vocoder_loss : dict or None, arguments of :class:`JointVocoderLoss` beside the vocoder, for one of ours; None is
        ESPnet's mel loss
    generator_params : ignored; ESPnet's task insists on it
    **arguments : of ESPnet's class

    Raises
    ------
    UserError
        For names that do not exist and parts that do not fit.
    """

    acoustic_key, stock, sings = "score2mel", joint_score2wav, True

    def __init__(
        self,
        idim: int,
        odim: int,
        f0_source: str = "ground_truth",
        generator_params: Optional[Dict[str, Any]] = None,
        vocoder_loss: Optional[Dict[str, Any]] = None,
        **arguments,
    ):
        super().__init__(idim=idim, odim=odim, **self._prepare(arguments))
        self._listen(f0_source)
        self._judge(vocoder_loss)

    def forward(self, *args, ssl_feats=None, ssl_feats_lengths=None, **kwargs):
        """ESPnet's; its model also passes self-supervised features, which this one does not use."""
        if isinstance(self.generator["score2mel"], NoteXiaoiceSing):
            self.generator["score2mel"].score_durations = kwargs["duration"]["score_phn"]
        return super().forward(*args, **kwargs)

    def inference(self, *args, use_teacher_forcing: bool = False, **kwargs):
        """ESPnet's; `wav` is ``(T_wav,)`` and `f0` (Hz, ``(T,)``) comes beside where the vocoder has it."""
        self.listener.forced = use_teacher_forcing
        return self._finish(super().inference(*args, use_teacher_forcing=use_teacher_forcing, **kwargs))


class JointText2Wav(_Joint, joint_text2wav.JointText2Wav):
    """ESPnet's JointText2Wav with any vocoder of ours in it.

    Parameters as :class:`JointScore2Wav` has them; `f0_source` is 'ground_truth' or 'predicted'. FastSpeech2 knows
    pitch averaged over tokens; the vocoder's ground truth is extracted anew, frame by frame.
    """

    acoustic_key, stock = "text2mel", joint_text2wav

    def __init__(
        self,
        idim: int,
        odim: int,
        f0_source: str = "ground_truth",
        vocoder_loss: Optional[Dict[str, Any]] = None,
        **arguments,
    ):
        super().__init__(idim=idim, odim=odim, **self._prepare(arguments))
        self._listen(f0_source)
        self._judge(vocoder_loss)
        self._recording = None

    def connect(self, model: torch.nn.Module, is_new: bool) -> None:
        super().connect(model, is_new)
        if self.f0_source == "ground_truth" and self.vocoder_is_ours and self.generator["vocoder"].needs_f0:
            spec = self.generator["vocoder"].spec
            options = model.pitch_extract.get_parameters() if isinstance(model.pitch_extract, Dio) else {}
            self._dio = Dio(
                fs=spec.fs, n_fft=spec.n_fft, hop_length=spec.hop_length,
                f0min=options.get("f0min", int(spec.f0_floor)), f0max=options.get("f0max", int(spec.f0_ceil)),
                use_token_averaged_f0=False, use_continuous_f0=False, use_log_f0=False,
            )  # fmt: skip

    def forward(self, *args, speech, speech_lengths, **kwargs):
        self._recording = speech, speech_lengths
        try:
            return super().forward(*args, speech=speech, speech_lengths=speech_lengths, **kwargs)
        finally:
            self._recording = None

    def _training_f0(self, kwargs, n_frames: int) -> torch.Tensor:
        if self.f0_source != "ground_truth":
            return super()._training_f0(kwargs, n_frames)
        speech, lengths = self._recording
        f0 = fit_frames(self._dio(speech, lengths, feats_lengths=kwargs["feats_lengths"])[0][..., 0], n_frames)
        return continuous_f0(f0, f0 > 0, self.generator["vocoder"].spec, kwargs["feats_lengths"])

    def inference(self, *args, **kwargs):
        """ESPnet's; `wav` is ``(T_wav,)`` and `f0` (Hz, ``(T,)``) comes beside where the vocoder has it."""
        return self._finish(super().inference(*args, **kwargs))
