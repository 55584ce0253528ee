"""Functions that torch.compile leaves as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from torch._C._dynamo import eval_frame

F = TypeVar("F", bound=Callable[..., Any])


def uncompiled(function: F) -> F:
    """Have torch.compile run a function, and all that it calls, as plain Python.

    As `torch.compiler.disable`, which loads the whole of torch.compile at once: longer than a network takes to compile.
    """
    skipped = eval_frame._FrameExecStrategy(eval_frame._FrameAction.SKIP, eval_frame._FrameAction.SKIP)
    eval_frame.set_code_exec_strategy(function.__code__, skipped)
    # The mark at which torch.compile ends a graph, before it looks into the function.
    function._torchdynamo_disable = True  # type: ignore[attr-defined]
    function._torchdynamo_disable_msg = None  # type: ignore[attr-defined]
    return function
