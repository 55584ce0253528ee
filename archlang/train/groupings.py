"""Agreement of two groupings of samples, from the table of how many samples lie in each pair of groups."""

from __future__ import annotations

from typing import Any

import numpy

Table = numpy.ndarray[tuple[int, ...], numpy.dtype[Any]]
"""Numbers of samples [clusters, classes]."""


def matched(table: Table) -> float:
    """The share of samples that are right when clusters are named after classes as well as possible, one to one.

    >>> matched(numpy.array([[0, 1], [2, 0], [0, 1]]))
    0.75
    """
    # Trainings without clusters do without it: it takes a third of a second to load.
    from scipy.optimize import linear_sum_assignment

    # The Hungarian method looks for the smallest cost, and wanted is the largest agreement.
    rows, columns = linear_sum_assignment(-table)
    return float(table[rows, columns].sum() / table.sum())


def mutual(table: Table) -> float:
    """Mutual information of clusters and classes over the mean of their entropies; 1 where both are one group.

    >>> round(mutual(numpy.array([[0, 2], [2, 0]])), 6)
    1.0
    """
    joint = table.astype(numpy.float64) / table.sum()
    cluster_entropy, class_entropy = _entropy(joint.sum(1)), _entropy(joint.sum(0))

    mean = (cluster_entropy + class_entropy) / 2
    # One cluster and one class: both entropies are 0, and the two groupings agree.
    if mean <= 0:
        return 1.0
    return float((cluster_entropy + class_entropy - _entropy(joint.ravel())) / mean)


def _entropy(shares: Table) -> float:
    # 0 log 0 is 0 in the limit, but not a number in floating point.
    positive = shares[shares > 0]
    return float(-(positive * numpy.log(positive)).sum())
