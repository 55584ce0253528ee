"""A digest of data, by which a training that goes on knows whether it is the same."""

from __future__ import annotations

import hashlib
from typing import Any

from archlang.train.data.image_files import ImageFiles
from archlang.train.data.ordering import looked_at
from archlang.train.data.reading import drawing_by
from archlang.train.data.splits import Split, Tensors

LOOKED_AT = 64
"""Samples of each part of the data that are looked at."""


@drawing_by(0)
def fingerprint(split: Split) -> dict[str, Any]:
    """A part of the data: its size, and a digest of evenly spread labels, of samples too where they lie in memory.

    Files are told by their names. What a function of the user's reads may be drawn at random: such samples say nothing.
    """
    # Evenly spread: data that was sorted or extended differs somewhere along the way.
    rows = looked_at(split, LOOKED_AT)

    if isinstance(split, ImageFiles):
        digest = hashlib.sha256(str([(split.names[i], int(split.classes[i])) for i in rows]).encode())
        return {"samples": len(split), "digest": digest.hexdigest()}

    samples, labels = split.batch(rows)
    sha = hashlib.sha256(str(labels.tolist()).encode())
    if isinstance(split, Tensors):
        sha.update(samples.cpu().contiguous().numpy().tobytes())
    return {"samples": len(split), "digest": sha.hexdigest()}
