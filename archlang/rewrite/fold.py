"""Everything around a convolution or linear layer that is linear too becomes part of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import fx, nn

from archlang.diagnostics import Diagnostic, error
from archlang.emit.module import ArchModule
from archlang.rewrite.baking import bake_constants, bake_modules
from archlang.rewrite.base import Rewriting
from archlang.rewrite.bench import Bench
from archlang.rewrite.branches import merge_sums
from archlang.rewrite.chains import fold_chains
from archlang.rewrite.exported import is_exported
from archlang.rewrite.report import FusionReport, Obstacle


@dataclass(frozen=True)
class Fold(Rewriting):
    """Linear steps that meet become one convolution (or linear layer) of what they all read.

        gamma (W x + b - mean) / sqrt(var + eps) + beta  -->  W' x + b',  W' = s W,  b' = s (b - mean) + beta
        W2 (W1 x + b1) + b2                              -->  (W2 W1) x + (W2 b1 + b2)
        (W1 x + b1) + (W2 x + b2)                        -->  (W1 + W2) x + (b1 + b2)

    with `s = gamma / sqrt(var + eps)`, everything in float64 and rounded once to the contraction's dtype.

    1. Batch norms with their statistics (instance norms too), products and sums with constants, behind a contraction
       and before it: convolutions of one to three dimensions, transposed ones, linear layers. Also behind a reshape or
       a concatenation, whose parts then take their share.
    2. Paddings, croppings, identities and dropouts between them.
    3. Two kernels in a row, and branches of one tensor whose results are added: kernels of any size at any place,
       dilated, grouped, average pools, the tensor itself; never where one kernel would be dearer than the parts.
    4. Modules (of torch's own classes, or subclasses that change nothing), functions, aten operations of torch.export.
    Kept, with a reason by name in the report: whatever would not be exact, or would be so by accident.
    The largest contraction keeps its name; the others' names go.

    `training` says what becomes of a model in training mode: `refuse`, or `keep` its training norms and fold the rest.
    With `shared=clone` a convolution that others use too is computed once more, so that a norm behind it folds. With
    `parametrised=bake` weights that are calculated of stored ones (weight norm, spectral norm, pruning) are stored.
    """

    name: ClassVar[str] = "fuse"
    verb: ClassVar[str] = "folded"

    training: Literal["refuse", "keep"] = "refuse"
    shared: Literal["keep", "clone"] = "keep"
    parametrised: Literal["keep", "bake"] = "keep"

    def requires(self, subject: nn.Module) -> list[Diagnostic]:
        """The model is in evaluation mode (not-evaluation-mode), unless training norms are to be kept."""
        # An exported graph has no mode: each of its operations says whether it trains.
        if not subject.training or self.training == "keep" or is_exported(subject):
            return []

        kinds = (nn.modules.batchnorm._NormBase, nn.modules.dropout._DropoutNd)
        first = next(((name, m) for name, m in subject.named_modules() if isinstance(m, kinds) and m.training), None)
        if first is None:
            where = ""
        else:
            where = f": `{first[0]}` ({type(first[1]).__name__}) is in training mode"
        return [error("not-evaluation-mode", f"a model in training mode cannot be fused{where}",
                      help="call `model.eval()` first")]

    def prepare(self, module: nn.Module) -> bool:
        """Store parametrised weights, where that is asked."""
        return self.parametrised == "bake" and bake_modules(module)

    def run(self, module: fx.GraphModule) -> FusionReport:
        """Fold all that can be folded."""
        if self.parametrised == "bake":
            bake_constants(module)

        # A model file's fused form is derived anew from its text, with fresh weights: no step may depend on them.
        by_value = not (isinstance(module, ArchModule) and module.archlang.network is not None)

        bench = Bench(module, by_value, clones=self.shared == "clone")
        changed = True
        while changed:
            # Reasons from an earlier round may have gone with what stood in the way.
            bench.kept.clear()
            changed = fold_chains(bench)
            # `|=`, not `or`: sums are merged whether or not chains were.
            changed |= merge_sums(bench)

        # A norm for which nobody found a reason has nothing beside it: the report leaves none out.
        for node in module.graph.nodes:
            if bench.reader.norm(node) and node not in bench.kept:
                bench.keep(node, Obstacle("no-contraction"))
        return bench.finish()


def fuse(model: nn.Module, inputs: Sequence[Any] | None = None, *, training: Literal["refuse", "keep"] = "refuse",
         shared: Literal["keep", "clone"] = "keep", parametrised: Literal["keep", "bake"] = "keep") -> fx.GraphModule:
    """The inference form of a model in evaluation mode: a new module with everything linear around a convolution in it.

    Any module is taken that torch.fx can trace, and graphs of torch.export; the old one stays as it is. What was
    merged, and what was kept and why, stands in the new one's `meta["report"]`. An example of its inputs, a tuple, lets
    more be merged in models that no `.arch` file made, and lets torch.export try what torch.fx cannot trace.

    With `training="keep"` a model in training mode is taken: its frozen norms are folded, those that train stay. With
    `shared="clone"` a convolution that others use too is computed once more; with `parametrised="bake"` calculated
    weights are stored.

    Raises ArchError: not-evaluation-mode, not-traceable, unsupported-module, input-shape, not-equal.
    """
    return Fold(training, shared, parametrised)(model, inputs).module
