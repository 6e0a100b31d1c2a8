"""ESPnet's XiaoiceSing, on the note from the first step: F0 is a difference from the score, and mel follows F0."""

import math
from typing import Any, Dict, Optional, Tuple

import torch
from espnet.nets.pytorch_backend.nets_utils import make_non_pad_mask
from espnet.nets.pytorch_backend.transformer.attention import MultiHeadedAttention
from espnet2.svs.xiaoice.loss import XiaoiceSing2Loss
from espnet2.svs.xiaoice.XiaoiceSing import XiaoiceSing
from espnet2.tts.fastspeech2.variance_predictor import VariancePredictor

from espnet2_nhv.espnet.score_frames import fill_rests, note_contour, positions, token_of_frame

_SEMITONE = math.log(2.0) / 12.0
_A4 = math.log(440.0) - 69 * _SEMITONE  # log F0 of MIDI note 0
N_PLACES = 11  # numbers that say where a frame lies
_WAVELENGTHS = {"note": (2.0, 128.0), "length": (0.5, 16.0)}  # shortest and longest, in semitones and in octaves


class NumberEncoding(torch.nn.Module):
    """A number as a vector, near ones alike; ESPnet's tables know nothing of a note or a length that training lacked.

    Parameters
    ----------
    dim : int, of the vectors
    kind : ['note', 'length']
        MIDI notes, fractions allowed, or frames, of which the logarithm counts; 0 has a vector of its own.
    """

    def __init__(self, dim: int, kind: str, n_waves: int = 12):
        super().__init__()
        self.is_length = kind == "length"
        shortest, longest = _WAVELENGTHS[kind]
        waves = shortest * (longest / shortest) ** torch.linspace(0.0, 1.0, n_waves)
        self.register_buffer("radians", 2.0 * math.pi / waves, persistent=False)
        self.linear = torch.nn.Linear(2 * n_waves + 1, dim)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """``(B, N)`` to ``(B, N, dim)``."""
        values = values.float()
        angles = (torch.log2(1.0 + values) if self.is_length else values)[..., None] * self.radians
        features = torch.cat([angles.sin(), angles.cos(), (values == 0).float()[..., None]], dim=-1)
        return self.linear(features)


class _Loss(XiaoiceSing2Loss):
    """ESPnet's, with F0 judged in semitones, and robustly: singers glide, and trackers err."""

    def forward(self, **kwargs) -> Tuple[torch.Tensor, ...]:
        mel, duration, _, vuv = super().forward(**kwargs)
        difference = (kwargs["p_outs"] - kwargs["ps"])[..., 0] / _SEMITONE
        counts = make_non_pad_mask(kwargs["olens"]).to(difference.device) & (kwargs["ps"][..., 0] > 0)
        pitch = torch.nn.functional.smooth_l1_loss(difference[counts], torch.zeros_like(difference[counts]))
        return mel, duration, pitch if counts.any() else difference.sum() * 0.0, vuv


