"""Names of the parts of a data set, as folders and tables call them: a part is never taken for a class."""

from __future__ import annotations

import re
from typing import Literal

Role = Literal["train", "val", "test"]

PART_WORDS: dict[Role, tuple[str, ...]] = {
    "train": ("train", "training", "trn"),
    "val": ("val", "valid", "validate", "validation", "dev", "devel", "development"),
    "test": ("test", "testing", "tst"),
}
"""Words for each part, in any case; `set` and the like may follow (`train_set`, `test-images`)."""

# A `trainval` is two parts in one, and `eval` is `val` to some and `test` to others.
_UNCLEAR = ("trainval", "traintest", "eval", "evaluation", "holdout", "heldout")

_AFTER = "(?:[ _.-]*(?:set|data|dataset|images?|imgs?|pictures?|photos?|split|part|folder|samples?|files?))?"

_ALL = "|".join(sorted((*(word for words in PART_WORDS.values() for word in words), *_UNCLEAR), key=len, reverse=True))

_PART = re.compile(f"({_ALL}){_AFTER}[ _.-]*(?:v?[0-9]+)?", re.IGNORECASE)


def names_a_part(name: str) -> bool:
    """Tell the name of a part from that of a class.

    >>> [n for n in ("Train", "val2017", "test_set", "training", "trainer", "testudo", "train_7") if names_a_part(n)]
    ['Train', 'val2017', 'test_set', 'training', 'train_7']
    """
    return _PART.fullmatch(name.strip()) is not None


def part_of(name: str) -> Role | None:
    """The part that a name clearly stands for; None for others, and for those that only look like one.

    >>> part_of("Validation"), part_of("train_set"), part_of("val2017"), part_of("cat")
    ('val', 'train', None, None)
    """
    match = _PART.fullmatch(name.strip())
    if match is None:
        return None

    # `train_2` and `val2017` are one of several: nobody said what the others are for.
    if name.strip()[-1].isdigit():
        return None

    word = match[1].lower()
    return next((role for role, words in PART_WORDS.items() if word in words), None)
