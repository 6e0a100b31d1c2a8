"""A recording through a stream, block by block, as an audio thread would ask for it."""

import dataclasses
import gc
import time
from typing import Optional, Tuple

import numpy as np
import torch
from tqdm import tqdm

from espnet2_nhv.errors import UserError
from espnet2_nhv.vocoder.knobs import Knobs
from espnet2_nhv.vocoder.synthesizer import Synthesizer


@dataclasses.dataclass
class LiveReport:
    """How a stream kept up.

    Attributes
    ----------
    block_seconds : float, audio of a block
    latency_seconds : float, from a block's arrival to the first block that may hold what it said
    times : array, s, computing time of each block
    waking : array, s, how much later than due each block was begun; of a run without pauses, zeros
    late : int, blocks that were not ready when due
    """

    block_seconds: float
    latency_seconds: float
    times: np.ndarray
    waking: np.ndarray
    late: int

    def lines(self) -> list:
        """For people to read."""
        ms, load = self.times * 1e3, self.times / self.block_seconds
        return [
            f"blocks:      {len(ms)} of {self.block_seconds * 1e3:.2f} ms",
            f"latency:     {self.latency_seconds * 1e3:.1f} ms (stream and one block; recording it adds half a window)",
            f"computing:   {np.median(ms):.2f} ms a block (median), {np.percentile(ms, 99):.2f} ms (99%), "
            f"{ms.max():.2f} ms (worst)",
            f"jitter:      {ms.std():.2f} ms (standard deviation of computing), "
            f"{self.waking.max() * 1e3:.2f} ms (latest wake-up)",
            f"load:        {load.mean():.1%} of real time on average, {load.max():.1%} at worst",
            f"late blocks: {self.late}",
        ]


def play_live(
    vocoder: Synthesizer,
    mel: torch.Tensor,
    f0: torch.Tensor,
    block: int,
    paced: bool = True,
    knobs: Optional[Knobs] = None,
) -> Tuple[np.ndarray, LiveReport]:
    """Feed frames at the pace they would be recorded and take blocks at the pace they would be played.

    Parameters
    ----------
    vocoder : Synthesizer with a ``stream()``
    mel : Tensor [shape=(T, n_mels)], raw log-mel
    f0 : Tensor or array [shape=(T,)], Hz
    block : int >= 16, samples asked for at a time
    paced : whether to wait for real time
    knobs : as for :meth:`espnet2_nhv.vocoder.synthesizer.Synthesizer.inference`

    Returns
    -------
    wav : ndarray [shape=(T * hop_length,)], float32, the latency taken off
    report : LiveReport

    Raises
    ------
    UserError
        If the vocoder cannot stream or the block is too small.
    """
    if not hasattr(vocoder, "stream"):
        raise UserError("this vocoder cannot work as a stream: nhv can, and nhv_stream.onnx")
    if block < 16:
        raise UserError(f"a block of {block} samples is too small: give 16 or more")
    f0 = torch.as_tensor(f0)
    knobs = vocoder.check_knobs(knobs, len(f0))
    hop_length, stream = vocoder.spec.hop_length, vocoder.stream()
    # What is promised when a block is asked for: all frames that began before its end, less the latency.
    latency = stream.latency_frames * hop_length + block
    n_samples, seconds = len(f0) * hop_length, block / vocoder.fs
    n_blocks = -(-(n_samples + latency) // block)
    ready, played, fed, late = np.zeros(0, np.float32), [], 0, 0
    times, waking = np.zeros(n_blocks), np.zeros(n_blocks)
    silence = latency

    def turned(begin: int, end: int) -> dict:
        return {} if knobs is None else dict(knobs=knobs[begin:end])

    _warm_up(vocoder, mel, f0, block)
    gc.collect()
    gc.disable()  # as audio threads do
    try:
        begin = time.perf_counter()
        for k in tqdm(range(n_blocks), desc="live", unit="block", dynamic_ncols=True, disable=None):
            due = begin + k * seconds
            if paced:
                time.sleep(max(0.0, due - time.perf_counter()))
                waking[k] = max(0.0, time.perf_counter() - due)
            start = time.perf_counter()
            arrived = min((k + 1) * block // hop_length, len(f0))
            parts = [ready]
            if arrived > fed:
                parts.append(stream.push(mel[fed:arrived], f0[fed:arrived], **turned(fed, arrived)).numpy())
                fed = arrived
                if fed == len(f0):
                    parts.append(stream.flush().numpy())
            ready = np.concatenate(parts)
            quiet = min(silence, block)
            silence -= quiet
            wanted = block - quiet
            played.append(ready[:wanted])
            missing = wanted - len(played[-1])
            if missing and fed < len(f0):
                late += 1  # the stream did not keep its promise
            ready = ready[wanted:]
            times[k] = time.perf_counter() - start
            late += paced and times[k] + waking[k] > seconds
    finally:
        gc.enable()
    return np.concatenate(played)[:n_samples], LiveReport(seconds, latency / vocoder.fs, times, waking, late)


def _warm_up(vocoder: Synthesizer, mel: torch.Tensor, f0: torch.Tensor, block: int) -> None:
    """Let libraries allocate what they need, as a program would before it starts to play."""
    stream, n = vocoder.stream(), max(1, block // vocoder.spec.hop_length)
    for _ in range(16):
        stream.push(mel[:1].expand(n, -1), f0[:1].expand(n))
