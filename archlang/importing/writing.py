"""The whole file: blocks, the network, its dials, and the order in which its weights come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archlang.elaborate.training.losses import PROBABILITIES
from archlang.importing.blocks import Inside, Made, Multiple, Slot
from archlang.importing.bodies import BodyWriter, identifier
from archlang.importing.expressions import number, static
from archlang.importing.folding import LEAST, Folding, fresh
from archlang.importing.naming import named_starts
from archlang.importing.scopes import Item, Single
from archlang.importing.steps import Step, Traced
from archlang.ops import CATALOGUE
from archlang.ops.rules import AXIS
from archlang.syntax import tree
from archlang.syntax.lexing import WORDS
from archlang.syntax.tree import Argument, Expr

SHARE = 0.8
"""A part of a network with more of its items than this is no part but the network: its own parts count."""


@dataclass(frozen=True)
class Normalisation:
    """The mean and deviation of the data that a model was trained on, one number a channel."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class WrittenFile:
    """A file as a tree, and the steps in the order in which the file has them."""

    file: tree.File
    steps: tuple[Step, ...]
    blocks: int


def write(
    traced: Traced, name: str, doc: str, normalisation: Normalisation | None = None, resizable: bool = False
) -> WrittenFile:
    """Write a traced model as a file; with `resizable` the sides of its input are dials."""
    traced, lets = named_starts(traced, {*WORDS, *CATALOGUE.stages, *AXIS.words})
    folding = Folding(traced)
    folding.taken |= {let.name for let in lets}
    items = folding.run()
    blocks = {block.name: block for block in folding.blocks}
    taken = {*folding.taken, *blocks}

    # Blocks stand before what uses them, the innermost first, as they were folded.
    declarations: list[tree.Declaration] = [*lets, *(_block(block, blocks, taken) for block in folding.blocks)]
    network = _network(traced, items, blocks, taken, name, normalisation, resizable)
    declarations.append(network)
    if _classifies(network) and not _squashed(traced, items):
        declarations.append(_training(network))
    # A layer that is used several times has its weights once, at its first use.
    steps = tuple(
        step for item in items for step in item.steps if traced.shared.get(step.output, step.output) == step.output
    )
    return WrittenFile(tree.File(tuple(declarations), doc), steps, len(blocks))


def _block(block: Made, blocks: Mapping[str, Made], taken: set[str]) -> tree.Block:
    """A block's declaration. Tensors beside the one that flows in are parameters that stand first."""
    names = {*taken, *block.parameters}
    entering: dict[int, Expr] = {block.inputs[0]: tree.In()}
    parameters = []
    for value in block.inputs[1:]:
        called = fresh("other", names)
        names.add(called)
        entering[value] = tree.Name(called)
        parameters.append(tree.Parameter(called))

    for called, default in block.parameters.items():
        start = None
        if default is not None:
            start = static(default)
        parameters.append(tree.Parameter(called, start))

    body = BodyWriter(blocks, entering, (block.output,), names, block.written, within=block.path)
    body.write(block.items)
    last = body.last()
    if not body.statements and isinstance(last, tree.Flow):
        return tree.Block(block.name, tuple(parameters), _stage(last), blank=True)
    output = tree.Output(None, last)
    return tree.Block(block.name, tuple(parameters), tree.Body(None, (*body.statements, output)), blank=True)


def _stage(flow: tree.Flow) -> Expr:
    """A flow of a single line as a stage: what enters it need not be written."""
    steps = flow.steps
    if isinstance(steps[0], tree.In):
        steps = steps[1:]
    if len(steps) == 1:
        return steps[0]
    return tree.Flow(steps)


def _network(
    traced: Traced, items: Sequence[Item], blocks: Mapping[str, Made], taken: set[str], name: str,
    normalisation: Normalisation | None, resizable: bool,
) -> tree.NetworkDeclaration:
    entering: dict[int, Expr] = {}
    sides: tuple[tree.Parameter, ...] = ()
    statements: list[tree.Statement] = []
    # An output keeps the name that its reader knows: what is handed out and what enters may be called alike.
    names = {*taken, *DIALS, *(output for output, _ in traced.outputs if output is not None)}
    outputs = {value: output for output, (value, *_) in reversed(traced.outputs) if output is not None}
    for called, value in traced.inputs:
        word = fresh(_input_name(called, len(traced.inputs), value in traced.ranges), names)
        names.add(word)
        entering[value] = tree.Name(word)
        written = [number(size) for size in traced.sizes[value]]
        if resizable:
            sides = _sides(traced.sizes[value])
            written[1:] = [tree.Name(dial.name) for dial in sides]
            # A square has one.
            written += written[-1:] * (len(traced.sizes[value]) - len(written))
        sizes = tree.ListOf(tuple(written))
        said = _said(traced.ranges.get(value), normalisation)
        statements.append(tree.Input(word, sizes, said))
        # The data's mean and deviation are those of the first input.
        normalisation = None

    # The last layer of a classifier is as wide as there are classes.
    kept = [value for _, values in traced.outputs for value in values]
    dials: tuple[tree.Parameter, ...] = ()
    slots: dict[Slot, Inside] = {}
    head = _head(traced, items)
    if head is not None:
        slots[head] = Multiple("classes")
        dials = (tree.Parameter("classes", number(traced.sizes[kept[0]][0])),)

    body = BodyWriter(blocks, entering, kept, names, slots, _groups(items), shared=traced.shared,
                      outputs=outputs)
    body.write(items)
    statements.extend(_outputs(traced, body))
    return tree.NetworkDeclaration(identifier(name) or "Network", (*dials, *sides), tree.Body(None, tuple(statements)))


DIALS = ("classes", "side", "rows", "columns")
"""Names that dials may have."""


