"""Elaboration: a tree becomes a graph. `load` and `loads` make a `Network`, `check` only reports what is wrong."""

from archlang.elaborate.network import Network, check, check_text, load, loads

__all__ = ["Network", "check", "check_text", "load", "loads"]
