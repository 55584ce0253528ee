"""The class of compiled models: a `torch.fx.GraphModule` that knows its file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from html import escape
from typing import Any

from torch import fx, nn
from torch._C._dynamo import eval_frame
from torch.fx.graph import PythonCode

from archlang.diagnostics import ArchError, error
from archlang.emit.guard import Expected, check_inputs, explain
from archlang.emit.lookups import looking_up_once
from archlang.emit.pickling import reduced
from archlang.record import Record
from archlang.views import draw


class ArchModule(fx.GraphModule):
    """A compiled network: `model(x)` takes a batch and gives a batch.

    A network with one output gives a tensor. With several it gives a dict by their names; the main one stands under the
    name it is bound to, or `output`. A bundle is a tuple of its members. Compiled with taps, it gives a pair: outputs,
    and a dict of tensors by name.

    A call first compares its inputs with their declaration, and an operation that fails names its line of the file.
    `forward`, which `torch.compile`, `torch.export` and `fx.Interpreter` take, is the plain generated code.
    """

    def __init__(self, root: nn.Module, graph: fx.Graph, class_name: str = "Network") -> None:
        super().__init__(root, graph, class_name)

        # torch copies what the graph names, weight by weight: whole modules keep their class, order and hooks.
        for name, child in root.named_children():
            self.add_module(name, child)

    def _deepcopy_init(self) -> Callable[..., None]:
        # Every model has a class of its own, whose name torch would not copy.
        return partial(ArchModule.__init__, class_name=type(self).__name__)

    def __reduce__(self) -> tuple[Any, ...]:
        return reduced(self, ArchModule) or super().__reduce__()

    def _repr_html_(self) -> str | None:
        """The diagram with a line below it, for a notebook; None for a model that no file made."""
        record = self.archlang
        if record.network is None:
            return None

        caption = repr(record.network).strip("<>")
        # The diagram is that of the text: what passes did is not drawn.
        if record.passes:
            caption += f"; before {', '.join(record.passes)}"
        return f"<figure>{draw(record.network).svg}<figcaption>{escape(caption)}</figcaption></figure>"

    def __prepare_scriptable__(self) -> None:
        """Refuse `torch.jit.script`, which calls this. Raises `ArchError` (usage)."""
        message = "`torch.jit.script` reads Python source, and a compiled network has none but its generated code"
        help = "`torch.jit.trace(model, example)` records the same network; `torch.export` takes sizes that vary"
        raise ArchError(error("usage", message, help=help))

    @property
    def archlang(self) -> Record:
        """The origin of the model, and what was done to it."""
        record: Record = self.meta.get("archlang", Record())
        return record

    @archlang.setter
    def archlang(self, record: Record) -> None:
        self.meta["archlang"] = record

    @property
    def inputs(self) -> tuple[Expected, ...]:
        """The declared inputs, in the order of the call."""
        expected: tuple[Expected, ...] = self.meta.get("inputs", ())
        return expected

    def recompile(self) -> PythonCode:
        """Generate the code anew from the graph."""
        with looking_up_once(self.graph):
            code = super().recompile()

        # torch's own wrapper prints a failing line of generated code, and under torch.compile stumbles over doing so.
        type(self).__call__ = ArchModule.__call__  # type: ignore[method-assign]  # each model has a class of its own
        return code

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the network. Raises `ArchError` (input-shape) where inputs do not fit."""
        # Not `self.inputs`: under torch.compile a property's frame would be compiled as one more graph.
        args = check_inputs(self.meta.get("inputs", ()), args, kwargs)

        try:
            return super().__call__(*args)
        except ArchError:
            raise
        except Exception as failure:
            explain(self, failure)
            raise


def _unseen(function: Callable[..., Any], inside: Any) -> None:
    """Have torch.compile skip a function, and treat the calls inside it as `inside` says."""
    strategy = eval_frame._FrameExecStrategy(eval_frame._FrameAction.SKIP, inside)
    eval_frame.set_code_exec_strategy(function.__code__, strategy)


# torch.compile looks at each Python frame that runs under it. Only the generated `forward` should become a graph: the
# code of `__call__` is common to all models, so that compiling a ninth one would meet dynamo's limit of recompilations.
_unseen(ArchModule.__call__, eval_frame._FrameAction.DEFAULT)
_unseen(check_inputs, eval_frame._FrameAction.RUN_ONLY)
_unseen(explain, eval_frame._FrameAction.RUN_ONLY)
