"""A last look at the Python that torch.fx is about to run: it may hold nothing but a short list of forms."""

from __future__ import annotations

import ast
import re
import threading

from torch import fx

FORMS = (
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Assign, ast.Return, ast.Call, ast.keyword,
    ast.Name, ast.Load, ast.Store, ast.Attribute, ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Subscript,
    ast.UnaryOp, ast.USub, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.FloorDiv,
)
"""The syntax forms that generated code may hold: no imports, loops, lambdas, comprehensions or comparisons."""

BUILT_IN = frozenset({"self", "torch", "getattr"})
"""Names that generated code reads without assigning them."""

_ONE_AT_A_TIME = threading.Lock()
"""Python 3.11 counts the depth of the trees that it makes for all threads together, and fails where two make one."""

_SPECIAL = re.compile("__.*[^_]__")


def audit(code: str, functions: frozenset[str] = frozenset()) -> list[str]:
    r"""List what generated code holds that it should not; empty for good code.

    Args:
        code: the source of `forward`.
        functions: global names that it may read.

    >>> audit("def forward(self, x):\n    y = self.conv(x);  x = None\n    return y")
    []
    >>> audit("def forward(self, x):\n    return __import__(x)")
    ['the name `__import__`']
    """
    with _ONE_AT_A_TIME:
        tree = ast.parse(code)
    nodes = list(ast.walk(tree))
    names = [node for node in nodes if isinstance(node, ast.Name)]

    # Arguments and whatever the code assigns may be read as well.
    known = BUILT_IN | functions
    known |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    known |= {node.id for node in names if isinstance(node.ctx, ast.Store)}

    problems = [f"the form `{type(node).__name__}`" for node in nodes if not isinstance(node, FORMS)]
    problems += [f"the name `{node.id}`" for node in names if node.id not in known]

    # Special attributes such as `__globals__` lead from an object to everything else.
    attributes = [node.attr for node in nodes if isinstance(node, ast.Attribute)]
    problems += [f"the attribute `{name}`" for name in attributes if _SPECIAL.fullmatch(name)]
    return problems


def audit_module(module: fx.GraphModule) -> list[str]:
    """Audit a graph module's code, with the functions that its own nodes call."""
    called = {node.target for node in module.graph.nodes if node.op == "call_function"}
    global_names = type(module).forward.__globals__
    functions = {name for name, value in global_names.items() if callable(value) and value in called}
    return audit(module.code, frozenset(functions))
