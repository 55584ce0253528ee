"""Bodies as flows: items that follow one another become one flow, and what is read again gets a name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from archlang.importing.blocks import Inside, Made, Slot
from archlang.importing.expressions import call, static
from archlang.importing.folding import fresh
from archlang.importing.ramps import RisingRow, loop
from archlang.importing.scopes import Item, Single, Use
from archlang.importing.steps import LayerOf, Word
from archlang.syntax import tree
from archlang.syntax.lexing import WORDS
from archlang.syntax.tree import Argument, Expr


@dataclass
class BodyWriter:
    """One body while it is written.

    Args:
        blocks: the blocks by name.
        entering: what values from outside are called inside.
        kept: the values that are read after the body, or handed out.
        taken: names that nothing here may have.
        written: what stands in the place of arguments, by item and name.
        group: the part of the network that an item belongs to; flows end where it changes.
        within: the path of the module whose body this is.
        shared: steps that are uses of one layer, each with the first of them.
        outputs: the names under which a network hands values out, which nothing else may have.
    """

    blocks: Mapping[str, Made]
    entering: Mapping[int, Expr]
    kept: Sequence[int]
    taken: set[str]
    written: Mapping[Slot, Inside] = field(default_factory=dict)
    group: Callable[[Item], str] | None = None
    within: str = ""
    shared: Mapping[int, int] = field(default_factory=dict)
    outputs: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.named: dict[int, Expr] = dict(self.entering)
        self.statements: list[tree.Statement] = []
        self.flow: list[Expr] = []
        self.end: int | None = None
        self.members: list[Item] = []
        self.layers: dict[int, str] = {}

    def write(self, items: Sequence[Item]) -> None:
        """Write all items; `expr` then tells what values are called."""
        self.reads = Counter(value for item in items for value in item.inputs)
        self.reads.update(self.kept)
        self.inline = {
            item.output for item in items if not item.inputs and self.reads[item.output] == 1
            and item.output not in self.kept
        }
        self.held: dict[int, Expr] = {}
        for at, item in enumerate(items):
            self._item(at, item)

    def last(self) -> Expr:
        """The value that a body hands out: its open flow, or what it is called."""
        value = self.kept[-1]
        if value == self.end and self.flow:
            return _flow(self.flow)
        return self.expr(value)

    def close(self) -> None:
        """End the open flow: it gets a name."""
        if self.end is None or not self.flow:
            return
        name = self._name()
        self.taken.add(name)
        self.statements.append(tree.Bind(name, _flow(self.flow)))
        self.named[self.end] = tree.Name(name)
        self.flow, self.members, self.end = [], [], None

    def expr(self, value: int) -> Expr:
        """The name of a value."""
        if value in self.held:
            return self.held[value]
        # A value that is still flowing gets its name now that something reads it.
        if value == self.end:
            self.close()
        return self.named[value]

    def _item(self, at: int, item: Item) -> None:
        # A tensor of the model's own stands where it is read.
        if item.output in self.inline:
            self.held[item.output] = self._stage(at, item, ())
            return

        inputs = self._ordered(item)
        if not inputs or inputs[0] != self.end or not self._goes_on(item, inputs):
            self.close()
            self.flow = [self.expr(value) for value in inputs[:1]]
        # The members of a bundle flow together.
        if isinstance(item, Single) and item.step.bundled:
            self.close()
            self.flow = [tree.TupleOf(tuple(self.expr(value) for value in inputs))]
            inputs = []
        tensors = tuple(self.expr(value) for value in inputs[1:])
        self.flow.append(self._stage(at, item, tensors))
        self.members.append(item)
        self.end = item.output

    def _goes_on(self, item: Item, inputs: Sequence[int]) -> bool:
        """Tell whether the open flow, which nothing else reads, goes on with an item."""
        if self.reads[inputs[0]] != 1:
            return False
        return self.group is None or not self.members or self.group(self.members[-1]) == self.group(item)

    def _ordered(self, item: Item) -> list[int]:
        """The values that an item reads, the one that flows first."""
        inputs = list(item.inputs)
        # What was made last flows, and what was made before it joins.
        if isinstance(item, Single) and item.step.free and inputs[1] == self.end:
            inputs.reverse()
        return inputs

    def _stage(self, at: int, item: Item, tensors: tuple[Expr, ...]) -> Expr:
        if isinstance(item, Use):
            return self._use(at, item, tensors)
        assert isinstance(item, Single)
        # The second use of a layer is its name alone.
        layer = self.shared.get(item.output)
        if layer in self.layers:
            return tree.Name(self.layers[layer])

        args = {name: self.written.get((at, name), value) for name, value in item.step.args.items()}
        args |= {name: value for (place, name), value in self.written.items() if place == at and name not in args}
        # A layer is called by its name, which stands since its first use.
        tables = {name: value for name, value in args.items() if isinstance(value, LayerOf)}
        args |= {name: Word(self.layers[value.value]) for name, value in tables.items()}
        stage = call(item.step.op, args, tensors, item.step.named)
        name = module_name(item)
        if layer is not None:
            return self._layer(layer, name or item.step.op, stage)
        # What has no weights has no names that anybody looks for.
        if name and item.step.weights:
            return tree.As(stage, name)
        return stage

    def _layer(self, first: int, name: str, stage: Expr) -> Expr:
        """Declare a layer at its first use, and use it."""
        called = fresh(name, self.taken)
        self.taken.add(called)
        self.layers[first] = called
        self.statements.append(tree.Layer(called, stage))
        return tree.Name(called)

    def _use(self, at: int, item: Use, tensors: tuple[Expr, ...]) -> Expr:
        if isinstance(item, RisingRow):
            return loop(item, lambda value: self._one(at, item, tensors, {item.name: value}), fresh("i", self.taken))
        stage = self._one(at, item, tensors, {})
        if item.count == 1:
            return stage
        times = self.written.get((at, "*"), item.count)
        return tree.Binary("*", static(times), stage)

    def _one(self, at: int, item: Use, tensors: tuple[Expr, ...], rising: Mapping[str, Expr]) -> Expr:
        """A single use of a block, with expressions in the place of some values."""
        block = self.blocks[item.block]
        given: list[Argument] = []
        for name, default in block.parameters.items():
            value = self.written.get((at, name), item.values[name])
            if name in rising:
                # What has no default stands by place.
                word = None
                if default is not None:
                    word = name
                given.append(Argument(word, rising[name]))
            elif default is None:
                given.append(Argument(None, static(value)))
            elif value != default or isinstance(value, bool) != isinstance(default, bool):
                given.append(Argument(name, static(value)))
        # Tensors beside the first are parameters, too, and stand first of all.
        all_given = tuple(Argument(None, tensor) for tensor in tensors) + tuple(given)
        stage: Expr = tree.Name(item.block)
        if all_given:
            stage = tree.Call(stage, all_given)
        return stage

    def _name(self) -> str:
        """A name for the open flow: that of the part of the network that it is, or of its last module."""
        if self.end is not None and self.end in self.outputs:
            return self.outputs[self.end]
        paths = [item.path.removeprefix(self.within).lstrip(".") for item in self.members]
        split = [path.split(".") for path in paths if path]
        said = ""
        if self.group is not None and self.members:
            said = self.group(self.members[-1])
        if not said:
            said = _word(_common(split))
        # The first flow of a network or a block, where no module of its own holds it.
        if not said and not any(isinstance(one, tree.Bind) for one in self.statements):
            said = "stem"
            if self.group is None:
                said = "body"
        if not said and split:
            said = _word(split[-1])
        return fresh(identifier(said) or "x", self.taken)


def _common(split: Sequence[list[str]]) -> list[str]:
    """The path of the module that several others stand in; empty for none."""
    common: list[str] = []
    for words in zip(*split, strict=False):
        if len(set(words)) > 1:
            break
        common.append(words[0])
    return common


def _word(path: Sequence[str]) -> str:
    """The last word of a path, with the one before it where it is a number."""
    if not path:
        return ""
    words = [part for part in path if not part.isdigit()]
    if path[-1].isdigit() and words:
        return f"{words[-1]}_{path[-1]}"
    return path[-1]


def _flow(steps: Sequence[Expr]) -> Expr:
    if len(steps) == 1:
        return steps[0]
    return tree.Flow(tuple(steps))


def identifier(text: str) -> str:
    """A name of the language made of a module's path."""
    word = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")
    if word and word[0].isdigit():
        word = f"x{word}"
    return word


def module_name(item: Item) -> str:
    """The name that the torch model calls a module by, if it has one that is no number."""
    name = item.path.rpartition(".")[2]
    if not name.isidentifier() or not name.isascii():
        return ""
    return unreserved(name)


def unreserved(name: str) -> str:
    """A name that is no word of the language: a module may be called `layer`, and a key of a dict `output`."""
    if name in WORDS:
        return f"{name}_"
    return name
