"""Trained models made over: a transformation of the text, and the weights that go along."""

from archlang.carrying.carried import transform
from archlang.carrying.report import Carried

__all__ = ["Carried", "transform"]
