"""Text to tokens. One walk over the text finds every mistake of spelling, so that none hides another.

>>> from archlang.source import Source
>>> [token.type for token in scan(Source("demo.arch", "x = in -> conv(3x3)"), DEFAULT).tokens]
['NAME', 'EQUAL', 'IN', 'ARROW', 'NAME', 'LPAR', 'SIZE', 'RPAR']
"""

from __future__ import annotations

import re
from dataclasses import field
from itertools import islice

import archlang.syntax.spelling as spelling
from archlang.dataclass import dataclass, unguarded
from archlang.diagnostics import Diagnostic
from archlang.limits import DEFAULT, Limits
from archlang.source import Source, Span
from archlang.syntax.tree import Comment

WORDS = (
    "archlang", "import", "let", "layer", "block", "code", "network", "train", "phase", "step", "input", "output", "in",
    "for", "if", "else", "and", "or", "not", "as", "at", "from", "where", "true", "false",
)  # fmt: skip
"""The reserved words. The terminal of each is the word in capitals."""

SIGNS = {
    "->": "ARROW", "==": "EQUALS", "!=": "DIFFERS", "<=": "AT_MOST", ">=": "AT_LEAST", "//": "FLOOR",
    "**": "POWER",
    "<": "LESSTHAN", ">": "MORETHAN", "+": "PLUS", "-": "MINUS", "*": "STAR", "/": "SLASH", "%": "PERCENT",
    "=": "EQUAL", ";": "SEMICOLON", ",": "COMMA", ":": "COLON", ".": "DOT",
    "(": "LPAR", ")": "RPAR", "[": "LSQB", "]": "RSQB", "{": "LBRACE", "}": "RBRACE",
}  # fmt: skip
"""Signs and their terminals, longer ones first, so that `->` is not read as `-` and `>`."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def is_name(text: str) -> bool:
    """Tell whether a text could stand as a name in a file.

    >>> is_name("stage1"), is_name("1st"), is_name("input")
    (True, False, False)
    """
    return _NAME.fullmatch(text) is not None and text not in WORDS


_TYPES = {**{word: word.upper() for word in WORDS}, **SIGNS}

# A number takes all letters, digits and points that touch it: `3abc` is then one misspelt number with one message, and
# not a number with a name behind it. What is well-formed is decided by the next two patterns.
# Spaces belong to the match of what follows them: most words have one before them. The most frequent come first.
_LEXEME = re.compile(
    r"""
    [ \t\r\n]*
    (?: (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>\.?[0-9](?:[A-Za-z0-9_]|(?<=[0-9][eE])[+-](?=[0-9])|\.(?=[0-9])|(?<=[0-9])\.(?![A-Za-z_.]))*)
    | (?P<sign>"""
    + "|".join(re.escape(sign) for sign in SIGNS if len(sign) > 1)
    + "|["
    + re.escape("".join(sign for sign in SIGNS if len(sign) == 1))
    + r"""])
    | (?P<comment>\#[^\n]*)
    | (?P<doc>\"\"\")
    | (?P<string>\")
    | (?P<end>\Z)
    | (?P<wrong>.)
    )
    """,
    re.VERBOSE | re.DOTALL,
)
_LONG = 10  # digits; the machine's numbers and those of floats are longer
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_SIZE = re.compile(r"[0-9]+(x[0-9]+){1,2}")
_DOC = re.compile(r'"""((?:[^"]|"(?!""))*"{0,2})"""')
_STRING = re.compile(r'"((?:[^"\\\n]|\\[^\n]|\\(?=\n|\Z))*)("|(?=\n|\Z))')


@dataclass(slots=True, eq=False)
class Token:
    """One word, number, text or sign, at characters `start` (included) to `end` (excluded) of a source.

    `value` is the meaning of a literal: a number, a text with its escapes resolved, the sizes of `3x3`. A token never
    changes. It is not frozen, and makes its span when it is asked for: a file has tens of thousands.
    """

    type: str
    text: str
    source: Source
    start: int
    end: int
    value: object = None
    first: bool = False  # nothing but spaces stands before it on its line

    @staticmethod
    def at(span: Span, type: str, text: str, value: object = None) -> Token:
        """A token that stands for one which the file does not have at this place."""
        return Token(type, text, span.source, span.start, span.end, value)

    def of_type(self, type: str) -> Token:
        """The same token under another type."""
        return Token(type, self.text, self.source, self.start, self.end, self.value, self.first)

    @property
    def span(self) -> Span:
        """Its place."""
        return Span(self.source, self.start, self.end)


@unguarded
@dataclass(frozen=True)
class Remark:
    """A comment in the text. `alone` tells if it has its line for itself."""

    comment: Comment
    alone: bool


@dataclass
class Scanned:
    """The tokens and comments of a text, and the mistakes of spelling in it, each in the order of the text."""

    source: Source
    tokens: list[Token] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    mistakes: list[Diagnostic] = field(default_factory=list)
    is_whole: bool = True  # False where it was not read to its end: it has more mistakes than are shown


def scan(source: Source, limits: Limits = DEFAULT) -> Scanned:
    """Cut a text into tokens and comments, with a diagnostic for each mistake of spelling. It never raises."""
    return _Scanner(source, limits).run()


def blank_before(source: Source, offset: int) -> bool:
    """Return whether the line above the one at `offset` is empty."""
    text = source.text
    line_end = text.rfind("\n", 0, offset)
    return line_end >= 0 and not text[text.rfind("\n", 0, line_end) + 1 : line_end].strip()


class _Scanner:
    """The walk over the text: one method for each group of `_LEXEME` but names and signs, with the name of the group.

    Each method gets the start and the end of the match and returns where to read on.
    """

    def __init__(self, source: Source, limits: Limits) -> None:
        self.source, self.text, self.limits = source, source.text, limits
        self.out = Scanned(source)
        self.out.mistakes.extend(islice(spelling.hidden_characters(source), limits.diagnostics + 1))

    def run(self) -> Scanned:
        # Looked up once: this loop runs for each word and each sign.
        readers = {name: getattr(self, name) for name in _LEXEME.groupindex if hasattr(self, name)}
        text, source, match_at, type_of = self.text, self.source, _LEXEME.match, _TYPES.get
        tokens, mistakes = self.out.tokens, self.out.mistakes
        most_tokens, longest_name = self.limits.tokens, self.limits.name
        first_of_line = self._first_of_line

        at = 0
        while True:
            match = match_at(text, at)
            assert match is not None and match.lastgroup is not None  # the last group takes any character
            kind, end = match.lastgroup, match.end()
            if kind in ("name", "sign"):
                word = match[kind]
                start = end - len(word)
                if end - start > longest_name:
                    self.mistake(spelling.long_name(Span(source, start, end), longest_name))
                tokens.append(Token(type_of(word, "NAME"), word, source, start, end, None, first_of_line(start)))
                at = end
            elif kind == "end":
                break
            else:
                at = readers[kind](match.start(kind), end)

            if len(mistakes) > self.limits.diagnostics:
                self.out.is_whole = False
                break
            if len(tokens) > most_tokens:
                self.mistake(spelling.too_many_tokens(self.out.tokens.pop().span, most_tokens))
                break

        self.out.mistakes.sort(key=lambda d: d.primary.span.start if d.primary else 0)
        return self.out

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    def _first_of_line(self, start: int) -> bool:
        """Return whether a token that starts here is the first of its line."""
        tokens = self.out.tokens
        if not tokens:
            return True
        last_end = tokens[-1].end
        return last_end < start and self.text.find("\n", last_end, start) >= 0

    def add(self, type: str, start: int, end: int, value: object = None) -> int:
        """Append a token; return its end."""
        first = self._first_of_line(start)
        self.out.tokens.append(Token(type, self.text[start:end], self.source, start, end, value, first))
        return end

    def mistake(self, diagnostic: Diagnostic | None) -> None:
        if diagnostic is not None:
            self.out.mistakes.append(diagnostic)

    def comment(self, start: int, end: int) -> int:
        text = self.text[start:end].rstrip()
        line_start = self.text.rfind("\n", 0, start) + 1
        alone = not self.text[line_start:start].strip()

        blank = alone and blank_before(self.source, start)
        comment = Comment(text, self.span(start, start + len(text)), blank)
        self.out.remarks.append(Remark(comment, alone))
        return end

    def number(self, start: int, end: int) -> int:
        text = self.text[start:end]
        # Most numbers are short, and are judged without their place.
        if end - start < _LONG and text.isdigit() and (short := int(text)) <= self.limits.integer:
            return self.add("NUMBER", start, end, short)

        span = self.span(start, end)
        if _NUMBER.fullmatch(text):
            value, wrong = spelling.number(span, self.limits)
            self.mistake(wrong)
            return self.add("NUMBER", start, end, value)

        if _SIZE.fullmatch(text):
            sizes, wrong = spelling.sizes(span, self.limits)
            self.mistake(wrong)
            return self.add("SIZE", start, end, sizes)

        # A token stands in for the misspelt number, so that the parser finds no second mistake here.
        self.mistake(spelling.bad_number(span))
        return self.add("NUMBER", start, end, 0)

    def string(self, start: int, _: int) -> int:
        match = _STRING.match(self.text, start)
        assert match is not None  # a quote alone matches
        content, closing_quote = match[1], match[2]

        if closing_quote:
            self.mistake(spelling.long_string(self.span(start, match.end()), len(content), self.limits.string))
        else:
            self.mistake(spelling.unclosed_string(self.span(start, start + len(match[0].rstrip()))))

        # What stands behind the limit of a string's length is refused already, so that its escapes are not judged.
        value, wrong = spelling.unescape(self.source, start + 1, content[: self.limits.string])
        self.out.mistakes.extend(wrong)
        return self.add("STRING", start, match.end(), value)

    def doc(self, start: int, end: int) -> int:
        match = _DOC.match(self.text, start)
        if match is None:
            self.mistake(spelling.unclosed_doc(self.span(start, end)))
            return self.add("DOC", start, len(self.text), "")

        self.mistake(spelling.long_doc(self.span(start, match.end()), len(match[1]), self.limits.doc))
        return self.add("DOC", start, match.end(), spelling.tidy(match[1]))

    def wrong(self, start: int, end: int) -> int:
        if hidden := spelling.HIDDEN.match(self.text, start):  # reported with all others at the beginning
            return hidden.end()

        # `&&` is one mistake, not two.
        while end < len(self.text) and self.text[end] == self.text[start]:
            end += 1
        end, diagnostic = spelling.bad_character(self.source, start, end)
        self.mistake(diagnostic)
        return end
