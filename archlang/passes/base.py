"""The contract of a pass: `requires -> run -> ensures`, checked by the class that all passes share.

A pass is one frozen dataclass in one file. Its fields are its options (`multipath{paths=2}`), its docstring says what
becomes of what. There are two families: a transformation makes a network of a network (`archlang.transform.base`), a
rewriting makes a torch.fx module of a module (`archlang.rewrite.base`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, Literal, TypeVar

from archlang.dataclass import dataclass
from archlang.diagnostics import ArchError, Diagnostic, error
from archlang.passes.options import written_options
from archlang.source import Span

Subject = TypeVar("Subject")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class Pass(ABC, Generic[Subject, Outcome]):
    """Base of all passes. Subclasses are frozen dataclasses with defaults for all fields.

    `name` is how files and commands call the pass; once published it keeps its meaning. `subject` says what the pass
    takes. `replayed` says whether a model file may name the pass, which is then run again when the file is loaded.
    """

    name: ClassVar[str]
    subject: ClassVar[Literal["network", "model"]]
    replayed: ClassVar[bool] = False

    def __call__(self, subject: Subject, inputs: Sequence[Any] | None = None) -> Outcome:
        """Apply the pass; `subject` itself stays as it was.

        `inputs` is an example of a model's inputs, from which a rewriting knows shapes; transformations need none.

        Raises ArchError: what `requires` says, and internal-error where `ensures` finds a broken promise.
        """
        # First of all, so that a subject that a pass does not fit is left as it is and every reason is told at once.
        reasons = self.requires(subject)
        if reasons:
            raise ArchError(reasons)

        after = self.applied(subject, inputs)

        # A broken promise is a fault of the pass, not of the user's network: a wrong network is never handed on.
        broken = self.ensures(subject, after)
        if broken:
            raise ArchError([error("internal-error", f"the pass `{self.name}`: {claim}") for claim in broken])
        return after

    @abstractmethod
    def requires(self, subject: Subject) -> list[Diagnostic]:
        """Say why this pass does not apply, as errors with their places; an empty list where it applies."""

    @abstractmethod
    def applied(self, subject: Subject, inputs: Sequence[Any] | None) -> Outcome:
        """Run the pass on a copy; each family of passes does this in one way for all of its members."""

    @abstractmethod
    def ensures(self, before: Subject, after: Outcome) -> list[str]:
        """Say what the result should fulfil and does not, in words; an empty list where all is well."""

    def __str__(self) -> str:
        return written_options(self)


def does_not_apply(message: str, span: Span | None = None, **more: Any) -> Diagnostic:
    """A reason why a pass does not apply (pass-does-not-apply)."""
    return error("pass-does-not-apply", message, span, **more)
