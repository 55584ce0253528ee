"""Weights and modules that nothing names any more."""

from __future__ import annotations

from collections.abc import Sequence

from torch import fx, nn


def forget(module: fx.GraphModule, names: Sequence[str]) -> None:
    """Take weights and modules away that no node names any more, and modules that thereby become empty."""
    gone = [*names, *_forget_counters(module, names)]
    used = {str(n.target) for n in module.graph.nodes if n.op in ("get_attr", "call_module")}
    around = {outer for name in used for outer in _around(name)}

    for name in gone:
        target = name
        # Upwards, as long as nothing in the graph names the module, or anything inside it.
        while target and target not in used and target not in around and used.isdisjoint(_around(target)):
            holder = _delete(module, target)
            # A class of its own, or one that still holds something, is more than a folder.
            if holder is None or type(holder) is not nn.Module or _holds_something(holder):
                break
            target = target.rpartition(".")[0]


def _forget_counters(module: fx.GraphModule, names: Sequence[str]) -> list[str]:
    """The counters of batch norms that are gone: torch.export reads them for nobody."""
    counters = {f"{name.rpartition('.')[0]}.num_batches_tracked".lstrip(".") for name in names}
    gone = []
    for node in list(module.graph.nodes):
        if node.op == "get_attr" and not node.users and str(node.target) in counters:
            module.graph.erase_node(node)
            gone.append(str(node.target))
    return gone


def _around(name: str) -> list[str]:
    """The modules around something: `a.b` and `a` for `a.b.c`."""
    parts = name.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts))]


def _delete(module: fx.GraphModule, target: str) -> nn.Module | None:
    """Delete an attribute; the module that held it, None where that is gone."""
    outer, _, name = target.rpartition(".")
    try:
        holder = module.get_submodule(outer)
    except AttributeError:
        return None
    if hasattr(holder, name):
        delattr(holder, name)
    return holder


def _holds_something(holder: nn.Module) -> bool:
    return bool(holder._modules or holder._parameters or holder._buffers)
