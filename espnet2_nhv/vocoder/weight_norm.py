"""Weight normalisation of whole networks."""

import torch
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import weight_norm

_CONVOLUTIONS = (torch.nn.Conv1d, torch.nn.ConvTranspose1d)


def add_weight_norm(network: torch.nn.Module) -> None:
    """Normalise the weights of every one-dimensional convolution in `network`.

    They stay as PyTorch draws them. HiFi-GAN's code and those that follow it draw them anew, of deviation 0.01, but
    after normalisation, which takes no notice: their trainings start from PyTorch's. With that deviation indeed, layers
    of few channels would let nearly nothing through, for thousands of steps: a norm grows by a learning rate a step.
    """
    for module in list(network.modules()):
        if isinstance(module, _CONVOLUTIONS):
            weight_norm(module)


def remove_weight_norm(network: torch.nn.Module) -> None:
    """Fold the normalisation into the weights."""
    for module in list(network.modules()):
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
