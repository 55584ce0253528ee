"""The files that a text names, found: beside it, among the standard modules, in folders that the user named.

A file can name no folder to be searched. Those come from whoever runs archlang: `--path`, `ARCHLANG_PATH`, `path=`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import islice
from pathlib import Path

from archlang.dataclass import dataclass
from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.diagnostics.text import one_line
from archlang.source import Span
from archlang.syntax.tree import Import

LONGEST = 1_024
"""Characters of a module's dotted name."""

NAMES = 1_000
"""Files of a folder that are looked at for a name that may have been meant."""

STD = Path(__file__).resolve().parent.parent / "std"

ENVIRONMENT = "ARCHLANG_PATH"
"""The variable that names folders of packages, separated as in `PATH`."""

SearchPath = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
"""A folder, or several, as a caller gives them."""

Folders = Sequence[Path]
"""The folders in which modules of a user's packages are searched."""


@dataclass(frozen=True)
class Located:
    """A text and the place where it lies.

    key   tells it from all others, however it is written: its full path, or the name of a standard module.
    name  how messages call it.
    path  the file, with no links in it; None for a text that is no file.
    root  the folder that no relative path of it leaves; None where it has no folder.
    """

    key: str
    name: str
    path: Path | None
    root: Path | None


def search_folders(given: SearchPath = ()) -> tuple[Path, ...]:
    """List the folders of the user's packages: those given, then those of `ARCHLANG_PATH`, each once.

    Raises ArchError (usage) where a given one is no folder. One of the environment may be missing, as in `PATH`.
    """
    if isinstance(given, str | os.PathLike):
        given = (given,)
    if not isinstance(given, Iterable):
        given = [given]  # refused below, as what a longer list holds is

    folders = []
    for one in given:
        if not isinstance(one, str | os.PathLike):
            raise ArchError(error("usage", f"the search path names folders; {one_line(repr(one), 80)} is none"))
        folder = Path(one)
        if not _is_folder(folder):
            shown = one_line(os.fspath(one), 120)
            help = "the search path names folders that hold packages: `libs` for `libs/my/blocks.arch`"
            raise ArchError(error("usage", f"there is no folder `{shown}`, which the search path names", help=help))
        folders.append(folder)

    # An empty entry means the current folder in `PATH`; here nothing is searched that nobody named.
    folders += [Path(word) for word in os.environ.get(ENVIRONMENT, "").split(os.pathsep) if word]
    return tuple(dict.fromkeys(folders))


def is_standard(item: Import) -> bool:
    """Tell whether an import names a module that comes with archlang."""
    return not item.quoted and item.path in _standard_modules()


def locate_module(item: Import, folders: Folders, project: Path | None) -> Located:
    """Find the file of a module by its dotted name: `std.resnet`, or `my.blocks` in a folder of the search path.

    `project` is the folder of the file that is read, for help alone: it is not searched. Raises ArchError
    (import-not-found, import-ambiguous, import-outside).
    """
    # Before anything is made of it: a file may hold a name of a hundred thousand parts.
    if len(item.path) > LONGEST:
        message = f"no module has a name of {len(item.path):,} characters: `{item.path[:64]}...`"
        raise refuse("import-not-found", message, path_place(item))

    standard = _standard_modules()
    relative = Path(*item.path.split(".")).with_suffix(".arch")
    found = _in_folders(item, relative, folders)

    # `std` is archlang's own: a package of that name would stand for another file as soon as the path changes.
    if item.path in standard and found:
        message = f"`{item.path}` is archlang's own module, and the search path holds one of this name too"
        raise refuse("import-ambiguous", message, path_place(item),
                     help="give the package another name than `std`", notes=(f"the other is {found[0][0]}",))
    if item.path in standard:
        return Located(item.path, f"<{item.path}>", STD / relative.name, None)

    places = {resolved: shown for shown, resolved, _ in found}
    if len(places) > 1:
        message = f"`{item.path}` is in several folders of the search path"
        notes = tuple(f"one is {shown}" for shown in places.values())
        raise refuse("import-ambiguous", message, path_place(item),
                     help="rename one package, or take its folder from the search path", notes=notes)
    # A folder `std` of the user's is no part of archlang, whichever modules it holds.
    if not found or _is_of_archlang(item.path):
        raise _no_module(item, relative, folders, project)

    shown, resolved, root = found[0]
    return Located(str(resolved), str(shown), resolved, root)


def _in_folders(item: Import, relative: Path, folders: Folders) -> list[tuple[Path, Path, Path]]:
    """The files of this name: as they are shown, without links, and the folder of the search path without links."""
    found = []
    for folder in folders:
        shown = folder / relative
        try:
            if not shown.is_file():
                continue
            resolved, root = shown.resolve(), folder.resolve()
        except (OSError, RuntimeError) as problem:  # a folder that may not be read, links that lead in a circle
            reason = getattr(problem, "strerror", None) or "its links lead in a circle"
            message = f"cannot look for `{item.path}` in {one_line(str(folder), 120)!r}: {reason.lower()}"
            raise refuse("import-not-found", message, path_place(item)) from None

        # As in a project: what is named lies in the folder, and a link does not change that.
        if not resolved.is_relative_to(root):
            message = f"{one_line(str(shown), 160)!r} is a link that leads out of its folder of the search path"
            raise refuse("import-outside", message, path_place(item))
        found.append((shown, resolved, root))
    return found


