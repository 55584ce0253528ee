"""The nodes of a graph that use each module, while somebody changes the graph."""

from __future__ import annotations

from torch import fx, nn


class ModuleUsers:
    """The modules that nodes call, and how many nodes use one. New nodes are entered; those that go need no word."""

    def __init__(self, module: fx.GraphModule) -> None:
        self.module = module
        self._modules: dict[str, nn.Module] = dict(module.named_modules(remove_duplicate=False))
        self._names: dict[nn.Module, set[str]] = {}
        for name, inner in self._modules.items():
            self._names.setdefault(inner, set()).add(name)

        self._users: dict[str, set[fx.Node]] = {}
        for node in module.graph.nodes:
            self.enter(node)

    def enter(self, node: fx.Node) -> None:
        """Note which module a new node uses, or one whose target has changed."""
        name = _used(node)
        if name is not None:
            self._users.setdefault(name, set()).add(node)

    def called(self, node: fx.Node) -> nn.Module:
        """The module that a node calls."""
        name = str(node.target)
        if name not in self._modules:  # one that a merge has added
            self._modules[name] = self.module.get_submodule(name)
        return self._modules[name]

    def count(self, node: fx.Node) -> int:
        """The number of nodes that use the module that a node calls: call it, under any name, or read something of it.
        """
        names = self._names.get(self.called(node), {str(node.target)})
        # Nodes that are gone, or use another module by now, are still noted under the old name.
        noted = [(one, name) for name in names for one in self._users.get(name, ())]
        return sum(not one._erased and _used(one) == name for one, name in noted)


def _used(node: fx.Node) -> str | None:
    """The name of the module that a node calls, or of the one that it reads something of."""
    if node.op == "call_module":
        return str(node.target)
    if node.op == "get_attr":
        return str(node.target).rpartition(".")[0]
    return None
