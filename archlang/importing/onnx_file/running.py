"""A file of ONNX as a torch module: its nodes run one after the other, its weights are parameters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy
import onnx
import torch
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import Tensor, nn

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.importing.onnx_file.operators import OPERATORS, Unsupported

OWN_DOMAINS = ("", "ai.onnx")
"""The domain of ONNX's own operators."""
NUMERIC = ("Add", "Sub", "Mul", "Div", "Pow", "Clip")
"""Operators that take single numbers."""
SCOPES = "pkg.torch.onnx.name_scopes"
"""Where torch's exporter notes the modules around a node."""


CALCULATED = frozenset({
    "Shape", "Constant", "ConstantOfShape", "Cast", "Range", "Equal", "Trilu", "Not", "And", "Or", "Less", "Greater",
    "LessOrEqual", "GreaterOrEqual",
})
"""Operators that are worked out, of sizes and constants alone: causal masks are made of them."""


class OnnxNode(nn.Module):
    """One node. Where it stands is known by its module once the whole is exported."""

    def __init__(self, node: onnx.NodeProto) -> None:
        super().__init__()
        self.node = node
        self.given = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}

    def forward(self, entering: Sequence[Any]) -> Any:
        """Run the operator. Raises `ArchError` (not-importable) for a form that is not read."""
        if self.node.op_type not in OPERATORS:
            raise ArchError(refusal(self.node, "it is read where sizes and constants enter it, and a tensor does"))
        try:
            return OPERATORS[self.node.op_type](self.given, *entering)
        except Unsupported as problem:
            raise ArchError(refusal(self.node, str(problem))) from None
        # A form of the operator that its reading does not know, or numbers that torch refuses.
        except (TypeError, ValueError, RuntimeError, LookupError) as problem:
            said = one_line(f"{type(problem).__name__}: {problem}", 200)
            raise ArchError(refusal(self.node, f"this form of it is not read ({said})")) from None