def _no_module(item: Import, relative: Path, folders: Folders, project: Path | None) -> ArchError:
    """The error of a module that is nowhere, with every place where it was looked for."""
    span, shown = path_place(item), item.path[:64]
    standard = _standard_modules()
    listed = f"there are: {', '.join(f'`{module}`' for module in standard)}"

    if _is_of_archlang(item.path):
        near = did_you_mean(item.path, standard) or (listed,)
        notes = [f"{folder / relative} is not it: `std` names archlang's own modules alone"
                 for folder in folders if _is_file(folder / relative)]
        return refuse("import-not-found", f"there is no standard module `{shown}`", span, help=near, notes=notes)

    help = list(did_you_mean(item.path, [*standard, *_modules_beside(relative, folders)]))
    # The one place where it certainly lies is not searched, but can be named.
    if project is not None and _is_file(project / relative):
        help.append(f'a file of this project is imported by its path: `import "./{relative.as_posix()}" (...)`')
    if not folders:
        help.append(f"`--path FOLDER` or {ENVIRONMENT} names the folder that holds `{relative.as_posix()}`")
        message = f"there is no standard module `{shown}`, and no search path for other packages"
        return refuse("import-not-found", message, span, help=help, notes=(listed,))

    notes = [_looked(folder, relative) for folder in folders]
    return refuse("import-not-found", f"there is no module `{shown}` in the search path", span, help=help, notes=notes)


def _looked(folder: Path, relative: Path) -> str:
    """Say where one folder was searched."""
    if not _is_folder(folder):
        return f"looked in {one_line(str(folder), 160)}, which is no folder"
    return f"looked for {one_line(str(folder / relative), 240)}"


def _modules_beside(relative: Path, folders: Folders) -> list[str]:
    """Dotted names of the modules that lie where this one was looked for."""
    names = []
    for folder in folders:
        if not _is_folder((folder / relative).parent):
            packages = (one.name for one in islice(_listed(folder), NAMES) if _is_folder(one))
            names += [".".join((package, *relative.with_suffix("").parts[1:])) for package in packages]
            continue
        package = relative.parent.parts
        stems = (one.stem for one in islice((folder / relative).parent.glob("*.arch"), NAMES))
        names += [".".join((*package, stem)) for stem in stems]
    return [name for name in names if not _is_of_archlang(name)]


def _is_of_archlang(module: str) -> bool:
    return module.split(".")[0] == "std"


def _listed(folder: Path) -> Iterable[Path]:
    if _is_folder(folder):
        return folder.iterdir()
    return ()


def _is_file(path: Path) -> bool:
    """Tell whether there is a file; a folder that may not be read has none."""
    try:
        return path.is_file()
    except OSError:
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # ValueError: a name with a null in it
        return False


def locate_beside(asked: str, home: Located, span: Span, what: str, kind: str) -> Located:
    """Find the file of a relative path: `what` is an import or a table, `kind` the pattern of its names, `*.arch`.

    It starts at the file that names it, and stays inside that file's root: no `..`, absolute path or link leads out.
    Raises ArchError (import-not-found, import-outside).
    """
    # A text that is no file and a standard module have no folder beside which files could lie.
    if home.root is None or home.path is None:
        message = f"only a file can read {what}; this text has no folder"
        if what == "an import":
            message = "only a file can import other files; this text can import modules by their names alone"
        raise refuse("import-not-found", message, span)
    # The operating system's calls raise ValueError on it, deep inside pathlib.
    if "\0" in asked:
        raise refuse("import-not-found", "no file has such a name", span)

    # Backslashes and drive letters lead elsewhere on other systems: a project means the same on all of them.
    wanted = Path(asked)
    if wanted.is_absolute() or "\\" in asked or ":" in asked:
        example = "./code.csv"
        if kind == "*.arch":
            example = "./blocks.arch"
        raise refuse("import-outside", f'{what} is a relative path such as "{example}"', span)

    # Resolved before it is compared: a link inside the folder may lead out of it.
    try:
        path = (home.path.parent / wanted).resolve()
        if not path.is_relative_to(home.root):
            raise refuse("import-outside", f"this leads out of the project's folder {home.root.name!r}", span)

        if not path.is_file():
            near = did_you_mean(path.name, _names_beside(path, kind))
            if not near and kind == "*.arch":  # a table is no module
                near = _without_quotes(asked)
            raise refuse("import-not-found", f"there is no file {asked!r} beside this one", span, near)
    except (OSError, RuntimeError) as problem:  # a name that no system takes, links that lead in a circle
        reason = getattr(problem, "strerror", None) or "its links lead in a circle"
        message = f"there is no file {one_line(asked, 80)!r}: {reason.lower()}"
        raise refuse("import-not-found", message, span) from None
    return Located(str(path), str(Path(home.name).parent / wanted), path, home.root)


def _without_quotes(asked: str) -> tuple[str, ...]:
    """Help for a module in quotes, in which only paths of files stand."""
    module = asked.removesuffix(".arch").replace("/", ".").lstrip(".")
    # `my.blocks` is no name of a file: those end in `.arch`.
    if module in _standard_modules() or (module == asked and all(map(str.isidentifier, module.split(".")))):
        return (f"a module stands without quotes: `import {module} (...)`",)
    return ()


def _names_beside(path: Path, kind: str) -> list[str]:
    """The first names of a folder's files of a kind; a folder may hold a million."""
    if not path.parent.is_dir():
        return []
    return [one.name for one in islice(path.parent.glob(kind), NAMES)]


@cache
def _standard_modules() -> tuple[str, ...]:
    """The modules that come with archlang; a file may import a thousand times."""
    return tuple(sorted(f"std.{path.stem}" for path in STD.glob("*.arch")))


def path_place(item: Import) -> Span:
    """The place of an import's path; the whole import where the tree was built without it."""
    if item.path_span.end:
        return item.path_span
    return item.span


def refuse(name: str, message: str, span: Span, help: str | Sequence[str] = (),
           notes: Sequence[str] = ()) -> ArchError:
    """Make the error of a file that cannot be had."""
    return ArchError(error(name, message, span, help=help, notes=notes))
