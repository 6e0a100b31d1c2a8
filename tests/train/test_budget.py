"""Budgets: what is read, when they are spent, how much of them is."""

import pytest

from espnet2_nhv.errors import UserError
from espnet2_nhv.train.budget import Budget


@pytest.mark.parametrize(
    "text, seconds, steps",
    [("90s", 90, None), ("30m", 1800, None), ("1.5h", 5400, None), ("20000steps", None, 20000), ("1 step", None, 1)],
)
def test_budget(text, seconds, steps):
    budget = Budget.parse(text)
    assert (budget.seconds, budget.steps) == (seconds, steps)
    limit = dict(seconds=seconds or 0, steps=steps or 0)
    assert budget.is_spent(**limit) and not budget.is_spent(limit["seconds"] - 1, limit["steps"] - 1)


@pytest.mark.parametrize("text", ["", "90", "s", "-5m", "0s", "1.5steps", "2 weeks"])
def test_budget_that_is_none(text):
    with pytest.raises(UserError, match="budget"):
        Budget.parse(text)


def test_no_budget_is_never_spent():
    assert not Budget.parse(None).is_spent(1e9, 10**9)


def test_share_of_a_budget():
    assert Budget.parse("90s").share(45.0, 1000) == 0.5
    assert Budget.parse("200steps").share(1e6, 50) == 0.25
    assert Budget.parse("90s").share(100.0, 0) == 1.0
    assert Budget.parse(None).share(1e9, 10**9) == 0.0
