"""What a transformation is: graph in, graph out, by way of the tree, so that blocks and loops stay as they are written.

A pass is one frozen dataclass in one file. Its fields are its options (`multipath{paths=2}`), its docstring says what
becomes of what. `apply` checks the claim: what comes out is checked like any file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any, ClassVar

from archlang.diagnostics import ArchError, Diagnostic, did_you_mean, error
from archlang.elaborate import Network
from archlang.source import Span
from archlang.syntax.tree import File


@dataclass(frozen=True)
class Pass(ABC):
    """Base of all transformations. Subclasses are frozen dataclasses with defaults for all fields."""

    name: ClassVar[str]

    @abstractmethod
    def requires(self, net: Network) -> list[Diagnostic]:
        """Why this pass does not apply to a network; empty where it does."""

    @abstractmethod
    def run(self, net: Network) -> File:
        """The main file, rewritten. Only called where `requires` is empty."""

    @abstractmethod
    def ensures(self, before: Network, after: Network) -> list[str]:
        """What the result should fulfil and does not, in words; empty where all is well."""

    def __str__(self) -> str:
        given = [f"{f.name}={getattr(self, f.name)}" for f in fields(self) if getattr(self, f.name) != _default(f)]
        return f"{self.name}{{{','.join(given)}}}" if given else self.name


def refuse(message: str, span: Span | None = None, **more: Any) -> Diagnostic:
    """A reason why a pass does not apply."""
    return error("pass-does-not-apply", message, span, **more)


def made_of(kind: type[Pass], options: dict[str, str]) -> Pass:
    """A pass with its options, each read by the type of its field. Raises ArchError."""
    known = {f.name: f for f in fields(kind)}
    values: dict[str, object] = {}
    for name, text in options.items():
        if name not in known:
            listed = f"it takes: {', '.join(known)}" if known else "it takes no options"
            raise ArchError(error("unknown-argument", f"`{kind.name}` has no option `{name[:64]}`",
                                  help=(*did_you_mean(name, known), listed)))
        values[name] = _read(kind.name, known[name], text)
    try:
        return kind(**values)
    except ValueError as problem:
        raise ArchError(error("out-of-range", f"`{kind.name}`: {problem}")) from None


def _read(owner: str, option: Field[Any], text: str) -> object:
    sample = _default(option)
    try:
        if isinstance(sample, bool):
            return {"true": True, "false": False}[text]
        return type(sample)(text) if isinstance(sample, int | float) else text
    except (ValueError, KeyError):
        wanted = {bool: "true or false", int: "a whole number", float: "a number"}[type(sample)]
        message = f"the option `{option.name}` of `{owner}` is {wanted}, not {text[:40]!r}"
        raise ArchError(error("wrong-kind", message)) from None


def _default(option: Field[Any]) -> object:
    return option.default if option.default is not MISSING else ""
