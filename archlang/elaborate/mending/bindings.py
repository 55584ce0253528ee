"""Names that are bound in the way of other languages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archlang.elaborate.mending.place import MistakePlace, TriedEdit

_RULE = "a tensor gets its name with `name = flow`"
_ENTERING = frozenset({
    "x", "X", "in", "inp", "input", "inputs", "image", "img", "features", "data", "h", "out", "self", "net",
})  # fmt: skip
_WORDS = r"(?:let|var|const|val|def|tensor|auto|set|my|mut|local|new|node|Tensor|tensor|self\s*\.|this\s*\.)"


def other_bindings(place: MistakePlace) -> Iterator[TriedEdit]:
    """`var x = flow`, `x: tensor = flow`, `x <- flow`, `self.x = flow`, `x flow`, `x -> flow`."""
    found = re.match(rf"((?:{_WORDS}\s*)*)(\w+)\s*(?::\s*[\w.\[\], ]+?\s*(?==)|)(:=|<-|=>|==|=|->|:|)\s*", place.masked)
    if found is None or not found[2].isidentifier():
        return
    rest = place.piece[found.end() :]
    # A word that begins a statement of its own is no name.
    if rest and found[2] not in ("output", "input", "block", "network"):
        if found[1].startswith(("self", "this")):
            yield _without_self(place, found[2], rest)
        yield place.whole(f"{found[2]} = {rest}", _RULE)


def bound_at_the_end(place: MistakePlace) -> Iterator[TriedEdit]:
    """`image -> conv(3x3, 8) -> maps`, `... as maps`, `... => maps`: a new name behind its flow."""
    found = re.search(r"\s*(?:->|=>|=|\bas|\|>|>>)\s*([A-Za-z_]\w*)\s*;?$", place.masked)
    if found is None or place.is_stage(found[1]):
        return

    flow = re.sub(r"^output\s+", "", place.piece[: found.start()])
    if found[1] in ("output", "out", "outputs", "return"):
        yield place.whole(f"output {flow}", "`output` stands before the flow that it hands out")
        return

    yield place.whole(f"{found[1]} = {flow}", _RULE)
    if found[1] in ("y", "result", "logits", "prediction"):
        yield place.whole(f"output {flow}", "`output` hands the result out")


def _without_self(place: MistakePlace, name: str, rest: str) -> TriedEdit:
    """`self.x = flow`, and the uses of `self.x` behind it."""
    end = place.braces[1] if place.braces is not None else place.stop
    # Every later use would be the same mistake again.
    end = max(end, place.stop)
    behind = re.sub(r"\b(?:self|this)\s*\.\s*(?=\w)", "", place.text[place.stop : end])
    return TriedEdit(place.start, end, f"{name} = {rest}{behind}", f"{_RULE}, without `self.`")


def moved_up(place: MistakePlace) -> Iterator[TriedEdit]:
    """A name that is bound only below: its statement goes above."""
    name = place.text[place.at : place.end]
    if not name.isidentifier() or "\n" in name:
        return

    statement = rf"(?m)^[ \t]*(?:let[ \t]+|layer[ \t]+)?{name}[ \t]*=(?!=)[^\n]*(?:\n[ \t]*->[^\n]*)*\n"
    found = re.compile(statement).search(place.text, place.stop)
    if found is None:
        return

    line = place.text.rfind("\n", 0, place.start) + 1
    between = place.text[line : found.start()]
    why = "a name can be used behind the place where it is bound"
    yield TriedEdit(line, found.end(), found[0] + between, why, False)


def names_of_what_enters(place: MistakePlace) -> Iterator[TriedEdit]:
    """`x -> ...` in a block, where `in` is meant, or in a network, where its input is."""
    name = place.text[place.at : place.end]
    if name not in _ENTERING:
        return

    if re.match(r"network\b", place.head):
        if place.inputs:
            behind = _rest_of_body(place, name, place.inputs[0])
            yield TriedEdit(place.at, place.at + len(behind[0]), behind[1], f"the input is called `{place.inputs[0]}`")
        return

    before, after = _rest_of_body(place, name, "in")
    yield TriedEdit(place.at, place.at + len(before), after, "what enters a block is called `in`")


def _rest_of_body(place: MistakePlace, name: str, new: str) -> tuple[str, str]:
    """The text from the mistake to the end of the body, and the same with the name exchanged."""
    # The habit is one in all of the body: it is mended as a whole.
    end = place.braces[1] if place.braces is not None else place.stop
    rest = place.text[place.at : max(end, place.stop)]
    return rest, re.sub(rf"(?<![\w.]){name}(?!\w|\s*=[^=]|\s*:)", new, rest)


def names_bound_otherwise(place: MistakePlace) -> Iterator[TriedEdit]:
    """A name that a statement above has behind `as` or an arrow: `image -> relu as maps`."""
    name = place.text[place.at : place.end]
    if not name.isidentifier():
        return

    flow = re.compile(rf"(?m)^([ \t]*)(\S[^\n]*?)\s*(?:\bas|->|=>)\s*{name}[ \t]*$")
    found = flow.search(place.text, 0, place.start)
    # In the middle of a flow: what comes before is a statement of its own.
    within = re.compile(rf"(?m)^([ \t]*)(\w+ *= *|output )(\S[^\n]*?) as {name} *(->[^\n]*)$")
    middle = within.search(place.text, 0, place.start)
    if middle is not None:
        indent, head, flow_before, rest = middle[1], middle[2], middle[3], middle[4]
        text = f"{name} = {flow_before}\n{indent}{head}{name} {rest}"
        yield TriedEdit(middle.start(2), middle.end(), text, f"{_RULE}; `as` names a module, and binds nothing")

    if found is not None and not re.match(r"\w+\s*=(?!=)|output\b", found[2]):
        why = f"{_RULE}; `as` names a module, and binds nothing"
        yield TriedEdit(found.start(2), found.end(), f"{name} = {found[2]}", why)


def other_tensors(place: MistakePlace) -> Iterator[TriedEdit]:
    """A name that nothing binds: a tensor of the network in its place."""
    name = place.text[place.at : place.end]
    if not name.isidentifier() or name in place.tensors:
        return

    # Names that are spelt alike come first.
    for near in re.findall(r"did you mean (`[^?]*)\?", place.help):
        for one in re.findall(r"`(\w+)`", near):
            yield TriedEdit(place.at, place.end, one)
            yield TriedEdit(place.at, place.end, f'"{one}"')

    why = ""
    owner = re.search(rf"(?ms)^block\s+(\w+)[^{{}}=]*\{{[^{{}}]*?^\s*{name}\s*=", place.text)
    if owner is not None:
        why = f"`{name}` is a name inside the block `{owner[1]}`, and not known outside of it"

    # Of a loss it can be told which tensor fits; in a flow any may.
    if not why and not re.match(r"(?:train|step)\b", place.head):
        return

    for tensor in place.tensors[:4]:
        yield TriedEdit(place.at, place.end, tensor, why, False)


def reserved_names(place: MistakePlace) -> Iterator[TriedEdit]:
    """A name that is a word of the language, here and in the rest of the body."""
    word = place.text[place.at : place.end]
    if "is a word of the language" not in place.message or not word.isidentifier():
        return
    end = max(place.stop, place.braces[1] if place.braces is not None else 0)
    rest = place.text[place.at : end]
    renamed = re.sub(rf"(?<![\w.]){word}(?=\s*(?:->|,|\)|=(?!=)|\n|$|\[|\.))", f"{word}_", rest)
    yield TriedEdit(place.at, end, renamed, "", True)
    yield TriedEdit(place.at, place.end, f"{word}_", "", True)


def outer_in(place: MistakePlace) -> Iterator[TriedEdit]:
    """`body -> parallel { ...; add(in) }`: what entered the block is meant, and gets a name outside of the braces."""
    if place.text[place.at : place.end] != "in":
        return

    inner = place.text[place.start : place.at]
    if inner.count("{") <= inner.count("}"):
        return

    word = re.search(r"(\w+)\s*(?:\([^()]*\))?\s*\{[^{}]*$", inner)
    why = f"in the braces of `{word[1] if word else 'a stage'}`, `in` is what enters them"
    line = place.text.rfind("\n", 0, place.start) + 1
    indent = place.text[line : place.start]
    if not indent.strip() and not re.match(r"network\b", place.head):
        rest = place.text[place.end : place.stop]
        yield TriedEdit(place.start, place.stop, f"entered = in\n{indent}{inner}entered{rest}", why, False)

    for name in place.tensors[:4]:
        yield TriedEdit(place.at, place.end, name, why, False)
