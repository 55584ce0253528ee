"""Folders of images, a folder for each class; ImageNet is one of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from archlang.diagnostics.text import one_line
from archlang.train.data.formats.published_files import missing
from archlang.train.data.image_files import ImageFiles, common_preparation
from archlang.train.data.matching import listed
from archlang.train.data.parts import PART_WORDS, Role, names_a_part, part_of
from archlang.train.data.splits import Data, stratified
from archlang.train.problems import bad_data

ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".pbm", ".pnm", ".tif",
           ".tiff", ".jp2", ".avif", ".tga", ".qoi")
"""Endings of image files, in any case."""

IMAGENET_CROP = 0.875
"""The share of the middle that is kept of ImageNet's images: scaled so that 256 fit, 224 remain."""

NOT_THE_USERS = ("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found")
"""Folders that systems make, beside those that begin with a dot; they may hold small copies of images."""


def folder(path: Path) -> Data:
    """Images in a folder for each class, in `train` and `test` or `val`, or, undivided, a fifth of each for the test.

    Images of one size keep it; others are cut to a square in their middle and scaled to 224x224, unless the network
    asks for other sizes. Raises `ArchError`: unknown-data, bad-data.
    """
    if not path.is_dir():
        raise missing(path, ("a folder for each class",))

    parts = _parts(path)
    if parts:
        return _in_parts("folder", path, parts, crop=1.0)
    return _divided("folder", path)


def imagenet(path: Path) -> Data:
    """ImageNet (Deng et al. 2009): `train/n01440764/...` and `val/n01440764/...`; the middle 224x224 of 256 rows.

    Its published test part has no classes and is left where it is. Raises `ArchError`: unknown-data, bad-data.
    """
    parts = _parts(path) if path.is_dir() else {}
    if "train" not in parts or len(parts) < 2:

        raise missing(path, ("train/n01440764", "val/n01440764"))
    # As it is downloaded: `test` holds images without classes, and cannot be judged on.
    if "val" in parts and "test" in parts and not _subfolders(path / parts["test"]):
        del parts["test"]
    return _in_parts("imagenet", path, parts, IMAGENET_CROP)


# --- what stands in a folder -----------------------------------------------------------------------------------------


def _parts(path: Path) -> dict[Role, str]:
    """The folders of the parts by what they are for; none where the folders are classes.

    Raises `ArchError` (bad-data) where a folder is neither clearly a part nor clearly a class.
    """
    folders = _subfolders(path)
    alike = [name for name in folders if names_a_part(name)]
    if not alike:
        return {}

    parts: dict[Role, str] = {}
    for name in alike:
        role = part_of(name)
        if role is None:
            raise bad_data(f"`{_shown(path)}` has the folder `{_shown(name)}`, which reads as a part of data, not as a "
                           "class", help=f"parts are {', '.join(f'`{word}`' for word in PART_WORDS)}; rename it")
        if role in parts:
            raise bad_data(f"`{_shown(path)}` has two folders for one part: `{_shown(parts[role])}` and "
                           f"`{_shown(name)}`")
        parts[role] = name

    # Beside a whole division, other folders are nobody's classes: runs, notes, tools.
    if "train" in parts and len(parts) > 1:
        return parts

    others = [name for name in folders if name not in alike]
    lacking = "no training part" if "train" not in parts else "neither `val` nor `test`"
    help = f"`folder:{_shown(path / alike[0])}` reads that part alone, and keeps a fifth of it for the test"
    if others:
        help = f"if `{_shown(alike[0])}` is a class as `{_shown(others[0])}` is, give it another name"
    raise bad_data(f"`{_shown(path)}` has the part `{_shown(alike[0])}`, and {lacking}", help=help)


