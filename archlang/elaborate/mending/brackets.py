"""One bracket more, less or of another kind, at the place at which the file is right with it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archlang.elaborate.mending.place import MistakePlace, TriedEdit, masked

_PARTNER = {"{": "}", "(": ")", "[": "]"}
_BETWEEN_WORDS = (
    r"(?<=[A-Za-z_])(?=\d)|(?<=[A-Za-z_\d])[ \t]+(?=[\w(\[\x01])|(?<=[>=])[ \t]+(?=[A-Za-z_(])|(?<=,)[ \t]*(?=\w)"
)
"""Places at which a bracket may open: `conv3x3`, `residual conv`, `-> a`, `, b`."""

_HEADS = (
    r"(?:network|block|train|phase|step)\b"
    r"|.*\b(?:residual|each|parallel|layers|shared|for|if|else)\b[^{]*$"
)
"""Lines that a body may follow."""

_LINES = 12
"""Lines behind an opening brace at whose ends it may close."""


def closed(place: MistakePlace) -> Iterator[TriedEdit]:
    """A bracket that is not closed: `message` names it, and the mistake is underlined where its partner was missed."""
    found = re.search(r"this `([({\[])` is not closed", place.message)
    if found is None:
        return

    sign, partner = found[1], _PARTNER[found[1]]
    opened = _open_before(place.text, sign)
    why = ""
    # The innermost open one first, and at each the places by their lines.
    for at in opened:
        for spot in _closing_places(place.text, at, sign):
            shown = partner if sign != "{" or place.text[spot - 1 : spot] in ("", "\n") else f" {partner}"
            yield TriedEdit(spot, spot, shown, why)

    if sign == "(":
        # `network N(a = 1 (`, or braces as parentheses.
        yield from other_kind(place)


def other_kind(place: MistakePlace) -> Iterator[TriedEdit]:
    """`residual ( flow )`, `conv(3x3, 8]`, a `)` for a `}`."""
    start, stop = place.start, max(place.stop, place.line[1])
    hidden = masked(place.text)
    why = "a body stands in braces, arguments in parentheses, a list in square brackets"
    stack: list[int] = []
    for at in range(0, stop):
        char = hidden[at]
        if char in _PARTNER:
            stack.append(at)
        elif char in ")]}":
            if stack and _PARTNER[hidden[stack[-1]]] == char:
                opened = stack.pop()
                # What parentheses hold may be a body only where it has flows or settings.
                if at >= start and char == ")" and re.search(r"->|=|;", hidden[opened:at]):
                    inner = re.sub(r",(?![^(]*\))", ";", place.text[opened + 1 : at])
                    space = " " * (place.text[opened - 1] != " ")
                    yield TriedEdit(opened, at + 1, f"{space}{{{inner}}}", why)
                continue
            if stack and at >= start - 1:
                right = _PARTNER[hidden[stack[-1]]]
                yield TriedEdit(at, at + 1, right, why)
            if stack:
                stack.pop()


def opened(place: MistakePlace) -> Iterator[TriedEdit]:
    """`conv3x3, 16)`, `residual conv(3x3, 8) }`, one bracket too many."""
    hidden = masked(place.text)
    start, end = place.line
    if not re.search(r"nothing opened|cannot close|is not closed|cannot stand|missing", place.message):
        return

    for partner, sign in ((")", "("), ("}", "{"), ("]", "[")):
        if hidden[start:end].count(sign) >= hidden[start:end].count(partner):
            continue
        for found in re.finditer(_BETWEEN_WORDS, hidden[start:end]):
            at = start + found.end()
            yield TriedEdit(at, at, "{ " if sign == "{" else sign, "", True)
        for found in re.finditer(re.escape(partner), hidden[start:end]):
            yield TriedEdit(start + found.start(), start + found.end(), "", "", True)

    yield from _without_one(place, hidden)


def _without_one(place: MistakePlace, hidden: str) -> Iterator[TriedEdit]:
    """A bracket too many: the file without it."""
    depth = 0
    for at in range(0, min(len(hidden), place.end + 1)):
        depth += (hidden[at] == "{") - (hidden[at] == "}")
        line = hidden.rfind("\n", 0, at) + 1
        if depth < 0 or (hidden[at] == "}" and depth == 0 and hidden[line:at].strip()):
            yield TriedEdit(at, at + 1, "", "", True)
            depth = max(depth, 0) + (hidden[at] == "}")


def _open_before(text: str, sign: str) -> list[int]:
    """The offsets of the brackets of a kind that are open at the end of the text, the innermost first."""
    hidden, stack = masked(text), []
    for at, char in enumerate(hidden):
        if char in _PARTNER:
            stack.append(at)
        elif char in ")]}":
            # A bracket that fits one further out leaves the inner ones open.
            fits_outside = any(_PARTNER[hidden[one]] == char for one in stack)
            while stack and fits_outside and _PARTNER[hidden[stack[-1]]] != char:
                if hidden[stack[-1]] == sign:
                    return [stack[-1], *reversed([one for one in stack[:-1] if hidden[one] == sign])]
                stack.pop()
            if stack and _PARTNER[hidden[stack[-1]]] == char:
                stack.pop()

    return [at for at in reversed(stack) if hidden[at] == sign]


def _closing_places(text: str, opened: int, sign: str) -> Iterator[int]:
    """Places at which a bracket may close, the likeliest first: by the lines, then before each arrow of its own."""
    hidden = masked(text)
    end = text.find("\n", opened)
    if end < 0:
        end = len(text)
    line = hidden[opened + 1 : end]
    own_indent = _indent(text, opened)
    if sign == "{" and not line.strip("\x01 "):
        # Indentation is what the writer saw.
        # The body stands in the lines below, deeper than the one that opens it.
        yield from _below(text, end, own_indent)
        return

    spots = [opened + 1 + found.start() for found in re.finditer(r"\s*(?:->|[)\]};,]|\{)|\s*$", line)]
    depth, outside = 0, []
    for at in range(opened + 1, end + 1):
        if at in spots and depth <= 0:
            outside.append(at)
        if at < end:
            depth += (hidden[at] in "([{") - (hidden[at] in ")]}")
    if sign == "{":
        outside = [end - (len(text[opened:end]) - len(text[opened:end].rstrip())), *reversed(outside)]
    yield from dict.fromkeys(outside)
    if sign == "{":
        yield from _below(text, end, own_indent)


def _below(text: str, start: int, indent: int) -> Iterator[int]:
    """The ends of the lines below, those first behind which the indentation is no deeper than that of the brace."""
    ends: list[int] = []
    others: list[int] = []
    at = start
    for _ in range(_LINES):
        following = text.find("\n", at + 1)
        if following < 0:
            following = len(text)
        if at != start:
            stripped = at - (len(text[start:at]) - len(text[start:at].rstrip()))
            row = text[at + 1 : following]
            deeper = row.strip() != "" and len(row) - len(row.lstrip()) > indent
            (others if deeper else ends).append(stripped)
        if following >= len(text):
            break
        at = following

    # A body over lines closes on a line of its own.
    yield from dict.fromkeys([*ends[:3], *others, *ends[3:]])


def _indent(text: str, at: int) -> int:
    start = text.rfind("\n", 0, at) + 1
    line = text[start:]
    return len(line) - len(line.lstrip(" "))


def bodies_by_indentation(place: MistakePlace) -> Iterator[TriedEdit]:
    """`network N:` with an indented body, perhaps up to an `end`; `{` that is closed by `end`."""
    text = place.text
    why = "a body stands in braces, not in an indentation"
    for found in re.finditer(r"(?m)^([ \t]*)(?=\S)([^\n{}]*?)[ \t]*(:|\(|)[ \t]*$", text):
        indent = len(found[1])
        if not re.match(_HEADS, found[2]):
            continue
        if found.start() > place.end or ("->" in found[2].split("=")[-1] and not re.search(r"\w+\s*$", found[2])):
            continue
        rows = text[found.end() + 1 :].split("\n")
        count = 0
        while count < len(rows) and (not rows[count].strip() or _width(rows[count]) > indent):
            count += 1
        while count and not rows[count - 1].strip():
            count -= 1
        if not count:
            continue
        body = "\n".join(rows[:count])
        stop = found.end() + 1 + len(body)
        after = re.compile(r"\n[ \t]*(?:end|\)|done)[ \t]*(?=\n|$)").match(text, stop)
        if after is not None:
            stop = after.end()
        head = text[found.start() : found.end(2)].rstrip()
        if after is not None or not re.match(r"\n[ \t]*\}", text[stop:] + "\n"):
            yield TriedEdit(found.start(), stop, f"{head} {{\n{body}\n{found[1]}}}", why)

    for found in re.finditer(r"(?m)^[ \t]*(end|done|endif|endfor)\b[ \t]*;?$", text):
        yield TriedEdit(found.start(1), found.end(1), "}", why)


def _width(line: str) -> int:
    return len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip())
