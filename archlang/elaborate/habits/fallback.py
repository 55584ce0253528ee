"""Help for mistakes that no table of other programs explains: the call or the statement as it would be right."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from archlang.diagnostics import Diagnostic, Fix
from archlang.elaborate.habits.calls import LONGEST, Mend, call_around, entry_of, example, wanted_argument
from archlang.elaborate.habits.habit import whole_number
from archlang.ops.model import REQUIRED, Catalogue
from archlang.source import Span
from archlang.syntax.mended import mended_line
from archlang.syntax.printer import print_flat
from archlang.syntax.tree import (
    Argument,
    Bind,
    Block,
    Call,
    Expr,
    Index,
    Name,
    NetworkDeclaration,
    Number,
    SizeLiteral,
    TreeNode,
)


def mend_of_last_resort(
    mistake: Diagnostic, path: Sequence[TreeNode], catalogue: Catalogue
) -> Mend | None:
    """The mend for a mistake of a kind that says itself what is right; None for all others.

    Args:
        mistake: what elaboration says.
        path: the nodes around its place, from the file on.
        catalogue: all operations and settings.
    """
    read = _BY_KIND.get(mistake.name)
    if read is not None and (mend := read(mistake, path, catalogue)) is not None:
        return mend
    if mistake.help:
        return None
    return _example(path, catalogue)


# --- names -----------------------------------------------------------------------------------------------------------


def _bound_again(mistake: Diagnostic, path: Sequence[TreeNode], catalogue: Catalogue) -> Mend | None:
    """`x = x -> relu`: the second one gets a name of its own, which is read behind it."""
    if not isinstance(path[-1], Bind):
        return _another_name(mistake)
    statement = next((node for node in reversed(path) if isinstance(node, Bind)), None)
    body = next((node.body for node in path if isinstance(node, NetworkDeclaration | Block)), None)
    if statement is None or body is None or isinstance(body, Expr) or mistake.primary is None:
        return None
    if mistake.primary.span != statement.name_span:  # a name behind `as`, or of a loop
        return None

    source, name = statement.span.source, statement.name
    fresh = f"{name}2"
    while re.search(rf"\b{fresh}\b", source.text):
        fresh = f"{name}{int(fresh.removeprefix(name)) + 1}"

    written = f"{fresh} = {print_flat(statement.value)}"
    behind = source.text[statement.span.end : body.span.end]
    # Where the name is bound once more, it means that one from there on; the value reads this one still.
    again = re.search(rf"(?m)^[ \t]*{name}[ \t]*=(?!=)", behind)
    if again is not None:
        behind = behind[: again.end()] + behind[again.end() :].partition("\n")[0]
    rest = re.sub(rf"(?<![\w.]){name}(?!\w)(?![ \t]*=(?!=))", fresh, behind)
    help = f"write `{written}`, and read `{fresh}` behind it"
    if len(written) > LONGEST:
        help = f"call it `{fresh}`, and read `{fresh}` behind it"
    text = source.text[statement.span.start : statement.span.end].replace(name, fresh, 1)
    end = statement.span.end + len(behind)
    return Mend((help,), Fix(Span(source, statement.span.start, end), text + rest))


def _another_name(mistake: Diagnostic) -> Mend | None:
    """An input, a block or a value of a name that is taken: the same with another one."""
    if mistake.primary is None or mistake.help:
        return None
    span, name = mistake.primary.span, mistake.primary.span.text
    if not name.isidentifier():
        return None
    number = 2
    while re.search(rf"\b{name}{number}\b", span.source.text):
        number += 1
    fix = Fix(span, f"{name}{number}")
    line = mended_line(fix)
    if not line:
        return Mend((f"give it another name: `{name}{number}`",), fix)
    return Mend((f"give it another name: write `{line}`",), fix)


def _bound_later(mistake: Diagnostic, path: Sequence[TreeNode], catalogue: Catalogue) -> Mend | None:
    """A name that a later line binds: that line belongs before this one."""
    if mistake.primary is None or len(mistake.secondary) != 1 or mistake.secondary[0].text != "bound here":
        return None
    source, later = mistake.primary.span.source, mistake.secondary[0].span
    line = source.line(later.line)
    # A statement of several lines is no line to move.
    following = source.line(later.line + 1).strip()
    if sum(line.count(one) for one in "([{") != sum(line.count(one) for one in ")]}") or following.startswith("->"):
        return None
    if len(line.strip()) > LONGEST or later.line <= mistake.primary.span.line:
        return None

    start = source.starts[mistake.primary.span.line - 1]
    end = source.starts[later.line - 1]
    fix = Fix(Span(source, start, end + len(line)), f"{line}\n{source.text[start:end].rstrip()}")
    return Mend((f"write `{line.strip()}` before this line",), fix)


_WORDS_ELSEWHERE = {
    "valid": "none", "no": "none", "off": "none", "same_upper": "same", "zero": "zeros", "edge": "replicate",
    "symmetric": "reflect", "wrap": "circular", "periodic": "circular", "average": "mean", "avg": "mean", "add": "sum",
    "plus": "sum", "cat": "concat", "concatenate": "concat", "step_lr": "steps", "multi_step": "steps",
    "multistep": "steps", "cosine_annealing": "cosine", "warm_restarts": "restarts", "onecycle": "one_cycle",
    "polynomial": "poly", "fixed": "constant",
}
"""Words of other programs, where a word of a list is wanted: one of them counts only where the list has it."""


def _unknown_word(mistake: Diagnostic, path: Sequence[TreeNode], catalogue: Catalogue) -> Mend | None:
    """One of the words that the message lists, where none is near."""
    if mistake.help or mistake.primary is None:
        return None
    words = re.findall(r"`(\w+)`", re.split("can be|is not one of", mistake.message, maxsplit=1)[-1])
    if "can be" not in mistake.message and "is not one of" not in mistake.message:
        return None
    meant = _WORDS_ELSEWHERE.get(mistake.primary.span.text.strip("\"'").lower(), "")
    if meant in words:
        return Mend((f"it is called `{meant}` here: write `{meant}`",), Fix(mistake.primary.span, meant))
    if not words:
        return None
    call = call_around(path)
    arg = wanted_argument(path, catalogue)
    if call is not None and arg is not None and arg.default is not REQUIRED:
        return Mend((f"write `{arg.name} = {words[0]}`, or leave it out",))
    return Mend((f"write `{words[0]}`, or another of them",))


# --- numbers ---------------------------------------------------------------------------------------------------------


def _out_of_range(mistake: Diagnostic, path: Sequence[TreeNode], catalogue: Catalogue) -> Mend | None:
    if mistake.help:
        return None
    value = path[-1]
    if isinstance(value, Number) and "from 0 to 1" in mistake.message and 2 <= value.value <= 100:
        share = f"{value.value / 100:g}"
        return Mend((f"a share is a number from 0 to 1: write `{share}`",), Fix(value.span, share))

    arg = wanted_argument(path, catalogue)
    if arg is not None and arg.default not in (REQUIRED, None):
        return Mend((f"leave `{arg.name}` out, or write its default, {arg.default}",))
    return None


def _divisors(mistake: Diagnostic, path: Sequence[TreeNode], catalogue: Catalogue) -> Mend | None:
    """The numbers that divide, where it is not known which place is to hold one of them."""
    found = re.search(r"does not divide (\d+)", mistake.message)
    if found is None or mistake.help:
        return None
    whole = int(found[1])
    divisors = [str(number) for number in range(1, min(whole, 4096) + 1) if whole % number == 0]
    return Mend((f"{whole} is divided by {', '.join(divisors[:8])}",))


def _index(mistake: Diagnostic, path: Sequence[TreeNode], catalogue: Catalogue) -> Mend | None:
    node = next((one for one in reversed(path) if isinstance(one, Index)), None)
    found = re.search(r"there (?:is|are) (\d+) member", mistake.message)
    if node is None or found is None or mistake.help:
        return None
    last = int(found[1]) - 1
    if last < 0:
        return None
    text = f"{print_flat(node.value)}[{last}]"
    return Mend((f"the last one is `{text}`",))


def _axis(mistake: Diagnostic, path: Sequence[TreeNode], catalogue: Catalogue) -> Mend | None:
    """The word for an axis that was given as a number, put in its place."""
    found = re.search(r"`(\w+)` of \[", " ".join(mistake.help))
    node = path[-1]
    if found is None or whole_number(node) is None:  # type: ignore[arg-type]  # other nodes are no numbers
        return None
    word, argument = found[1], path[-2]
    if isinstance(argument, Argument) and argument.name is not None:
        return Mend((f"write `{argument.name} = {word}`: {mistake.help[0]}",), Fix(node.span, word))
    return Mend((f"write `{word}`: {mistake.help[0]}",), Fix(node.span, word))


def _wrong_kind(mistake: Diagnostic, path: Sequence[TreeNode], catalogue: Catalogue) -> Mend | None:
    """An axis by place, where further tensors stand: `(a, b) -> concat(1)`."""
    call = call_around(path[:-1])
    if call is None or not isinstance(call.callee, Name):
        return None
    if "a tensor is wanted" not in mistake.message:
        return None
    entry = entry_of(catalogue, call.callee.text)
    number = whole_number(path[-1])  # type: ignore[arg-type]  # as above
    if entry is None or number is None or "axis" not in [arg.name for arg in entry.args]:
        return None
    if number in (0, 1):
        text = print_flat(call.callee)
        return Mend((f"write `{text}`, which works along the channels; another axis is named: `axis = height`",),
                    Fix(call.span, text))
    return Mend((f"an axis has a name: write `{print_flat(call.callee)}(axis = width)`, or another axis",))


def swapped(path: Sequence[TreeNode]) -> Mend | None:
    """`conv(64, 3x3)`, whose size stands first."""
    call = call_around(path[:-1])
    if call is None or len(call.arguments or ()) < 2:
        return None

    first, second, *rest = call.arguments or ()
    by_place = first.name is None and second.name is None
    if not by_place or not isinstance(first.value, Number) or not isinstance(second.value, SizeLiteral):
        return None
    text = print_flat(replace(call, arguments=(second, first, *rest)))
    return Mend((f"the size stands first: write `{text}`",), Fix(call.span, text))


# --- calls -----------------------------------------------------------------------------------------------------------


def _needless_braces(mistake: Diagnostic, path: Sequence[TreeNode], catalogue: Catalogue) -> Mend | None:
    call = next((node for node in reversed(path) if isinstance(node, Call) and node.body is not None), None)
    if call is None or mistake.help or call.body is None:
        return None
    text = print_flat(replace(call, body=None))
    if call.body.flows and not call.body.statements:
        inner = "; ".join(print_flat(flow) for flow in call.body.flows)
        return Mend((f"what follows is a step of its own: write `{text} -> {inner}`",))
    return Mend((f"write `{text}`",))


def _missing_braces(mistake: Diagnostic, path: Sequence[TreeNode], catalogue: Catalogue) -> Mend | None:
    if mistake.help or not isinstance(path[-1], Name | Call):
        return None
    shown = print_flat(path[-1])
    inner = "conv(3x3, 16) -> relu"
    if "`parallel`" in mistake.message:
        inner = "conv(1x1, 16); conv(3x3, 16)"
    return Mend((f"write `{shown} {{ {inner} }}`, with your own stages",))


_MOST_ARGUMENTS = 20
"""Arguments of a call that is shown as it should be."""


def _given_twice(mistake: Diagnostic, path: Sequence[TreeNode], catalogue: Catalogue) -> Mend | None:
    argument = next((node for node in reversed(path) if isinstance(node, Argument)), None)
    call = call_around(path)
    if argument is None or call is None or mistake.help:
        return None
    arguments = call.arguments or ()
    # A longer call would be cut where it is shown, and printed for each of its mistakes.
    if len(arguments) > _MOST_ARGUMENTS:
        return Mend(("leave this one or the other out",))

    rest = tuple(one for one in arguments if one is not argument)
    text = print_flat(replace(call, arguments=rest))
    return Mend((f"give it once: `{text}`",))


def _second_declaration(mistake: Diagnostic, path: Sequence[TreeNode], catalogue: Catalogue) -> Mend | None:
    return Mend(("put each into a file of its own; a part of a network is a `block`: `block unit(c) = conv(3x3, c)`",))


_OVER_A_MAP = {
    "mean": "over the positions of a map it is `global_avg_pool`",
    "maximum": "over the positions of a map it is `global_max_pool`",
}
"""The stages for what PyTorch's functions of these names do to one tensor."""


