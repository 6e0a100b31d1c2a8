"""Vocoders that run in ONNX Runtime."""

from pathlib import Path
from typing import Dict, Optional, Sequence, Union

import numpy as np
import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.export.exported import ExportedVocoder
from espnet2_nhv.export.onnx_file import read_onnx
from espnet2_nhv.feature.knobs import NAMES
from espnet2_nhv.vocoder.late_stream import CentredStream, centred_stream


class OnnxVocoder(ExportedVocoder):
    """An exported NHV in ONNX Runtime.

    Parameters
    ----------
    path : of ``nhv.onnx``, for whole utterances, or ``nhv_stream.onnx``, for streams
    threads : int >= 1 or None, CPU threads; None takes what PyTorch is set to

    Raises
    ------
    UserError
        If the file is not an intact export, or ONNX Runtime is not installed.
    """

    def __init__(self, path: Union[str, Path], threads: Optional[int] = None):
        content, card = read_onnx(path)
        super().__init__(path, card)
        if card["kind"] == "onnx-stream":
            self.grid_centre = 0.0  # a stream has its frames on the grid
        try:
            import onnxruntime
        except ImportError:
            raise UserError("onnxruntime is not installed: pip install onnxruntime") from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or torch.get_num_threads()
        options.log_severity_level = 3
        options.enable_cpu_mem_arena = False  # which keeps, for ten minutes of audio, twice what is needed
        self.session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def synthesize(
        self,
        mel: torch.Tensor,
        f0: torch.Tensor,
        mel_f0: Optional[torch.Tensor] = None,
        knobs: Optional[torch.Tensor] = None,
    ) -> torch.Tensor:
        """One utterance; in blocks, either inside the graph or from here."""
        if self.card["kind"] == "onnx-stream":
            stream, size = OnnxStream(self, 0, 0.0), 128 * self.card["stride"]
            given = dict(mel=mel, f0=f0, mel_f0=mel_f0, knobs=knobs)
            given = {name: x.split(size) for name, x in given.items() if x is not None}
            parts = [stream.push(**dict(zip(given, chunk))) for chunk in zip(*given.values())]
            return torch.cat([*parts, stream.flush()])
        inputs = dict(mel=np.ascontiguousarray(mel[None].numpy()), f0=np.ascontiguousarray(f0[None].numpy()))
        more = _turned(knobs)
        if mel_f0 is not None:
            more["mel_f0"] = np.ascontiguousarray(mel_f0[None].numpy())
        if more:  # inputs that need not be given cannot be bound
            return torch.from_numpy(self.session.run(["waveform"], {**inputs, **more})[0][0])
        # Written to where it is to be, because what ONNX Runtime holds itself is copied once more.
        wav = np.empty((1, len(mel) * self.spec.hop_length), np.float32)
        binding = self.session.io_binding()
        for name, value in inputs.items():
            binding.bind_cpu_input(name, value)
        binding.bind_output("waveform", "cpu", 0, np.float32, wav.shape, wav.ctypes.data)
        self.session.run_with_iobinding(binding)
        return torch.from_numpy(wav[0])

    def stream(self, seed: int = 0, start_phase: float = 0.0, frame_centre: Optional[float] = None) -> CentredStream:
        """A synthesiser that takes frames as they come, those of `spec` or of another `frame_centre`."""
        if self.card["kind"] != "onnx-stream":
            raise UserError(
                f"{self.path}: exported for whole utterances; for streams there is nhv_stream.onnx beside it"
            )
        return centred_stream(OnnxStream(self, seed, start_phase), frame_centre)


