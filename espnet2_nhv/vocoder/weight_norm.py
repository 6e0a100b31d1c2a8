"""Weight normalisation of whole networks."""

import torch
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import weight_norm

_CONVOLUTIONS = (torch.nn.Conv1d, torch.nn.ConvTranspose1d)


def add_weight_norm(network: torch.nn.Module, deviation: float = 0.01) -> None:
    """Give every one-dimensional convolution in `network` normal weights of that deviation, and normalise them."""
    for module in list(network.modules()):
        if isinstance(module, _CONVOLUTIONS):
            torch.nn.init.normal_(module.weight, std=deviation)
            weight_norm(module)


def remove_weight_norm(network: torch.nn.Module) -> None:
    """Fold the normalisation into the weights."""
    for module in list(network.modules()):
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
