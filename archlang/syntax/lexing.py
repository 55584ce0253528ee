"""Text to tokens: every mistake of spelling is found in one walk over the text, and none hides another.

>>> from archlang.source import Source
>>> [token.type for token in scan(Source("demo.arch", "x = in -> conv(3x3)"), DEFAULT).tokens]
['NAME', 'EQUAL', 'IN', 'ARROW', 'NAME', 'LPAR', 'SIZE', 'RPAR']
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from archlang.diagnostics import Diagnostic, error
from archlang.limits import DEFAULT, Limits
from archlang.source import Source, Span
from archlang.syntax import spelling
from archlang.syntax.tree import Comment

WORDS = (
    "archlang", "import", "let", "block", "code", "network", "train", "phase", "step", "input", "output", "in", "for",
    "if", "else", "and", "or", "not", "as", "at", "from", "where", "true", "false",
)  # fmt: skip
"""The reserved words; the terminal of each is the word in capitals."""

SIGNS = {
    "->": "ARROW", "==": "EQUALS", "!=": "DIFFERS", "<=": "AT_MOST", ">=": "AT_LEAST", "//": "FLOOR",
    "<": "LESSTHAN", ">": "MORETHAN", "+": "PLUS", "-": "MINUS", "*": "STAR", "/": "SLASH", "%": "PERCENT",
    "=": "EQUAL", ";": "SEMICOLON", ",": "COMMA", ":": "COLON", ".": "DOT",
    "(": "LPAR", ")": "RPAR", "[": "LSQB", "]": "RSQB", "{": "LBRACE", "}": "RBRACE",
}  # fmt: skip
"""Signs and their terminals, longer ones first."""

_TYPES = {**{word: word.upper() for word in WORDS}, **SIGNS}

_LEXEME = re.compile(
    r"""
      (?P<space>[ \t\r\n]+)
    | (?P<comment>\#[^\n]*)
    | (?P<doc>\"\"\")
    | (?P<string>\")
    | (?P<number>\.?[0-9](?:[A-Za-z0-9_]|(?<=[0-9][eE])[+-](?=[0-9])|\.(?=[0-9])|(?<=[0-9])\.(?![A-Za-z_.]))*)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<sign>"""
    + "|".join(re.escape(sign) for sign in SIGNS)
    + r""")
    | (?P<wrong>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_SIZE = re.compile(r"[0-9]+(x[0-9]+){1,2}")
_DOC = re.compile(r'"""((?:[^"]|"(?!""))*"{0,2})"""')
_STRING = re.compile(r'"((?:[^"\\\n]|\\[^\n]|\\(?=\n|\Z))*)("|(?=\n|\Z))')


@dataclass(frozen=True, slots=True)
class Token:
    """One word, number, text or sign. `value` is what it stands for: a number, a text with escapes resolved, sizes."""

    type: str
    text: str
    span: Span
    value: object = None
    first: bool = False  # nothing but spaces stands before it on its line

    @property
    def start(self) -> int:
        """Offset of its first character."""
        return self.span.start

    @property
    def end(self) -> int:
        """Offset behind its last character."""
        return self.span.end


@dataclass(frozen=True)
class Remark:
    """A comment in the text: `own` where it has its line for itself."""

    comment: Comment
    own: bool


@dataclass
class Scanned:
    """What a text is made of, and the mistakes of spelling in it."""

    source: Source
    tokens: list[Token] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    mistakes: list[Diagnostic] = field(default_factory=list)


def scan(source: Source, limits: Limits = DEFAULT) -> Scanned:
    """The tokens and comments of a text in order, with a diagnostic for each mistake of spelling."""
    return _Scan(source, limits).run()


def blank_before(source: Source, offset: int) -> bool:
    """Whether an empty line stands between a place and what comes before it."""
    line = source.position(offset)[0]
    return line > 1 and not source.line(line - 1).strip()


class _Scan:
    """The walk: one method for each sort of lexeme."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self.source, self.text, self.limits = source, source.text, limits
        self.out = Scanned(source)
        self.out.mistakes.extend(spelling.hidden_characters(source))

    def run(self) -> Scanned:
        at, size = 0, len(self.text)
        while at < size:
            match = _LEXEME.match(self.text, at)
            assert match is not None and match.lastgroup is not None
            at = getattr(self, match.lastgroup)(at, match.end())
            if len(self.out.tokens) > self.limits.tokens:
                self.mistake(spelling.too_many_tokens(self.out.tokens.pop().span, self.limits.tokens))
                break
        self.out.mistakes.sort(key=lambda d: d.primary.span.start if d.primary else 0)
        return self.out

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    def add(self, type: str, start: int, end: int, value: object = None) -> int:
        before = self.out.tokens[-1].end if self.out.tokens else 0
        first = not self.out.tokens or self.text.find("\n", before, start) >= 0
        self.out.tokens.append(Token(type, self.text[start:end], self.span(start, end), value, first))
        return end

    def mistake(self, diagnostic: Diagnostic | None) -> None:
        if diagnostic is not None:
            self.out.mistakes.append(diagnostic)

    def space(self, _: int, end: int) -> int:
        return end

    def comment(self, start: int, end: int) -> int:
        text = self.text[start:end].rstrip()
        line = self.source.position(start)[0]
        own = not self.text[self.source.starts[line - 1] : start].strip()
        comment = Comment(text, self.span(start, start + len(text)), own and blank_before(self.source, start))
        self.out.remarks.append(Remark(comment, own))
        return end

    def name(self, start: int, end: int) -> int:
        text = self.text[start:end]
        self.mistake(spelling.long_name(self.span(start, end), self.limits.name))
        return self.add(_TYPES.get(text, "NAME"), start, end)

    def sign(self, start: int, end: int) -> int:
        return self.add(_TYPES[self.text[start:end]], start, end)

    def number(self, start: int, end: int) -> int:
        text, span = self.text[start:end], self.span(start, end)
        if _NUMBER.fullmatch(text):
            value, wrong = spelling.number(span, self.limits)
            self.mistake(wrong)
            return self.add("NUMBER", start, end, value)
        if _SIZE.fullmatch(text):
            sizes, wrong = spelling.sizes(span, self.limits)
            self.mistake(wrong)
            return self.add("SIZE", start, end, sizes)
        self.mistake(spelling.bad_number(span))
        return self.add("NUMBER", start, end, 0)

    def string(self, start: int, end: int) -> int:
        match = _STRING.match(self.text, start)
        assert match is not None
        if not match[2]:
            end = start + len(match[0].rstrip())
            self.mistake(spelling.unclosed_string(self.span(start, end)))
        else:
            self.mistake(spelling.long_string(self.span(start, match.end()), len(match[1]), self.limits.string))
        value, wrong = spelling.unescape(self.source, start + 1, match[1])
        self.out.mistakes.extend(wrong)
        return self.add("STRING", start, match.end(), value)

    def doc(self, start: int, end: int) -> int:
        match = _DOC.match(self.text, start)
        if match is None:
            self.mistake(
                error(
                    "unclosed-string", "this doc string does not end", self.span(start, end), "opened here",
                    help='close it with `"""`',
                )
            )  # fmt: skip
            return self.add("DOC", start, len(self.text), "")
        self.mistake(spelling.long_doc(self.span(start, end), len(match[1]), self.limits.doc))
        return self.add("DOC", start, match.end(), spelling.tidy(match[1]))

    def wrong(self, start: int, end: int) -> int:
        if hidden := spelling.HIDDEN.match(self.text, start):
            return hidden.end()
        while end < len(self.text) and _is_wrong(self.text[end]) and self.text[start] == self.text[end]:
            end += 1
        end, diagnostic = spelling.bad_character(self.source, start, end)
        self.mistake(diagnostic)
        return end


def _is_wrong(char: str) -> bool:
    match = _LEXEME.match(char)
    return match is not None and match.lastgroup == "wrong"
