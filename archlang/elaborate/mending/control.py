"""Repetition, choice and functions of other languages, inside a flow."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from archlang.elaborate.mending.place import MistakePlace, TriedEdit

_CALLED = r"[A-Za-z_]\w*(?:\((?:[^()]|\([^()]*\))*\))?"
_GROUP = r"\(((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)"
_BODY = r"\{((?:[^{}]|\{[^{}]*\})*)\}"
_COUNT = r"(\d+|[A-Za-z_]\w*)"

_REPEAT = "`n * (stage -> stage)` repeats stages"
_LOOP = "a loop is written `for name in list { flow }`"
_CHOICE = "a choice is written `if test { flow } else { flow }`"


def repetitions(place: MistakePlace) -> Iterator[TriedEdit]:
    """`(flow) * 3`, `3 x (flow)`, `repeat 3 { flow }`, `repeat(flow, 3)`, loops whose turns are all alike."""
    rules = (
        (rf"{_GROUP}\s*(?:\*\*?|x|\^)\s*{_COUNT}\b", r"\2 * (\1)"),
        (rf"({_CALLED})\s*(?:\*\*?|\^)\s*(\d+)\b", r"\2 * \1"),
        (rf"{_BODY}\s*\*\s*{_COUNT}\b", r"\2 * (\1)"),
        (rf"{_GROUP}\{{{_COUNT}\}}", r"\2 * (\1)"),
        (rf"\b{_COUNT}\s*(?:x|times|\*)?\s*{_BODY}", r"\1 * (\2)"),
        (rf"\b{_COUNT}\s*(?:x|times|X|\u00d7)\s*{_GROUP}", r"\1 * (\2)"),
        (rf"\b(\d+)\s*{_GROUP}", r"\1 * (\2)"),
        (rf"\b(\d+)\s*(?:x|times|X|\u00d7)?\s+({_CALLED})", r"\1 * \2"),
        (rf"\b(?:repeat|loop|times|Repeat|stack|do)\s*\(?\s*{_COUNT}\s*\)?\s*(?:times)?\s*:?\s*{_BODY}", r"\1 * (\2)"),
        (rf"\b(?:repeat|loop|times|stack|Sequential)\s*\(\s*(.+?)\s*,\s*(?:n\s*=\s*|times\s*=\s*)?{_COUNT}\s*\)",
         r"\2 * (\1)"),
        (rf"\b(?:repeat|loop|times|stack)\s*\(\s*{_COUNT}\s*,\s*(.+)\s*\)", r"\1 * (\2)"),
        (rf"\bfor\s*\(?[^{{}}()]*?(?:<|\.\.=?|to|in range\(|in)\s*{_COUNT}\)?[^{{}}():]*\)?\s*:?\s*(?:{_BODY})",
         r"\1 * (\2)"),
        (rf"\bfor\s+\w+\s+in\s+range\({_COUNT}\)\s*:?\s*{_GROUP}", r"\1 * (\2)"),
        (rf"\bfor\s+\w+\s+in\s+range\({_COUNT}\)\s*:\s*([^{{}}\n]+)", r"\1 * (\2)"),
        (rf"\bwhile\b[^{{}}]*<\s*{_COUNT}\s*{_BODY}", r"\1 * (\2)"),
        (rf"\[\s*([^\[\]]+?)\s+for\s+\w+\s+in\s+range\({_COUNT}\)\s*\]", r"\2 * (\1)"),
        (rf"(?:\w+\.)*Sequential\(\s*\*\s*\[\s*(.+?)\s*\]\s*\*\s*{_COUNT}\s*\)", r"\2 * (\1)"),
    )
    yield from _rewritten(place, rules, _REPEAT)


def loops(place: MistakePlace) -> Iterator[TriedEdit]:
    """`for c in widths: flow`, `for (c in widths) { flow }`, `for c of widths { flow }`, `[flow for c in widths]`."""
    name, values = r"(\w+|\(\s*\w+(?:\s*,\s*\w+)*\s*\))", r"(\[[^\]]*\](?!\s*\[)|range\([^()]*\)|[A-Za-z_]\w*)"
    word = r"\b(?:for\s*each|foreach|for\s+let|for\s+all|for|For|FOR|loop)"
    rules = (
        (rf"{word}\s*\(\s*{name}\s+(?:in|of|:)\s+{values}\s*\)\s*{_BODY}", r"for \1 in \2 {\3}"),
        (rf"{word}\s+{name}\s*(?:in|of|:|=|<-)\s*{values}\s*(?:do|:|->|=>)?\s*{_BODY}", r"for \1 in \2 {\3}"),
        (rf"{word}\s+{name}\s*(?:in|of|:|=)\s*{values}\s*(?:do|:|->|=>)?\s*{_GROUP}", r"for \1 in \2 { \3 }"),
        (rf"{word}\s+{name}\s*(?:in|of|:|=)\s*{values}\s+do\s+(.+?)\s+end\b", r"for \1 in \2 { \3 }"),
        (rf"{word}\s+{name}\s*(?:in|of|:|=)\s*{values}\s*(?:do\b|:|->|=>)?\s*({_CALLED}(?:\s*->\s*{_CALLED})*)",
         r"for \1 in \2 { \3 }"),
        (rf"\[\s*([^\[\]]+?)\s+for\s+{name}\s+in\s+{values}\s*\]", r"for \2 in \3 { \1 }"),
        (rf"\bmap\(\s*{values}\s*,\s*{name}\s*(?:->|=>|:)\s*(.+)\s*\)", r"for \2 in \1 { \3 }"),
        (rf"{values}\s*->\s*for\s+{name}\s*{_BODY}", r"for \2 in \1 {\3}"),
        (rf"\bfor\s+\w+\s*,\s*(\w+)\s+in\s+enumerate\(\s*{values}\s*\)\s*{_BODY}", r"for \1 in \2 {\3}"),
        (rf"\bfor\s+{name}\s+in\s+{values}\s*\.\s*\w+(?:\(\))?\s*{_BODY}", r"for \1 in \2 {\3}"),
        (rf"\bfor\s+{name}\s+in\s+range\(\s*(\[[^\]]*\]|[A-Za-z_]\w*)\s*\)\s*{_BODY}", r"for \1 in \2 {\3}"),
        (rf"\bfor\s+{name}\s*(?:in|=)\s*(\d+)\s*(?:\.\.\.?|to|:)\s*{_COUNT}\s*:?\s*{_BODY}",
         r"for \1 in range(\2, \3) {\4}"),
        (rf"\bfor\s+{name}\s+in\s+(\d+)\s*{_BODY}", r"for \1 in range(\2) {\3}"),
    )
    yield from _rewritten(place, rules, _LOOP)


def choices(place: MistakePlace) -> Iterator[TriedEdit]:
    """`if test: a else: b`, `a if test else b`, `test ? a : b`, `if test then a else b`, `elif`, `unless`, `!test`."""
    stage = rf"({_CALLED}(?:\s*->\s*{_CALLED})*|\d[\w.]*)"
    test = r"([^{}\n?:;]+?)"
    words = (
        (r"\b(?:elif|elseif|elsif|else\s+If)\b", r"else if"),
        (r"\b(?:otherwise|Else|ELSE)\b", r"else"),
        (r"\b(?:when|If|IF|switch)\b", r"if"),
        (r"\belse\s*:\s*(?=\{)", r"else "),
        (r"\}\s*;\s*else\b", r"} else"),
        (rf"(\bif\b{test}{_BODY})\s*{_BODY}", r"\1 else {\4}"),
    )
    forms = (
        (r"\bif\b([^{}\n]*?)\s*:\s*(?=\{)", r"if\1 "),
        (rf"(\}}\s*else)\s+(?!if\b)(?:->|:)?\s*{stage}", r"\1 { \2 }"),
        (rf"\bif\s+{test}\s*(?:then\b|:|->|=>)\s*{stage}\s*;?\s*else\s*(?:then\b|:|->|=>)?\s*{stage}",
         r"if \1 { \2 } else { \3 }"),
        (rf"\bif\s*\(([^()]*)\)\s*{stage}\s*;?\s*else\s*{stage}", r"if \1 { \2 } else { \3 }"),
        (rf"\bif\s+([\w.]+(?:\s*[=<>!]=?\s*[\w.]+)?)\s+{stage}\s*;?\s*else\s*\{{?\s*{stage}\s*\}}?",
         r"if \1 { \2 } else { \3 }"),
        (rf"\bif\s+{test}\s*(?:then\b|:)\s*{stage}", r"if \1 { \2 }"),
        (rf"{stage}\s+if\s+([^{{}}\n]+?)\s+else\s+{stage}", r"if \2 { \1 } else { \3 }"),
        (rf"(?:(?<==)|(?<=->)|(?<=\())\s*\(?([^?{{}}\n=]+(?:==[^?{{}}\n=]+)?)\s*\?\s*{stage}\s*:\s*{stage}",
         r" if \1 { \2 } else { \3 }"),
        (rf"\bunless\s+{test}\s*{_BODY}\s*else\s*{_BODY}", r"if \1 {\3} else {\2}"),
        (rf"\bunless\s+{test}\s*{_BODY}", r"if not (\1) {\2}"),
    )
    signs = (
        (r"&&", r"and"), (r"\|\|", r"or"), (r"!(?!=)\s*(?=[\w(])", r"not "),
        (r"\s*===\s*", r" == "), (r"\s*<>\s*", r" != "), (r"\bis\s+not\b", r"!="), (r"\b(?:is|eq|equals)\b", r"=="),
        (r"(\bif\s+[\w.]+)\s*=\s*(?=\w)", r"\1 == "),
        (r"\s*==\s*(?:True|TRUE)\b", r""),
    )
    yield from _rewritten(place, (*words, *forms, *signs), _CHOICE)

    # One habit brings several words and signs along: all rules for them, one after the other.
    text = place.piece
    for pattern, new in (*words, *signs):
        text = re.sub(pattern, new, text)

    if text != place.piece:
        yield place.whole(text, _CHOICE)


def functions(place: MistakePlace) -> Iterator[TriedEdit]:
    """`lambda x: relu(x)`, `(x => relu(x))`, `(relu)()`, `-relu`, `{ relu }`, `relu {}`, `new relu()`, `$c`."""
    name = r"([A-Za-z_]\w*)"
    rules = (
        (rf"\(?\blambda\s+\w+\s*:\s*{name}\(\s*\w+\s*\)\)?", r"\1"),
        (rf"\(\s*\w+\s*(?:=>|->)\s*{name}\(\s*\w+\s*\)\s*\)", r"\1"),
        (rf"\b\w+\s*(?:=>|->)\s*{name}\(\s*\w+\s*\)", r"\1"),
        (r"\b(?:fn|function|def|fun)\s*\w*\s*\(\w*\)\s*\{\s*([^{}]+?)\s*\}", r"\1"),
        (rf"\({name}\)\(\)", r"\1"), (rf"\b{name}\(\)\(\)", r"\1"),
        (rf"\b{name}\(((?:[^()])*)\)\(((?:[^()])*)\)", r"\1(\2, \3)"), (rf"\b{name}\(((?:[^()])*)\)\(((?:[^()])*)\)",
         r"\1(\2)"),
        (rf"(?<=->)\s*[-+*@$!&~%]+\s*(?={name})", r" "), (rf"(?<=->)\s*new\s+(?={name})", r" "),
        (r"(?<=[(\s,=*])[@$%&]+(?=\w)", r""),
        (r"(?<=->)\s*\{\s*([^{}]*?)\s*\}", r" \1"), (r"(?<=[\w)])\s*\{\s*\}", r""),
        (r"(?<=->)\s*\[\s*([^\[\]]*?)\s*\]", r" \1"), (r"(?<=[\w)])[?!:;,]+(?=\s|$)", r""),
        (rf"\b{name}\(\s*[A-Za-z_]\w*\s*\)", r"\1"),
        (r"->\s*->", r"->"), (r"\s*->\s*$", r""), (r"(?<=[{(])\s*->\s*", r" "),
    )
    yield from _rewritten(place, rules, "a step is a stage by itself, such as `relu` or `conv(3x3, 16)`")


def bundles(place: MistakePlace) -> Iterator[TriedEdit]:
    """`a, b -> concat`, `[a, b] -> concat`, `{a, b} -> concat`, `(a b) -> concat`, `a + b`, merges of one tensor."""
    one = r"([A-Za-z_]\w*(?:\[\d+\])?)"
    why = "several tensors stand in parentheses: `(a, b) -> concat`"
    merges = r"(concat|sum|mean|add|product|maximum|stack)"
    rules = (
        (rf"(?<![\w(]){one}\s*[,;&|]\s*{one}\s*->", r"(\1, \2) ->"),
        (rf"[\[{{(]\s*{one}\s*[,;&|]?\s*{one}\s*[\]}})]\s*->", r"(\1, \2) ->"),
        (rf"\(\s*{one}\s*[,;]\s*{one}\s*\)\s*\.?\s*{merges}\b", r"(\1, \2) -> \3"),
        (rf"\b{merges}\(\s*\[?\s*{one}\s*,\s*{one}\s*\]?[^()]*\)", r"(\2, \3) -> \1"),
        (rf"[(]?\b{one}\s*\+\s*{one}\b[)]?", r"(\1, \2) -> sum"),
        (rf"[(]?\b{one}\s*\+\s*{one}\b[)]?", r"(\1, \2) -> concat"),
        (rf"->\s*\+\s*{one}", r"-> add(\1)"), (rf"\s\+\s*{one}\s*$", r" -> add(\1)"), (rf"\badd\s+{one}", r"add(\1)"),
        (rf"->\s*(?:\(\)\s*)?{merges}\(\s*\)", r"-> \1"),
    )
    yield from _rewritten(place, rules, why)
    yield from _merge_of_one(place)


def _merge_of_one(place: MistakePlace) -> Iterator[TriedEdit]:
    """`relu -> sum` of one tensor; a bundle that meets a stage."""
    if "this is one tensor" in place.message or "needs its argument `others`" in place.message:
        step = re.compile(r"\s*->\s*").finditer(place.text, max(0, place.at - 80), place.at)
        arrows = [found for found in step if found.end() == place.at]
        if arrows:
            behind = re.compile(_CALLED).match(place.text, place.at)
            if behind is not None:
                why = "there is one tensor, and nothing to bring together"
                yield TriedEdit(arrows[0].start(), behind.end(), "", why, False)

    if "a bundle flows in" in place.message or "this is a bundle" in place.message:
        why = "the members of a bundle are brought together first"
        for merge in ("sum", "concat"):
            yield TriedEdit(place.at, place.at, f"{merge} -> ", why, False)
            yield TriedEdit(place.end, place.end, f" -> {merge}", why, False)
        behind = re.compile(_CALLED).match(place.text, place.at)
        if behind is not None:
            yield TriedEdit(place.at, behind.end(), f"each {{ {behind[0]} }}", why, False)


def _rewritten(place: MistakePlace, rules: tuple[tuple[str, str], ...], why: str) -> Iterator[TriedEdit]:
    """The statement with each pattern that fits it exchanged."""
    seen: set[str] = {place.piece}
    for pattern, new in rules:
        text = _sub(pattern, new, place.piece)
        if text not in seen:
            seen.add(text)
            yield place.whole(text, why)


def _sub(pattern: str, new: str, text: str) -> str:
    def make(found: re.Match[str]) -> str:
        return re.sub(r"\{\s{2,}|\s{2,}\}", lambda one: one[0].replace("  ", " "), found.expand(new))

    replace: Callable[[re.Match[str]], str] = make
    return re.sub(pattern, replace, text)
