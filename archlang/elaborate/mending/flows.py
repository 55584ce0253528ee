"""Signs of other languages between the steps of a flow, and steps without any."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archlang.elaborate.mending.place import MistakePlace, TriedEdit, depth_at, exchanged, is_word, masked

_ARROWS = (
    r"\|>", r"-{2,}>", r"=>", r"~>", r"-[ \t]+>", r"->[ \t]*(?:->[ \t]*)+", r">{2,}=?",
    r"[\u2192\u2794\u21d2\u27f6]", r":{2}", r"\|{1,2}", r"&{1,2}",
    r"<-(?!>)", r"(?<![-=<>|~])>(?![=>])",
)  # fmt: skip
"""Signs that stand between the steps of a flow elsewhere."""

_WEAK = (r",", r";", r":", r"\+", r"-(?!>)", r"/", r"\*", r"\\", r"~", r"@", r"\.")
"""Signs that mean something else here, and steps elsewhere: at the mistake alone, or all outside of brackets."""

_NEXT_STEP = r"(?<=[\w)\]}])[ \t]+(?=[A-Za-z_\d(])"
_RULE = "the steps of a flow are joined by `->`"


def other_arrows(place: MistakePlace) -> Iterator[TriedEdit]:
    """`image |> conv(3x3, 8) |> relu`."""
    for sign in _ARROWS:
        found = re.search(sign, place.masked)
        if found is None:
            continue
        why = f"{_RULE}, not by `{found[0].strip()}`"
        # The `=` of a binding is none of the signs.
        behind = _behind_binding(place.masked)
        text = place.piece[:behind] + exchanged(place.piece[behind:], rf"[ \t]*(?:{sign})[ \t]*", " -> ")
        yield place.whole(text, why)
        yield from _one(place, sign, " -> ", why)


def weak_signs(place: MistakePlace) -> Iterator[TriedEdit]:
    """`image, conv(3x3, 8), relu`: all commas outside of parentheses, or the one at the mistake."""
    behind = _behind_binding(place.masked)
    rest, hidden = place.piece[behind:], place.masked[behind:]
    for sign in _WEAK:
        pattern = rf"[ \t]*{sign}[ \t]*(?=[A-Za-z_(])"
        if not re.search(pattern, hidden):
            continue
        shown = sign.replace("\\", "").replace("(?!>)", "")
        why = f"{_RULE}, not by `{shown}`"
        yield from _one(place, sign, " -> ", why)
        text = exchanged(rest, pattern, " -> ", lambda found: depth_at(hidden, found.start()) == 0)
        yield place.whole(place.piece[:behind] + text, why)


def members(place: MistakePlace) -> Iterator[TriedEdit]:
    """`image.conv(3x3, 8).relu`: `.` before each name of a stage."""
    def is_step(found: re.Match[str]) -> bool:
        return place.is_stage(found[1])

    text = exchanged(place.piece, r"\s*\.\s*(?=([A-Za-z_]\w*))", " -> ", is_step)
    if text != place.piece:
        yield place.whole(text, f"{_RULE}; `.` reads a size or a member")


def nothing_between(place: MistakePlace) -> Iterator[TriedEdit]:
    """`image conv(3x3, 8) relu`: at the mistake, or between all words that are none of the language's."""
    for at in (place.at, place.end):
        before = place.text[:at].rstrip(" \t")
        after = place.text[at:]
        if before[-1:] and before[-1] not in "\n{(,;=>" and re.match(r"\s*[A-Za-z_(\d]", after):
            yield TriedEdit(len(before), len(place.text) - len(after.lstrip(" \t")), " -> ", _RULE)

    behind = _behind_binding(place.masked)
    rest, hidden = place.piece[behind:], place.masked[behind:]

    def is_gap(found: re.Match[str]) -> bool:
        left = re.search(r"\w+$", hidden[: found.start()])
        right = re.match(r"[A-Za-z_]\w*", hidden[found.end() :])
        known = (left and is_word(left[0])) or (right and is_word(right[0]) and right[0] not in ("in", "if", "for"))
        return not known and depth_at(hidden, found.start()) == 0

    text = exchanged(rest, _NEXT_STEP, " -> ", is_gap)
    if text != rest:
        yield place.whole(place.piece[:behind] + text, _RULE)


