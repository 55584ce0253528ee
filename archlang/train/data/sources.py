"""From what the user names to `Data`: a known name, a format with a path, a plug-in's, or `module:function`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy
import torch

from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.diagnostics.text import one_line
from archlang.train.data.formats.catalogue import FORMATS, MADE, read
from archlang.train.data.splits import NO_LABEL, Data, Items, Split, Tensors, divide, stratified
from archlang.train.problems import bad_data, unknown_data

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUP = "archlang.datasets"


def find(data: object) -> Data:
    """The data that a name or an object stands for.

    A name is `digits`, `moons`, `blobs`, `rings`, a published format with a path (`cifar10:PATH`; see
    `archlang.train.data.formats`), a plug-in's (entry points `archlang.datasets`) or `module:function`; the function,
    called without arguments, gives what may be given here directly: `Data`; a torch `Dataset` or a list of
    (sample, label) pairs, or of samples alone, which get the label -1; a pair of tensors or arrays (samples, labels),
    or one of samples alone; or two data sets or pairs, for training and test. Of a single one a fifth is kept for the
    test.

    Raises `ArchError`: unknown-data, bad-data, missing-tool.
    """
    if not isinstance(data, str):
        return _checked(understand("data", data))
    shown = one_line(data, 80)
    made = {"digits": digits, **MADE}
    if data in made:
        return made[data]()
    head, _, place = data.partition(":")
    if head in FORMATS:
        return _checked(read(head, place))
    plugins = {point.name: point for point in entry_points(group=GROUP)}
    if data in plugins:
        return _checked(understand(shown, _called(shown, plugins[data].load())))
    if ":" in data:
        return _checked(understand(shown, _called(shown, _function(data))))
    known = (*made, *(f"{name}:PATH" for name in FORMATS), *plugins)
    hints = (*did_you_mean(data, (*made, *FORMATS, *plugins)),
             f"known are {', '.join(known)}, and `module:function` for your own")
    raise unknown_data(f"no data set is called `{shown}`", help=hints)


def digits() -> Data:
    """The 1,797 grey 8x8 images of handwritten digits that come with scikit-learn, a fifth of each digit for the test.

    Raises `ArchError` (missing-tool) where scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        message = "the digits come with scikit-learn, which is not installed"
        raise ArchError(error("missing-tool", message, help='pip install "archlang[train]"')) from None
    found = load_digits()
    images = torch.from_numpy(found.images).float()[:, None] / 16
    train, test = divide(images, torch.from_numpy(found.target).long())
    return Data("digits", train, test, tuple(str(n) for n in range(10)))


def understand(name: str, value: Any) -> Data:
    """What a function of the user's gave, as `Data`; see `find`."""
    if isinstance(value, Data):
        return value
    if isinstance(value, (torch.Tensor, numpy.ndarray)):
        samples = torch.as_tensor(value)
        value = (samples, torch.full((len(samples) if samples.ndim else 0,), NO_LABEL))
    if _is_tensors(value):
        train, test = divide(*(torch.as_tensor(part) for part in value))
        return Data(name, train, test)
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return Data(name, _split(value[0]), _split(value[1]), _classes(value[0]))
    if hasattr(value, "__getitem__") and hasattr(value, "__len__"):
        parts = stratified(torch.zeros(len(value)))
        return Data(name, Items(value, parts[0]), Items(value, parts[1]), _classes(value))
    raise bad_data(
        f"`{name}` gives something that is no data ({one_line(type(value).__name__, 60)})",
        help="give a torch Dataset of (image, label) pairs, a pair of tensors, or two of either for training and test",
    )


def _split(part: Any) -> Split:
    if _is_tensors(part):
        return Tensors(*(torch.as_tensor(value) for value in part))
    if hasattr(part, "__getitem__") and hasattr(part, "__len__"):
        return Items(part, range(len(part)))
    raise bad_data("a part of the data is neither a torch Dataset nor a pair of tensors")


def _is_tensors(value: Any) -> bool:
    kinds = (torch.Tensor, numpy.ndarray)
    return isinstance(value, (tuple, list)) and len(value) == 2 and all(isinstance(part, kinds) for part in value)


def _classes(dataset: Any) -> tuple[str, ...] | None:
    names = getattr(dataset, "classes", None)
    if isinstance(names, (tuple, list)) and all(isinstance(name, str) for name in names):
        return tuple(names)
    return None


def _checked(data: Data) -> Data:
    if len(data.train) < 2:
        raise bad_data(f"the data has {len(data.train)} samples to train on; at least 2 are needed")
    if not len(data.test):
        raise bad_data("the data has no samples to test on")
    return data


def _function(name: str) -> Callable[[], Any]:
    module_name, _, function_name = name.partition(":")
    shown = one_line(name, 80)
    try:
        with _working_folder_importable():
            module = importlib.import_module(module_name)
    except (ImportError, ValueError, TypeError) as problem:  # the last for `.name`, which is relative
        raise unknown_data(f"`{shown}` cannot be imported: {one_line(str(problem), 200)}") from None
    except Exception as problem:
        raise bad_data(f"importing `{shown}` failed: {_said(problem)}") from None
    function = getattr(module, function_name, None)
    if not callable(function):
        names = [n for n in vars(module) if not n.startswith("_")]
        raise unknown_data(f"`{shown}` names no function", help=did_you_mean(function_name, names))
    found: Callable[[], Any] = function
    return found


def _called(shown: str, function: Callable[[], Any]) -> Any:
    try:
        return function()
    except ArchError:
        raise
    except Exception as problem:
        raise bad_data(f"`{shown}` failed: {_said(problem)}") from None


def _said(problem: Exception) -> str:
    return one_line(f"{type(problem).__name__}: {problem}", 300)


@contextmanager
def _working_folder_importable() -> Iterator[None]:
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)
