"""The networks that come with archlang, by name, in timm's manner."""

from __future__ import annotations

import os
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.diagnostics.text import one_line
from archlang.elaborate.network import Network, rebuilt
from archlang.syntax.tree import Argument, Input, Number

if TYPE_CHECKING:
    from torch.fx import GraphModule

CANONICAL = {"resnet18": "multipath/resnet18", "resnet50": "multipath/resnet50"}
"""The network that a name without a folder means where several have it: the one that was published first."""

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
    """The file of a network; the folder may be left out where no other has the name, or it is a `CANONICAL` one.

    Raises ArchError (unknown-name).
    """
    known = list_models()
    name = CANONICAL.get(name, name)
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


def create_model(
    name: str, *, seed: int = 0, taps: bool = False, num_classes: int | None = None, in_chans: int | None = None,
    checkpoint_path: str | os.PathLike[str] | None = None, **dials: object,
) -> GraphModule:
    """Compile the network of a name with its dials set: `create_model("multipath/base_cnn_cc", paths=3)`.

    Args:
        name: the network's name; the folder may be left out where no other has the name, and for `CANONICAL` names.
        seed: the seed of the weights.
        taps: return `(outputs, taps)` from the model, as `archlang.compile` says.
        num_classes: the value of its dial `classes`.
        in_chans: the channels of its image, instead of those that the file declares.
        checkpoint_path: a model file, or a safetensors file of weights alone; names and shapes must be the model's.
        dials: values of the network's dials.

    Raises ArchError: unknown-name, unknown-dial, bad-dial, and what is wrong with a checkpoint: unreadable-file,
    unsafe-model, foreign-model.
    """
    from archlang.compiler import compile
    from archlang.elaborate import load

    if num_classes is not None:
        if "classes" in dials:
            raise ArchError(error("usage", "`num_classes` and `classes` are the same dial: give one of them"))
        dials = {**dials, "classes": num_classes}

    net = load(model_path(name), dials)
    if in_chans is not None:
        net = with_channels(net, in_chans)
    model = compile(net, seed=seed, taps=taps)

    if checkpoint_path is not None:
        # Imported here: networks are listed without torch.
        from archlang.artefact.state import load_weights

        load_weights(model, checkpoint_path)
    return model


def with_channels(net: Network, channels: int) -> Network:
    """The network with another number of channels in its first input. Raises ArchError (bad-dial)."""
    file = net.project.main.file
    network = net.project.main.network
    assert network is not None, "a network that was loaded is declared in its file"
    first = next(s for s in network.body.statements if isinstance(s, Input))
    if len(first.sizes.items) < 2:
        raise ArchError(error("bad-dial", f"the first input of {net.name} has no channels that could be set"))

    sizes = replace(first.sizes, items=(Number(value=channels), *first.sizes.items[1:]))
    changed = replace(first, sizes=sizes, arguments=_for_channels(first, net, channels))
    statements = tuple(changed if s is first else s for s in network.body.statements)
    body = replace(network.body, statements=statements)
    declarations = tuple(replace(network, body=body) if d is network else d for d in file.declarations)
    return rebuilt(net, replace(file, declarations=declarations))


def _for_channels(given: Input, net: Network, channels: int) -> tuple[Argument, ...] | None:
    """The arguments of an input with other channels: a mean for each of the old ones says nothing of the new."""
    mean = net.graph.inputs[0].mean
    if given.arguments is None or mean is None or len(mean) == channels:
        return given.arguments
    return tuple(a for a in given.arguments if a.name not in ("mean", "std")) or None
