"""Declarations and statements whose head is another language's: networks, blocks, inputs, outputs, imports, trains."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archlang.elaborate.habits.advice import standard_blocks
from archlang.elaborate.mending.calls import split
from archlang.elaborate.mending.place import MistakePlace, TriedEdit, is_word, masked

_BATCH = ("1", "None", "-1", "?", "B", "N", "batch", "batch_size", "bs")
_NO_NAMES = frozenset({
    "input", "inputs", "in", "Input", "param", "shape", "tensor", "Tensor", "float", "float32", "int", "list",
    "image_size", "size", "type", "of",
})  # fmt: skip
"""Words in the declaration of an input that are no name of one."""


def inputs(place: MistakePlace) -> Iterator[TriedEdit]:
    """`input x [3, 32, 32]`, `input x = ...`, `input(x, ...)`, `x: [3, 32, 32]`, `input left, right: [...]`."""
    start, end = place.line
    line = place.text[start:end].rstrip(";,")
    tail = ""
    # Whole numbers: `[64] of 0..999`, `[64] in range(1000)`, `[64] int 1000`.
    numbers = re.search(r"\]\s*(?:of|in|as|:)\s*(?:int\s*)?(?:\w+\()?(?:0\s*(?:\.\.\.?|-|,|to)\s*)?(\d+)\)?\s*$", line)
    if numbers is not None:
        count = int(numbers[1]) + (".." in numbers[0] or "-" in numbers[0])
        rule = "whole numbers are declared by how many there are: `(range = 1000)`"
        yield TriedEdit(start, end, f"{line[: numbers.start() + 1]} (range = {count})", rule, False)
    if (behind := re.search(r"\s*(\(\s*(?:range|mean|std)\b.*|\bwhere\b.*|#.*)$", line)) is not None:
        line, tail = line[: behind.start()], behind[0]
    why = "an input is declared as `name: [channels, height, width]`"
    several = re.fullmatch(r"inputs?\s+(\w+(?:\s*,\s*\w+)+)\s*:\s*(\[.*\])", line)
    if several is not None:
        indent = " " * (start - place.text.rfind("\n", 0, start) - 1)
        rows = [f"input {name.strip()}: {several[2]}{tail}" for name in several[1].split(",")]
        yield TriedEdit(start, end, f"\n{indent}".join(rows), "each input is declared by itself")
        return

    sizes = _sizes(line)
    is_input = re.match(r"(?:in|inp\w*|Inp\w*|INPUT|param|tensor)\b|\w+\s*[:=]\s*(?:[\w.]*\b[Ii]nput\b|[\[(])", line)
    has_flow = "->" in re.sub(r"->\s*[\[(]", "", line)
    if is_input is None or has_flow or not sizes:
        return
    names = [word for word in re.findall(r"(?<![\w.])[A-Za-z_]\w*", line.split("[")[0].split("Input")[0] or line)
             if word not in _NO_NAMES]
    name = names[-1] if names else _unbound(place) or "image"
    # In the order that was written, then with the channels first: the check tells.
    for one in _orders(sizes):
        yield TriedEdit(start, end, f"input {name}: [{', '.join(one)}]{tail}", why)


def _sizes(line: str) -> list[str]:
    bracket = re.search(r"[\[({<]([^\[\](){}<>]*[,; x][^\[\](){}<>]*)[\])}>]", line)
    if bracket is None:
        bracket = re.search(r"((?:\b\d+\s*[,x\u00d7]\s*)+\d+)\s*$", line)

    if bracket is None:
        return []

    inner = bracket[1]
    if re.fullmatch(r"\s*\d+(?:\s*[x\u00d7]\s*\d+)+\s*", inner):
        return re.split(r"\s*[x\u00d7]\s*", inner.strip())

    parts = [part.strip(" '\"") for part in re.split(r"[,;]|(?<=\w)\s+(?=\w)", inner)]
    return [re.sub(r"^(\d+)\.0*$", r"\1", part) for part in parts if part]


def _orders(sizes: list[str]) -> Iterator[list[str]]:
    """The sizes without a batch, with capitals for unknown ones, and with the channels first."""
    if len(sizes) > 3 and sizes[0] in _BATCH:
        sizes = sizes[1:]
    sizes = [size.upper() if size.isalpha() and len(size) <= 2 else size for size in sizes]
    yield sizes
    if len(sizes) == 3:
        yield [sizes[2], sizes[0], sizes[1]]


def _unbound(place: MistakePlace) -> str:
    """A name that flows begin with and that nothing binds."""
    hidden = masked(place.text)
    bound = set(re.findall(r"(\w+)\s*=(?!=)", hidden)) | set(place.inputs) | {"in", "output"}
    for name in re.findall(r"(?:=|\boutput)\s*([A-Za-z_]\w*)\s*->", hidden):
        if name not in bound and not place.is_stage(name):
            return str(name)
    return ""


def outputs(place: MistakePlace) -> Iterator[TriedEdit]:
    """`return x`, `output: x`, `output = x`, `output(x)`, `-> x`, `x -> output`, a flow without `output`."""
    why = "`output` stands before the flow that it hands out, without a sign between"
    piece = place.text[place.start : place.stop]
    if "hands out one value" in place.message:
        values = split(re.sub(r"^output\s*", "", piece).strip("[]"))
        if len(values) == 2:
            indent = " " * (place.start - place.text.rfind("\n", 0, place.start) - 1)
            rows = f"output {values[0]}\n{indent}output second = {values[1]}"
            yield place.whole(rows, "a further output has a name of its own")
        return

    words = r"(?:return|outputs?|Output|OUTPUT|out|yield|emit|print|result|ret|export|ouput|outptu)"
    found = re.match(rf"{words}\b\s*(?::=|:|==|=|->|\()?\s*(.*)$", piece, re.DOTALL)
    if found is not None and found[1]:
        value = found[1].rstrip(";, ")
        if value.count(")") > value.count("("):
            value = value[:-1]
        value = re.sub(r":\s*\[.*\]$", "", value).strip("\"'[] ").strip()
        if value.startswith("{"):
            value = value.strip("{} ")
        yield place.whole(f"output {value}", why)

    if (behind := re.search(r"\s*->\s*(?:output|out|outputs|return)\s*$", piece)) is not None:
        yield place.whole(f"output {piece[: behind.start()].removeprefix('output ')}", why)

    if re.match(r"\w+\s*(?:=|:)(?![=>])\s*", piece) and not re.search(r"\boutput\b", place.text):
        yield place.whole(re.sub(r"^\w+\s*[=:]\s*", "output ", piece), why)

    if not re.match(r"(?:output|input|let|layer|block|network|train|import)\b", piece):
        rest = piece.removeprefix("->").strip()
        yield place.whole(f"output {rest}", why)
        for name in place.tensors[:1]:
            yield place.whole(f"output {name} -> {rest}", why)


def missing_output(place: MistakePlace) -> Iterator[TriedEdit]:
    """A network or block that hands nothing out: its last flow is its output."""
    if "hands nothing out" not in place.message:
        return

    hidden = masked(place.text)
    head = re.compile(r"\b(?:network|block)\b[^{}=]*\{").search(hidden, max(0, place.text.rfind("\n", 0, place.at)))
    if head is None:
        return

    end = head.end()
    depth = 1
    while end < len(hidden) and depth:
        depth += (hidden[end] == "{") - (hidden[end] == "}")
        end += 1

    # What was bound last is what all the rest led to.
    body = place.text[head.end() : end - 1]
    bound = re.findall(r"(?m)^\s*([A-Za-z_]\w*)\s*=(?!=)", body)
    why = "`output` hands the result out"
    if bound:
        stop = head.end() + len(body.rstrip())
        indent = re.search(r"(?m)^(\s*)[A-Za-z_]\w*\s*=(?!=)", body)
        space = indent[1].strip("\n") if indent is not None else "  "
        if "\n" in body:
            yield TriedEdit(stop, stop, f"\n{space}output {bound[-1]}", why)
        else:
            yield TriedEdit(stop, stop, f"; output {bound[-1]}", why)


def declarations(place: MistakePlace) -> Iterator[TriedEdit]:
    """`class Net {`, `def unit(c) {`, `network "Net"`, `network Net[classes = 10] {`, `block unit(c) -> flow`."""
    start, end = place.line
    line = place.text[start:end]
    why = "a whole is declared as `network Name { ... }`, a part as `block name(parameters) = flow`"
    found = re.match(r"(?:(?:public|abstract|export|static)\s+)?(\w+)\s*:?\s*", line)
    if found is None:
        return

    word, rest = found[1], line[found.end() :]
    named = re.match(r"[\"']?([A-Za-z_][\w-]*)[\"']?\s*", rest)
    if named is None:
        # `network { ... }`: a name is missing.
        if word.lower() in ("network", "net", "model"):
            yield TriedEdit(start, end, f"network Net {rest}", "a network has a name")
        return

    name, rest = named[1].replace("-", "_"), rest[named.end() :]
    if is_word(name):
        return

    parameters, rest = _parameters(rest)
    rest = re.sub(r"^(?:extends\s+\w+|:|==|=>|->|=)\s*(?=\{|$)", "", rest.strip())
    body = re.sub(r"^(?:==|=>|->|=|:)?\s*(?=[\w(])", "= ", rest) if not rest.startswith("{") else rest
    for new in ("network", "block"):
        # A word that is right stays, and a file has one network.
        has_network = re.search(r"(?m)^network\b", place.text) is not None
        if word != new and (word in ("network", "block") or (new == "network") == has_network):
            continue
        for one in _typeless(parameters):
            called = f"({one})" if one else ""
            separator = " "
            yield TriedEdit(start, end, f"{new} {name}{called}{separator}{body}".rstrip(), why)


def _parameters(rest: str) -> tuple[str, str]:
    """The parameters behind a name, in whatever brackets, and what follows them."""
    for opened, closed in (("(", ")"), ("[", "]"), ("<", ">"), ("{", "}")):
        if rest.startswith(opened):
            depth = 0
            for at, char in enumerate(rest):
                depth += (char == opened) - (char == closed)
                if depth == 0:
                    return rest[1:at].strip(), rest[at + 1 :]

    # Bare ones reach to the body: to its brace, or to the sign before its first step.
    end = rest.find("{")
    if end < 0 and (before := re.search(r"=\s*\w+\s*(?:\(|->)", rest)) is not None:
        end = before.start()

    words = rest[: max(end, 0)].strip()
    if words and re.fullmatch(r"[\w\s,.=]*", words):
        return words, rest[end:]

    return "", rest


def _typeless(parameters: str) -> Iterator[str]:
    """Parameters without types, words before their names, `self`, and signs other than `=`."""
    yield parameters
    text = re.sub(r"\b(?:self|x|this)\s*(?:,\s*|$)", "", parameters)
    text = re.sub(r"(\w+)\s*:\s*(?:int|float|bool|str|list|Tensor|number|stage|module)\b", r"\1", text)
    text = re.sub(r"\b(?:int|float|bool|str|let|var|dial|param|const|auto|number)\s+(?=\w)", "", text)
    text = re.sub(r"(\w+)\s*(?::=|==|=>|:)\s*", r"\1 = ", text)
    text = re.sub(r"\b([A-Za-z_]\w*)\s+(?=[\w.]+(?:,|$))", r"\1 = ", text)
    text = re.sub(r"[\"'](\w+)[\"']", r"\1", text)
    if text != parameters:
        yield text


def imports(place: MistakePlace) -> Iterator[TriedEdit]:
    """Any line that names a standard block or module and should import it."""
    start, end = place.line
    line = place.text[start:end]
    if not re.match(r"(?:import|from|use|using|include|#include|require|open)\b", line):
        return

    # A file of the reader's own, which nobody here knows.
    if re.search(r"\.arch\b|\.\.?/", line):
        return

    blocks = standard_blocks()
    words = [word for word in re.findall(r"[A-Za-z_]\w*", line) if word in blocks]
    used = [name for name in blocks if re.search(rf"(?<![\w.]){name}(?=\(|\b)", place.text[end:])]
    path = re.search(r"std[./]\w+", line)
    why = "an import names its module, and in parentheses what it takes from it"
    # The names in the line itself, else those of standard blocks that the file uses.
    for names in (words, used):
        modules: dict[str, list[str]] = {}
        for name in dict.fromkeys(names):
            if path is None or names is words or blocks[name] == path[0].replace("/", "."):
                modules.setdefault(blocks[name], []).append(name)
        if modules:
            rows = [f"import {module} ({', '.join(taken)})" for module, taken in modules.items()]
            yield TriedEdit(start, end, "\n".join(rows), why)


def comments(place: MistakePlace) -> Iterator[TriedEdit]:
    """`// words`, `-- words`, `/* words */`, a text that stands alone."""
    start, end = place.line
    line = place.text[start:end]
    for sign in ("//", "--", "/*", "<!--", "%", "; ", "'", '"""', '"', "\u201c", "*"):
        at = line.find(sign)
        if at < 0:
            continue
        words = line[at + len(sign) :].strip()
        words = re.sub(r"(?:\*/|-->|\"\"\"|\"|\u201d|')\s*$", "", words).strip()
        # What holds signs of the language is no comment, and must not be lost in one.
        if not re.fullmatch(r"[\w\s.,!?'-]*", words) or "->" in words:
            continue
        yield TriedEdit(start + at, end, f"# {words}", "a comment begins with `#`")


def settings(place: MistakePlace) -> Iterator[TriedEdit]:
    """`batch: 64`, `loss -> mse(x, label)`, `epochs 10` in a `train` or a `phase`."""
    if not re.match(r"(?:train|phase|step)\b", place.head):
        return

    found = re.match(r"([a-z]\w*)\s*(?::=|:|==|=>|->|=|)\s*(.+)$", place.piece, re.DOTALL)
    why = "a setting is written `name = value`"
    if found is not None and found[1] not in ("phase", "step", "let"):
        value = found[2]
        yield place.whole(f"{found[1]} = {value}", why)
        yield place.whole(f"{found[1]} = {value.strip(chr(39) + chr(34))}", why)

    turned = re.match(r"(\d+)\s+(epochs?|steps?)$", place.piece)
    if turned is not None:
        yield place.whole(f"{turned[2].rstrip('s')}s = {turned[1]}", why)
