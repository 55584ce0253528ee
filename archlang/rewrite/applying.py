"""Any pass over models by its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import fx, nn

from archlang.diagnostics import ArchError
from archlang.passes.base import Pass, does_not_apply
from archlang.passes.catalogue import PASSES, PassCatalogue


def rewrite(model: nn.Module, what: str | Pass[Any, Any], inputs: Sequence[Any] | None = None,
            passes: PassCatalogue = PASSES) -> fx.GraphModule:
    """The model after a pass such as `fuse`; what was done stands in its `meta["report"]`.

    Raises ArchError: unknown-pass, pass-does-not-apply, what the pass requires, or the mistakes of the text that names
    it.
    """
    if isinstance(what, str):
        chosen = passes.parse(what)
    else:
        chosen = what
    if chosen.subject != "model":
        raise ArchError(does_not_apply(f"`{chosen.name}` transforms a network, and this is a model",
                                       help="give it the network's `.arch` file"))
    made: fx.GraphModule = chosen(model, inputs).module
    return made