class NoteXiaoiceSing(XiaoiceSing):
    """ESPnet's XiaoiceSing with hooks between its parts; its own code does the rest.

    F0 is predicted before the decoder, as a difference in semitones from the notes' contour (0 in the beginning), and
    the decoder reads it, in training that of the recording: so the mel has the pitch that the vocoder sings. Frames
    know where in their phoneme and note they are; F0 is made of that alone, for with the phonemes, too, it learns a
    small corpus by heart.

    Parameters
    ----------
    idim, odim : int, as ESPnet gives them
    f0_layers, f0_chans, f0_kernel_size, f0_dropout_rate : of ESPnet's VariancePredictor, which predicts F0
    f0_bound : float > 0, semitones, how far F0 may be from the notes' contour
    glide_frames : int, how long the contour takes from note to note
    **arguments : of ESPnet's class; `loss_function` has to stay XiaoiceSing2, `reduction_factor` 1

    Attributes
    ----------
    score_durations : Tensor [shape=(B, N)] or None
        Frames by the score, where a joint model around, which passes on the labels' only, says them: with the labels'
        own the prediction of durations would learn to copy.

    References
    ----------
    Lu et al., "XiaoiceSing", Interspeech 2020; Ren et al., "FastSpeech 2", ICLR 2021 (F0 before the decoder).
    """

    def __init__(
        self,
        idim: int,
        odim: int,
        f0_layers: int = 3,
        f0_chans: int = 48,
        f0_kernel_size: int = 21,
        f0_dropout_rate: float = 0.1,
        f0_bound: float = 1.0,
        glide_frames: int = 15,
        **arguments,
    ):
        super().__init__(idim=idim, odim=odim, **arguments)
        dim = self.phone_encode_layer.embedding_dim
        self.midi_encode_layer = NumberEncoding(dim, "note")
        self.duration_encode_layer = NumberEncoding(dim, "length")
        self.f0_encode_layer = NumberEncoding(dim, "note", n_waves=16)
        self.position_layer = torch.nn.Sequential(
            torch.nn.Linear(N_PLACES, dim), torch.nn.ReLU(), torch.nn.Linear(dim, dim)
        )
        self.f0_predictor = VariancePredictor(
            idim=N_PLACES,
            n_layers=f0_layers,
            n_chans=f0_chans,
            kernel_size=f0_kernel_size,
            dropout_rate=f0_dropout_rate,
        )
        torch.nn.init.zeros_(self.f0_predictor.linear.weight)
        torch.nn.init.zeros_(self.f0_predictor.linear.bias)
        self.criterion = _Loss(use_masking=self.criterion.use_masking)
        self.f0_bound, self.glide_frames = f0_bound, glide_frames
        self.score_durations = self._notes = self._recorded = self._log_f0 = None
        for module in self.modules():
            if isinstance(module, MultiHeadedAttention):
                module.use_sdpa = True  # the same numbers, without a table of frames by frames
        self.duration_encode_layer.register_forward_pre_hook(lambda module, args: (self._read_durations(*args),))
        self.length_regulator.register_forward_hook(self._at_frames, with_kwargs=True)
        self.linear_projection.register_forward_hook(self._put_f0)

    def forward(self, *args, **kwargs):
        """ESPnet's."""
        self._note(kwargs, kwargs.get("pitch"))
        return super().forward(*args, **kwargs)

    def inference(self, *args, **kwargs) -> Dict[str, Any]:
        """ESPnet's; under teacher forcing the mel follows the recording's F0."""
        self._note(kwargs, kwargs.get("pitch") if kwargs.get("use_teacher_forcing") else None)
        return super().inference(*args, **kwargs)

    def _note(self, kwargs: Dict[str, Any], pitch: Optional[torch.Tensor]) -> None:
        melody = kwargs["melody"]
        self._notes = melody["score"] if isinstance(melody, dict) else melody
        self._recorded = None if pitch is None else pitch.reshape(len(self._notes), -1)
        if isinstance(kwargs["duration"], dict):
            self.score_durations = kwargs["duration"]["score_phn"]

    def _read_durations(self, given: torch.Tensor) -> torch.Tensor:
        return given if self.score_durations is None else self.score_durations[:, : given.shape[1]]

    def _at_frames(self, module, args, kwargs, output):
        """What ESPnet expands to frames, with F0 and places added."""
        durations = kwargs["ds"] if "ds" in kwargs else args[1]
        index = token_of_frame(durations, output.shape[1])
        notes = self._notes[:, : durations.shape[1]]
        rests = (notes == 0).gather(1, index)
        notes = fill_rests(notes).gather(1, index)
        contour = note_contour(notes, self.glide_frames)
        places = [positions(durations, index, notes), rests[..., None].float(), (contour - notes)[..., None]]
        places = torch.cat(places, dim=-1)
        frames = output + self.position_layer(places)
        semitones = contour + self.f0_bound * torch.tanh(self.f0_predictor(places)[..., 0] / self.f0_bound)
        self._log_f0 = _A4 + _SEMITONE * semitones
        heard = semitones.detach()
        if self._recorded is not None:
            recorded = torch.nn.functional.pad(self._recorded, (0, max(0, heard.shape[1] - self._recorded.shape[1])))
            recorded = recorded[:, : heard.shape[1]]
            heard = torch.where(recorded > 0, (recorded - _A4) / _SEMITONE, heard)
        return frames + self.f0_encode_layer(heard)

    def _put_f0(self, module, args, output):
        """In the place of ESPnet's log F0."""
        return torch.cat([output[..., : self.odim], self._log_f0[..., None].to(output), output[..., -1:]], dim=-1)