def _sides(sizes: Sequence[int]) -> tuple[tree.Parameter, ...]:
    """The dials of a map's sides: one for a square."""
    if sizes[1] == sizes[2]:
        return (tree.Parameter("side", number(sizes[1])),)
    return tuple(tree.Parameter(name, number(size)) for name, size in zip(DIALS[2:], sizes[1:], strict=True))


def _head(traced: Traced, items: Sequence[Item]) -> Slot | None:
    """The argument that says how many classes there are: of the last layer before an output that is a vector."""
    (_, values), *others = traced.outputs
    if others or len(values) != 1 or len(traced.sizes[values[0]]) != 1:
        return None

    classes = traced.sizes[values[0]][0]
    makers = {item.output: at for at, item in enumerate(items)}
    value = values[0]
    # Behind the last layer there may be steps that keep as many features as it has.
    while value in makers:
        at = makers[value]
        item = items[at]
        if not isinstance(item, Single) or len(item.inputs) != 1:
            return None
        # A layer that is used elsewhere, too, has the width that it needs there.
        if item.output in traced.shared or "table" in item.step.args:
            return None
        for name in WIDTHS:
            if item.step.args.get(name) == classes and item.step.weights:
                return at, name
        if item.step.weights:
            return None
        value = item.inputs[0]
    return None


WIDTHS = ("features", "channels")
"""The arguments that say how wide a layer is."""


def _squashed(traced: Traced, items: Sequence[Item]) -> bool:
    """Tell whether the output is probabilities already: a loss that wants scores would refuse it."""
    value = traced.outputs[0][1][0]
    for item in items:
        last = item.steps[-1]
        if last.output != value:
            continue
        facts = CATALOGUE.ops.get(last.op)
        return facts is not None and any(given in PROBABILITIES for given in facts.gives)
    return False


def _classifies(network: tree.NetworkDeclaration) -> bool:
    return any(dial.name == "classes" for dial in network.dials)


def _training(network: tree.NetworkDeclaration) -> tree.Train:
    """A plan for fine-tuning a classifier, so that its file can be trained as it is; none of the torch model's."""
    output = network.body.statements[-1]
    assert isinstance(output, tree.Output)
    assert isinstance(output.value, tree.Name)
    loss = tree.Call(tree.Name("cross_entropy"), (Argument(None, output.value), Argument(None, tree.Name("label"))))
    optimizer = tree.Call(tree.Name("adamw"), (Argument("lr", number(1e-4)),))
    phase = tree.Body(None, (tree.Bind("epochs", number(10)), tree.Bind("lr", tree.Name("cosine"))))
    settings = (tree.Bind("loss", loss), tree.Bind("optimizer", optimizer), tree.Stretch("phase", "tune", phase))
    return tree.Train(tree.Body(None, settings))


def _input_name(called: str, count: int, whole: bool) -> str:
    """`image` for the only input, or `tokens` for whole numbers, where the model's code calls it no name of its own."""
    word = identifier(called)
    if count == 1 and word in ("x", "input", "input_1", "inputs", "img", "args_0", "pixel_values", ""):
        if whole:
            return "tokens"
        return "image"
    if word in WORDS or word in CATALOGUE.stages:
        return f"{word}_in"
    return word


def _said(range: int | None, normalisation: Normalisation | None) -> tuple[Argument, ...] | None:
    """Say of an input how many whole numbers there are, or the mean and deviation of the data."""
    if range is not None:
        return (Argument("range", number(range)),)
    if normalisation is None:
        return None
    pairs = (("mean", normalisation.mean), ("std", normalisation.std))
    return tuple(Argument(name, tree.ListOf(tuple(number(one) for one in values))) for name, values in pairs)


def _outputs(traced: Traced, body: BodyWriter) -> list[tree.Statement]:
    """The rest of a network's body: its last flow, and what is handed out."""
    (_, values), *others = traced.outputs
    if not others and len(values) == 1:
        if body.end == values[0] and body.flow:
            _end(body, "logits")
        return [*body.statements, tree.Output(None, body.expr(values[0]))]

    body.close()
    if not others:
        bundle = tree.TupleOf(tuple(body.expr(value) for value in values))
        return [*body.statements, tree.Output(None, bundle)]
    outputs = [tree.Output(name, body.expr(inner)) for name, (inner,) in traced.outputs]
    return [*body.statements, *outputs]


def _end(body: BodyWriter, name: str) -> None:
    """Give the last flow of a network the name that its losses read."""
    called = fresh(name, body.taken)
    body.taken.add(called)
    assert body.end is not None
    body.statements.append(tree.Bind(called, body.last()))
    body.named[body.end] = tree.Name(called)
    body.flow = []


class _groups:
    """Says to which part of a network an item belongs: the outermost module that is not most of the network."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.total = sum(len(item.steps) for item in items)
        self.counts: dict[str, int] = {}
        for item in items:
            for prefix in _prefixes(item.path):
                self.counts[prefix] = self.counts.get(prefix, 0) + len(item.steps)

    def __call__(self, item: Item) -> str:
        prefixes = _prefixes(item.path)
        for prefix in prefixes:
            # A module of its own is no part; steps between the parts go on with one another.
            if self.counts[prefix] < LEAST:
                return ""
            if self.counts[prefix] <= max(2, SHARE * self.total):
                return _words(prefix)
        return ""


def _prefixes(path: str) -> list[str]:
    parts = [part for part in path.split(".") if part]
    return [".".join(parts[: at + 1]) for at in range(len(parts))]


def _words(prefix: str) -> str:
    """A part's name: the last word of its path, with what stands before a number."""
    parts = prefix.split(".")
    word = parts[-1]
    at = len(parts) - 1
    while word[0].isdigit() and at > 0:
        at -= 1
        word = f"{parts[at]}_{word}"
    return word
