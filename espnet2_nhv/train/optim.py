"""What happens to gradients before an optimizer's step."""

import logging

import torch

from espnet2_nhv.errors import UserError

_PATIENCE = 20


def guard_gradients(optimizer: torch.optim.Optimizer, name: str, max_norm: float = -1.0) -> None:
    """Before each step of `optimizer`, clip its gradients, or drop them if they are not finite.

    ESPnet's ``grad_clip`` takes one norm over generator and discriminator together, with the gradients that the other
    turn left in either, scaled ones too where precision is mixed; here each optimizer sees its own, unscaled. Without
    ``grad_clip`` it would let a single NaN into all weights.

    Parameters
    ----------
    optimizer : Optimizer
    name : str, for messages
    max_norm : float, clip the norm to this; 0 or less does not clip

    Raises
    ------
    UserError
        From the optimizer's step, when gradients were not finite for 20 steps on end.
    """
    dropped = 0

    def before_step(optimizer, args, kwargs):
        nonlocal dropped
        parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        gradients = [p.grad for p in parameters]
        norm = torch.nn.utils.get_total_norm(gradients)
        if torch.isfinite(norm):
            dropped = 0
            if max_norm > 0:
                torch.nn.utils.clip_grads_with_norm_(parameters, max_norm, norm)
            return
        dropped += 1
        logging.warning("the gradient of the %s is not finite: this step is skipped", name)
        if dropped >= _PATIENCE:
            raise UserError(
                f"training has diverged: the gradient of the {name} was not finite for {_PATIENCE} steps on end; "
                "lower the learning rate or set --generator_grad_norm"
            )
        for parameter in parameters:
            parameter.grad = None

    optimizer.register_step_pre_hook(before_step)