def lines_of_steps(place: MistakePlace) -> Iterator[TriedEdit]:
    """A body whose lines are steps: `{ conv(3x3, 8)`, below it `batch_norm`, below it `relu }`."""
    if place.braces is None:
        return
    start, end = place.braces
    lines = place.text[start:end].split("\n")
    is_network = re.match(r"network\b", place.head) is not None

    # What stands before the first step, such as inputs, and behind the last one, such as a brace.
    steps = [at for at, line in enumerate(lines) if _is_step(line)]
    if not steps:
        return
    first, last = _run(steps, lines, place.text.count("\n", start, place.at))
    if first == last and not is_network:
        return
    whole = [_step(line) for line in lines[first : last + 1] if line.strip()]
    indent = re.match(r"\s*", lines[first])[0]  # type: ignore[index]  # the pattern fits any text
    flow = f"\n{indent}  -> ".join(whole)
    if len("".join(whole)) < 80:
        flow = " -> ".join(whole)
    yield from _instead(place, lines, (first, last), flow, start)

    if not is_network:
        return
    # A flow in a network has a beginning, and its result is handed out.
    # A stage at its beginning is applied to the input, which a network names.
    beginning = ""
    if place.inputs and not re.match(r"output\b", whole[0]) and not _begins_with_tensor(whole[0], place):
        beginning = f"{place.inputs[0]} -> "
    flow = re.sub(r"-> output (?=\w)|^output ", lambda found: "-> " * found[0].startswith("->"), flow)
    why = f"{_RULE}, and `output` hands the result out"
    yield from _instead(place, lines, (first, last), f"output {beginning}{flow}", start, why)


def _begins_with_tensor(step: str, place: MistakePlace) -> bool:
    first = re.match(r"[A-Za-z_]\w*", step)
    return step.startswith("(") or (first is not None and first[0] in place.tensors)


def _instead(
    place: MistakePlace, lines: list[str], rows: tuple[int, int], flow: str, start: int, why: str = _RULE
) -> Iterator[TriedEdit]:
    first, last = rows
    offset = start + sum(len(line) + 1 for line in lines[:first])
    offset += len(lines[first]) - len(lines[first].lstrip())
    end = start + sum(len(line) + 1 for line in lines[:last]) + len(lines[last].rstrip())
    if place.text[offset:end] != flow:
        yield TriedEdit(offset, end, flow, why)


def _run(steps: list[int], lines: list[str], near: int) -> tuple[int, int]:
    """The first and the last of the lines around one that are steps without a gap."""
    first = last = min(steps, key=lambda at: abs(at - near))
    while first - 1 in steps:
        first -= 1
    while last + 1 in steps or (last + 1 < len(lines) - 1 and not lines[last + 1].strip()):
        last += 1
    while not lines[last].strip():
        last -= 1
    return first, last


def _is_step(line: str) -> bool:
    hidden = masked(line).strip()
    if not hidden or hidden.startswith(("\x01", "}", "input", "let ", "layer ")):
        return False
    return not re.match(r"(?:output\s+)?\w+\s*[=:](?!=)", hidden) and hidden.count("{") == hidden.count("}")


def _step(line: str) -> str:
    hidden = masked(line)
    text = line[: hidden.index("\x01")] if "\x01" in hidden and "#" in line else line
    return text.strip().rstrip(";,").removeprefix("->").removesuffix("->").strip()


def _behind_binding(piece: str) -> int:
    """The offset behind `name = ` or `output `."""
    declared = r"block\s+\w+(?:\([^()]*\))?\s*="
    found = re.match(rf"\s*(?:{declared}|(?:output\s+|let\s+|layer\s+)?\w+\s*=(?![=>])|output\b)\s*", piece)
    return found.end() if found else 0


def _one(place: MistakePlace, sign: str, new: str, why: str) -> Iterator[TriedEdit]:
    """The sign at the mistake, or right before or behind it."""
    window = masked(place.text)
    for found in re.finditer(rf"[ \t]*(?:{sign})[ \t]*", window[max(0, place.at - 40) : place.end + 40]):
        start, end = found.start() + max(0, place.at - 40), found.end() + max(0, place.at - 40)
        if start <= place.end and place.at <= end and "\n" not in place.text[start:end]:
            yield TriedEdit(start, end, new, why)
