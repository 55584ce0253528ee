"""Ways in which newcomers get a right file wrong, each tried on the right files of the project.

`python -m tests.messages.operators` breaks the files in every way at some places and prints, for each way, how often
the first error stands on the broken line, and how often its mend leads to a file without mistakes.
"""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from archlang.diagnostics import Diagnostic
from archlang.elaborate.network import check_text
from archlang.source import Source
from archlang.syntax.lexing import Token, scan

ROOT = Path(__file__).parents[2]
FOLDERS = ("examples/*.arch", "specs/claims/*.arch", "specs/layer_attention/*.arch", "specs/multipath/*base*.arch",
           "examples/networks/*.arch", "specs/pbconv/*.arch")
LONGEST = 1_300
"""Characters of a file that is broken: the larger ones hold the same forms, and take longer."""

Wrong = tuple[str, set[int]]
"""A broken text and the lines on which its first error may stand."""

CONV = r"(?<![\w.])conv\((\d)x\d, (\w+)\)"
LINEAR = r"(?<![\w.])linear\((\w+)\)"
INPUT = r"input (\w+): \[(\w+), (\w+), (\w+)\]"
REPEAT = r"(\d+) \* \(([^()]*(?:\([^()]*\)[^()]*)*)\)"
LOOP = r"for (\w+) in ([\w\[\], ]+?) \{ ([^{}\n]*) \}"
CHOICE = r"if ([^{}\n]+?) \{ ([^{}\n]*) \} else \{ ([^{}\n]*) \}"
BIND = r"(?m)^(  +)(?!let|layer|output|input)([a-z]\w*) *= (?=\w+ *->)"
WHOLE_BIND = rf"{BIND.split(' *= ')[0]} *= (\w+ ->[^{{}}()\n#]*(?:\([^()\n]*\)[^{{}}()\n#]*)*)$"
BLOCK = r"(?m)^block (\w+)\(([^()]*)\)"
PHASE = r"phase (\w+) \{ epochs = (\d+); lr = ([^}]*?) \}"

