"""Gradients on their way to the weights."""

import pytest
import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.train.optim import guard_gradients


def guarded(values, max_norm):
    parameter = torch.nn.Parameter(torch.zeros(len(values)))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    guard_gradients(optimizer, "generator", max_norm)
    parameter.grad = torch.tensor(values)
    return parameter, optimizer


def test_gradients_are_clipped_by_their_own_norm():
    for max_norm, want in ((1.0, [-0.6, -0.8]), (10.0, [-3.0, -4.0]), (-1.0, [-3.0, -4.0])):
        parameter, optimizer = guarded([3.0, 4.0], max_norm)
        optimizer.step()
        assert parameter.tolist() == pytest.approx(want)


def test_a_nan_does_not_reach_the_weights():
    parameter, optimizer = guarded([1.0, float("nan")], -1.0)
    optimizer.step()
    assert parameter.tolist() == [0.0, 0.0]
    with pytest.raises(UserError, match="diverged"):
        for _ in range(20):
            parameter.grad = torch.tensor([1.0, float("inf")])
            optimizer.step()
