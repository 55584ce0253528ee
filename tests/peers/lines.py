"""How many lines a network is: of code, so without blank lines, comments and doc strings."""

from __future__ import annotations

import ast
import inspect
import io
import re
import textwrap
import tokenize
from collections.abc import Callable, Iterator
from types import FunctionType

from torch import nn

NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
LIBRARIES = ("timm.", "torchvision.", "tests.peers.papers.")


def of_arch(text: str) -> int:
    """Lines of an `.arch` text."""
    bare = re.sub(r'"""(?:.|\n)*?"""', "", text)
    return sum(1 for line in bare.splitlines() if line.strip() and not line.strip().startswith("#"))


def of_python(source: str) -> int:
    """Lines of a Python class or function."""
    source = textwrap.dedent(source)
    docs: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            docs |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))

    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NO_CODE:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines - docs)


def of_model(model: nn.Module, builder: Callable[..., nn.Module] | None) -> int:
    """Lines of the classes of a model's modules, and of the functions of their files that they and the builder call.

    Only what timm, torchvision or a plain module of ours writes counts, not torch's own layers.
    """
    classes = {
        base for module in model.modules() for base in type(module).__mro__ if base.__module__.startswith(LIBRARIES)
    }
    functions = [inspect.unwrap(builder)] if builder is not None else []
    for one in classes:
        functions += [each for each in vars(one).values() if isinstance(each, FunctionType)]

    called: set[FunctionType] = set()
    for function in functions:
        called |= set(_called(function, set()))
    if builder is not None:
        called.add(inspect.unwrap(builder))  # type: ignore[arg-type]
    return sum(of_python(inspect.getsource(item)) for item in [*classes, *called])


def _called(function: Callable[..., object], seen: set[str]) -> Iterator[FunctionType]:
    """Functions of the same file that a function calls, and those that they call."""
    for name in function.__code__.co_names:  # type: ignore[attr-defined]
        other = inspect.unwrap(function.__globals__.get(name) or int)  # type: ignore[attr-defined]
        if not isinstance(other, FunctionType) or name in seen or other.__module__ != function.__module__:
            continue
        seen.add(name)
        yield other
        yield from _called(other, seen)
