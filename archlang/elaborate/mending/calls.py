"""Arguments and their parentheses as other languages write them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archlang.elaborate.mending.place import MistakePlace, TriedEdit, exchanged, masked

_CALL = re.compile(r"[A-Za-z_][\w.]*\(")
_NAMED = r"([(,{]\s*)([A-Za-z_]\w*)\s*(?::=|:|=>|==|->|=|[ \t])\s*(?=[\w\[(\"'\x01.-])"


def decimal_commas(place: MistakePlace) -> Iterator[TriedEdit]:
    """`lr = 0,1`: a decimal number with a comma."""
    text = exchanged(place.piece, r"\b(\d+),(\d+)\b", r"\1.\2")
    if text != place.piece:
        yield place.whole(text, "a decimal number has a point")


def call_at(place: MistakePlace) -> tuple[int, int, int] | None:
    """The innermost call around the mistake: the offsets of its name, behind its `(`, and of its `)`."""
    hidden = masked(place.text)
    # Calls are found from the outermost to the innermost: the last one that holds the place is meant.
    best = None
    for found in _CALL.finditer(hidden, max(0, place.start - 1), min(place.end + 1, len(hidden))):
        close = _closing(hidden, found.end())
        if found.start() <= place.at <= close:
            best = (found.start(), found.end(), close)
    return best


def named_arguments(place: MistakePlace) -> Iterator[TriedEdit]:
    """`stride: 2`, `stride := 2`, `stride 2` in parentheses."""
    call = call_at(place)
    if call is None:
        return
    _, inner, close = call
    text = place.text[inner - 1 : close]
    why = "an argument has its name before `=`: `name = value`"
    edit = exchanged(text, _NAMED, r"\1\2 = ")
    if edit != text:
        yield TriedEdit(inner - 1, close, edit, why)


def words_without_quotes(place: MistakePlace) -> Iterator[TriedEdit]:
    """`padding = 'same'`, `stride = '2'`, and words in typographic quotes."""
    pattern = r"[\"'\u201c\u201d\u2018\u2019\u201e`]([\w.]+)[\"'\u201c\u201d\u2018\u2019`]"
    bare = re.sub(pattern, r"\1", place.piece)
    is_import = place.piece.startswith("import")
    if bare != place.piece and not is_import:
        yield place.whole(bare, "words and numbers stand without quotes")
    marks = r"'\u201c\u201d\u2018\u2019"
    double = re.sub(rf"[{marks}\u201e`]([^'\n\u201d\u2019\u201c]*)[{marks}`]", r'"\1"', place.piece)
    if double != place.piece:
        yield place.whole(double, "a text stands in double quotes")


def truth_words(place: MistakePlace) -> Iterator[TriedEdit]:
    """`bias = 1`, `bias = FALSE`."""
    if "true" not in place.message and not place.text[place.at : place.end].isalpha():
        return
    word = place.text[place.at : place.end].strip("\"'").lower()
    meant = {"1": "true", "0": "false", "true": "true", "false": "false", "yes": "true", "no": "false", "none": "none",
             "on": "true", "off": "false", "t": "true", "f": "false"}.get(word)
    if meant is not None:
        yield TriedEdit(place.at, place.end, meant, f"`{meant}` is written so")


def other_brackets(place: MistakePlace) -> Iterator[TriedEdit]:
    """`conv[3x3, 8]`, `conv<3x3, 8>`, `conv{3x3, 8}`, `conv 3x3, 8`."""
    why = "arguments stand in parentheses"
    for opened, closed in (("[", "]"), ("<", ">"), ("{", "}")):
        pattern = rf"(?<=\w){re.escape(opened)}([^\[\]<>{{}}]*){re.escape(closed)}"
        text = re.sub(pattern, r"(\1)", place.piece)
        if text != place.piece:
            yield place.whole(text, why)
    text = exchanged(place.piece, r"\b([A-Za-z_]\w*) (\d[\w.]*(?:,[\w.= ]+)*)(?= *(?:->|[})]|$))", r"\1(\2)")
    if text != place.piece:
        yield place.whole(text, why)


def lists_and_sizes(place: MistakePlace) -> Iterator[TriedEdit]:
    """`(3, 3)`, `[3, 3]`, `3*3`, `3 x 3`, `3X3`, `"3x3"` for the size `3x3`; `10x15` for a list; `2.0` for `2`."""
    rules = (
        (r"[(\[]\s*(\d+)\s*,\s*(\d+)\s*[)\]]", r"\1x\2", "a size is written `3x3`, rows by columns"),
        (r"\b(\d+)\s*[*xX\u00d7]\s*(\d+)\b", r"\1x\2", "a size is written `3x3`, rows by columns"),
        (r"\b(\d+)\.0*\b(?!\d)", r"\1", "a whole number has no point"),
        (r"=\s*\[([^\[\]]*)\]", r"= (\1)", ""),
        (r"\(([^()=]*,[^()=]*)\)", r"[\1]", "a list stands in square brackets"),
        (r"([(,]\s*)[\[(]([^()\[\]]*)[\])]", r"\1\2", ""),
    )
    for pattern, new, why in rules:
        text = exchanged(place.piece, pattern, new)
        if text != place.piece:
            yield place.whole(text, why)


def order_and_number(place: MistakePlace) -> Iterator[TriedEdit]:
    """Arguments in another order, one too many, one that has no counterpart here."""
    call = call_at(place)
    if call is None:
        return

    _, inner, close = call
    parts = split(place.text[inner:close])
    plain = [part for part in parts if "=" not in part]
    if len(plain) == 2 and len(parts) <= 4:
        named = [part for part in parts if "=" in part]
        why = ""
        if "x" in plain[1]:
            why = "the kernel comes first, then the channels"
        yield TriedEdit(inner, close, ", ".join([plain[1], plain[0], *named]), why, False)

    # Of a value that is wrong the reader wants another one, not none.
    if len(parts) < 2 or not re.search(r"has no argument|by place|twice|without a name", place.message):
        return

    # `attention(4, causal)`: the word of an argument that is true or false.
    at = _part_of(place, inner, parts)
    if parts[at].isidentifier() and re.search(rf"by name:.*\b{parts[at]}\b", place.help):
        words = [f"{part} = true" if part == parts[at] else part for part in parts]
        yield TriedEdit(inner, close, ", ".join(words), "an argument that is true or false has its value too")

    # Where the channels that enter are written too, they are the one too many.
    likeliest = at
    if len(plain) > 2 and parts[1].isdigit():
        likeliest = 1

    for at in sorted(range(len(parts)), key=lambda at: at != likeliest):
        rest = [part for other, part in enumerate(parts) if other != at]
        why = f"leave `{parts[at]}` out"
        if parts[at].isdigit():
            why = "the channels that enter are known, and not written"
        yield TriedEdit(inner, close, ", ".join(rest), why, False)


def missing_tensor(place: MistakePlace) -> Iterator[TriedEdit]:
    """`-> add`, `loss = mse`: a tensor of the file is the argument."""
    found = re.compile(r"([A-Za-z_]\w*)(?:\(\s*\))?").match(place.text, place.at)
    if found is None or not re.search(r"needs its argument|takes .* by place", place.message):
        return

    if re.match(r"(?:train|step|phase)\b", place.head):
        outputs = re.findall(r"(?m)\boutput\s+(?:(\w+)\s*=|(\w+)\s*$)", place.text)
        for name in [one or other for one, other in outputs] + list(place.tensors):
            yield TriedEdit(place.at, found.end(), f"{found[1]}({name}, label)", "a loss names what it compares", False)
            yield TriedEdit(place.at, found.end(), f"{found[1]}({name})", "a loss names what it reads", False)
        return

    # The nearest tensor first; the check tells which has the sizes that are wanted.
    for name in (*place.tensors[:4], "in"):
        yield TriedEdit(place.at, found.end(), f"{found[1]}({name})", "the other tensor stands in parentheses", False)


def missing_choice(place: MistakePlace) -> Iterator[TriedEdit]:
    """`experts(4) { ... }` without its router: one of those that the message names, which fits what flows here."""
    found = re.compile(r"([A-Za-z_]\w*)(\(?)").match(place.text, place.at)
    if found is None or "needs its argument" not in place.message:
        return

    listed = re.search(r"it can be (.*)", place.help)
    for name in re.findall(r"`(\w+)`", listed[1]) if listed is not None else ():
        if not found[2]:
            yield TriedEdit(place.at, found.end(), f"{found[1]}({name})", "", False)
            continue
        close = _closing(masked(place.text), found.end())
        given = split(place.text[found.end() : close])
        plain = [part for part in given if "=" not in part]
        words = ", ".join([*plain, name, *(part for part in given if "=" in part)])
        yield TriedEdit(found.end(), close, words, "", False)


def names_of_axes(place: MistakePlace) -> Iterator[TriedEdit]:
    """`"bqf,bkf->bqk"`: the letters of einsum, with the batch among them."""
    found = re.compile(r'"([a-z]+)((?:,[a-z]+)*)->([a-z]+)"').search(place.text, place.start, place.stop)
    if found is None:
        return

    words = found[0].strip('"')
    batch = found[1][0]
    if all(part.startswith(batch) for part in re.split(r",|->", words)):
        words = words.replace(batch, "")

    spaced = re.sub(r"(?<=[a-z])(?=[a-z])", " ", words).replace(",", ", ").replace("->", " -> ")
    why = "names of axes have a space between them, and the batch is not written"
    yield TriedEdit(found.start(), found.end(), f'"{spaced}"', why)


def split(arguments: str) -> list[str]:
    """The arguments of a call, cut at the commas outside of brackets."""
    parts, depth, last = [], 0, 0
    for at, char in enumerate(arguments):
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0:
            parts.append(arguments[last:at].strip())
            last = at + 1
    parts.append(arguments[last:].strip())
    return [part for part in parts if part]


def _part_of(place: MistakePlace, inner: int, parts: list[str]) -> int:
    """The index of the argument at the mistake."""
    before = split(place.text[inner : place.at] + "x")
    return min(len(before), len(parts)) - 1


def _closing(text: str, start: int) -> int:
    depth = 0
    for at in range(start, min(len(text), start + 400)):
        depth += (text[at] in "([{") - (text[at] in ")]}")
        if depth < 0:
            return at
    return min(len(text), start + 400)
