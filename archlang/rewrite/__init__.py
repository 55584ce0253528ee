"""torch.fx module to torch.fx module: the same results, computed with less."""

from archlang.rewrite.base import Rewriting, Rewritten
from archlang.rewrite.fold import Fold, fuse
from archlang.rewrite.report import REASONS, FusionReport, Merge, Obstacle, Skip
from archlang.rewrite.verify import Comparison, verify, verify_nodes

__all__ = [
    "REASONS", "Comparison", "Fold", "FusionReport", "Merge", "Obstacle", "Rewriting", "Rewritten", "Skip", "fuse",
    "verify", "verify_nodes",
]
