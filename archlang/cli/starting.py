"""Files to start from, one a task: small, complete with how they are trained, and said to be changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.diagnostics.text import one_line

FOLDER = Path(__file__).resolve().parents[1] / "templates"


@dataclass(frozen=True)
class Task:
    """A kind of network that people begin.

    purpose   what it does, in a line.
    next      what to type once the file is written; FILE stands for its name, words in capitals for the user's own.
    """

    purpose: str
    next: str


_DIGITS = "archlang train FILE --data digits"

TASKS = {
    "image": Task("Classes of images, by convolutions.", _DIGITS),
    "vit": Task("Classes of images, by a transformer over patches.", _DIGITS),
    "paths": Task("Parallel paths with routers between them.", _DIGITS),
    "experts": Task("Experts for the patches of an image.", _DIGITS),
    "coded": Task("Branches that work for some of the classes.", _DIGITS),
    "boosted": Task("Convolutions with branches for single positions, folded after training.", _DIGITS),
    "attention": Task("A network that attends to its own layers.", _DIGITS),
    "clusters": Task("Clusters of images without labels.", "archlang cluster FILE --data digits --clusters 10"),
    "segment": Task("A class for each pixel, at any size.", "archlang train FILE --data inputs:FOLDER"),
    "restore": Task("An image from a damaged one.", "archlang train FILE --data inputs:FOLDER"),
    "language": Task("A language model, over bytes or tokens.", "archlang train FILE --data text:TEXT_FILE"),
    "tagger": Task("A tag for each word of a sentence.", "archlang train FILE --data npz:ARRAYS.npz"),
    "pairs": Task("Whether two images show the same.", "archlang train FILE --data npz:ARRAYS.npz"),
}
"""Name to task, in the order in which they are listed. The file of each is `templates/NAME.arch`."""


def listing() -> str:
    """List the tasks, one a line."""
    wide = max(map(len, TASKS))
    return "\n".join(f"{name:{wide}}  {task.purpose}" for name, task in TASKS.items())


def text_of(name: str) -> str:
    """Read the file of a task. Raises ArchError (unknown-name) where there is no such task."""
    if name not in TASKS:
        near = did_you_mean(name, TASKS) or "`archlang new` lists the tasks"
        raise ArchError(error("unknown-name", f"there is no task `{one_line(name, 80)}`", help=near))

    return (FOLDER / f"{name}.arch").read_text(encoding="utf-8")
