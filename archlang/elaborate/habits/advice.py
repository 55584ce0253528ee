"""Help for single mistakes that are no forms of another framework: names, numbers and sizes of newcomers."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from archlang.dataclass import dataclass
from archlang.diagnostics import Fix
from archlang.elaborate.habits.elsewhere import STAGES_ELSEWHERE
from archlang.elaborate.habits.native import FUNCTION_NAMES, SHORT_NAMES
from archlang.elaborate.scope import ALIASED
from archlang.project.locating import STD
from archlang.source import Span
from archlang.syntax.printer import print_flat
from archlang.syntax.tree import Block, Call, File, Input, Name, Number, Train, TreeNode
from archlang.syntax.walk import walk

_ONLY_ANSWERS = frozenset({"label", "labels", "target", "targets", "y_true", "ground_truth"})
"""Those names that are hardly ever meant for a tensor of a network."""

_ENTERING = frozenset({"in_channels", "in_ch", "in_chans", "in_planes", "inplanes"})

_ANSWERS = frozenset({"target", "targets", "labels", "y", "y_true", "gt", "truth", "ground_truth", "answer"})
_FLOWING_IN = frozenset({"x", "input", "inputs", "features", "img", "image"})

@dataclass(frozen=True)
class Advice:
    """Help lines, and the edit that follows the first of them."""

    help: tuple[str, ...]
    fix: Fix | None


def missing_name(
    node: Name, around: Sequence[TreeNode], known_help: tuple[str, ...], stages: Collection[str]
) -> Advice | None:
    """Help for a name that nothing defines, but that means something elsewhere.

    Args:
        node: the name.
        around: the nodes around it, from the file on.
        known_help: the help lines that the mistake has already, such as near matches.
        stages: the names of all stages.
    """
    # A tensor of a network may well be called `target`; only a loss has right answers to read.
    inside = {type(node) for node in around}
    if Train in inside and node.text.lower() in _ANSWERS:
        return Advice(("the right answers of the data are called `label`",), Fix(node.span, "label"))
    if Train not in inside and node.text.lower() in _ONLY_ANSWERS:
        return Advice((f"only a loss reads the right answers, and a loss stands in `train`: {_loss_in_train(around)}",),
                      None)
    if node.text.lower() in _ENTERING:
        return Advice(("the channels that enter are `in.channels`",), Fix(node.span, "in.channels"))

    sentence = STAGES_ELSEWHERE.get(node.text.lower())
    if sentence is not None:
        return Advice((sentence,), None)

    here = SHORT_NAMES.get(node.text.lower()) or FUNCTION_NAMES.get(node.text) or _spelt_otherwise(node.text, stages)
    if here is not None:
        return Advice((f"it is called `{here}` here",), Fix(node.span, here))

    # In the exact spelling: near ones would propose an import for every other typing mistake.
    module = standard_blocks().get(node.text)
    if module is not None and not any(line.startswith(ALIASED) for line in known_help):
        line = f"import {module} ({node.text})"
        help = f"a standard block is called so: write `{line}` behind the first line"
        return Advice((help, *known_help), _behind_first_line(node, line))

    if Block in inside and node.text in _FLOWING_IN and not known_help:
        return Advice(("the tensor that flows into a block is called `in`: `in -> ...`",), Fix(node.span, "in"))
    return None


def _loss_in_train(around: Sequence[TreeNode]) -> str:
    """The loss around a name as `train` says it; an example where no call is around it."""
    loss = "cross_entropy(logits, label)"
    call = next((node for node in reversed(around) if isinstance(node, Call)), None)
    if call is not None:
        loss = print_flat(call)
    return f"`train {{ loss = {loss} }}`"


def _spelt_otherwise(name: str, stages: Collection[str]) -> str | None:
    """The stage that a name is but for capitals, underscores and `2d`: `batchNorm2d`, `depthwise_conv2d`."""
    letters = re.sub("2d$", "", name.lower().replace("_", ""))
    return next((stage for stage in stages if stage.replace("_", "") == letters), None)


@lru_cache(maxsize=1)
def standard_blocks() -> Mapping[str, str]:
    """The module of each block of the standard library, by the name of the block."""
    modules: dict[str, str] = {}
    for path in sorted(STD.glob("*.arch")):
        for name in re.findall(r"^block (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            modules[name] = f"std.{path.stem}"
    return modules


def _behind_first_line(node: Name, line: str) -> Fix:
    source = node.span.source
    end = len(source.line(1))
    return Fix(Span(source, end, end), f"\n{line}")


def sizes_of_input(file: File) -> str:
    """Help for an input that looks like a batch of maps, or like a map with its channels behind; empty for others."""
    for node in walk(file):
        if not isinstance(node, Input):
            continue

        sizes = [item.value for item in node.sizes.items if isinstance(item, Number)]
        if len(sizes) != len(node.sizes.items):  # with a symbol in it nothing is certain
            continue
        if len(sizes) == 4:
            rest = ", ".join(str(size) for size in sizes[1:])
            return f"four sizes are a volume, and the batch is never written: `input {node.name}: [{rest}]`"
        # Images have 1, 3 or 4 channels, and more rows than that.
        if len(sizes) == 3 and sizes[2] in (1, 3, 4) and sizes[0] not in (1, 3, 4):
            channels_first = f"[{sizes[2]}, {sizes[0]}, {sizes[1]}]"
            return f"sizes are channels, height, width: `input {node.name}: {channels_first}`"
    return ""
