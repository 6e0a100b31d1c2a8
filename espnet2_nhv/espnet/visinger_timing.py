"""VISinger in another timing than its own: that of labels or of a score."""

from typing import Any, Callable, Optional

import torch

from espnet2_nhv.espnet.listener import label_durations


class VISingerTiming:
    """Hooks on ESPnet's VISinger; where no other timing is asked for, it computes what it did before.

    Parameters
    ----------
    network : ESPnet's ``VITS`` of singing, around a VISinger

    Attributes
    ----------
    retime : function or None, which makes other durations ``(1, N)`` of those that an inference predicts
    """

    def __init__(self, network: torch.nn.Module):
        self.retime: Optional[Callable[[torch.Tensor], torch.Tensor]] = None
        self._duration: Any = None
        self._rate = network.generator.sample_rate / network.generator.hop_length
        network.generator.duration_predictor.register_forward_hook(self._predicted)
        self._infer, network.inference = network.inference, self._inference

    def _inference(self, *args, **kwargs):
        self._duration = kwargs.get("duration")
        try:
            return self._infer(*args, **kwargs)
        finally:
            self._duration = None

    def _predicted(self, module, args, output: torch.Tensor) -> Optional[torch.Tensor]:
        """In the place of ``log(1 + seconds)``, ``(1, 2, N)``, those of the frames that are wanted."""
        if self._duration is None:
            return None
        frames = label_durations(self._duration)
        if frames is None and self.retime is not None:
            own = torch.ceil((torch.expm1(output[:, 0]) * self._rate).clamp(min=1.0)).long()
            frames = self.retime(own)
        if frames is None:
            return None
        # ESPnet rounds up; half a frame less is rounded up to just these.
        return torch.log1p((frames[:, None].to(output) - 0.5) / self._rate).expand_as(output)
