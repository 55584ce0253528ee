"""A last look at the Python that torch.fx is about to run: it may hold nothing but a short list of forms."""

from __future__ import annotations

import ast
import re

from torch import fx

FORMS = (
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Assign, ast.Return, ast.Call, ast.keyword,
    ast.Name, ast.Load, ast.Store, ast.Attribute, ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Subscript,
    ast.UnaryOp, ast.USub, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.FloorDiv,
)
"""Every syntax form that generated code may hold: no imports, loops, lambdas, comprehensions or comparisons."""
_SPECIAL = re.compile("__.*[^_]__")


def audit(code: str, functions: frozenset[str] = frozenset()) -> list[str]:
    r"""What generated code holds that it should not; nothing for good code.

    `functions` are the global names it may read, beside `self`, `torch`, `getattr` and what it assigns itself.

    >>> audit("def forward(self, x):\n    y = self.conv(x);  x = None\n    return y")
    []
    >>> audit("def forward(self, x):\n    return __import__(x)")
    ['the name `__import__`']
    """
    tree = list(ast.walk(ast.parse(code)))
    found = [f"the form `{type(node).__name__}`" for node in tree if not isinstance(node, FORMS)]
    known = {"self", "torch", "getattr", *functions}
    known |= {node.arg for node in tree if isinstance(node, ast.arg)}
    names = [node for node in tree if isinstance(node, ast.Name)]
    known |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
    found += [f"the name `{node.id}`" for node in names if node.id not in known]
    attributes = [node.attr for node in tree if isinstance(node, ast.Attribute)]
    return found + [f"the attribute `{name}`" for name in attributes if _SPECIAL.fullmatch(name)]


def audit_module(module: fx.GraphModule) -> list[str]:
    """`audit` of a graph module's code, with the functions that its own nodes call."""
    called = {node.target for node in module.graph.nodes if node.op == "call_function"}
    names = {n for n, value in type(module).forward.__globals__.items() if callable(value) and value in called}
    return audit(module.code, frozenset(names))