FORMS: dict[str, tuple[str, tuple[str, ...]]] = {
    # --- signs between steps ---
    "an arrow of another language": (r"->", (
        "|>", ">>", "=>", "|", "-->", "~>", "- >", "\u2192", "::", "<-", "&", ":",
    )),
    "a weak sign between steps": (r" -> (?=[a-z])", (" . ", ", ", " > ", " - ", " ")),
    "a comma": (r", ", (" ", "; ", ",, ")),
    # --- bindings ---
    "a word before a name": (BIND, (r"\1let \2 = ", r"\1var \2 = ", r"\1const \2 = ", r"\1tensor \2 = ",
                                    r"\1self.\2 = ", r"\1\2: tensor = ")),
    "another sign behind a name": (BIND, (r"\1\2 := ", r"\1\2: ", r"\1\2 == ", r"\1\2 ", r"\1\2 -> ", r"\1\2 <- ")),
    "a name behind its flow": (WHOLE_BIND, (r"\1\3 -> \2", r"\1\3 as \2")),
    # --- names and arguments of other frameworks ---
    "a convolution of Keras": (CONV, (
        r"Conv2D(\2, \1, padding='same')", r"layers.Conv2D(\2, (\1, \1), padding='same')",
    )),
    "a convolution of PyTorch": (CONV, (
        r"nn.Conv2d(3, \2, \1, padding=1)", r"conv2d(\2, \1)", r"nn.LazyConv2d(\2, \1)",
    )),
    "arguments of a convolution": (CONV, (
        r"conv(\2, \1x\1)", r"conv(channels=\2, kernel=\1x\1)", r"conv(\1x\1 \2)", r"conv \1x\1, \2",
        r"conv(\1x\1)(\2)", r"conv((\1, \1), \2)",
        r"conv([\1, \1], \2)", r'conv("\1x\1", \2)', r"conv(\1 x \1, \2)", r"conv(\1X\1, \2)",
        r"conv[\1x\1, \2]", r"conv{\1x\1, \2}", r"conv(\1x\1; \2)", r"conv(\1x\1, channels: \2)", r"conv(\1x\1, 3, \2)",
    )),
    "further arguments of a convolution": (CONV, (
        r"conv(\1x\1, \2, strides=1)", r"conv(\1x\1, \2, padding='same')", r"conv(\1x\1, \2, act='relu')",
        r"conv(\1x\1, \2, use_bias=False)", r"conv(\1x\1, \2, stride: 1)", r"conv(\1x\1, \2, stride 1)",
        r"conv(\1x\1, \2, stride='1')", r"conv(\1x\1, \2, stride==1)", r"conv(\1x\1, \2, name='c1')",
    )),
    "a dense map": (LINEAR, (
        r"Dense(\1)", r"Linear(\1)", r"fc(\1)", r"linear(64, \1)", r"linear(units=\1)", r"linear \1", r"linear[\1]",
        r"linear('\1')", r"liner(\1)", r"linear(\1, activation='relu')",
    )),
    "an activation": (r"(?<=-> )relu(?=[\s)};])", (
        "ReLU", "nn.ReLU()", "relu()", "F.relu", "Activation('relu')", "rely", "relu(x)", "lambda x: relu(x)",
        "(relu)()", "[relu]", "{ relu }", "-relu", "new relu()", "relu {}", "@relu",
    )),
    "a norm": (r"(?<=-> )batch_norm(?=[\s)};])", (
        "BatchNorm2d", "nn.BatchNorm2d(64)", "batchnorm", "bn", "BatchNormalization()", "batch_norm()", "batch_nrom",
    )),
    # --- declarations ---
    "an input": (INPUT, (
        r"input \1 [\2, \3, \4]", r"input \1 = [\2, \3, \4]", r"input: \1 [\2, \3, \4]", r"\1: [\2, \3, \4]",
        r"input \1: (\2, \3, \4)", r"input \1: \2x\3x\4", r"input(\1, [\2, \3, \4])", r"input [\2, \3, \4]",
        r"input \1: [None, \2, \3, \4]", r"\1 = Input(shape=(\2, \3, \4))", r"Input \1: [\2, \3, \4]",
        r"input \1: [\2 \3 \4]", r"input \1: {\2, \3, \4}", r"input \1: <\2, \3, \4>", r"input \1 -> [\2, \3, \4]",
    )),
    "an output": (r"(?m)^( +)output (\w+)$", (
        r"\1return \2", r"\1output: \2", r"\1output = \2", r"\1output(\2)", r"\1outputs \2", r"\1\2", r"\1out \2",
        r"\1yield \2", r"\1output -> \2", r"\1\2 -> output", r"\1Output \2", r"\1output '\2'",
    )),
    "a network": (r"(?m)^network (\w+)", (
        r"net \1", r"model \1", r"class \1", r"Network \1",
        r"network '\1'", r"module \1", r"netwrok \1", r"network: \1",
    )),
    "dials": (r"(?m)^network (\w+)\((\w+) = (\w+)", (r"network \1(\2: int = \3", r"network \1(int \2 = \3",
                                                     r"network \1(\2 := \3", r"network \1(\2 \3")),
    "a block": (BLOCK, (r"def \1(\2)", r"block \1[\2]", r"function \1(\2)", r"module \1(\2)", r"fn \1(\2)",
                        r"block \1(x, \2)", r"block \1<\2>", r"Block \1(\2)")),
    "an import": (r"(?m)^import ([\w.]+) \((\w+)\)", (
        r"from \1 import \2", r"import \1.\2", r"import \2 from \1",
        r"use \1 (\2)", r"import \1 \2", r"import \1 { \2 }",
    )),
    "a comment": (r"(?m)(?<=[)\w])$(?!\n *->)", (
        r"  // the first stage", r"  /* the first stage */", r"  -- the first stage",
    )),
    # --- repetition and choice ---
    "a repetition": (REPEAT, (r"(\2) * \1", r"\1 x (\2)", r"repeat \1 { \2 }", r"repeat(\2, \1)", r"\1 { \2 }",
                              r"for i in range(\1): \2", r"(\2) ** \1", r"\1(\2)", r"for i in 0..\1 { \2 }")),
    "a loop": (LOOP, (r"for \1 in \2: \3", r"for (\1 in \2) { \3 }", r"for \1 : \2 { \3 }", r"for \1 of \2 { \3 }",
                      r"foreach \1 in \2 { \3 }", r"for \1 in \2 \3", r"for \1 in \2 ( \3 )", r"[\3 for \1 in \2]")),
    "a choice": (CHOICE, (r"if \1: \2 else: \3", r"\2 if \1 else \3", r"\1 ? \2 : \3", r"if \1 then \2 else \3",
                          r"if \1 { \2 } else \3", r"if \1 { \2 } { \3 }", r"when \1 { \2 } else { \3 }",
                          r"if \1 { \2 }; else { \3 }", r"if \1 { \2 } otherwise { \3 }")),
    # --- training ---
    "a setting": (r"(?<=[ {;])(optimizer|batch|seed|epochs|lr|loss) *= ", (
        r"\1: ", r"\1 ", r"\1 == ", r"\1 -> ", r"\1 := ",
    )),
    "a phase": (PHASE, (
        r"phase \1(epochs = \2, lr = \3)", r"phase \1 { epochs = \2, lr = \3 }", r"phase \1 { epochs: \2; lr: \3 }",
        r"phase \1 { epochs = \2 lr = \3 }", r"phase \1 = { epochs = \2; lr = \3 }",
    )),
    "a misspelt stage": (r"(?<=-> )([a-z])([a-z])([a-z_]{3,})(?=[ (\n])", (r"\1\3", r"\1\2\2\3", r"\2\1\3")),
}  # fmt: skip
"""Patterns of right texts, and what newcomers write in their place."""