class OnnxStream:
    """As :class:`espnet2_nhv.vocoder.nhv.stream.NHVStream`: takes frames, returns samples."""

    def __init__(self, vocoder: OnnxVocoder, seed: int, start_phase: float):
        self.vocoder = vocoder
        self._seed = np.array(seed, np.int64)
        self._state = {}
        types = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}
        for entry in vocoder.session.get_inputs():
            if entry.name.startswith("state_"):
                shape = [1 if size == "batch" else size for size in entry.shape]
                self._state[entry.name] = np.zeros(shape, types[entry.type])
        self._state["state_phase"][:] = start_phase
        self._names = ["waveform", *(f"next_{name}" for name in self._state)]
        self._frames = torch.empty(0, vocoder.spec.n_mels), torch.empty(0), torch.empty(0), torch.empty(0, len(NAMES))
        self._n_frames, self._last, self._flushed = 0, None, False
        self._sent = -vocoder.card["delay_samples"]  # so much silence comes first

    @property
    def latency_frames(self) -> int:
        """Frames that must have come, at most, before the first sample goes out."""
        return -(-self.vocoder.card["delay_samples"] // self.vocoder.spec.hop_length) + self.vocoder.card["stride"]

    @property
    def latency_seconds(self) -> float:
        """`latency_frames` in seconds of audio."""
        return self.latency_frames * self.vocoder.spec.hop_length / self.vocoder.fs

    def push(self, mel, f0, mel_f0=None, knobs=None) -> torch.Tensor:
        """Feed raw frames ``(n, n_mels)`` and ``(n,)``; returns what can be finished by now, possibly nothing."""
        if self._flushed:
            raise UserError("the stream has been flushed: start another one for new frames")
        mel, f0, mel_f0 = self.vocoder.check_features(mel, f0, mel_f0)
        knobs = self.vocoder.check_knobs(knobs, len(mel))
        knobs = torch.zeros(len(mel), len(NAMES)) if knobs is None else knobs
        frames = mel, f0, f0 if mel_f0 is None else mel_f0, knobs
        self._n_frames += len(mel)
        self._last = [x[-1:] for x in frames]
        return self._advance(frames)

    def flush(self) -> torch.Tensor:
        """The rest of the signal, the last frame held; the total is then frames times hop_length."""
        self._flushed = True
        if self._last is None:
            return torch.empty(0)
        hop_length, stride = self.vocoder.spec.hop_length, self.vocoder.card["stride"]
        n_samples = self._n_frames * hop_length
        n_needed = -(-(n_samples + self.vocoder.card["delay_samples"]) // hop_length)
        n_held = n_needed + -n_needed % stride - self._n_frames
        rest = n_samples - max(self._sent, 0)
        return self._advance([x.expand(n_held, *x.shape[1:]) for x in self._last], end=self._n_frames)[:rest]

    def _advance(self, frames: Sequence[torch.Tensor], end: Optional[int] = None) -> torch.Tensor:
        self._frames = [torch.cat([old, new]) for old, new in zip(self._frames, frames)]
        n = len(self._frames[0]) - len(self._frames[0]) % self.vocoder.card["stride"]
        if n == 0:
            return torch.empty(0)
        # A file that was written before there was mel_f0 has no such input.
        names = ("mel", "f0", "mel_f0") if self.vocoder.takes_mel_f0 else ("mel", "f0")
        given = {name: x[None, :n].numpy() for name, x in zip(names, self._frames)}
        inputs = dict(self._state, **given, **_turned(self._frames[3][:n]), seed=self._seed)
        if end is not None:
            inputs["end"] = np.array(end, np.int64)
        self._frames = [x[n:] for x in self._frames]
        wav, *state = self.vocoder.session.run(self._names, inputs)
        self._state = dict(zip(self._state, state))
        early = min(max(-self._sent, 0), wav.shape[1])
        self._sent += wav.shape[1]
        return torch.from_numpy(wav[0, early:])


def _turned(knobs: Optional[torch.Tensor]) -> Dict[str, np.ndarray]:
    """Of knobs ``(T, len(KNOBS))`` the inputs, each ``(1, T)``, of those that are not at 0 throughout."""
    columns = {} if knobs is None else {name: np.ascontiguousarray(x[None]) for name, x in zip(NAMES, knobs.numpy().T)}
    return {name: column for name, column in columns.items() if column.any()}
