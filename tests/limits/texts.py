"""Long texts: one construct of the language, repeated until a limit is met, right and wrong.

Each row makes a text of any length, so that a small and a doubled one can be compared, and the longest that the limits
allow can be measured (`tests/campaign/limits.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from archlang.limits import DEFAULT
from archlang.source import Source
from archlang.syntax.lexing import scan

HEAD = "archlang 1\n"
NETWORK = "network N {\n  input x: [4, 8, 8]\n  output x -> relu\n}\n"


@dataclass(frozen=True)
class LongText:
    """A construct and how it is repeated."""

    name: str
    make: Callable[[int], str]
    most: int = 1 << 20
    """Repetitions that are never passed, where something other than the text's length is the limit."""

    def longest(self) -> str:
        """The longest text that the limits of a file allow, or one not much shorter."""
        small, large = (_size(self.make(n)) for n in SAMPLES)
        n = self.most
        # The length grows evenly, since all numbers have the same digits.
        for limit, few, many in zip((DEFAULT.file_bytes, DEFAULT.tokens), small, large, strict=True):
            step = (many - few) / (SAMPLES[1] - SAMPLES[0])
            if step > 0:
                n = min(n, int((limit - few) / step + SAMPLES[0] - 1))
        return self.make(max(n, 1))


SAMPLES = (50, 250)
"""Numbers of repetitions from which the size of any other is worked out."""

FIRST = 10_000
"""The number of the first repetition."""


def _size(text: str) -> tuple[int, int]:
    """Bytes and tokens."""
    return len(text.encode()), len(scan(Source("long", text)).tokens)


def _many(template: str, n: int, join: str = "\n") -> str:
    """A text with `@` for the number, once for each number; all have five digits."""
    return join.join(template.replace("@", str(FIRST + i)) for i in range(n))


def declarations(template: str, after: str = NETWORK) -> Callable[[int], str]:
    """Declarations of a file before a small network."""
    return lambda n: f"{HEAD}{_many(template, n)}\n{after}"


def statements(template: str, end: str = "output x -> relu", join: str = "\n") -> Callable[[int], str]:
    """Statements of a network."""
    return lambda n: f"{HEAD}network N {{\n  input x: [4, 8, 8]\n{_many(template, n, join)}\n  {end}\n}}\n"


def stages(template: str, join: str = " -> ", before: str = "", after: str = "") -> Callable[[int], str]:
    """What the one flow of a network holds."""
    return lambda n: (f"{HEAD}network N {{\n  input x: [4, 8, 8]\n  output x -> {before}{_many(template, n, join)}"
                      f"{after}\n}}\n")


def lets(template: str, join: str, before: str = "", after: str = "") -> Callable[[int], str]:
    """One `let` with a long value."""
    return lambda n: f"{HEAD}let v = {before}{_many(template, n, join)}{after}\n{NETWORK}"


def training(template: str, join: str = "\n", before: str = "", after: str = "") -> Callable[[int], str]:
    """Settings of `train`."""
    return lambda n: (f"{HEAD}network N {{\n  input x: [4, 8, 8]\n  y = x -> flatten -> linear(4)\n  output y\n}}\n"
                      "train {\n  loss = cross_entropy(y, label)\n  optimizer = sgd(lr = 0.1)\n"
                      f"{before}{_many(template, n, join)}{after}\n}}\n")


def _nested(opening: str, closing: str, inner: str, depth: int = 12) -> str:
    return opening * depth + inner + closing * depth


def _chain_of_blocks(n: int) -> str:
    blocks = [f"block b{FIRST + i} = b{FIRST + i + 1}" for i in range(n)]
    last = f"block b{FIRST + n} = relu"
    return HEAD + "\n".join([*blocks, last]) + "\n" + NETWORK.replace("relu", f"b{FIRST}")


def _chain_of_lets(n: int) -> str:
    rows = [f"let a{FIRST} = 1", *(f"let a{FIRST + i} = a{FIRST + i - 1} + 1" for i in range(1, n))]
    return HEAD + "\n".join(rows) + "\n" + NETWORK.replace("relu", f"conv(3x3, min(a{FIRST + n - 1}, 4))")


def _same_error_used_often(n: int) -> str:
    return HEAD + "block b = add(in)\n" + NETWORK.replace("relu", f"{n} * b")


def _layers(n: int) -> str:
    return stages("relu", "; ", "layers { ", " } -> sum")(n)