# --- brackets and lines ----------------------------------------------------------------------------------------------


def _pairs(text: str) -> Iterator[tuple[Token, Token]]:
    opened: list[Token] = []
    for token in scan(Source("right.arch", text)).tokens:
        if token.type in ("LPAR", "LSQB", "LBRACE"):
            opened.append(token)
        elif token.type in ("RPAR", "RSQB", "RBRACE"):
            yield opened.pop(), token


def _without_end(sign: str) -> Callable[[str], Iterator[Wrong]]:
    def wrong(text: str) -> Iterator[Wrong]:
        for _, end in _pairs(text):
            if end.text == sign:
                before = text[: end.start].rstrip()
                yield text[: end.start] + text[end.end :], {before.count("\n") + 1, end.span.line}
    return wrong


def _other_end(text: str) -> Iterator[Wrong]:
    for _, end in _pairs(text):
        for sign in ")]}":
            if sign != end.text:
                yield text[: end.start] + sign + text[end.end :], {end.span.line}


def _round_braces(text: str) -> Iterator[Wrong]:
    for start, end in _pairs(text):
        if start.type == "LBRACE" and start.span.line == end.span.line:
            yield text[: start.start] + "(" + text[start.end : end.start] + ")" + text[end.end :], {start.span.line}


def _body_by_indentation(text: str) -> Iterator[Wrong]:
    for start, end in _pairs(text):
        line = text.rfind("\n", 0, end.start) + 1
        if start.type == "LBRACE" and start.span.line != end.span.line and not text[line : end.start].strip():
            rest = text[start.end : line] + text[end.end + 1 :]
            yield text[: start.start].rstrip() + ":" + rest, {start.span.line}
            yield text[: start.start].rstrip() + rest, {start.span.line, start.span.line + 1}


def _steps_on_lines(text: str) -> Iterator[Wrong]:
    """Flows in braces, each step on a line of its own without an arrow."""
    for found in re.finditer(r"\{ ((?:[\w.]+(?:\([^(){}]*\))?)(?: -> [\w.]+(?:\([^(){}]*\))?)+) \}", text):
        steps = "\n    ".join(found[1].split(" -> "))
        line = text.count("\n", 0, found.start()) + 1
        yield f"{text[: found.start()]}{{\n    {steps}\n  }}{text[found.end() :]}", set(range(line, line + 4))


def _all_arrows(sign: str) -> Callable[[str], Iterator[Wrong]]:
    """The same sign in place of every arrow of a line: a habit is one in all of its places."""
    def wrong(text: str) -> Iterator[Wrong]:
        lines = text.split("\n")
        for at, line in enumerate(lines):
            if "->" in line:
                yield "\n".join([*lines[:at], line.replace("->", sign), *lines[at + 1 :]]), {at + 1}
    return wrong


