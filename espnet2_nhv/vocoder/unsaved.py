"""Parts of a vocoder that follow from its spec and need not be saved with it."""

import torch


def unsaved(module: torch.nn.Module) -> torch.nn.Module:
    """`module`, whose buffers move with the vocoder but are not written with its weights."""
    for part in module.modules():
        for name, buffer in list(part.named_buffers(recurse=False)):
            part.register_buffer(name, buffer, persistent=False)
    return module
