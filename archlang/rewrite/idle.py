"""Modules of no known class that hand on their only input, as drop path does outside training."""

from __future__ import annotations

import copy

from torch import fx, nn

from archlang.rewrite.local_tracer import LocalTracer
from archlang.rewrite.randomness import Draws, random_state
from archlang.rewrite.stored import hooked


def hands_on_its_input(called: nn.Module) -> bool:
    """Tell whether a module does nothing but return its only input; found by tracing a copy of it."""
    # Cheap questions first: tracing every activation of a large model would take its time.
    stateless = not (called._parameters or called._modules or called._buffers)
    of_torch = type(called).__module__.startswith("torch.")
    if not stateless or of_torch or isinstance(called, fx.GraphModule) or hooked(called):
        return False

    with random_state() as state, Draws() as draws:
        try:
            nodes = list(LocalTracer().trace(copy.deepcopy(called)).nodes)
        except Exception:
            return False  # whatever it does, it is not nothing
        # Drop path draws in training mode and hands on its input otherwise; a draw says that it is not idle.
        drawn = state.has_moved(draws)
    return len(nodes) == 2 and nodes[1].args == (nodes[0],) and not drawn