ROWS = (
    # the form: comments, strings, spaces, lines
    LongText("comment lines", lambda n: HEAD + "#\n" * n + NETWORK),
    LongText("comment lines in a body", statements("#")),
    LongText("comments behind statements", statements("  a@ = x -> relu # c")),
    LongText("comments before arguments", stages("# c\n @", ",\n", "conv(", ")")),
    LongText("comments in a list", lets("@ # c", ",\n", "[", "]")),
    LongText("comments behind one comma", lambda n: HEAD + "let v = [1,\n" + "# c\n" * n + "2]\n" + NETWORK),
    LongText("comments on one brace", lambda n: HEAD + NETWORK.replace("N {", "N {" + " # c\n" * n)),
    LongText("empty lines", lambda n: HEAD + "\n" * n + NETWORK),
    LongText("spaces", lambda n: HEAD + " " * n + "\n" + NETWORK),
    LongText("spaces between words", lambda n: HEAD + NETWORK.replace("->", " " * n + "->")),
    LongText("carriage returns", lambda n: HEAD + "\r\n" * n + NETWORK),
    LongText("one long comment", lambda n: HEAD + "#" * n + "\n" + NETWORK),
    LongText("doc string", lambda n: HEAD + '"""' + "a\n" * n + '"""\n' + NETWORK, 8_000),
    LongText("doc strings", declarations('block b@ { """\n  a\n  b""" output in -> relu }')),
    LongText("strings", lets('"a@"', ", ", "[", "]")),
    LongText("escapes", lets('"' + "\\n" * 100 + '"', ", ", "[", "]")),
    # words that are misspelt
    LongText("wrong characters", lambda n: HEAD + "$ " * n),
    LongText("one wrong character, long", lambda n: HEAD + "$" * n),
    LongText("wrong characters of all kinds", lambda n: HEAD + "$&|^~?!@`'\\" * n),
    LongText("hidden characters", lambda n: HEAD + "\u202e" * n + NETWORK),
    LongText("hidden characters on lines", lambda n: HEAD + "\u202e\n" * n + NETWORK),
    LongText("NUL", lambda n: HEAD + "\x00" * n + NETWORK),
    LongText("letters of other scripts", lambda n: HEAD + "é" * n + NETWORK),
    LongText("letters of other scripts, apart", lambda n: HEAD + "é " * n + NETWORK),
    LongText("bad numbers", lambda n: HEAD + "let v = [" + "3a, " * n + "1]\n" + NETWORK),
    LongText("one long number", lambda n: HEAD + "let v = " + "9" * n + "\n" + NETWORK),
    LongText("one long fraction", lambda n: HEAD + "let v = 0." + "9" * n + "\n" + NETWORK),
    LongText("one long bad number", lambda n: HEAD + "let v = 1" + "_1" * n + "\n" + NETWORK),
    LongText("one long size", lambda n: HEAD + "let v = 3" + "x3" * n + "\n" + NETWORK),
    LongText("one long name", lambda n: HEAD + "let " + "a" * n + " = 1\n" + NETWORK),
    LongText("long names", declarations("let " + "a" * 200 + "@ = 1")),
    LongText("bad escapes", lambda n: HEAD + 'let v = "' + "\\q" * n + '"\n' + NETWORK),
    LongText("quotes", lambda n: HEAD + '"' * n),
    LongText("open strings", lambda n: HEAD + '"a\n' * n),
    LongText("strings too long", lets('"' + "a" * 1100 + '"', ", ", "[", "]")),
    # brackets
    LongText("open brackets", lambda n: HEAD + "(" * n),
    LongText("closed brackets", lambda n: HEAD + ")" * n),
    LongText("pairs of brackets", lambda n: HEAD + "()" * n),
    LongText("open braces in lines", lambda n: HEAD + "network N {\n" * n),
    LongText("brackets crossed", lambda n: HEAD + "([)]" * n),
    # mistakes of grammar
    LongText("arrows", lambda n: HEAD + "-> " * n),
    LongText("arrows on one line of a body", statements("->", join=" ")),
    LongText("commas", lambda n: HEAD + "," * n),
    LongText("`let` alone", lambda n: HEAD + "let " * n),
    LongText("`let` on lines", lambda n: HEAD + "let\n" * n),
    LongText("wrong statements", statements("  a@ = = x")),
    LongText("wrong statements on one line", statements("a@ = = x", join=";")),
    LongText("wrong declarations", declarations("let a@ = = 1")),
    LongText("declarations of other languages", declarations("def a@(self): return self.b")),
    LongText("semicolons", statements(";", join="")),
    LongText("names", lambda n: HEAD + "a " * n),
    LongText("names in a body", statements("a")),
    LongText("python lines in a body", statements("  x@ = nn.Conv2d(3, 4, 3)(x)")),
    LongText("empty bodies", declarations("block b@ { }")),
    LongText("mixed bodies", declarations("block b@ { relu; a = in -> relu }")),
    LongText("positional after named", declarations("block b@ = conv(channels = 3, 3x3)")),
    LongText("networks", declarations("network M@ { input x: [1] output x -> relu }")),
    LongText("trains", declarations("train { epochs = 1 }")),
    LongText("pragmas", lambda n: HEAD * n + NETWORK),
    LongText("second docs", lambda n: HEAD + '"""a""" ' * n + NETWORK),
    # operators and their depth
    LongText("terms", lets("@", " + "), 250),
    LongText("sums", declarations("let a@ = " + " + ".join("1" * 9))),
    LongText("products of sizes", declarations("let a@ = " + " * ".join("9" * 9))),
    LongText("minus signs", lets("-", "", "", "1"), 64),
    LongText("not", lets("not", " ", "", " true"), 64),
    LongText("else if", stages("if false { relu }", " else "), 64),
    LongText("ands", lets("true", " and "), 250),
    LongText("calls of calls", lambda n: HEAD + "let v = f" + "()" * n + "\n" + NETWORK, 200),
    LongText("fields of fields", lambda n: HEAD + "let v = f" + ".a" * n + "\n" + NETWORK, 200),
    LongText("indices of indices", lambda n: HEAD + "let v = f" + "[0]" * n + "\n" + NETWORK, 200),
    LongText("parentheses, deep and many", lets(_nested("(", ")", "1"), ", ", "[", "]")),
    LongText("lists, deep and many", lets(_nested("[", "]", "1"), ", ", "[", "]")),
    LongText("deep calls", stages(_nested("residual { conv(1x1, 4) -> ", " }", "relu", 12))),
    LongText("deep repetition", stages(_nested("1 * (", ")", "relu", 12))),
    LongText("deep ifs", stages(_nested("if true { ", " }", "relu", 12))),
    LongText("deepest ifs", stages(_nested("if true { ", " }", "relu", 50))),
    LongText("deepest repetition", stages(_nested("1 * (", ")", "relu", 50))),
    LongText("deepest residuals", stages(_nested("residual { relu -> ", " }", "relu", 50))),
    LongText("as", lambda n: HEAD + NETWORK.replace("relu", "relu" + " as a" * n)),
    LongText("as, each", stages("relu as a@")),
    LongText("the same as", stages("relu as a")),
    # names
    LongText("lets", declarations("let a@ = 1")),
    LongText("lets that are used", _chain_of_lets),
    LongText("the same let", declarations("let a = 1")),
    LongText("lets of a list", declarations("let a@ = [1, 2]")),
    LongText("lets in a network", statements("let a@ = 1")),
    LongText("blocks", declarations("block b@ = relu")),
    LongText("blocks that are used", lambda n: HEAD + _many("block b@ = relu", n) + "\n" + NETWORK.replace(
        "relu", _many("b@", n, " -> "))),
    LongText("blocks in a chain", _chain_of_blocks),
    LongText("blocks in a circle", lambda n: HEAD + _many("block b@ = a@\nblock a@ = b@", n) + "\n" + NETWORK),
    LongText("one long circle of blocks", lambda n: _chain_of_blocks(n).replace(
        f"b{FIRST + n} = relu", f"b{FIRST + n} = b{FIRST}")),
    LongText("the same block", declarations("block b = relu")),
    LongText("blocks with bodies", declarations("block b@(c) {\n  y = in -> conv(3x3, c)\n  output y -> relu\n}")),
    LongText("parameters", lambda n: HEAD + "block b(" + _many("p@ = 1", n, ", ") + ") = relu\n" + NETWORK),
    LongText("parameters, given by name", lambda n: HEAD + "block b(" + _many("p@ = 1", n, ", ") + ") = relu\n"
             + NETWORK.replace("relu", "b(" + _many("p@ = 2", n, ", ") + ")")),
    LongText("dials", lambda n: HEAD + NETWORK.replace("N {", "N(" + _many("d@ = 1", n, ", ") + ") {")),
    LongText("the same dial", lambda n: HEAD + NETWORK.replace("N {", "N(" + _many("d = 1", n, ", ") + ") {")),
    LongText("unknown stages", stages("rellu@")),
    LongText("unknown stages, long", stages("r" + "e" * 50 + "@")),
    LongText("unknown stages on lines", statements("  a@ = x -> rellu@")),
    LongText("unknown names", statements("  a@ = y@ -> relu")),
    LongText("unknown words", stages("conv(3x3, 4, padding = sane@)")),
    LongText("unknown names beside many lets", lambda n: HEAD + _many("let abcdef@ = 1", n) + "\n" + NETWORK.replace(
        "relu", _many("conv(3x3, abcdeg@)", n, " -> "))),
    LongText("unknown stages beside many blocks", lambda n: HEAD + _many("block abcdef@ = relu", n) + "\n"
             + NETWORK.replace("relu", _many("abcdeg@", n, " -> "))),
    LongText("names used before they are bound", lambda n: statements("  a@ = b@ -> relu\n  b@ = x -> relu")(n)),
    LongText("binds", statements("  a@ = x -> relu")),
    LongText("binds in a chain", lambda n: HEAD + "network N {\n input a10000: [4]\n"
             + "\n".join(f"  a{FIRST + i} = a{FIRST + i - 1} -> relu" for i in range(1, n))
             + f"\n output a{FIRST + n - 1} -> relu\n}}\n"),
    LongText("the same bind", statements("  a = x -> relu")),
    LongText("inputs", lambda n: HEAD + "network N {\n" + _many("input i@: [4]", n) + "\n  output i10000 -> relu\n}\n"),
    LongText("inputs that are joined", lambda n: HEAD + "network N {\n" + _many("input i@: [4]", n)
             + "\n  output (" + _many("i@", n, ", ") + ") -> sum\n}\n"),
    LongText("outputs", statements("  output o@ = x -> relu")),
    LongText("the same output", statements("  output x -> relu")),
    LongText("members of a bundle", stages("x -> relu", ", ", "add((", "))")),
    LongText("imports", declarations("import std.conv (unit@)")),
    LongText("imports of files", declarations("import a@ (b)")),
    LongText("names of one import", lambda n: HEAD + "import std.conv (" + _many("u@", n, ", ") + ")\n" + NETWORK),
    LongText("import paths", lambda n: HEAD + "import a" + ".a" * n + " (b)\n" + NETWORK),
    # arguments and lists
    LongText("named arguments", stages("a@ = 1", ", ", "conv(", ")")),
    LongText("the same argument", stages("groups = 1", ", ", "conv(3x3, 4, ", ")")),
    LongText("arguments by place", stages("@", ", ", "conv(", ")")),
    LongText("tensors by place", stages("x", ", ", "concat(", ")")),
    LongText("wrong arguments", stages("conv(3x3, 4, groups = 3)")),
    LongText("wrong arguments in lists", stages("padd(widths = [1, 2])")),
    LongText("a long list", lets("@", ", ", "[", "]")),
    LongText("a long list of lists", lets("[@]", ", ", "[", "]")),
    LongText("a long list of names", lets("a@", ", ", "[", "]")),
    LongText("a long tuple", stages("x", ", ", "((", ") -> sum)")),
    LongText("words of a code", lambda n: HEAD + "code c = words(" + _many('"10"', n, ", ") + ")\n" + NETWORK),
    LongText("codes", declarations('code c@ = words("10", "01")')),
    LongText("codes that are designed", declarations("code c@ = design(classes = 10, branches = 6, active = 3)")),
    LongText("codes that are imported", declarations('code c@ = from "f@.csv"')),
    LongText("conditions on sizes", lambda n: HEAD + "network N {\n input x: [4, H, W] where "
             + _many("H >= @", min(n, 250), " and ") + "\n output x -> relu\n}\n"),
    LongText("conditions on products", lambda n: HEAD + "network N {\n input x: [4, H, W] where "
             + _many("H * W % @ == 0", min(n, 60), " and ") + "\n output x -> relu\n}\n"),
    LongText("symbols", lambda n: HEAD + "network N {\n" + _many("input i@: [4, H@, W@]", n)
             + "\n output i10000 -> relu\n}\n"),
    LongText("symbols that are joined", lambda n: HEAD + "network N {\n" + _many("input i@: [4, H@]", n)
             + "\n output (" + _many("i@", n, ", ") + ") -> concat(axis = features)\n}\n"),
    LongText("sizes of an input", lambda n: HEAD + "network N {\n input x: [" + _many("@", n, ", ")
             + "]\n output x -> relu\n}\n"),
    LongText("means of an input", lambda n: HEAD + "network N {\n input x: [4] (mean = [" + _many("0.@", n, ", ")
             + "])\n output x -> relu\n}\n"),
    # networks as large as may be
    LongText("stages", stages("relu")),
    LongText("stages, at most as many as may be", stages("relu"), 9_990),
    LongText("convolutions", stages("conv(1x1, 4)")),
    LongText("convolutions, symbolic", lambda n: stages("conv(1x1, 4)")(n).replace("8, 8]", "H, W]")),
    LongText("strided, symbolic", lambda n: stages("conv(3x3, 4, stride = 2) -> upsample(factor = 2)")(n).replace(
        "8, 8]", "H, W]")),
    LongText("sums of symbols", lambda n: stages("pad(1)")(n).replace("8, 8]", "H, W]")),
    LongText("repetition", lambda n: stages("relu", before=f"{n} * ")(1), 9_990),
    LongText("for", lambda n: stages("relu", before=f"for i in range({n}) {{ ", after=" }")(1), 9_990),
    LongText("for, in a flow", stages("for i in [1, 2] { relu }")),
    LongText("for over a long list", stages("@", ", ", "for i in [", "] { relu }"), 9_990),
    LongText("for over nothing", stages("for i in [] { relu }")),
    LongText("for in for", lambda n: stages("for i in range(9000) { if i > 9000 { relu } }")(n), 30),
    LongText("short for", stages("for i in range(90) { if i > 90 { relu } }"), 4_000),
    LongText("ranges", declarations("let a@ = range(9000)")),
    LongText("fork", lambda n: stages("", before=f"fork({n}) -> each {{ relu }} -> sum")(1), 4_990),
    LongText("fork, routed", lambda n: stages("", before=f"fork({n}) -> route(cross_connection) -> sum")(1), 180),
    LongText("fork, routed to one", lambda n: stages(
        "", before=f"fork({n}) -> route(cross_connection, to = 1) -> sum")(1), 5_000),
    LongText("fork, concatenated", lambda n: stages("", before=f"fork({n}) -> each {{ relu }} -> concat")(1), 4_990),
    LongText("layers", _layers),
    LongText("layers, at most as many as may be", _layers, 9_980),
    LongText("parallel", stages("relu", "; ", "parallel { ", " } -> sum")),
    LongText("parallel, at most as many as may be", stages("relu", "; ", "parallel { ", " } -> sum"), 9_980),
    LongText("residuals", stages("residual { conv(1x1, 4) }"), 4_980),
    LongText("indices of a bundle", lambda n: HEAD + "network N {\n input x: [4]\n b = x -> fork(3)\n"
             + _many("  a@ = b[1] -> relu", n) + "\n output x -> relu\n}\n"),
    LongText("the same mistake in copies", _same_error_used_often),
    LongText("blocks used often", lambda n: HEAD + "block u(c) { y = in -> conv(1x1, c)\n output y -> relu }\n"
             + NETWORK.replace("relu", _many("u(4)", n, " -> ")), 4_990),
    LongText("stages as arguments", lambda n: HEAD + "block u(s) = s -> relu\n"
             + NETWORK.replace("relu", _many("u(conv(1x1, 4))", n, " -> ")), 4_990),
    # training
    LongText("settings", training("  a@ = 1")),
    LongText("the same setting", training("  batch = 1")),
    LongText("phases", training("  phase p@ { epochs = 1 }")),
    LongText("phases with settings", training("  phase p@ { epochs = 1; lr = linear(to = 0.1); only = [y] }")),
    LongText("the same phase", training("  phase p { epochs = 1 }")),
    LongText("steps", training("  step s@ { loss = cross_entropy(y, label); update = [y] }")),
    LongText("transforms", training("shift(1)", ", ", "  augment = [", "]")),
    LongText("unknown transforms", training("shif(@)", ", ", "  augment = [", "]")),
    LongText("labels", training('"l@"', ", ", "  labels = [", "]")),
    LongText("the same label", training('"l"', ", ", "  labels = [", "]")),
    LongText("losses", training("cross_entropy(y, label)", " + ", "  let l = ", "")),
    LongText("only", training("y", ", ", "  phase p { epochs = 1; only = [", "] }")),
    LongText("steps of a rate", training("@", ", ", "  phase p { epochs = 1; lr = steps(", ", by = 0.1) }")),
)  # fmt: skip


def row(name: str) -> LongText:
    """The row of a name."""
    return next(one for one in ROWS if one.name == name)
