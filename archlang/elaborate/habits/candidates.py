"""Mistakes with several likely mends: each with its edit, so that the first that holds in its place can be told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from math import isqrt, prod

from archlang.dataclass import dataclass
from archlang.diagnostics import Alternative, Diagnostic, Fix
from archlang.elaborate.habits.calls import Mend, call_around
from archlang.elaborate.habits.habit import items_of, size_text, whole_number
from archlang.elaborate.habits.names import KnownNames
from archlang.ops.model import Catalogue
from archlang.source import Span
from archlang.syntax.printer import print_flat
from archlang.syntax.tree import (
    Argument,
    Bind,
    Block,
    Body,
    Call,
    Expr,
    Flow,
    Input,
    Let,
    ListOf,
    Name,
    NetworkDeclaration,
    Number,
    SizeLiteral,
    Text,
    TreeNode,
)

MOST = 4
"""Candidates of one mistake: each is a check of the whole text."""


@dataclass(frozen=True)
class Mistaken:
    """A mistake, the nodes around it from the file on, and what may be named there."""

    mistake: Diagnostic
    path: Sequence[TreeNode]
    names: KnownNames
    catalogue: Catalogue


def mend_of_candidates(mistaken: Mistaken) -> Mend | None:
    """The mends of a mistake for which several are likely, the likeliest told; None for all other mistakes."""
    for make in _BY_KIND.get(mistaken.mistake.name, ()):
        found = tuple(make(mistaken))[:MOST]
        if found:
            return _mend(found, mistaken.mistake.help)
    return None


def _mend(found: Sequence[Alternative], others: Sequence[str]) -> Mend:
    fix = None
    if found[0].is_certain:
        fix = found[0].fix
    return Mend((found[0].help, *others), fix, alternatives=tuple(found))


# --- names -----------------------------------------------------------------------------------------------------------


def _size_of_names(at: Mistaken) -> Iterator[Alternative]:
    """`kxk` of names, where only numbers are written so: `size(k, k)`."""
    node = at.path[-1]
    if not isinstance(node, Name) or "x" not in node.text:
        return
    parts = node.text.split("x")
    known = [part.isdigit() or at.names.knows((part,)) for part in parts]
    if 2 <= len(parts) <= 3 and all(known):
        text = f"size({', '.join(parts)})"
        yield Alternative(f"a size of names is a call: write `{text}`", Fix(node.span, text))


def _in_quotes(at: Mistaken) -> Iterator[Alternative]:
    """A bare word among texts: `labels = [yes, "no"]`."""
    node = at.path[-1]
    around = next((one for one in reversed(at.path) if isinstance(one, ListOf)), None)
    setting = next((one for one in reversed(at.path) if isinstance(one, Bind)), None)
    if not isinstance(node, Name) or around is None:
        return
    named = setting is not None and setting.name in ("labels", "freeze")
    if not named and not any(isinstance(item, Text) for item in around.items):
        return

    # All of them at once: a list of ten words would else be ten mistakes.
    words = [one for one in around.items if isinstance(one, Name) and not at.names.knows((one.text,))]
    if len(words) != len([one for one in around.items if not isinstance(one, Text)]):
        return
    text = ", ".join(_quoted(item) for item in around.items)
    if len(words) > 1:
        yield Alternative(f"texts stand in quotes: write `[{text}]`", Fix(around.span, f"[{text}]"))
    yield Alternative(f'a text stands in quotes: write `"{node.text}"`', Fix(node.span, f'"{node.text}"'))


def _quoted(item: Expr) -> str:
    if isinstance(item, Name):
        return f'"{item.text}"'
    return print_flat(item)


def _layer_of_let(at: Mistaken) -> Iterator[Alternative]:
    """The `let` of a stage whose weights are read elsewhere: a `layer` holds them."""
    node = at.path[-1]
    if not isinstance(node, Name) or "`layer`" not in at.mistake.message:
        return
    for statement in _statements(at.path):
        if isinstance(statement, Let) and statement.name == node.text:
            start = statement.span.start
            span = Span(statement.span.source, start, start + len("let"))
            text = f"layer {statement.name} = {print_flat(statement.value)}"
            yield Alternative(f"a `let` gives each use weights of its own: write `{text}`", Fix(span, "layer"))


# --- flows -----------------------------------------------------------------------------------------------------------


def flows_from(statement: Bind, path: Sequence[TreeNode]) -> Mend:
    """The mends of a stage that is bound as a tensor is: the tensors that may flow in, and `let`."""
    written, span = print_flat(statement.value), statement.value.span
    inside = next((one for one in path if isinstance(one, Block | NetworkDeclaration)), None)
    before = [one for one in _statements(path) if one.span.start < statement.span.start]
    inputs = [one.name for one in before if isinstance(one, Input)]
    bound = [one.name for one in before if isinstance(one, Bind)]

    # What was made last flows on, as a rule; where nothing was, the first input begins.
    tensors = [*bound[:-3:-1], *inputs[:2]]
    if isinstance(inside, Block):
        tensors = ["in", *tensors]
    found = []
    for tensor in tensors[:3]:
        text = f"{statement.name} = {tensor} -> {written}"
        found.append(Alternative(f"let a tensor flow in: write `{text}`", Fix(Span(span.source, span.start, span.start),
                                                                              f"{tensor} -> ")))

    start = Span(statement.span.source, statement.span.start, statement.span.start)
    stage = Alternative(f"a stage that others use is bound with `let`: write `let {statement.name} = {written}`",
                        Fix(start, "let "))
    told = [*found, stage]
    guesses = tuple(Alternative(one.help, one.fix, is_certain=False) for one in told)
    message = "`=` binds tensors, and no tensor flows into this stage"
    return Mend(tuple(dict.fromkeys((told[0].help, stage.help))), None, message, alternatives=guesses)


def _statements(path: Sequence[TreeNode]) -> Sequence[TreeNode]:
    """The statements of the network or the block around a place."""
    body = next((one.body for one in path if isinstance(one, NetworkDeclaration | Block)), None)
    if isinstance(body, Body):
        return body.statements
    return ()


# --- sizes -----------------------------------------------------------------------------------------------------------

_SUFFIX = {2: "1d", 3: "", 4: "3d"}


def _of_this_rank(at: Mistaken) -> Iterator[Alternative]:
    """The stage for what flows in: `conv3d` for a volume, `linear` for a vector; then the input without its batch."""
    # An image with a batch before it has so many channels as second size: that is likelier than a volume.
    batched = list(_without_batch(at))
    yield from (one for one, is_image in batched if is_image)
    yield from _stage_of_rank(at)
    yield from (one for one, is_image in batched if not is_image)


def _without_batch(at: Mistaken) -> Iterator[tuple[Alternative, bool]]:
    """The inputs of four sizes, each without its first one, and whether it looks like a batch of images."""
    if _entering_rank(at.mistake) != 4:
        return
    for one in _statements(at.path):
        if isinstance(one, Input) and len(one.sizes.items) == 4:
            sizes = ", ".join(print_flat(item) for item in one.sizes.items[1:])
            help = f"four sizes are a volume, and the batch is never written: `input {one.name}: [{sizes}]`"
            numbers = [whole_number(item) for item in one.sizes.items]
            is_image = numbers[1] in (1, 3, 4) and numbers[2] == numbers[3]
            yield Alternative(help, Fix(one.sizes.span, f"[{sizes}]"), is_certain=False), is_image


def _stage_of_rank(at: Mistaken) -> Iterator[Alternative]:
    rank, node = _entering_rank(at.mistake), at.path[-1]
    call = call_around(at.path)
    if call is not None:
        node = call
    name = node
    if isinstance(node, Call):
        name = node.callee
    if rank is None or not isinstance(name, Name) or not isinstance(node, Name | Call):
        return

    base = re.sub("[13]d$", "", name.text)
    here = base + _SUFFIX.get(rank, "?")
    arguments = call_arguments(node, rank - 1)
    if arguments is not None and at.catalogue.stage(here) is not None and here != name.text:
        text = here
        if arguments:
            text = f"{here}({', '.join(arguments)})"
        yield Alternative(f"of what flows in, the stage is `{here}`: write `{text}`", Fix(node.span, text))

    given = [print_flat(one.value) for one in _arguments(node) if one.name in (None, "channels")]
    if rank <= 2 and base == "conv" and len(given) == 2:
        text = f"linear({given[1]})"
        kind = {1: "a vector", 2: "each position of a sequence"}[rank]
        yield Alternative(f"a dense map of {kind} is `linear`: write `{text}`", Fix(node.span, text), is_certain=False)


def _entering_rank(mistake: Diagnostic) -> int | None:
    """The number of sizes of what flows in, as the label beside it says."""
    for label in mistake.secondary:
        found = re.fullmatch(r"this is \[([^\[\]]*)\]", label.text)
        if found is not None:
            return len(found[1].split(","))
    return None


def _arguments(node: TreeNode) -> Sequence[Argument]:
    if isinstance(node, Call):
        return node.arguments or ()
    return ()


def call_arguments(node: TreeNode, axes: int) -> list[str] | None:
    """The arguments of a call with sizes along so many axes; None where a size is not the same along all of its own."""
    words = []
    for place, argument in enumerate(_arguments(node)):
        value = argument.value
        text = print_flat(value)
        if isinstance(value, SizeLiteral):
            if len(set(value.sizes)) > 1:
                return None
            text = size_text(value.sizes[:1] * axes)
        # A line's kernel is one number, and a map's is a size.
        elif place == 0 and argument.name is None and axes > 1 and (number := whole_number(value)) is not None:
            text = size_text((number,) * axes)
        if argument.name is not None:
            text = f"{argument.name} = {text}"
        words.append(text)
    return words


def _divisible(at: Mistaken) -> Iterator[Alternative]:
    """The nearest numbers that divide; where the divisor is fixed, the channels before it."""
    found = re.search(r"(\d+) does not divide (\d+)", at.mistake.message)
    if found is None or at.mistake.help:
        return
    wrong, whole, value = int(found[1]), int(found[2]), at.path[-1]
    divisors = [number for number in range(1, min(whole, 4096) + 1) if whole % number == 0]
    listed = ", ".join(str(number) for number in divisors[:8])

    if isinstance(value, Number) and value.value == wrong:
        for number in sorted(divisors, key=lambda number: (abs(number - wrong), -number)):
            yield Alternative(f"{whole} is divided by {listed}: write `{number}`", Fix(value.span, str(number)))
        return
    yield from _channels_before(at, wrong, whole)


def _channels_before(at: Mistaken, by: int, whole: int) -> Iterator[Alternative]:
    """The stage before, with so many channels as are divided: those that give the wanted number, then the nearest."""
    flow = next((one for one in reversed(at.path) if isinstance(one, Flow)), None)
    if flow is None:
        return
    steps = [one for one in flow.steps if one.span.end <= at.path[-1].span.start]
    if at.path[-1] in steps or len(steps) < 1:
        return
    before = steps[-1]
    numbers = [one.value for one in _arguments(before) if whole_number(one.value) == whole]
    nearest = {max(1, whole // by) * by, -(-whole // by) * by}
    for channels in dict.fromkeys((whole * by, *sorted(nearest))):
        if len(numbers) == 1 and whole * by <= 1 << 16:
            text = re.sub(rf"(?<![\w.]){whole}(?!\w)", f"{channels}", print_flat(before))
            help = f"{by} divides {channels}: write `{text}` before it"
            yield Alternative(help, Fix(numbers[0].span, str(channels)), is_certain=False)


def _sizes(at: Mistaken) -> Iterator[Alternative]:
    """The sizes of a `reshape` that hold as many numbers: square maps stay square."""
    found = re.search(r"holds (\d+) numbers", at.mistake.message)
    node = at.path[-1]
    if found is None or not isinstance(node, ListOf) or at.mistake.help:
        return
    total = int(found[1])
    sizes = [whole_number(item) for item in items_of(node)]
    given = [size for size in sizes if size is not None and size > 0]
    if len(given) != len(sizes) or not given:
        return

    kept: list[tuple[int, ...]] = []
    if len(given) == 3 and given[1] == given[2]:
        side = isqrt(total // given[0])
        kept.append((given[0], side, side))
        kept.append((total // (given[1] * given[2]), given[1], given[2]))
    kept.append((*given[:-1], total // prod(given[:-1])))
    for one in dict.fromkeys(kept):
        if prod(one) == total:
            text = f"[{', '.join(map(str, one))}]"
            yield Alternative(f"write `{text}`, which holds as many numbers", Fix(node.span, text))


_BY_KIND: dict[str, tuple[Callable[[Mistaken], Iterator[Alternative]], ...]] = {
    "undefined-name": (_size_of_names, _in_quotes),
    "unknown-word": (_size_of_names, _in_quotes),
    "wrong-kind": (_layer_of_let, _in_quotes),
    "wrong-rank": (_of_this_rank,),
    "not-divisible": (_divisible,),
    "wrong-count": (_sizes,),
}
