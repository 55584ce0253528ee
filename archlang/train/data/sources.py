"""From what the user names to `Data`: a known name, a format with a path, a plug-in's, or `module:function`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archlang.diagnostics import ArchError, did_you_mean
from archlang.diagnostics.text import one_line
from archlang.train.data.formats.catalogue import FORMATS, read
from archlang.train.data.made.catalogue import MADE, make
from archlang.train.data.matching import require_known
from archlang.train.data.splits import Data
from archlang.train.data.user_code import blamed, keeping_defaults, words_of
from archlang.train.data.user_data import understand
from archlang.train.problems import bad_data, unknown_data

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUP = "archlang.datasets"


def find(data: object) -> Data:
    """The data that a name or an object stands for.

    A name is one of data at hand, perhaps with options (`digits`, `mnist5k:rotated`; see `archlang.train.data.made`), a
    published format with a path (`cifar10:PATH`; see `archlang.train.data.formats`), a plug-in's (entry points
    `archlang.datasets`) or `module:function`. The function, called without arguments, gives what may be given here
    directly:

    - `Data`;
    - a torch `Dataset` or a list of (sample, label) pairs, or of samples alone, which get the label -1;
    - a pair of tensors or arrays (samples, labels), or one of samples alone;
    - two of these for training and test, three with validation between them, or a table of them by name.

    Of a single data set a fifth is kept for the test. Raises `ArchError`: unknown-data, bad-data, missing-tool.
    """
    if not isinstance(data, str):
        return _checked(understand("data", data))

    head, _, place = data.partition(":")
    # Known names before plug-ins: a plug-in must not take over the name of a published data set.
    if head in MADE:
        return _checked(make(head, place))
    if head in FORMATS:
        return _checked(read(head, place))

    shown = one_line(data, 80)
    plugins = {point.name: point for point in entry_points(group=GROUP)}
    if data in plugins:
        return _checked(understand(shown, _called(shown, _loaded(shown, plugins[data]))))
    if ":" in data:
        return _checked(understand(shown, _called(shown, _function(data))))
    raise _unknown(shown, data, plugins)


def _unknown(shown: str, data: str, plugins: Mapping[str, object]) -> ArchError:
    known = (*MADE, *(f"{name}:PATH" for name in FORMATS), *plugins)
    hints = (*did_you_mean(data, (*MADE, *FORMATS, *plugins)),
             f"known are {', '.join(known)}, and `module:function` for your own")
    return unknown_data(f"no data set is called `{shown}`", help=hints)


def _checked(data: Data) -> Data:
    if len(data.train) < 2:
        raise bad_data(f"the data has {len(data.train)} samples to train on; at least 2 are needed")
    if not len(data.test):
        raise bad_data("the data has no samples to test on")
    if data.validation is not None and not len(data.validation):
        raise bad_data("the data has no samples to validate on")
    if data.classes is not None:
        require_known(data.classes, data.classes, "the data")
    return data


def _loaded(shown: str, point: EntryPoint) -> Callable[[], Any]:
    with blamed(f"loading the plug-in of `{shown}`"):
        function: Callable[[], Any] = point.load()
    return function


def _function(name: str) -> Callable[[], Any]:
    module_name, _, function_name = name.partition(":")
    shown = one_line(name, 80)

    try:
        with _working_folder_importable(), keeping_defaults():
            module = importlib.import_module(module_name)
    except (ImportError, ValueError) as problem:
        raise unknown_data(f"`{shown}` cannot be imported: {words_of(problem)}") from None
    except TypeError:  # `.name` is relative to a package that nobody named
        raise unknown_data(f"`{shown}` names no module") from None
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # a module that calls `exit()` would end the command with its own status
        raise bad_data(f"importing `{shown}` failed: {words_of(problem)}") from None

    with blamed(f"looking `{shown}` up"):
        function = getattr(module, function_name, None)
    if not callable(function):
        names = [n for n in vars(module) if not n.startswith("_")]
        raise unknown_data(f"`{shown}` names no function", help=did_you_mean(function_name, names))
    return function  # type: ignore[no-any-return]


def function_of(name: str) -> Any:
    """The function that `module:name` stands for. Raises `ArchError`: unknown-data, bad-data."""
    if ":" not in name:
        raise unknown_data(f"`{one_line(name, 80)}` is no `module:function`")
    return _function(name)


def _called(shown: str, function: Callable[[], Any]) -> Any:
    with blamed(f"`{shown}`"):
        return function()


@contextmanager
def _working_folder_importable() -> Iterator[None]:
    # As `python -m` has it: the user's module lies where the command is given.
    folder = _working_folder()
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def _working_folder() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # it is gone
        raise unknown_data("the working folder does not exist any more", help="go to one that does") from None
