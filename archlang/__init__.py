"""archlang: a language and compiler for neural-network architectures.

>>> import archlang
>>> len(archlang.__all__) <= 28
True

The door is lazy: importing archlang takes about a millisecond, and torch is loaded only by what needs it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

from archlang.version import VERSION

TYPE_CHECKING = False  # as from `typing`, whose import takes longer than all of this

__version__ = VERSION

_ROOMS = {
    "load": "archlang.compiler",
    "loads": "archlang.compiler",
    "check": "archlang.compiler",
    "Network": "archlang.elaborate.network",
    "diff": "archlang.differences",
    "draw": "archlang.views",
    "transform": "archlang.carrying",
    "compile": "archlang.compiler",
    "fuse": "archlang.compiler",
    "boost": "archlang.studies.pbconv.boosting",
    "search": "archlang.studies.pbconv.model_search",
    "save": "archlang.artefact",
    "load_model": "archlang.artefact",
    "create_model": "archlang.models",
    "list_models": "archlang.models",
    "push_to_hub": "archlang.hub",
    "from_pretrained": "archlang.hub",
    "import_model": "archlang.importing",
    "adopt": "archlang.adopting",
    "export": "archlang.exporting",
    "fit": "archlang.train",
    "evaluate": "archlang.train",
    "predict": "archlang.train",
    "Progress": "archlang.train",
    "features": "archlang.emit.features",
    "ArchError": "archlang.diagnostics",
    "Diagnostic": "archlang.diagnostics",
}
"""Public name to the room it comes from."""

__all__ = [
    "ArchError", "Diagnostic", "Network", "Progress", "adopt", "boost", "check", "codes", "compile", "create_model",
    "diff", "draw", "evaluate", "export", "features", "fit", "from_pretrained", "fuse", "import_model", "list_models",
    "load", "load_model", "loads", "predict", "push_to_hub", "save", "search", "transform",
]

if TYPE_CHECKING:
    from archlang import codes
    from archlang.adopting import adopt
    from archlang.artefact import load_model, save
    from archlang.carrying import transform
    from archlang.compiler import check, compile, fuse, load, loads
    from archlang.diagnostics import ArchError, Diagnostic
    from archlang.differences import diff
    from archlang.elaborate.network import Network
    from archlang.emit.features import features
    from archlang.exporting import export
    from archlang.hub import from_pretrained, push_to_hub
    from archlang.importing import import_model
    from archlang.models import create_model, list_models
    from archlang.studies.pbconv.boosting import boost
    from archlang.studies.pbconv.model_search import search
    from archlang.train import Progress, evaluate, fit, predict
    from archlang.views import draw


def __getattr__(name: str) -> object:
    # A room that is public as it is.
    if name == "codes":
        return import_module("archlang.codes")

    room = _ROOMS.get(name)
    if room is None:
        raise AttributeError(f"module 'archlang' has no attribute {name!r}")

    # Found once, it is an attribute like any other.
    value = getattr(import_module(room), name)
    globals()[name] = value
    return value


def load_ipython_extension(shell: object) -> None:
    """Register `%%arch` cells with IPython: what `%load_ext archlang` calls."""
    import_module("archlang.page.magics").load(shell)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class PublicModule(ModuleType):
    """The type of this module: a public name is not replaced by a room of the same name when that is imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in _ROOMS and isinstance(value, ModuleType):
            return
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = PublicModule
