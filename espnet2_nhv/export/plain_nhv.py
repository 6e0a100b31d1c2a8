"""NHV as one plain function of mel and F0: no state, no loop, float32 alone."""

import math

import onnx
import torch
from onnx import helper

from espnet2_nhv.dsp.pulse import half_tangent, phase_within_frames, pulse_train
from espnet2_nhv.dsp.split_phase import frame_phase
from espnet2_nhv.export.nhv_step import NHVStep
from espnet2_nhv.export.onnx_trace import traced
from espnet2_nhv.vocoder.nhv.generator import NHV

# What the programs' older runtimes have on graphics processors.
OPSET, IR_VERSION = 17, 8

_LOWEST_F0, _MIDDLE_F0 = 5.0, 250.0  # Hz; what is below the first is no pitch
_REACH = 64  # frames in which F0 is looked for where there is none


class PlainNHV(torch.nn.Module):
    """Mel ``(1, T, n_mels)`` and F0 ``(1, T)`` to a waveform ``(1, T * hop_length)``, to be traced.

    What runs in blocks elsewhere is done to the whole at once. So it needs memory in proportion to the length, but
    nothing that graphics processors and phones lack: no loop, no branch, no float64, no int64 but of sizes.

    Parameters
    ----------
    vocoder : NHV, in eval mode
    first_centre : int, the sample at which the first frame is centred: 0 or half a hop
    """

    def __init__(self, vocoder: NHV, first_centre: int):
        super().__init__()
        self.vocoder, self.step, self.first_centre = vocoder, NHVStep(vocoder), first_centre
        distance = torch.arange(-_REACH, _REACH + 1).abs().float()
        nearness = torch.where(distance == 0, torch.zeros(()), distance.clamp(min=1.0) ** -4)
        self.register_buffer("nearness", nearness[None, None], persistent=False)
        window = vocoder.window.view(2, -1, 1, self.step.fourier.n_columns).flatten(0, 1)
        self.register_buffer("window", window, persistent=False)

    def forward(self, mel: torch.Tensor, f0: torch.Tensor) -> torch.Tensor:
        """F0 in Hz; where it is 0, negative or not a number it is taken from its neighbours."""
        vocoder, step, hop_length = self.vocoder, self.step, self.vocoder.spec.hop_length
        n_samples = mel.shape[1] * hop_length
        f0 = self._continuous(f0).clamp(_LOWEST_F0, vocoder.fs / 2 - 1)
        if self.first_centre:  # one frame more, held
            mel, f0 = torch.cat([mel[:, :1], mel], dim=1), torch.cat([f0[:, :1], f0], dim=1)
        # Filters of one frame more, for which the network reads on to the end of a step; pulses until yet another.
        stride, n_frames = vocoder.network.stride, mel.shape[1] + 1
        held = vocoder.look_ahead + stride
        mel = torch.cat([mel, mel[:, -1:].expand(-1, held, -1)], dim=1)
        f0 = torch.cat([f0, f0[:, -1:].expand(-1, max(held, 2))], dim=1)
        n_read = mel.shape[1] // stride * stride
        read = vocoder.network_input(mel[:, :n_read], f0[:, :n_read])
        numbers = vocoder.network(read, vocoder.network.initial_state(1))[0]
        numbers = numbers[:, vocoder.look_ahead : vocoder.look_ahead + n_frames]
        mel, f0 = mel[:, :n_frames], f0[:, : n_frames + 1]
        cepstra = vocoder.cepstra(numbers, mel, f0[:, :-1], f0[:, :-1])

        begin = frame_phase(f0, hop_length, vocoder.fs)
        phase, f0_samples = phase_within_frames(begin, f0 * (hop_length / vocoder.fs), f0, hop_length)
        tangent = half_tangent(phase)
        pulses = pulse_train(phase, f0_samples, vocoder.fs, tangent)
        white = vocoder.noise[None].repeat(1, (n_frames * hop_length) // len(vocoder.noise) + 1)
        white = white[:, : n_frames * hop_length]
        noise = vocoder.swelling(white, tangent, numbers)
        excitation = (torch.nn.functional.pad(x, (hop_length, 0)) for x in (pulses, noise))
        frames = step.filtered_sum(*excitation, self.window, cepstra, vocoder.deviations(white))
        tail = frames.new_zeros(1, (step.n_hops - 1) * hop_length)
        wav = torch.cat(step.overlap_add(frames, tail), dim=1)
        begin = hop_length + vocoder.lead + self.first_centre
        return wav[:, begin : begin + n_samples].clamp(-1.0, 1.0)

    def _continuous(self, f0: torch.Tensor) -> torch.Tensor:
        """F0 that is there everywhere: the nearer a neighbour the more it counts, far away the mean."""
        known = (f0 > _LOWEST_F0) & (f0 < self.vocoder.fs)  # what is not a number is neither
        octaves, weight = torch.log2(torch.where(known, f0, torch.full_like(f0, _MIDDLE_F0))), known.to(f0.dtype)
        octaves = octaves * weight
        few = 1e-9
        middle = torch.log2(torch.tensor(_MIDDLE_F0))
        mean = (octaves.sum(dim=1) + few * middle) / (weight.sum(dim=1) + few)
        near, count = (
            torch.nn.functional.conv1d(x[:, None], self.nearness, padding=_REACH)[:, 0] for x in (octaves, weight)
        )
        return torch.where(known, f0, torch.exp((near + few * mean[:, None]) / (count + few) * math.log(2)))


def plain_model(vocoder: NHV, first_centre: int) -> onnx.ModelProto:
    """The ONNX model of a :class:`PlainNHV`: `mel` ``(1, T, n_mels)`` and `f0` ``(1, T)`` to `waveform` alone."""
    arguments = {"mel": torch.full((1, 96, vocoder.spec.n_mels), -4.0), "f0": torch.full((1, 96), 220.0)}
    varying = {"mel": {1: "n_frames"}, "f0": {1: "n_frames"}, "waveform": {1: "n_samples"}}
    graph = traced(PlainNHV(vocoder, first_centre).eval(), arguments, ["waveform"], varying, opset=OPSET)
    graph.name = "nhv"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="espnet2_nhv")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    return model
