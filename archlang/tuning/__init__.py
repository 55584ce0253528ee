"""The way in which parts of a model run, chosen by timing on this machine, and remembered."""

from archlang.tuning.forms import tuned_form
from archlang.tuning.layouts import tuned_layout

__all__ = ["tuned_form", "tuned_layout"]
