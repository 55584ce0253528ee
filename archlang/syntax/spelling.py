"""Rules for single words, numbers, strings and characters, each with the diagnostic for its breach."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from archlang.diagnostics import Diagnostic, Fix, error
from archlang.limits import Limits
from archlang.source import Source, Span
from archlang.syntax.mended import mended_line

HIDDEN = re.compile(
    "(?:\x1b\\[[0-9;]*[A-Za-z]|\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff])+"
)
"""Commands to a terminal, controls but tab and line ends, zero-width and bidirectional characters, lone surrogates."""

_ESCAPE = re.compile(r"\\(u\{[^}\"]*\}?|.)", re.DOTALL)
_PLAIN_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}
_LONGEST_SHOWN = 40
_QUOTED = re.compile(r"'([^'\n]*)'")
_LONG_ARROW = re.compile("[\u2012-\u2015\u2212]{1,2}>")
_DECORATOR = re.compile(r"@[A-Za-z_][\w.]*[^\n]*")

_SAME_MEANING: dict[str, tuple[str, str | None]] = {
    "'": ("a word stands without quotes, a string in double quotes: `\"text\"`", None),
    "!": ("write `not`, or `!=` for different", "not "),
    "&": ("write `and`", "and"),
    "|": ("a step follows with `->`; of two tests one must hold: `or`", None),
    "^": ("a power is written `**`", "**"),
    "@": ("a place is given with `at`: `3x1 at (1, 2)`; matrices are multiplied by `a -> matmul(b)`", None),
    "\u2192": ("an arrow is written `->`", "->"),
    "\u21d2": ("an arrow is written `->`", "->"),
    "\xd7": ("a size is written with the letter x: `3x3`; a product with `*`", None),
    "\xb7": ("a product is written `*`", "*"),
    "?": ("a size that is not known yet is a capitalised name: `input image: [3, H, W]`", None),
    "$": ("a name stands by itself, without a sign before it", ""),
    "~": ("write `not`; of a number the minus is `-`", None),
    "\u2212": ("a minus is written `-`", "-"),
    "\u2013": ("a minus is written `-`", "-"),
    "\u2014": ("a minus is written `-`", "-"),
    "\u2260": ("different is written `!=`", "!="),
    "\u2264": ("at most is written `<=`", "<="),
    "\u2265": ("at least is written `>=`", ">="),
    "\u201c": ('a string stands in straight quotes: `"text"`', '"'),
    "\u201d": ('a string stands in straight quotes: `"text"`', '"'),
    "\u2018": ('a string stands in straight double quotes: `"text"`', '"'),
    "\u2019": ('a string stands in straight double quotes: `"text"`', '"'),
    "\\": ("a line needs no sign to go on: layout is free", ""),
    "`": ("names stand without quotes", ""),
}
"""Characters of other languages, and of word processors: the mend in words, and the text that stands for them here."""


# --- characters ------------------------------------------------------------------------------------------------------


def hidden_characters(source: Source) -> Iterator[Diagnostic]:
    """Yield one diagnostic for each run of characters that a reader cannot see, in comments and strings too.

    With them a text can look other than it is: bidirectional marks, for instance, show its words in another order.
    """
    help = "delete it; in a string it can be written as an escape, such as `\\u{200b}`"

    for match in HIDDEN.finditer(source.text):
        message = f"a hidden character: {_unicode_name(match[0][0])}"
        span = Span(source, match.start(), match.end())
        yield error("hidden-character", message, span, "here, though it cannot be seen", help=help)


def bad_character(source: Source, start: int, end: int) -> tuple[int, Diagnostic]:
    """The offset to read on from, and the diagnostic for characters `start` to `end`, which mean nothing."""
    char = source.text[start]
    if quoted := _QUOTED.match(source.text, start):
        return quoted.end(), _single_quotes(Span(source, start, quoted.end()), quoted[1])

    if arrow := _LONG_ARROW.match(source.text, start):
        span = Span(source, start, arrow.end())
        return arrow.end(), _meaningless(char, span, "an arrow is written `->`", Fix(span, "->"))
    if (decorator := _DECORATOR.match(source.text, start)) and not source.text[:start].rpartition("\n")[2].strip():
        return decorator.end(), _decorator(Span(source, start, decorator.end()))

    span = Span(source, start, end)
    help, text = _SAME_MEANING.get(char, ("outside strings and comments the language is written in ASCII", None))
    # A wide comma or parenthesis of another keyboard is compatible with one of ASCII.
    plain = unicodedata.normalize("NFKC", char)
    if char not in _SAME_MEANING and len(plain) == 1 and plain.isascii() and not plain.isalnum():
        help, text = f"in plain ASCII it is `{plain}`", plain
    if char == "\xd7" and _between_digits(span):
        text = "x"
    fix: Fix | None = None
    if text is not None:
        fix = Fix(span, text)
    return end, _meaningless(char, span, help, fix)


def _single_quotes(span: Span, content: str) -> Diagnostic:
    """The diagnostic for a text in single quotes, which is passed over as a whole: its words are no names."""
    help, _ = _SAME_MEANING["'"]
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", content):
        help = f'a word stands without quotes, `{content}`, a string in double quotes, `"{content}"`'

    # Either may be meant; the string is certainly well-formed, and its place says if a word is wanted.
    fix: Fix | None = None
    if not set(content) & {'"', "\\"}:
        fix = Fix(span, f'"{content}"')
    return _meaningless("'", span, help, fix)


def _decorator(span: Span) -> Diagnostic:
    """The diagnostic for a line such as `@nn.compact`, which is passed over as a whole."""
    help = "delete this line: a network is written as its inputs, flows and outputs alone"
    return error("bad-character", "`@` means nothing here: a decorator is Python's", span, help=help, fix=Fix(span, ""))


def _meaningless(char: str, span: Span, help: str, fix: Fix | None) -> Diagnostic:
    shown = _unicode_name(char)
    if char.isprintable():
        shown = f"`{char}`"
        if span.text == 2 * char:  # `&&`
            shown = f"`{span.text}`"
    message = f"{shown} means nothing here"
    # Of quotes nobody knows if a word or a text was meant: both are told.
    if fix is not None and fix.text and char != "'" and (line := mended_line(fix)):
        help = f"write `{line}`"
    return error("bad-character", message, span, "not part of the language", help=help, fix=fix)


def _between_digits(span: Span) -> bool:
    text = span.source.text
    return text[span.start - 1 : span.start].isdigit() and text[span.end : span.end + 1].isdigit()


def _unicode_name(char: str) -> str:
    return f"U+{ord(char):04X} {unicodedata.name(char, 'control character')}"


# --- lengths ---------------------------------------------------------------------------------------------------------


def long_name(span: Span, limit: int) -> Diagnostic | None:
    """The diagnostic for a name of more than `limit` characters."""
    size = span.end - span.start
    if size <= limit:
        return None
    return error("name-too-long", f"this name has {size} characters", span, f"at most {limit} are allowed")


def long_string(span: Span, size: int, limit: int) -> Diagnostic | None:
    """The diagnostic for a string whose `size` characters between the quotes are more than `limit`."""
    if size <= limit:
        return None
    return error("string-too-long", f"this string has {size:,} characters", span, f"at most {limit:,} are allowed")


def long_doc(span: Span, size: int, limit: int) -> Diagnostic | None:
    """The diagnostic for a doc string whose `size` characters between the quotes are more than `limit`."""
    if size <= limit:
        return None
    return error("string-too-long", f"this doc string has {size:,} characters", span, f"at most {limit:,} are allowed")


def too_many_tokens(span: Span, limit: int) -> Diagnostic:
    """The diagnostic at the first token past the limit."""
    return error("too-many-tokens", f"this file has more than {limit:,} words and signs", span, "read up to here")


# --- numbers ---------------------------------------------------------------------------------------------------------


def number(span: Span, limits: Limits) -> tuple[int | float, Diagnostic | None]:
    """The value of a well-formed integer or float; 0 with a diagnostic if it is too large."""
    text = span.text
    if text.isdigit():
        return _integer(text, span, limits)

    value = float(text)
    if value == float("inf"):  # `1e999` is well-formed
        return 0, error("number-too-large", "this number is too large", span, "past what a float can hold")
    return value, None


def sizes(span: Span, limits: Limits) -> tuple[tuple[int, ...], Diagnostic | None]:
    """The numbers of a size such as `3x3`, with a diagnostic for the first that is too large."""
    parts = [_integer(part, span, limits) for part in span.text.split("x")]
    first_mistake = next((wrong for _, wrong in parts if wrong), None)
    return tuple(int(value) for value, _ in parts), first_mistake


def _integer(text: str, span: Span, limits: Limits) -> tuple[int, Diagnostic | None]:
    digits = text.lstrip("0") or "0"

    # The digits are counted first: turning a hundred thousand of them into a number takes seconds.
    if len(digits) > len(str(limits.integer)) or int(digits) > limits.integer:
        return 0, error("number-too-large", "this number is too large", span, f"at most {limits.integer:,} is allowed")
    return int(digits), None


def bad_number(span: Span) -> Diagnostic:
    """The diagnostic for digits that make no number and no size."""
    text = span.text
    shown = text
    if len(text) > _LONGEST_SHOWN:
        shown = text[:_LONGEST_SHOWN] + "..."

    if text.startswith(".") and span.source.text[: span.start].endswith("."):
        help = f"numbers one after the other are `range({shown.strip('.')})`, `range(2, 5)`; sizes are `3x3`"
    elif text.startswith("."):
        help = f"write `0{shown}`"
    elif text.endswith("."):
        help = f"write `{shown}0` or `{shown[:-1]}`"
    elif re.fullmatch(r"[0-9]+([xX*][0-9]+)+", text):
        help = "a size has two or three numbers with a small x between them: `3x3`, `3x3x3`"
    elif re.fullmatch(r"[0-9]+(_[0-9]+)+", text):
        help = f"digits are written without separators: `{shown.replace('_', '')}`"
    elif re.fullmatch(r"[0-9]+x", text):
        help = f"a size has a number on both sides, `{text}3`; a stage is repeated with `*`: `{text[:-1]} * stage`"
    elif re.fullmatch(r"[0-9]+x[A-Za-z0-9_]*", text):
        help = "a size is made of numbers, `3x3`; `size(h, w)` makes one from names"
    else:
        help = "a name begins with a letter, and a product needs its sign: `3 * x`"
    return error("bad-number", f"`{shown}` is not a number", span, "neither a number nor a size", help=help)


# --- strings ---------------------------------------------------------------------------------------------------------


def unclosed_string(span: Span) -> Diagnostic:
    """The diagnostic for a string that does not end on the line on which it begins."""
    message = "this string does not end on its line"
    return error("unclosed-string", message, span, "opened here", help='close it with `"`')


def unclosed_doc(span: Span) -> Diagnostic:
    """The diagnostic for a doc string that does not end at all."""
    message = "this doc string does not end"
    return error("unclosed-string", message, span, "opened here", help='close it with `"""`')


def unescape(source: Source, start: int, raw: str) -> tuple[str, list[Diagnostic]]:
    """The text that a string stands for, and a diagnostic for each escape that does not exist.

    Args:
        source: the file, for the places of the mistakes.
        start: offset of the first character of `raw` in it.
        raw: the characters between the quotes.
    """
    mistakes: list[Diagnostic] = []

    # A wrong escape leaves nothing behind, so that reading can go on.
    def resolve(match: re.Match[str]) -> str:
        code = match[1]
        if code in _PLAIN_ESCAPES:
            return _PLAIN_ESCAPES[code]

        digits = re.fullmatch(r"u\{([0-9A-Fa-f]{1,6})\}", code)
        if digits and _is_character(int(digits[1], 16)):
            return chr(int(digits[1], 16))

        span = Span(source, start + match.start(), start + match.end())
        help = 'the escapes are `\\"`, `\\\\`, `\\n`, `\\t` and `\\u{...}` with the number of a character'
        mistakes.append(error("bad-escape", "this escape does not exist", span, "unknown", help=help))
        return ""

    return _ESCAPE.sub(resolve, raw), mistakes


def _is_character(code: int) -> bool:
    """Return whether a number is one of Unicode, and not half of a UTF-16 pair, which no UTF-8 file can hold."""
    return code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF


def tidy(doc: str) -> str:
    """Remove the indentation that a doc string has in the file, and empty lines at its ends.

    >>> tidy("One.\\n\\n    Two.\\n      Three.\\n  ")
    'One.\\n\\nTwo.\\n  Three.'
    """
    lines = [line.rstrip() for line in doc.replace("\r\n", "\n").expandtabs(4).split("\n")]
    first, *rest = lines

    # The first line begins behind the quotes, so the indentation is that of the others.
    margin = min((len(line) - len(line.lstrip()) for line in rest if line), default=0)
    return "\n".join([first.lstrip(), *(line[margin:] for line in rest)]).strip("\n")
