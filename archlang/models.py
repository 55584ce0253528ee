"""The networks that come with archlang, by name, in timm's manner."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.diagnostics.text import one_line

if TYPE_CHECKING:
    from torch.fx import GraphModule

HERE = Path(__file__).resolve().parent


def specs() -> Path:
    """The folder of the networks: inside an installed package, beside it in a checkout."""
    # The wheel holds them inside the package; a checkout keeps them beside it.
    inside = HERE / "specs"
    if inside.is_dir():
        return inside
    return HERE.parent / "specs"


def list_models(pattern: str = "*") -> list[str]:
    """List the names of networks in order; `pattern` has `*` and `?` and may leave out the folder.

    >>> "multipath/base_cnn_cc" in list_models("base_cnn*")
    True
    """
    folder = specs()
    names = sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.arch"))
    return [name for name in names if fnmatchcase(name, pattern) or fnmatchcase(_last(name), pattern)]


def _last(name: str) -> str:
    """A name without its folder."""
    return name.rpartition("/")[2]


def model_path(name: str) -> Path:
    """The file of a network; the folder may be left out where no other has the name.

    Raises ArchError (unknown-name).
    """
    known = list_models()
    # By the listed names alone, so that no name leads out of the folder.
    matches = [full for full in known if name in (full, _last(full))]
    if len(matches) == 1:
        return specs() / f"{matches[0]}.arch"

    shown = one_line(name, 80)
    if matches:
        message = f"`{shown}` may be one of {', '.join(matches)}"
        raise ArchError(error("unknown-name", message, help="write the folder too"))

    near = did_you_mean(name, [*known, *map(_last, known)])
    help = near or "`archlang.list_models()` lists them"
    raise ArchError(error("unknown-name", f"no network is called `{shown}`", help=help))


def create_model(name: str, *, seed: int = 0, taps: bool = False, **dials: object) -> GraphModule:
    """Compile the network of a name with its dials set: `create_model("multipath/base_cnn_cc", paths=3)`.

    Args:
        name: the network's name; the folder may be left out where no other has the name.
        seed: the seed of the weights.
        taps: return `(outputs, taps)` from the model, as `archlang.compile` says.
        dials: values of the network's dials.

    Raises ArchError: unknown-name, unknown-dial, bad-dial.
    """
    from archlang.compiler import compile
    from archlang.elaborate import load

    return compile(load(model_path(name), dials), seed=seed, taps=taps)
