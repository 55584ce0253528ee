"""What a model file says beside its weights: one canonical JSON text, and the digest over the whole file.

The digest proves that the file is as it was written (integrity); it does not say who wrote it (authorship).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from archlang.artefact.container import Container, refuse
from archlang.emit import ImagePreparation

FORMAT = 1
LANGUAGE = 1
BLANK = "0" * 64
LARGEST_SIDE = 1 << 16
"""Pixels of the longest side that a file may ask images to be brought to."""
_BEFORE = rb"\"digest\":\""  # as it stands in a JSON text inside a JSON text; no text of a network can hold it


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The text of the network with its imports inlined, and what else it takes to make the model again.

    `dials` are written as the language writes values. `passes` are replayed in order. `labels` name the classes;
    `mean` and `std` normalise images from 0..1, one number a channel. `image` holds the sizes that image files are
    brought to; files that were written before it existed, or without training, have none.
    """

    network: str
    dials: dict[str, str] = {}
    seed: int = 0
    passes: tuple[str, ...] = ()
    labels: tuple[str, ...] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    image: ImagePreparation | msgspec.UnsetType = msgspec.UNSET
    digest: str = BLANK
    format: int = FORMAT
    language: int = LANGUAGE


class _Version(msgspec.Struct):
    format: int


@dataclass(frozen=True)
class Sealed:
    """A manifest and the digest its file should have."""

    manifest: Manifest
    digest: str


def encode(manifest: Manifest) -> str:
    """Canonical JSON: keys sorted, no spaces; the digest left blank.

    >>> encode(Manifest("archlang 1"))[:40]
    '{"dials":{},"digest":"000000000000000000'
    """
    return msgspec.json.encode(msgspec.structs.replace(manifest, digest=BLANK), order="sorted").decode()


def decode(text: str) -> Sealed:
    """The manifest of a metadata text. Raises `ArchError`: foreign-model (another version), altered-model, not-a-model
    (a checkpoint)."""
    if text.startswith('{"digest"'):
        help = "the models of its run are `last.safetensors` and `best.safetensors`"
        raise refuse("not-a-model", "this is a checkpoint of a training, not a model", help=help)
    try:
        version = msgspec.json.decode(text, type=_Version).format
        if version == FORMAT:
            manifest = msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, RecursionError):
        raise refuse("altered-model", "the file's description of its network is broken") from None
    if version != FORMAT or manifest.language != LANGUAGE:
        raise refuse(
            "foreign-model",
            f"the file is written in another version of the format (this archlang reads version {FORMAT})",
            help="update archlang",
        )
    if encode(manifest) != text.replace(manifest.digest, BLANK, 1) or not sound(manifest):
        raise refuse("altered-model", "the file's description of its network is not as archlang writes it")
    return Sealed(manifest, manifest.digest)


def digest(container: Container, parts: Iterable[bytes | memoryview]) -> str:
    """SHA-256, in hexadecimal, of the whole file with the digest's own place blank; `parts` are the tensors' bytes."""
    before, found, after = container.raw.partition(_BEFORE)
    sha = hashlib.sha256(before + found + BLANK.encode() + after[len(BLANK) :])
    for part in parts:
        sha.update(part)
    return sha.hexdigest()


def seal(data: bytes, container: Container) -> bytes:
    """A file's bytes with its digest, which was blank, filled in."""
    start = len(container.raw.partition(_BEFORE)[0]) + len(_BEFORE)
    value = digest(container, [memoryview(data)[len(container.raw) :]])
    return data[:start] + value.encode() + data[start + len(BLANK) :]


def sound(manifest: Manifest) -> bool:
    """Whether the numbers and names of a manifest are such as a file may hold."""
    labels = manifest.labels or ()
    numbers = (manifest.mean or ()) + (manifest.std or ())
    return (
        len(manifest.digest) == len(BLANK)
        and 0 <= manifest.seed < 1 << 63
        and all(is_label(label) for label in labels)
        and all(abs(number) < 1e30 for number in numbers)
        and all(number > 0 for number in manifest.std or ())
        and (manifest.image is msgspec.UNSET or _sound_image(manifest.image))
    )


def _sound_image(image: ImagePreparation) -> bool:
    return all(0 < size <= LARGEST_SIDE for size in image.shape) and 0 < image.crop <= 1


def is_label(text: str) -> bool:
    """Whether a text can name a class: 1 to 256 characters, all of them printable."""
    return 0 < len(text) <= 256 and text.isprintable()
