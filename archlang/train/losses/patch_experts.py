"""Losses of a router of experts beside the task: to be sure, and to leave no expert without work (PCE)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from archlang.layers.processes import all_reduce


def entropy(weights: torch.Tensor) -> torch.Tensor:
    """`-sum_e w_e log(w_e)` of each row of weights [..., experts] (PCE, eq. 6).

    A weight of 0 adds 0, with a gradient of 0.

    >>> [round(v, 4) for v in entropy(torch.tensor([[0.5, 0.5], [0.9, 0.1]])).tolist()]
    [0.6931, 0.3251]
    """
    # The logarithm must not see a 0: its gradient would be NaN although the product is 0.
    safe = torch.where(weights > 0, weights, torch.ones_like(weights))
    return -(weights * safe.log()).sum(-1)


def confidence(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The mean entropy of softmax weights [rows, experts] before the filter, averaged over the sites (PCE, eq. 15).

    Averaged, so that its weight in a sum of losses means the same in networks of any depth.
    """
    return torch.stack([entropy(weights).mean() for weights in reads]).mean()


def collapse(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """`sum_e relu(below - mean weight of e) / below`, averaged over the sites: 0 where all experts work.

    It stands for eq. 16 of the document, a count that has no gradient: weights [rows, experts] after the filter.

    >>> used = torch.tensor([[0.9, 0.1, 0.0], [0.8, 0.2, 0.0]])
    >>> round(collapse([used], {"below": 0.2}).item(), 4)
    1.25
    """
    below = float(args["below"])
    return torch.stack([(torch.relu(below - weights.mean(0)) / below).sum() for weights in reads]).mean()


def load_balance(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """`n sum_i f_i P_i` of weights [rows, n] before the filter, averaged over the sites (Fedus et al. 2022, eq. 4-6).

    f_i is the share of rows whose largest weight is that of expert i, which has no gradient; P_i its mean weight.

    >>> even = torch.tensor([[0.6, 0.4], [0.4, 0.6]])
    >>> load_balance([even], {}).item(), round(load_balance([even[:1]], {}).item(), 4)
    (1.0, 1.2)
    """
    sites = []
    for weights in reads:
        count = weights.shape[1]
        chosen = torch.nn.functional.one_hot(weights.argmax(1), count).to(weights.dtype)
        sites.append(count * (chosen.mean(0) * weights.mean(0)).sum())
    return torch.stack(sites).mean()


def unused(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The number of experts that less than the share `below` of the rows use (PCE, eq. 16, 17), over all sites."""
    below = float(args["below"])
    return torch.stack([(usage(weights) < below).sum() for weights in reads]).sum().float()


def usage(weights: torch.Tensor) -> torch.Tensor:
    """The share of rows, of all processes, in which each expert's weight is above 0, [rows, experts] to [experts].

    >>> usage(torch.tensor([[0.9, 0.1, 0.0], [1.0, 0.0, 0.0]])).tolist()
    [1.0, 0.5, 0.0]
    """
    # One sum over processes, of counts and rows together.
    rows = weights.new_tensor([len(weights)], dtype=torch.int64)
    count = all_reduce(torch.cat(((weights > 0).sum(0), rows)).double())
    return (count[:-1] / count[-1]).to(weights.dtype)


STRUCTURAL = {"confidence": confidence, "collapse": collapse, "load_balance": load_balance}
METRICS = {"collapse": {"unused_experts": unused}}
