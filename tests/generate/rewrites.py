"""Programs written another way that must mean the same: names changed, repetitions and blocks written out."""

from __future__ import annotations

from dataclasses import replace

from archlang.syntax import tree, walk
from archlang.syntax.mapping import mapped
from tests.generate.stages import ELEMENTWISE

BINDERS = (tree.Let, tree.Layer, tree.Bind, tree.Block, tree.Parameter, tree.LoopName)


def renamed(file: tree.File) -> tree.File:
    """Every name that a file binds, but those of inputs, outputs and imports, with `_other` behind it."""
    names = {node.name for node in walk(file) if isinstance(node, BINDERS)}

    def change(node: tree.TreeNode) -> tree.TreeNode:
        match node:
            case tree.Name(text=text) if text in names:
                return replace(node, text=f"{text}_other")
            case tree.Call(callee=tree.Name(text=text)) if text.removesuffix("_other") in names and node.arguments:
                arguments = tuple(
                    replace(a, name=f"{a.name}_other") if a.name is not None else a for a in node.arguments
                )
                return replace(node, arguments=arguments)
        if isinstance(node, BINDERS):
            return replace(node, name=f"{node.name}_other")
        return node

    return mapped(file, change)


def unrolled(file: tree.File) -> tree.File:
    """Every `3 * stage` as `(stage -> stage -> stage)`, but where `in` is what enters a turn."""
    def change(node: tree.TreeNode) -> tree.TreeNode:
        match node:
            case tree.Binary(operator="*", left=tree.Number(value=int(count)), right=stage) if count:
                # A turn rebinds `in`, a flow written out does not.
                if not _is_stage(stage) or _says_in(stage):
                    return node
                if count == 1:
                    return tree.Parens(stage)
                return tree.Parens(tree.Flow((stage,) * count))
        return node

    return mapped(file, change)


def _says_in(expr: tree.Expr) -> bool:
    return any(isinstance(node, tree.In) for node in walk(expr))


def _is_stage(expr: tree.Expr) -> bool:
    match expr:
        case tree.Call(callee=tree.Name(text=text)):
            return text not in ("len", "max", "min", "round", "floor", "ceil", "round_to")
        case tree.Parens():
            return isinstance(expr.inner, tree.Flow | tree.As) or _is_stage(expr.inner)
        case tree.Name(text=text):
            return text in ELEMENTWISE or text in ("batch_norm", "layer_norm", "squeeze_excite") or text[0] == "b"
    return False


def inlined(file: tree.File) -> tree.File:
    """Every use of a block whose body is a flow without `in`, as that flow with the arguments put in."""
    blocks = {
        node.name: node for node in file.declarations
        if isinstance(node, tree.Block) and not isinstance(node.body, tree.Body)
        and not any(isinstance(inner, tree.In) for inner in walk(node))
    }

    def change(node: tree.TreeNode) -> tree.TreeNode:
        match node:
            case tree.Call(callee=tree.Name(text=text)) if text in blocks:
                return _expanded(blocks[text], node.arguments or ())
        return node

    return mapped(file, change)


def _expanded(block: tree.Block, arguments: tuple[tree.Argument, ...]) -> tree.Parens:
    values = {p.name: p.default for p in block.parameters}
    values |= {p.name: a.value for p, a in zip(block.parameters, arguments, strict=False) if a.name is None}
    values |= {a.name: a.value for a in arguments if a.name is not None}

    def put(node: tree.TreeNode) -> tree.TreeNode:
        if isinstance(node, tree.Name) and node.text in values:
            value = values[node.text]
            assert value is not None, node.text
            return tree.Parens(value)
        return node

    assert not isinstance(block.body, tree.Body)
    return tree.Parens(mapped(block.body, put))
