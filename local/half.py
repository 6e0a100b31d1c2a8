"""Weights in half precision, as they travel."""

import io
from pathlib import Path


def halved(path: Path, leave_out: str = "") -> bytes:
    """A file of weights, to which a network of single precision loads as it is; vectors stay as they are.

    Parameters
    ----------
    path : of a state dict
    leave_out : weights whose names have this in them do not travel; "" for none
    """
    import torch

    tensors = torch.load(path, map_location="cpu", weights_only=True)
    kept = {
        name: value.half() if value.dtype == torch.float32 and value.dim() > 1 and value.numel() > 1024 else value
        for name, value in tensors.items()
        if not leave_out or leave_out not in name
    }
    file = io.BytesIO()
    torch.save(kept, file)
    return file.getvalue()