class OnnxModule(nn.Module):
    """The network of an ONNX file.

    Whole numbers, and what is calculated of sizes alone, stay outside torch, as arrays: a shape is known when it runs.

    Args:
        model: the file, checked.

    Raises `ArchError` (not-importable) with every node of an operator that is not read.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        super().__init__()
        self.graph = model.graph
        self.opsets = {one.domain: one.version for one in model.opset_import}
        problems = [refusal(node, _reason(node)) for node in self.graph.node if _reason(node)]
        if problems:
            raise ArchError(tuple(problems))

        self.fixed: dict[str, Any] = {}
        self.named: dict[str, str] = {}
        norms = [node for node in self.graph.node if node.op_type == "BatchNormalization"]
        remembered = {name for node in norms for name in node.input[3:]}
        # One number in sums and products is a factor or an offset; elsewhere it may be the weight of a small layer.
        numbers = {name for node in self.graph.node if node.op_type in NUMERIC for name in node.input}
        # By how much a map is resized is no weight.
        scales = {name for node in self.graph.node if node.op_type == "Resize" for name in node.input[1:]}
        for initializer in self.graph.initializer:
            array = numpy_helper.to_array(initializer)
            single = array.ndim == 0 or (array.size == 1 and initializer.name in numbers)
            if array.dtype.kind != "f" or single or initializer.name in scales:
                self.fixed[initializer.name] = array
            else:
                self._hold(initializer.name, array, initializer.name in remembered)

        self.steps = nn.ModuleList(OnnxNode(node) for node in self.graph.node)
        self.copied = self._copy()
        # Old files list their weights among the inputs, too.
        stored = {*self.named, *self.fixed}
        self.entering = [one.name for one in self.graph.input if one.name not in stored]

    def _copy(self) -> int:
        """Give nodes copies of weights that others read before them, and count these.

        Exporters store equal tensors once, so that layers that have nothing to do with each other seem to share them.
        """
        seen: set[str] = set()
        count = 0
        for step in self.steps:
            assert isinstance(step, OnnxNode)
            for name in dict.fromkeys(step.node.input):
                if name not in self.named:
                    continue
                if name in seen:
                    held = getattr(self, self.named[name])
                    value = held.detach().clone()
                    # What a norm has remembered stays what no training moves.
                    if isinstance(held, nn.Parameter):
                        step.register_parameter(self.named[name], nn.Parameter(value))
                    else:
                        step.register_buffer(self.named[name], value)
                    count += 1
                seen.add(name)
        return count

    def _hold(self, name: str, array: Any, remembered: bool) -> None:
        """Keep an array of floating-point numbers as a weight, or as what a norm has remembered."""
        attribute = re.sub(r"\W", "_", name)
        while hasattr(self, attribute):
            attribute += "_"
        self.named[name] = attribute
        value = torch.from_numpy(array.copy())
        # No training moves what a norm has remembered.
        if remembered:
            self.register_buffer(attribute, value)
        else:
            self.register_parameter(attribute, nn.Parameter(value))

    def forward(self, *inputs: Tensor) -> Any:
        """Run all nodes in their order."""
        values: dict[str, Any] = {"": None, **self.fixed}
        values.update((name, getattr(self, attribute)) for name, attribute in self.named.items())
        seen: set[str] = set()
        values.update(zip(self.entering, inputs, strict=True))

        for step in self.steps:
            assert isinstance(step, OnnxNode)
            made = self._made(step, [self._own(name, step, values, seen) for name in step.node.input])
            if not isinstance(made, tuple | list):
                made = (made,)
            # Results that nobody takes have no name.
            values.update(zip(step.node.output, made, strict=False))

        results = {re.sub(r"\W", "_", one.name): values[one.name] for one in self.graph.output}
        # One result has no name in torch, several are a dict.
        if len(results) == 1:
            return next(iter(results.values()))
        return results

    def _own(self, name: str, step: OnnxNode, values: dict[str, Any], seen: set[str]) -> Any:
        """A value that a node reads: of a weight that several nodes read, each but the first has a copy."""
        if name not in self.named or name not in seen:
            seen.add(name)
            return values[name]
        return getattr(step, self.named[name], values[name])

    def _made(self, step: OnnxNode, entering: list[Any]) -> Any:
        if step.node.op_type == "Shape":
            start, end = step.given.get("start", 0), step.given.get("end")
            return numpy.asarray(tuple(entering[0].shape)[start:end], dtype=numpy.int64)
        if any(isinstance(value, Tensor) for value in entering):
            return step(entering)

        # Of sizes and constants alone: ONNX's own reference says what it gives.
        given = {name: value for name, value in zip(step.node.input, entering, strict=True) if name}
        return tuple(ReferenceEvaluator(step.node).run(None, given))


def _reason(node: onnx.NodeProto) -> str:
    """Say why a node is not read; "" for one that is."""
    if node.domain not in OWN_DOMAINS:
        return f"it is an operator of its own domain, `{node.domain}`"
    if node.op_type in OPERATORS or node.op_type in CALCULATED:
        return ""
    return "there is no reading of this operator"


def refusal(node: onnx.NodeProto, reason: str) -> Any:
    """The diagnostic of a node that is not read."""
    named = one_line(node.name or node.output[0], 120)
    return error("not-importable", f"`{node.op_type}` in `{named}`: {reason}",
                 help="import the torch model that the file was made of, where there is one")


def place(node: onnx.NodeProto) -> list[str]:
    """The paths of the modules around a node, outermost first, its own last.

    Files of torch's exporter note them; archlang's names nodes `maps.0.conv/Conv`; else a weight's name may tell.
    """
    for entry in node.metadata_props:
        if entry.key == SCOPES:
            paths = [part.strip(" '\"") for part in entry.value.strip("[]").split(",")]
            return [path for path in paths[:-1] if path]
    path = node.name.strip("/").rpartition("/")[0].replace("/", ".")
    parts = [part for part in path.split(".") if part]
    return [".".join(parts[: n + 1]) for n in range(len(parts))]
