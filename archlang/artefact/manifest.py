"""The description in a model file beside its weights: one canonical JSON text, and the digest over the file.

The digest proves that the file is as it was written (integrity); it does not say who wrote it (authorship).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from archlang.artefact.container import Container, refuse
from archlang.record import ImagePreparation

FORMAT = 1
LANGUAGE = 1
BLANK = "0" * 64
"""The digest before it is known."""

MOST_PASSES = 64
"""Passes that a file may name: each is replayed, and takes as long as the network is large."""

LONGEST_LABEL = 256
LARGEST_SEED = 1 << 63
LARGEST_NUMBER = 1e30

LARGEST_SIDE = 1 << 16
"""Pixels of the longest side that a file may ask images to be brought to."""

_BEFORE = rb"\"digest\":\""
"""The text before the digest, as it stands in a JSON text inside a JSON text; no text of a network can hold it."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The text of a network with its imports inlined, and what else it takes to make the model again.

    Args:
        network: the text.
        dials: the values of its dials, as the language writes values.
        seed: the seed of the weights at the start.
        passes: the passes applied since, replayed in order.
        labels: the class names.
        mean: normalises images from 0..1, one number a channel.
        std: the same.
        image: the sizes that image files are brought to; absent where no training was, and from older files.
        digest: SHA-256 of the file with this place blank.
        format: the version of the file format.
        language: the version of the language.
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
    """The one field that every version of the format has."""

    format: int


@dataclass(frozen=True)
class Sealed:
    """A manifest and the digest its file should have."""

    manifest: Manifest
    digest: str


def encode(manifest: Manifest) -> str:
    """Write a manifest as canonical JSON: keys sorted, no spaces, the digest left blank.

    >>> encode(Manifest("archlang 1"))[:40]
    '{"dials":{},"digest":"000000000000000000'
    """
    return msgspec.json.encode(msgspec.structs.replace(manifest, digest=BLANK), order="sorted").decode()


def decode(text: str) -> Sealed:
    """Read the manifest of a metadata text.

    Raises `ArchError`: foreign-model (another version), altered-model, not-a-model (a checkpoint).
    """
    if text.startswith('{"digest"'):
        help = "the models of its run are `last.safetensors` and `best.safetensors`"
        raise refuse("not-a-model", "this is a checkpoint of a training, not a model", help=help)

    # Fields of another version are unknown: the version is read first and alone.
    try:
        version = msgspec.json.decode(text, type=_Version).format
        if version != FORMAT:
            raise _another_version()
        manifest = msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, RecursionError):
        raise refuse("altered-model", "the file's description of its network is broken") from None
    if manifest.language != LANGUAGE:
        raise _another_version()

    # Written once more it must be the same text: no other order of keys, no spaces, no number in another form.
    if encode(manifest) != text.replace(manifest.digest, BLANK, 1) or not sound(manifest):
        raise refuse("altered-model", "the file's description of its network is not as archlang writes it")
    return Sealed(manifest, manifest.digest)


def _another_version() -> Exception:
    """The error of a file of another version."""
    message = f"the file is written in another version of the format (this archlang reads version {FORMAT})"
    return refuse("foreign-model", message, help="update archlang")


def digest(container: Container, parts: Iterable[bytes | memoryview]) -> str:
    """SHA-256, in hexadecimal, of a file with the digest's place blank; `parts` are the tensors' bytes."""
    # The digest's own characters lie inside what it is over: 64 zeros stand in for them.
    before, key, after = container.raw.partition(_BEFORE)
    sha = hashlib.sha256(before + key + BLANK.encode() + after[len(BLANK) :])
    for part in parts:
        sha.update(part)
    return sha.hexdigest()


def seal(data: bytes, container: Container) -> bytes:
    """Fill the digest, which was blank, into a file's bytes."""
    start = len(container.raw.partition(_BEFORE)[0]) + len(_BEFORE)
    value = digest(container, [memoryview(data)[len(container.raw) :]])
    return data[:start] + value.encode() + data[start + len(BLANK) :]


def sound(manifest: Manifest) -> bool:
    """True if the numbers and names of a manifest are such as a file may hold."""
    # JSON and Python allow more: an endless integer, a negative deviation, a control character in a class's name.
    labels = manifest.labels or ()
    numbers = (manifest.mean or ()) + (manifest.std or ())
    return (
        len(manifest.digest) == len(BLANK)
        and len(manifest.passes) <= MOST_PASSES
        and 0 <= manifest.seed < LARGEST_SEED
        and all(is_label(label) for label in labels)
        and all(abs(number) < LARGEST_NUMBER for number in numbers)
        and all(number > 0 for number in manifest.std or ())
        and (manifest.image is msgspec.UNSET or _sound_image(manifest.image))
    )


def _sound_image(image: ImagePreparation) -> bool:
    return all(0 < size <= LARGEST_SIDE for size in image.shape) and 0 < image.crop <= 1


def is_label(text: str) -> bool:
    """True if a text can name a class: 1 to 256 characters, all of them printable."""
    return 0 < len(text) <= LONGEST_LABEL and text.isprintable()