def _in_parts(name: str, path: Path, parts: dict[Role, str], crop: float) -> Data:
    classes = _classes(path / parts["train"])
    train_names, train_numbers = _listed_images(path, parts["train"], classes)
    preparation = common_preparation(path, train_names, crop)
    train = ImageFiles(path, train_names, train_numbers, preparation)

    others: dict[Role, ImageFiles] = {}
    for role in ("val", "test"):
        if role not in parts:
            continue
        held = _classes(path / parts[role])
        strange = [kind for kind in held if kind not in classes]
        if strange:
            said = f"`{_shown(parts[role])}` has the class `{_shown(strange[0])}`, which `{parts['train']}` has not"
            raise bad_data(said, help=f"`{parts['train']}` has {listed(classes)}")
        names, numbers = _listed_images(path, parts[role], held)
        # Numbers by the training part's classes, some of which this part may lack.
        position = torch.tensor([classes.index(kind) for kind in held])
        others[role] = ImageFiles(path, names, position[numbers], preparation)

    if "test" not in others:
        # Without a test part, `val` is what the model is tested on.
        return Data(name, train, others["val"], classes)
    return Data(name, train, others["test"], classes, others.get("val"))


def _divided(name: str, path: Path) -> Data:
    classes = _classes(path)
    names, numbers = _listed_images(path, "", classes)
    preparation = common_preparation(path, names)

    train, test = [
        ImageFiles(path, tuple(names[i] for i in rows), numbers[rows], preparation) for rows in stratified(numbers)
    ]
    return Data(name, train, test, classes)


def _classes(path: Path) -> tuple[str, ...]:
    """The classes of a part: its folders by name. Raises `ArchError` (bad-data) where they cannot be classes."""
    classes = tuple(_subfolders(path))
    if not classes:
        raise bad_data(f"`{_shown(path)}` has no folders; each class is a folder of images")

    for name in classes:
        if names_a_part(name):
            raise bad_data(f"`{_shown(path)}` has the folder `{_shown(name)}`, which names a part of data, not a class")

    strays = _images_in(path)
    if strays:
        raise bad_data(f"`{_shown(path / strays[0])}` lies in no class", help="each class is a folder of images")

    inner = path / classes[0]
    if len(classes) == 1 and _subfolders(inner) and not _images_in(inner):
        raise bad_data(f"`{_shown(path)}` has one folder alone, `{_shown(classes[0])}`, which holds folders",
                       help=f"did you mean `folder:{_shown(inner)}`?")
    return classes


def _listed_images(path: Path, part: str, classes: Sequence[str]) -> tuple[tuple[str, ...], torch.Tensor]:
    """All images under a part, by class and then by name, and their class numbers."""
    names: list[str] = []
    numbers: list[int] = []
    for number, kind in enumerate(classes):
        root = path / part / kind
        images = sorted(_images_under(root))
        if not images:
            raise bad_data(f"the class `{_shown(root)}` has no images",
                           help=(_LOOKED_FOR, "a class that a part lacks has no folder there"))

        below = len(str(root)) + 1
        names += [os.path.join(part, kind, file[below:]) for file in images]  # noqa: PTH118  a million of them
        numbers += [number] * len(images)
    return tuple(names), torch.tensor(numbers)


def _images_under(folder: Path) -> Iterator[str]:
    """The paths of all images of a class, in folders at any depth but hidden ones.

    Raises `ArchError` (bad-data) for an image that is no regular file, and for parts below a class.
    """
    # A stack rather than recursion: how deep folders go is not ours to say. Links to folders are not followed, since
    # they may lead in a circle.
    waiting = [str(folder)]

    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if _is_hidden(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if names_a_part(entry.name):
                        raise bad_data(f"the class `{_shown(folder)}` has the folder `{_shown(entry.name)}`, which "
                                       "names a part of data", help="parts stand above classes: `train/cat/1.png`")
                    waiting.append(entry.path)
                elif _is_image(entry):
                    if not entry.is_file():
                        raise bad_data(f"`{_shown(entry.path)}` is no regular file, or leads to none")
                    yield entry.path


def _subfolders(path: Path) -> list[str]:
    with os.scandir(path) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir() and not _is_hidden(entry.name))


def _images_in(path: Path) -> list[str]:
    with os.scandir(path) as entries:
        return sorted(entry.name for entry in entries if _is_image(entry))


def _is_image(entry: os.DirEntry[str]) -> bool:
    return entry.name.lower().endswith(ENDINGS) and not _is_hidden(entry.name) and not entry.is_dir()


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in NOT_THE_USERS


def _shown(name: str | Path) -> str:
    return one_line(str(name), 120)


_LOOKED_FOR = f"looked for {', '.join(ENDINGS)}"