OPERATORS: dict[str, Callable[[str], Iterator[Wrong]]] = {
    "a brace not closed": _without_end("}"), "a parenthesis not closed": _without_end(")"),
    "a square bracket not closed": _without_end("]"), "another bracket at the end": _other_end,
    "parentheses for braces": _round_braces, "a body by indentation": _body_by_indentation,
    "steps on lines": _steps_on_lines, "bars for all arrows": _all_arrows("|"),
    "points for all arrows": _all_arrows("."),
    "commas for all arrows": _all_arrows(","), "nothing for all arrows": _all_arrows(""),
}  # fmt: skip


def _exchanged(pattern: str, texts: tuple[str, ...]) -> Callable[[str], Iterator[Wrong]]:
    def wrong(text: str) -> Iterator[Wrong]:
        for found in re.finditer(pattern, text):
            start = text.rfind("\n", 0, found.start()) + 1
            if "#" in text[start : found.start()] or text[: found.start()].count('"""') % 2:
                continue
            line = text.count("\n", 0, found.start()) + 1
            for new in texts:
                yield text[: found.start()] + found.expand(new) + text[found.end() :], {line}
    return wrong


OPERATORS.update({name: _exchanged(*form) for name, form in FORMS.items()})


# --- the judgement ---------------------------------------------------------------------------------------------------


@dataclass
class Rate:
    """How the first errors of one way did: files with an error, right lines, mends that hold, mends that do not."""

    files: int = 0
    lines: int = 0
    mends: int = 0
    bad: int = 0


def right_files() -> list[str]:
    """The texts of the project's files that are small and have no mistake."""
    texts = [path.read_text(encoding="utf-8") for folder in FOLDERS for path in sorted(ROOT.glob(folder))]
    return [text for text in texts if len(text) <= LONGEST and not _errors(text)]


def measured(texts: list[str], places: int, seed: int) -> dict[str, Rate]:
    """The rate of each way to get a file wrong, at some places drawn by a seed."""
    drawn = random.Random(seed)
    rates: dict[str, Rate] = {}
    for name, operator in OPERATORS.items():
        wrong = [(text, *one) for text in texts for one in operator(text) if one[0] != text]
        drawn.shuffle(wrong)
        rates[name] = Rate()
        for _, broken, lines in wrong[: 2 * places]:
            if rates[name].files < places:
                _judge(rates[name], broken, lines)
    return rates


def _judge(rate: Rate, broken: str, lines: set[int]) -> None:
    errors = _errors(broken)
    if not errors or errors[0].primary is None:  # what is left means something as well
        return
    first = errors[0]
    rate.files += 1
    rate.lines += first.primary is not None and first.primary.span.line in lines
    helps = any(_holds(text, broken) for text in _mended(first, broken))
    rate.mends += helps
    rate.bad += first.fix is not None and not helps


def _mended(first: Diagnostic, broken: str) -> Iterator[str]:
    """The broken file with the mend made: its edit, or a name or line that the help tells."""
    if first.fix is not None:
        span = first.fix.span
        yield broken[: span.start] + first.fix.text + broken[span.end :]
        return
    assert first.primary is not None
    span = first.primary.span
    start, end = broken.rfind("\n", 0, span.start) + 1, (broken + "\n").find("\n", span.start)
    for line in first.help[:2]:
        for told in re.findall(r"`([^`]+)`", line)[:3]:
            yield broken[: span.start] + told + broken[span.end :]
            yield broken[:start] + told + broken[end:]


def _holds(text: str, broken: str) -> bool:
    return text != broken and not _errors(text)


def _errors(text: str) -> list[Diagnostic]:
    return [one for one in check_text(text) if one.severity == "error"]


def total(rates: dict[str, Rate]) -> tuple[float, float, float]:
    """Per cent of the first errors on the right line, with a mend that holds, with an edit that does not."""
    sums: Counter[str] = Counter()
    for rate in rates.values():
        sums.update(vars(rate))
    return tuple(100 * sums[word] / sums["files"] for word in ("lines", "mends", "bad"))  # type: ignore[return-value]


def _main() -> None:
    rates = measured(right_files(), int((sys.argv[1:] or ["10"])[0]), seed=1)
    for name, rate in rates.items():
        print(f"{name:36} {rate.files:3} files, line {rate.lines:3}, mend {rate.mends:3}, bad {rate.bad:3}")
    print("line {:.1f} %, mend {:.1f} %, bad {:.1f} %".format(*total(rates)))


if __name__ == "__main__":
    _main()
