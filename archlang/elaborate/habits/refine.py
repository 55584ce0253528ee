"""Mistakes that elaboration has found, worded anew where a habit from another framework is behind them.

Only mistakes are looked at, never a file that is right. The tree around the place of a mistake tells if a table knows
the form: then the message names where it comes from, the help shows the text to write, and a fix holds the edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from archlang.dataclass import dataclass
from archlang.diagnostics import Diagnostic, Fix, Label, error
from archlang.elaborate.habits.advice import missing_name, sizes_of_input
from archlang.elaborate.habits.calls import (
    Mend,
    arguments_of,
    block_call,
    bound_by_let,
    call_around,
    counted_too,
    entry_of,
    example,
    flow_in_braces,
    meant_elsewhere,
    optimizer,
    text_for_parameter,
)
from archlang.elaborate.habits.candidates import Mistaken, flows_from, mend_of_candidates
from archlang.elaborate.habits.consequences import without_consequences
from archlang.elaborate.habits.fallback import mend_of_last_resort, swapped
from archlang.elaborate.habits.flows import FlowReader
from archlang.elaborate.habits.foreign_arguments import mend_of_arguments
from archlang.elaborate.habits.habit import TRUTH_WORDS
from archlang.elaborate.habits.joining import REPEATED
from archlang.elaborate.habits.native import SETTINGS, renamed
from archlang.elaborate.habits.place import CallPlace, flow_before, place_of
from archlang.elaborate.habits.ranks import rank_of_flow
from archlang.elaborate.habits.translation import OF_CALLS, OF_NAMES, OF_SHAPES, Translation
from archlang.elaborate.habits.values import mend_of_value
from archlang.elaborate.habits.wording import (
    fitted,
    help_of_unknown,
    is_function_of_numbers,
    is_static,
    message_of,
    without,
)
from archlang.elaborate.placing import meant_call, signature_of
from archlang.ops.model import REQUIRED, Catalogue
from archlang.source import Source, Span
from archlang.syntax.printer import print_flat
from archlang.syntax.tree import Argument, Bind, Call, Expr, Field, File, Flow, Index, Name, TreeNode

MOST = 200
"""Mistakes that are looked at: a reader sees fifty, and a file may have ten thousand."""


def refine(
    diagnostics: Sequence[Diagnostic], files: Mapping[Source, File], catalogue: Catalogue, ranks: Mapping[str, int]
) -> tuple[Diagnostic, ...]:
    """Word mistakes anew where a habit is behind them, and leave out those that it brought along.

    Args:
        diagnostics: mistakes and warnings in the order of the text.
        files: the trees of the files, by their texts.
        catalogue: all operations and settings.
        ranks: the number of axes of each tensor of the network, by its name, as far as they are known.
    """
    refined: list[Diagnostic] = []
    covered: list[Span] = []  # places whose mistakes have been worded anew
    readers: dict[int, FlowReader] = {}
    for number, diagnostic in enumerate(diagnostics):
        file: File | None = None
        if diagnostic.primary is not None:
            file = files.get(diagnostic.primary.span.source)
        if file is None or diagnostic.primary is None or diagnostic.severity != "error" or number >= MOST:
            refined.append(diagnostic)
            continue

        span = diagnostic.primary.span
        if any(_inside(span, place) for place in covered):  # a consequence of the habit itself
            continue
        place = place_of(file, span, catalogue, ranks, readers)
        better = _Rewording(diagnostic, place, catalogue).run()
        if better is None:
            refined.append(diagnostic)
        else:
            refined.append(better.diagnostic)
            covered.append(better.place)

    return tuple(without_consequences(refined))


@dataclass(frozen=True)
class _Reworded:
    diagnostic: Diagnostic
    place: Span  # other mistakes inside it are its consequences


class _Rewording:
    """One mistake, the nodes around it, and the tables that may know it."""

    def __init__(self, diagnostic: Diagnostic, place: CallPlace, catalogue: Catalogue) -> None:
        self.diagnostic = diagnostic
        self.path, self.reader = place.path, place.reader
        self.in_network = place.in_network
        self.node = self.path[-1]
        self.parent = self.path[max(len(self.path) - 2, 0)]
        self.catalogue = catalogue

    def run(self) -> _Reworded | None:
        """The mistake worded anew, if a table knows the habit behind it."""
        try:
            better = self._by_kind()
            if better is not None and better.diagnostic.help:
                return better
            return self._mended(mend_of_last_resort(self.diagnostic, self.path, self.catalogue))
        except RecursionError:  # a chain of hundreds of calls: its plain message will do
            return None

    def _by_kind(self) -> _Reworded | None:
        kind = self.diagnostic.name
        # `None` as a size is said already; a budget is used up by whatever form, behind thousands of others.
        if kind in ("reserved-symbol", "too-many-nodes", "too-much-work"):
            return None
        if (several := mend_of_candidates(Mistaken(self.diagnostic, self.path, self.reader.names, self.catalogue))):
            return self._mended(several)
        # Kinds of which a single table knows the habits.
        if kind == "unknown-setting":
            return self._setting()
        if kind == "unknown-argument" and (argument := self._argument()) is not None:
            return argument
        if kind == "too-many-arguments" and (order := self._order()) is not None:
            return order
        if kind in ("unknown-argument", "too-many-arguments"):
            framework = self._framework()
            return framework or self._call_mended(mend_of_arguments(self.path, self._entering_rank()))
        if (weights := optimizer(self.path, self.catalogue)) is not None:
            return self._mended(weights)
        # A value in place of a tensor: a form of another framework explains it better than its kind does.
        no_tensor = kind == "stage-is-no-tensor" or (kind == "wrong-kind" and is_static(self.node))
        if no_tensor and self._is_bound_value():
            return self._framework() or self._static()
        if kind == "wrong-kind":
            return self._framework() or self._mended(swapped(self.path)) or self._value()
        if kind == "missing-argument":
            return self._missing_argument()
        if kind == "misplaced-statement":
            return self._mended(bound_by_let(self.path, self.catalogue))
        if kind in OF_SHAPES:
            return self._input_sizes() or self._mended(counted_too(self.node, self.path, self.diagnostic.help))
        return self._framework() or self._python_name() or self._missing_name()

    # --- forms of other frameworks ---

    def _framework(self) -> _Reworded | None:
        """Look for the outermost expression around the mistake that a table knows."""
        for at, node in enumerate(self.path):
            if not isinstance(node, Expr):
                continue
            translation = self._translated(node, self.path[at - 1])
            # A text that is the node itself would be the mistake once more.
            if translation is not None and self._explains(translation) and translation.text != print_flat(node):
                return self._form(node, self.path[at - 1], translation)

        for at, node in enumerate(self.path):
            if isinstance(node, Expr) and (part := self.reader.unwritten(node)) is not None:
                return self._form(part[0], self.path[at - 1], part[1])

        # Of a whole flow the beginning is at fault: `concat([a, b]) -> relu`.
        if isinstance(self.node, Flow) and self.diagnostic.name == "stage-is-no-tensor":
            first = self.node.steps[0]
            translation = self.reader.flow(first)
            if translation is not None:
                return self._form(first, self.node, translation)
        return None

    def _translated(self, node: Expr, parent: TreeNode) -> Translation | None:
        # `range(2)` is a function here too, and of numbers it is meant: where its value lands is the mistake.
        if is_function_of_numbers(node):
            return None
        if isinstance(parent, Flow) and parent.steps[0] is not node:
            return self.reader.stage(node, flow_before(node, parent))
        if isinstance(node, Index) and isinstance(node.value, Field) and node.value.name == "shape":
            return Translation("PyTorch", ".shape", self.reader.size(node.value.value, node.index))
        return self.reader.flow(node) or self.reader.stage(node)

    def _entering_rank(self) -> int | None:
        """The axes of what flows into the call around the mistake, None if they are not known."""
        call = call_around(self.path)
        if call is None:
            return None
        before = flow_before(call, self.path[max(self.path.index(call) - 1, 0)])
        return rank_of_flow(before, self.reader.names.ranks)

    def _explains(self, translation: Translation) -> bool:
        """Return whether a form can have led to this kind of mistake.

        A stage called like a function is a mistake only if elaboration says so: in a block `concat(a, b)` is a stage,
        and sizes that differ in it have another cause.
        """
        kind = self.diagnostic.name
        # `softmax(linear(x, 10))`: the inner stage is no word for the argument in whose place it stands.
        if translation.is_flow and translation.shown.endswith("(") and kind == "unknown-word":
            return True
        if translation.origin == "Python" and translation.shown not in ("self", REPEATED):
            return kind in OF_CALLS or (translation.shown.startswith(".") and kind in OF_NAMES)
        return kind in OF_CALLS or kind in OF_NAMES or kind == "unknown-argument"

    def _form(self, node: Expr, parent: TreeNode, translation: Translation) -> _Reworded:
        text, habit = translation.text, translation.habit
        fix: Fix | None = None
        if text is not None:
            text = fitted(text, parent)
            help = f"write `{text}`{without(translation)}"
            if translation.exact:
                fix = Fix(node.span, text)
        elif habit is not None and habit.here:
            help = f"write `{habit.form}`; not all of this is known here"
        elif habit is not None:
            help = habit.form
        else:
            help = help_of_unknown(translation.shown, self.catalogue.stages)

        notes: tuple[str, ...] = ()
        if habit is not None and habit.note:
            notes = (habit.note,)
        mistake = error("foreign-form", message_of(translation), node.span, help=help, notes=notes, fix=fix)
        return _Reworded(mistake, node.span)

    # --- names ---

    def _python_name(self) -> _Reworded | None:
        if not isinstance(self.node, Name) or self.node.text not in TRUTH_WORDS:
            return None

        span, right = self.node.span, TRUTH_WORDS[self.node.text]
        if right == "auto":
            help = "leave the argument out, or write its default: `auto`, `none` or a stage such as `identity`"
            return _Reworded(error("foreign-form", f"there is no `{self.node.text}`", span, help=help), span)
        message = f"`{self.node.text}` is written `{right}`"
        return _Reworded(error("foreign-form", message, span, help=f"write `{right}`", fix=Fix(span, right)), span)

    def _missing_name(self) -> _Reworded | None:
        if not isinstance(self.node, Name) or self.diagnostic.name not in OF_NAMES:
            return None

        # Where a word is wanted, a stage that is spelt alike would not do.
        stages: tuple[str, ...] = ()
        if self.diagnostic.name != "unknown-word":
            stages = self.catalogue.stages
        advice = missing_name(self.node, self.path, self.diagnostic.help, stages)
        if advice is None:
            return None
        return _Reworded(replace(self.diagnostic, help=advice.help, fix=advice.fix), self.node.span)

    # --- arguments and settings ---

    def _argument(self) -> _Reworded | None:
        """An argument under the name that it has elsewhere."""
        argument = next((node for node in reversed(self.path) if isinstance(node, Argument)), None)
        call = next((node for node in reversed(self.path) if isinstance(node, Call)), None)
        if argument is None or call is None or argument.name is None or not isinstance(call.callee, Name):
            return None

        signature = [(arg.name, arg.default is REQUIRED) for arg in arguments_of(self.catalogue, call.callee.text)]
        better = renamed(call, argument.name, signature)
        if better is None:
            elsewhere = meant_elsewhere(self.path, argument.name)
            if not elsewhere:
                return None
            return self._mended(Mend((*elsewhere, *self.diagnostic.help)))
        text = fitted(better.text, self.path[self.path.index(call) - 1])
        help = (f"{better.reason}: write `{text}`",)
        return _Reworded(replace(self.diagnostic, help=help, fix=Fix(call.span, text)), call.span)

    def _missing_argument(self) -> _Reworded | None:
        """A call that lacks an argument: a whole one shows what it looks like."""
        call, name = call_around(self.path), self.node
        if call is not None:
            name = call.callee
        if not isinstance(name, Name):
            return None
        if (block := block_call(name, self.path)) is not None:
            return self._mended(block)

        shown = example(self.catalogue, name.text)
        if not shown:
            return None
        return self._mended(Mend((*self.diagnostic.help, *shown)))

    def _call_mended(self, mend: Mend | None) -> _Reworded | None:
        """The same mistake with better help, which speaks of all arguments of the call."""
        better, call = self._mended(mend), call_around(self.path)
        if better is None or call is None:
            return better
        return replace(better, place=call.span)

    def _mended(self, mend: Mend | None) -> _Reworded | None:
        """The same mistake with better help."""
        primary = self.diagnostic.primary
        if mend is None or primary is None:
            return None
        message = mend.message or self.diagnostic.message
        better = replace(self.diagnostic, message=message, help=mend.help, fix=mend.fix,
                         alternatives=mend.alternatives)
        if mend.place is not None:
            used = (Label(primary.span, "called here"),)
            better = replace(better, primary=Label(mend.place), secondary=used)
        return _Reworded(better, primary.span)

    def _order(self) -> _Reworded | None:
        """Arguments of a stage here in PyTorch's order: the message shows the mend, and this makes an edit of it."""
        # The surplus may be a call itself: then it is the one around it that has too many.
        primary, path = self.diagnostic.primary, self.path
        if primary is not None and self.node.span == primary.span:
            path = self.path[:-1]
        call = call_around(path)
        if call is None or not isinstance(call.callee, Name) or self.reader.flow(call) is not None:
            return None
        if (braces := flow_in_braces(call, self.catalogue)) is not None:
            return self._mended(braces)
        if self.reader.stage(call) is not None:  # flows in parentheses
            return None
        entry = entry_of(self.catalogue, call.callee.text)
        if entry is None:
            return None

        takes = signature_of(entry)
        instead = meant_call(takes, call.arguments or ())
        if instead is None:
            return None
        return _Reworded(replace(self.diagnostic, fix=Fix(call.span, instead)), call.span)

    def _setting(self) -> _Reworded | None:
        statement = next((node for node in reversed(self.path) if isinstance(node, Bind)), None)
        if statement is None or statement.name not in SETTINGS:
            return None

        habit = SETTINGS[statement.name]
        text = habit.form.format(value=print_flat(statement.value))
        fix: Fix | None = None
        if habit.takes_place:
            fix = Fix(statement.span, text)
        mistake = replace(self.diagnostic, help=(f"{habit.reason}: write `{text}`",), fix=fix)
        return _Reworded(mistake, statement.name_span)

    def _value(self) -> _Reworded | None:
        """A value of a kind that only newcomers write at its place."""
        carried: _Reworded | None = None
        if isinstance(self.node, Name):
            carried = self._carried(self.node)
        return carried or self._mended(mend_of_value(self.diagnostic, self.path, self.reader, self.catalogue))

    def _carried(self, name: Name) -> _Reworded | None:
        """A text that a parameter of a block brought along: the mistake is where it was given."""
        text = text_for_parameter(name, self.diagnostic.message, self.path)
        if text is None or not text.value.isidentifier():
            return None

        help = f"names stand without quotes: write `{text.value}`"
        label = Label(text.span, "given here")
        mistake = replace(self.diagnostic, primary=label, help=(help,), fix=Fix(text.span, text.value))
        return _Reworded(mistake, name.span)

    # --- values ---

    def _is_bound_value(self) -> bool:
        """Return whether the mistake is the whole value of a `name = value` of a network or a block."""
        primary = self.diagnostic.primary
        bound = isinstance(self.parent, Bind) and self.in_network
        return bound and primary is not None and self.node.span == primary.span

    def _static(self) -> _Reworded | None:
        """A static value or a stage, bound as tensors are."""
        statement, value = self.parent, self.node
        assert isinstance(statement, Bind)
        if is_static(value):
            message = "`=` binds tensors; a static value is bound with `let`"
            start = statement.span.start
            fix = Fix(Span(statement.span.source, start, start), "let ")
            help = (f"write `let {statement.name} = {print_flat(statement.value)}`",)
            return _Reworded(replace(self.diagnostic, message=message, help=help, fix=fix), value.span)

        return self._mended(flows_from(statement, self.path))

    def _input_sizes(self) -> _Reworded | None:
        """Sizes that do not fit because the input has a batch, or its channels behind."""
        file, primary = self.path[0], self.diagnostic.primary
        assert isinstance(file, File) and primary is not None
        help = sizes_of_input(file)
        if not help:
            return None
        return _Reworded(replace(self.diagnostic, help=(*self.diagnostic.help, help)), primary.span)


def _inside(inner: Span, outer: Span) -> bool:
    return inner.source is outer.source and outer.start <= inner.start and inner.end <= outer.end
