"""What one does with networks: convolutions boosted, kernels searched for."""

from archlang.studies.boosted_conv import BoostedConv
from archlang.studies.boosting import boost
from archlang.studies.positions import dispersion, equivalent_kernels, position_map

__all__ = ["BoostedConv", "boost", "dispersion", "equivalent_kernels", "position_map"]
