"""The place of a mistake as the rules see it: its statement, the braces around that, the names of the file."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property

from archlang.dataclass import dataclass
from archlang.elaborate.python.statements import body_end, statement_at
from archlang.syntax.lexing import WORDS

_QUOTED = re.compile(r'"[^"\n]*"|\'[^\'\n]*\'|#[^\n]*')
_INPUT = re.compile(r"\binput\s+([A-Za-z_]\w*)\s*:")
_BOUND = re.compile(r"(?m)^\s*(?:output\s+)?([A-Za-z_]\w*)\s*=(?![=>])")
_DECLARED = re.compile(r"\b(?:block|layer|let|network|code)\s+([A-Za-z_]\w*)")


@dataclass(frozen=True)
class TriedEdit:
    """A text in place of a stretch of the file, and the rule of the language that it follows.

    `is_certain` is False where the edit says more than the reader did: then it is told, and no program applies it.
    """

    start: int
    end: int
    text: str
    why: str = ""
    is_certain: bool = True

    def applied(self, text: str) -> str:
        """The text with the edit made."""
        return text[: self.start] + self.text + text[self.end :]


@dataclass(frozen=True)
class MistakePlace:
    """The place at which a mistake stands.

    `at` and `end` are the offsets of what is underlined, `message` and `help` are what was said of it, and
    `is_known_stage` tells whether the catalogue has a stage of a name.
    """

    text: str
    at: int
    end: int
    message: str
    help: str
    is_known_stage: Callable[[str], bool]

    # --- the statement ---

    @cached_property
    def start(self) -> int:
        """The offset at which the statement around the mistake begins."""
        return self._statement[0]

    @cached_property
    def stop(self) -> int:
        """The offset behind it."""
        return self._statement[1]

    @property
    def piece(self) -> str:
        """The text of the statement."""
        return self.text[self.start : self.stop]

    @cached_property
    def masked(self) -> str:
        """The same with quoted texts and comments blotted out, every place where it was."""
        return masked(self.text)[self.start : self.stop]

    @cached_property
    def _statement(self) -> tuple[int, int]:
        found = statement_at(self.text, min(self.at, max(0, len(self.text) - 1)))
        if found is None:
            return self.line
        return found.start, found.end

    @cached_property
    def line(self) -> tuple[int, int]:
        """The line of the mistake without the space around it."""
        start = self.text.rfind("\n", 0, self.at) + 1
        end = self.text.find("\n", start)
        if end < 0:
            end = len(self.text)
        # Without the indentation, which no edit touches.
        whole = self.text[start:end]
        return start + len(whole) - len(whole.lstrip()), start + len(whole.rstrip())

    def whole(self, text: str, why: str = "", is_certain: bool = True) -> TriedEdit:
        """Put a text in place of the statement."""
        return TriedEdit(self.start, self.stop, text, why, is_certain)

    # --- what is around it ---

    @cached_property
    def braces(self) -> tuple[int, int] | None:
        """The offsets behind the brace that opens around the statement, and of the one that closes it."""
        # Backwards: the first brace that is open there is the one around the statement.
        text, depth = masked(self.text), 0
        for at in range(self.start - 1, -1, -1):
            depth += (text[at] == "}") - (text[at] == "{")
            if depth < 0:
                return at + 1, body_end(text, at + 1)
        return None

    @cached_property
    def head(self) -> str:
        """The text between the braces before and the one that opens around the statement: `network N(a = 1) `."""
        if self.braces is None:
            return ""
        before = self.text[: self.braces[0] - 1]
        return before[max(before.rfind("\n"), before.rfind("}"), before.rfind("{")) + 1 :].strip()

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The names of the network's inputs."""
        return tuple(_INPUT.findall(self.text))

    @cached_property
    def tensors(self) -> tuple[str, ...]:
        """Inputs and bindings above the statement, the nearest first."""
        before = self.text[: self.start]
        network = re.search(r"(?m)^network\b", before)
        # What a block binds is known in its braces alone.
        if network is not None and network.start() < self.start:
            before = before[network.start() :].partition("\ntrain")[0]
        elif self.braces is not None:
            before = before[self.braces[0] :]
        names = [*_INPUT.findall(before), *_BOUND.findall(before)]
        return tuple(dict.fromkeys(reversed(names)))

    @cached_property
    def others(self) -> frozenset[str]:
        """Names of blocks, layers and values of the file."""
        return frozenset(_DECLARED.findall(self.text))

    def is_stage(self, name: str) -> bool:
        """Return whether a name is a stage, of the catalogue or of the file."""
        return name in self.others or self.is_known_stage(name)


def masked(text: str) -> str:
    """The text with quoted texts and comments blotted out, every place where it was."""
    return _QUOTED.sub(lambda found: "\x01" * len(found[0]), text)


def exchanged(text: str, pattern: str, new: str, only: Callable[[re.Match[str]], bool] | None = None) -> str:
    """The text with a pattern exchanged everywhere but in quoted texts and comments."""
    parts, last = [], 0
    for found in re.finditer(pattern, masked(text)):
        if only is not None and not only(found):
            continue
        parts += [text[last : found.start()], found.expand(new)]
        last = found.end()
    return "".join([*parts, text[last:]])


def depth_at(text: str, at: int) -> int:
    """Round and square brackets that are open at an offset."""
    return sum(char in "([" for char in text[:at]) - sum(char in ")]" for char in text[:at])


def is_word(name: str) -> bool:
    """Return whether a name is a word of the language."""
    return name in WORDS
