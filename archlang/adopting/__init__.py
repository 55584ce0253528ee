"""Weights for a compiled network from elsewhere: another model, a file of tensors, a torch module."""

from archlang.adopting.adopted import Adopted, adopt

__all__ = ["Adopted", "adopt"]