def _bundles(mistake: Diagnostic, path: Sequence[TreeNode], catalogue: Catalogue) -> Mend | None:
    """One tensor where several are wanted, or the other way."""
    if mistake.help:
        return None
    if mistake.name == "expected-bundle":
        several = "several tensors are `(a, b)`, or `parallel { conv(1x1, 8); conv(3x3, 8) }`, which makes them"
        over_map = _OVER_A_MAP.get(mistake.message.split("`")[1])
        if over_map is not None:
            return Mend((over_map, several))
        return Mend((several,))
    return Mend(("bring the members together: `-> sum`, `-> mean` or `-> concat`",))


def _example(path: Sequence[TreeNode], catalogue: Catalogue) -> Mend | None:
    """A whole call of the stage in which the mistake stands."""
    call = call_around(path)
    if call is None or not isinstance(call.callee, Name) or entry_of(catalogue, call.callee.text) is None:
        return None
    shown = example(catalogue, call.callee.text)
    if not shown:
        return None
    return Mend(shown)


_BY_KIND: dict[str, Callable[[Diagnostic, Sequence[TreeNode], Catalogue], Mend | None]] = {
    "already-bound": _bound_again, "undefined-name": _bound_later, "unknown-word": _unknown_word,
    "out-of-range": _out_of_range,
    "index-out-of-range": _index, "not-divisible": _divisors,
    "needless-body": _needless_braces, "missing-body": _missing_braces, "repeated-argument": _given_twice,
    "several-networks": _second_declaration, "expected-bundle": _bundles, "expected-tensor": _bundles,
    "wrong-axis": _axis, "wrong-kind": _wrong_kind,
}
