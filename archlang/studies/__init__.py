"""Studies of networks: convolutions boosted, kernels searched for, trained models looked into."""

from archlang.studies.pbconv.boosting import boost
from archlang.studies.pbconv.modules import BoostedConv
from archlang.studies.pbconv.positions import dispersion, equivalent_kernels, position_map

__all__ = ["BoostedConv", "boost", "dispersion", "equivalent_kernels", "position_map"]
