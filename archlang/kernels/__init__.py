"""The geometry of position boosting: small kernels over a large one (Hao et al., PBConv). No graph, no torch.

>>> show(coverage((3, 3), place((3, 3), [(3, 1), (1, 3), (3, 1), (3, 1)])))
'1 1 1 / 2 2 2 / 1 1 1'
"""

from archlang.kernels.candidates import RULES, candidate, candidates, draw_seed, place, smaller, steps
from archlang.kernels.geometry import (
    MOST,
    Complaint,
    Extent,
    Padding,
    Window,
    branch_padding,
    complaints,
    coverage,
    padding_steps,
    show,
    uncovered,
)
from archlang.kernels.peers import PEERS, acb, centre, dbb

__all__ = [
    "MOST", "PEERS", "RULES", "Complaint", "Extent", "Padding", "Window", "acb", "branch_padding", "candidate",
    "candidates", "centre", "complaints", "coverage", "dbb", "draw_seed", "padding_steps", "place", "show", "smaller",
    "steps", "uncovered",
]
