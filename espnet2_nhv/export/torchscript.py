"""NHV as a TorchScript file: a whole utterance in blocks, without this package."""

import io
import warnings
import zipfile
from pathlib import Path
from typing import List, Optional, Tuple, Union

import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.export.card import KEY, as_text, check_card
from espnet2_nhv.export.exported import ExportedVocoder
from espnet2_nhv.export.nhv_step import ComplexNHVStep, FlatStep
from espnet2_nhv.feature.knobs import NAMES
from espnet2_nhv.files import write_whole
from espnet2_nhv.vocoder.nhv.flat_noise import cut, start_of
from espnet2_nhv.vocoder.nhv.generator import NHV

_KIND = "torchscript"
_LARGEST = 4 << 30  # bytes, unpacked
_BLOCK_FRAMES = 128


class WholeUtterance(torch.nn.Module):
    """A step, traced, repeated over an utterance; to be scripted."""

    def __init__(
        self,
        step,
        noise,
        initial: List[torch.Tensor],
        hop_length: int,
        late: int,
        early: int,
        stride: int,
        centre: int,
    ):
        super().__init__()
        self.n_knobs = len(NAMES)
        self.centre = centre  # the sample at which the first frame is to be centred: 0 or half a hop
        self.step, self.noise = step, noise
        self.hop_length, self.late, self.early, self.stride = hop_length, late, early, stride
        self.block = _BLOCK_FRAMES - _BLOCK_FRAMES % stride
        self.initial = torch.jit.Attribute(initial, List[torch.Tensor])

    def forward(
        self,
        mel: torch.Tensor,
        f0: torch.Tensor,
        seed: int = 0,
        white: Optional[torch.Tensor] = None,
        phase: float = 0.0,
        mel_f0: Optional[torch.Tensor] = None,
        breathiness: Optional[torch.Tensor] = None,
        voicing: Optional[torch.Tensor] = None,
        tension: Optional[torch.Tensor] = None,
        gender: Optional[torch.Tensor] = None,
        loudness: Optional[torch.Tensor] = None,
    ) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Mel ``(B, T, n_mels)`` and F0 ``(B, T)`` to waveform, harmonic and noise, each ``(B, T * hop_length)``.

        `mel_f0` ``(B, T)`` is the F0 at which the mel was sung, where it may be another; the knobs are ``(B, T)``, or
        1 in place of either.
        """
        knobs = torch.zeros(mel.shape[0], mel.shape[1], self.n_knobs)
        for i, knob in enumerate([breathiness, voicing, tension, gender, loudness]):
            if knob is not None:
                knobs[:, :, i] = knob
        batch, hop, n_samples = mel.shape[0], self.hop_length, mel.shape[1] * self.hop_length
        sung = f0 if mel_f0 is None else mel_f0
        if self.centre > 0:  # one frame more, held
            mel, f0 = torch.cat([mel[:, :1], mel], dim=1), torch.cat([f0[:, :1], f0], dim=1)
            sung, knobs = torch.cat([sung[:, :1], sung], dim=1), torch.cat([knobs[:, :1], knobs], dim=1)
        n_frames = mel.shape[1]
        total = n_frames + self.late + 2
        state: List[torch.Tensor] = []
        for i, zero in enumerate(self.initial):
            if i == 0:
                state.append(zero)
            elif i == 1:
                state.append(torch.full([batch], phase, dtype=zero.dtype))
            else:
                state.append(zero.expand([batch] + zero.shape[1:]))
        harmonic, noise = torch.empty(batch, n_samples), torch.empty(batch, n_samples)
        begin = 0
        while begin < total:
            n = min(self.block, total - begin)
            n = n + (self.stride - n % self.stride) % self.stride
            frames = torch.arange(begin, begin + n).clamp(max=n_frames - 1)
            f0_block = f0[:, frames]
            if white is None:
                white_block = self.noise(torch.tensor(seed), torch.tensor(begin - self.late), f0_block)
            else:
                place = torch.arange((begin - self.late) * hop, (begin - self.late + n) * hop)
                inside = (place >= 0) & (place < white.shape[1])
                white_block = (white[:, place.clamp(0, white.shape[1] - 1)] * inside).expand(batch, -1)
            features = mel[:, frames], f0_block, sung[:, frames], knobs[:, frames]
            output = self.step(*features, white_block, torch.tensor(n_frames), state)
            state = output[2:]
            first = begin * hop - self.early - self.centre  # the place of this block's first sample
            skip = max(0, -first)
            size = min(n * hop, n_samples - first) - skip
            if size > 0:
                harmonic[:, first + skip : first + skip + size] = output[0][:, skip : skip + size]
                noise[:, first + skip : first + skip + size] = output[1][:, skip : skip + size]
            begin += n
        waveform = (harmonic + noise).clamp_(-1.0, 1.0)
        torch.sub(waveform, harmonic, out=noise)  # as in ONNX, the parts add up to the waveform
        return waveform, harmonic, noise


class _Step(torch.nn.Module):
    def __init__(self, step):
        super().__init__()
        self.step = FlatStep(step)

    def forward(self, mel, f0, mel_f0, knobs, white, end, state: List[torch.Tensor]):
        return list(self.step(mel, f0, mel_f0, knobs, white, end, *state))


class _Noise(torch.nn.Module):
    def __init__(self, noise: torch.Tensor, hop_length: int):
        super().__init__()
        self.register_buffer("noise", noise)
        self.hop_length = hop_length

    def forward(self, seed, frame, like):
        start = start_of(seed, like.shape[0]) + frame * self.hop_length
        return cut(self.noise, start, like.shape[1] * self.hop_length)


def write_torchscript(vocoder: NHV, card: dict, path: Union[str, Path]) -> None:
    """Write an NHV with its card; the file appears when it is whole."""
    step, hop_length = ComplexNHVStep(vocoder).eval(), vocoder.spec.hop_length
    initial, n = step.initial_state(batch=1), 8 * step.stride
    mel, f0 = torch.zeros(1, n, vocoder.spec.n_mels), torch.full((1, n), 220.0)
    white, end, knobs = torch.zeros(1, n * hop_length), torch.tensor(n), torch.zeros(1, n, len(NAMES))
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that tracing and scripting are not what PyTorch develops any more
        traced = torch.jit.trace(_Step(step), (mel, f0, f0, knobs, white, end, initial), check_trace=False)
        noise = torch.jit.trace(
            _Noise(vocoder.noise, hop_length), (torch.tensor(0), torch.tensor(0), f0), check_trace=False
        )
        whole = WholeUtterance(
            traced,
            noise,
            initial,
            hop_length,
            step.delay_frames,
            step.delay_samples,
            step.stride,
            vocoder.spec.first_centre,
        )
        scripted = torch.jit.script(whole)
        buffer = io.BytesIO()
        torch.jit.save(scripted, buffer, _extra_files={KEY: as_text(card)})
    write_whole(path, buffer.getbuffer())


def read_torchscript_card(path: Union[str, Path]) -> dict:
    """The card of a file written by :func:`write_torchscript`, which is made sure to be whole and unaltered."""
    try:
        with zipfile.ZipFile(path) as archive:
            card = next((member for member in archive.infolist() if member.filename.endswith(f"/extra/{KEY}")), None)
            if sum(member.file_size for member in archive.infolist()) > _LARGEST:
                raise zipfile.BadZipFile
            broken = archive.testzip()
            text = None if broken or card is None else archive.read(card).decode()
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except Exception:  # damaged bytes fail in as many ways as there are bytes
        raise UserError(f"{path}: not a vocoder exported by espnet2_nhv, or damaged: export it again") from None
    if broken:
        raise UserError(f"{path}: altered or damaged since it was exported ({broken}): export it again")
    if text is None:
        raise UserError(f"{path}: not a vocoder exported by espnet2_nhv")
    return check_card(text, path, (_KIND,))


class TorchScriptVocoder(ExportedVocoder):
    """An exported NHV in TorchScript."""

    def __init__(self, path: Union[str, Path]):
        super().__init__(path, read_torchscript_card(path))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.module = torch.jit.load(str(path), map_location="cpu").eval()

    def synthesize(
        self,
        mel: torch.Tensor,
        f0: torch.Tensor,
        mel_f0: Optional[torch.Tensor] = None,
        knobs: Optional[torch.Tensor] = None,
    ) -> torch.Tensor:
        """One utterance of checked features."""
        more = {} if mel_f0 is None else dict(mel_f0=mel_f0[None])
        if knobs is not None:
            more.update(zip(NAMES, knobs.T[:, None]))
        with torch.no_grad():
            return self.module(mel[None], f0[None], **more)[0][0]
