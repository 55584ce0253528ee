"""The network of a few classes: branches that work for none of them are taken out of a trained model, for good."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import torch
from torch import fx, nn

from archlang.diagnostics import ArchError, Diagnostic, error
from archlang.emit import emit, module_name
from archlang.graph.ir import Graph
from archlang.graph.removal import head_node, removal
from archlang.passes.base import Pass, does_not_apply
from archlang.rewrite.base import Rewritten
from archlang.rewrite.report import FusionReport

FORM = re.compile(r"\d{1,6}(?:\+\d{1,6})*")
MOST = 16_384
"""Classes that a network may have."""


@dataclass(frozen=True)
class Extract(Pass[nn.Module, Rewritten]):
    """A network that tells of some classes; branches of the others are gone.

        sum over branches b of x_b  -->  sum over the branches that work for one of the classes

    `class` are the classes by number from 0, `+` between them, increasing: `extract{class=3+5}`. Energies stay
    normalised over all branches, so that what is left gives what the whole network does with the others at zero. The
    head keeps the rows of the classes. The result is in evaluation mode.
    """

    name: ClassVar[str] = "extract"
    subject: ClassVar[Literal["network", "model"]] = "model"
    replayed: ClassVar[bool] = True

    classes: str = field(default="", metadata={"option": "class"})

    def __post_init__(self) -> None:
        if FORM.fullmatch(self.classes):
            numbers = [int(n) for n in self.classes.split("+")]
        else:
            numbers = []
        if not numbers:
            raise ValueError("`class` are numbers of classes with `+` between them: `class=3+5`")
        # One text for one choice: `3+5` alone, not `5+3` or `03+5`, so that names of passes can be compared.
        if numbers != sorted(set(numbers)) or numbers[-1] >= MOST or self.classes != "+".join(map(str, numbers)):
            raise ValueError(f"`class` are different numbers below {MOST}, in order: `class=3+5`")

    @property
    def numbers(self) -> tuple[int, ...]:
        """The classes by number."""
        return tuple(map(int, self.classes.split("+")))

    def requires(self, subject: nn.Module) -> list[Diagnostic]:
        """A compiled model as it was trained, which knows of these classes."""
        record = getattr(subject, "archlang", None)
        if getattr(record, "network", None) is None:
            return [error("unsupported-module", "only a model that archlang compiled has branches of a code")]
        assert record is not None
        # After a fusion, branches are no modules any more that could be taken out.
        if record.passes:
            return [does_not_apply("classes are extracted from a model as it was trained",
                                   help="extract first, then fuse what was extracted")]

        graph = record.network.graph
        count = _class_count(graph, self.numbers)
        if self.numbers[-1] >= count:
            return [error("out-of-range", f"classes are numbers from 0 to {count - 1}")]

        # Whoever reads the smaller model takes its first score for the first of the classes.
        if graph.coded and head_node(graph) is None:
            return [does_not_apply("the scores of the other classes cannot be taken out: no linear layer of its own "
                                   "makes the main output, one number a class",
                                   help="end the network with `linear(classes)`, used once and read by nothing else")]
        return []

    def applied(self, subject: nn.Module, inputs: Sequence[Any] | None) -> Rewritten:  # noqa: ARG002 - not needed
        """The smaller network, with the weights of the larger one. Raises ArchError (pass-does-not-apply)."""
        record: Any = subject.archlang
        graph, chosen = record.network.graph, list(self.numbers)
        weights = dict(subject.state_dict())

        smaller = removal(graph, chosen)
        # Weights that several branches share are not gone but narrowed: the part of a lost branch is cut out.
        for (path, weight), part in smaller.narrowed.items():
            name = f"{module_name(path)}.{weight}"
            kept = torch.tensor(part.kept, device=weights[name].device)
            weights[name] = weights[name].index_select(part.dimension, kept)

        head = head_node(graph)
        if head is not None:
            # A head without bias has one tensor only.
            rows = {f"{module_name(head.path)}.{name}" for name in ("weight", "bias")} & weights.keys()
            weights.update({name: weights[name][chosen] for name in rows})

        made = emit(smaller.graph, seed=record.seed)
        like = next(subject.parameters(), None)
        # Emitted weights are on the CPU in float32, wherever the model is.
        if like is not None:
            made = made.to(like.device, like.dtype)
        # Strict: a weight that is missing or left over would be a mistake in `removal`.
        made.load_state_dict({name: weights[name] for name in made.state_dict()})
        made.archlang = replace(record, passes=(str(self),))
        return Rewritten(made.eval(), FusionReport())

    def ensures(self, before: nn.Module, after: Rewritten) -> list[str]:  # noqa: ARG002 - see below
        """Nothing is left to say: the new network was checked when it was emitted."""
        return []


def _class_count(graph: Graph, numbers: Sequence[int]) -> int:
    """The number of classes that a network's codes know of; without codes, enough for `numbers`."""
    return min((site.code.classes for site in graph.coded.values()), default=max(numbers) + 1)


def pass_name(classes: Sequence[int]) -> str:
    """The pass as a model file calls it.

    >>> pass_name([3, 5])
    'extract{class=3+5}'
    """
    return f"extract{{class={'+'.join(map(str, classes))}}}"


def classes_of(name: str) -> tuple[int, ...] | None:
    """The classes that a pass's name holds, increasing and different; None where it is no such name.

    >>> classes_of("extract{class=3+5}"), classes_of("fuse"), classes_of("extract{class=5+3}")
    ((3, 5), None, None)
    """

    inner = name.removeprefix("extract{class=").removesuffix("}")
    try:
        # Parsed by the pass itself, so that a name means here what it means there.
        chosen = Extract(inner)
    except ValueError:
        return None
    if str(chosen) == name:
        return chosen.numbers
    return None


def told(passes: Sequence[str]) -> tuple[int, ...] | None:
    """The classes that a model tells of after these passes, by their numbers in the data; None for all of them.

    >>> told(["extract{class=3+5}", "fuse"]), told(["fuse"])
    ((3, 5), None)
    """
    return next((classes for classes in map(classes_of, passes) if classes is not None), None)


def extract(model: nn.Module, classes: Sequence[int]) -> fx.GraphModule:
    """A smaller model that tells of some classes (by number, from 0) what the whole one does with the others' branches
    at zero: a new module in evaluation mode, one output number a class. The model stays as it is.

    Raises ArchError: unsupported-module, pass-does-not-apply, out-of-range.
    """
    try:
        chosen = Extract("+".join(str(int(number)) for number in sorted(set(classes))))
    except ValueError:
        record: Any = getattr(model, "archlang", None)
        network = getattr(record, "network", None)
        last = (MOST if network is None else _class_count(network.graph, (0,))) - 1
        raise ArchError(error("out-of-range", f"classes are numbers from 0 to {last}")) from None
    return chosen(model).module
