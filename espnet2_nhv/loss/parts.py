"""Adversarial losses over the parts of a discriminator."""

from typing import Callable, Optional, Sequence

import torch


def over_parts(loss: Callable, weights: Optional[Sequence[float]], *judged):
    """A loss over all parts of a discriminator, each as much as it counts.

    Parameters
    ----------
    loss : one of ESPnet's adversarial or feature matching losses, with its `average_by_discriminators`
    weights : sequence of float >= 0, one a part, or None where all count the same
    *judged : what the discriminator returned, for each input of the loss

    Returns
    -------
    value : what `loss` returns; where it is a tuple, a tensor to unpack like one
    """
    if weights is None:
        return loss(*judged)
    total = 0.0
    for weight, part in zip(weights, zip(*judged)):
        value = loss(*([outputs] for outputs in part))
        total = total + weight * (torch.stack(value) if isinstance(value, tuple) else value)
    return total / sum(weights) if loss.average_by_discriminators else total
