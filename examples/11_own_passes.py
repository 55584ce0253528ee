"""Two passes of one's own: one from network to network by way of the tree, one from torch.fx module to module."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import torch
from torch import fx, nn

import archlang
from archlang.diagnostics import Diagnostic, error
from archlang.elaborate.network import Network
from archlang.rewrite import FusionReport, Merge, Rewriting, verify
from archlang.syntax.mapping import mapped
from archlang.syntax.tree import File, Name, TreeNode
from archlang.transform.base import Transformation, refuse

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Activation(Transformation):
    """`x -> relu  -->  x -> silu`, wherever the main file says `relu`.

    Activations have no weights, so no name in a `state_dict` moves.
    """

    name: ClassVar[str] = "activation"

    to: str = "silu"

    def requires(self, net: Network) -> list[Diagnostic]:
        """The network has an activation to exchange."""
        if any(node.op.name == "relu" for node in net.graph):
            return []
        return [refuse("this network has no `relu`")]

    def run(self, net: Network) -> File:
        """The file with every bare `relu` exchanged."""
        return mapped(net.project.main.file, self._exchanged)

    def _exchanged(self, node: TreeNode) -> TreeNode:
        if isinstance(node, Name) and node.text == "relu":
            return replace(node, text=self.to)
        return node

    def ensures(self, before: Network, after: Network) -> list[str]:
        """Activations have no weights: the count stays."""
        claims = super().ensures(before, after)
        if before.parameters != after.parameters:
            claims.append("the number of parameters has changed")
        return claims


@dataclass(frozen=True)
class WithoutDropout(Rewriting):
    """Dropouts do nothing in evaluation mode.

    x -> dropout -> f  -->  x -> f
    """

    name: ClassVar[str] = "without_dropout"

    def requires(self, subject: nn.Module) -> list[Diagnostic]:
        """The model is in evaluation mode (not-evaluation-mode)."""
        if not subject.training:
            return []
        return [error("not-evaluation-mode", "dropouts act in training mode", help="call `model.eval()`")]

    def run(self, module: fx.GraphModule) -> FusionReport:
        """Take the dropouts out of the graph, and out of the module."""
        gone = []
        for node in list(module.graph.nodes):
            if node.op == "call_module" and isinstance(module.get_submodule(node.target), nn.Dropout):
                before = node.all_input_nodes[0]
                node.replace_all_uses_with(before)
                module.graph.erase_node(node)
                gone.append(Merge((str(node.target),), into=before.name, old=node.name, new=before.name))

        module.delete_all_unused_submodules()
        return FusionReport(tuple(gone))


def main() -> None:
    """Apply both, and prove the second equal."""
    net = archlang.load(HERE / "01_sequential.arch")
    print(archlang.transform(net, Activation(to="gelu")).listing)

    text = "archlang 1\nnetwork N {\n  input x: [8]\n  output x -> linear(8) -> dropout(0.5) -> relu -> linear(2)\n}\n"
    model = archlang.compile(archlang.loads(text)).eval()
    done = WithoutDropout()(model)
    print(done.report)
    print("equal:", verify(model, done.module, [torch.rand(4, 8)]).equal)


if __name__ == "__main__":
    main()
