"""The whole walk: text to tree to graph to module, and from graph to graph and module to module.

    .arch text --parse--> tree --check--> graph --emit--> torch.fx module --rewrite--> torch.fx module
                                            \\--transform--> graph
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from archlang.collecting import no_collection
from archlang.diagnostics import ArchError, Diagnostic, error
from archlang.elaborate import Network
from archlang.elaborate import check as check_graph
from archlang.elaborate import load as load_graph
from archlang.elaborate import loads as loads_graph
from archlang.elaborate.network import Dials
from archlang.limits import DEFAULT, Limits
from archlang.ops import CATALOGUE, Catalogue
from archlang.project.locating import SearchPath, search_folders

if TYPE_CHECKING:
    import torch
    from torch.fx import GraphModule
    from torch.nn import Module

    from archlang.emit import Parallel
    from archlang.passes.base import Pass


def _drawn(network: Network) -> str:
    """The diagram of a network as SVG, for notebooks."""
    from archlang.views import draw

    return draw(network).svg


Network.picture = _drawn


def check(file: str | Path, dials: Dials | None = None, /, *, path: SearchPath = (), limits: Limits = DEFAULT,
          catalogue: Catalogue = CATALOGUE) -> tuple[Diagnostic, ...]:
    """Give every mistake and warning of a file, which may be one of blocks alone. Needs no torch.

    `path` is a folder, or several, whose packages the file may import by name, before those of `ARCHLANG_PATH`.
    """
    return check_graph(file, dials, limits=limits, catalogue=catalogue, folders=search_folders(path))


def load(file: str | Path, /, *, path: SearchPath = (), **dials: object) -> Network:
    """Read and check the network of a file, its dials set: `load("base_cnn_cc.arch", paths=3)`. Needs no torch.

    `path` is a folder, or several, whose packages the file may import by name, before those of `ARCHLANG_PATH`.
    """
    return _without_dial_path(load_graph(file, dials, folders=search_folders(path)), path)


def loads(text: str, /, *, path: SearchPath = (), **dials: object) -> Network:
    """Check the network of a text, its dials set; `path` as for `load`."""
    return _without_dial_path(loads_graph(text, dials, folders=search_folders(path)), path)


def _without_dial_path(net: Network, path: SearchPath) -> Network:
    """The network. Raises ArchError (usage) where `path=` may have been meant for a dial of this name."""
    if path != () and "path" in net.dials:
        message = "`path=` names the search path here, and the network has a dial of this name too"
        help = "call the dial otherwise, or set the search path by ARCHLANG_PATH"
        raise ArchError(error("usage", message, help=help))
    return net


def compile(net: Network, *, seed: int = 0, taps: bool = False, parallel: Parallel = "auto", tune: object = None,
            device: str | torch.device | None = None, dtype: torch.dtype | None = None) -> GraphModule:
    """Make a `torch.fx.GraphModule` of a network, in training mode.

    Args:
        net: the checked network.
        seed: the seed of the weights.
        taps: return `(outputs, taps)` from the model, with gates by name, [batch, inputs, outputs].
        parallel: run equal members of parallel parts one by one (`loop`), as one operation (`grouped`), or in the
            faster way (`auto`); results and names of weights do not depend on it.
        tune: the inputs of a call, a tensor or a tuple: each parallel part, and the layout of kernels in memory, is
            chosen by timing training steps on this machine. Choices are remembered in the user's cache folder;
            `meta["tuned"]` of the model holds them.
        device: where the weights lie; torch's default device, as inside `with torch.device("cuda")`, if None.
        dtype: their kind of numbers; torch's default one if None.

    Raises ArchError (usage) for `tune` together with a way of one's own.
    """
    from archlang.emit import emit

    if tune is not None and tune is not False and parallel != "auto":
        raise ArchError(error("usage", f"`tune` chooses the way that parts run in, and `parallel={parallel!r}` says it",
                              help="leave one of both out"))
    with no_collection():
        model = emit(net.graph, seed=seed, taps=taps, parallel=parallel, device=device, dtype=dtype)
    # The text goes with the model, so that it can be saved; the graph alone knows none.
    model.archlang = replace(model.archlang, network=net)
    if tune is None or tune is False:
        return model

    from archlang.tuning import tuned_form

    return tuned_form(net.graph, model, tune, taps=taps)


def fuse(model: Module, inputs: Sequence[Any] | None = None, *, shared: Literal["keep", "clone"] = "keep",
         parametrised: Literal["keep", "bake"] = "keep", tune: bool = False) -> GraphModule:
    """Make the inference form of a model in evaluation mode; the model itself stays as it is.

    An example of its inputs, a tuple, lets more be fused in models that no file made. With `shared="clone"` a
    convolution that others use too is computed once more where a norm then folds; with `parametrised="bake"` weights
    that are calculated (weight norm, spectral norm, pruning) are stored. With `tune=True` the layout of kernels in
    memory is chosen by timing a forward pass of these inputs on this machine, and remembered in the cache folder.

    Raises ArchError (usage) for `tune` without inputs.
    """
    from archlang.rewrite.fold import fuse as fold

    if tune and inputs is None:
        raise ArchError(error("usage", "`tune=True` times a forward pass, and there are no inputs",
                              help="give them: `fuse(model, (x,), tune=True)`"))
    with no_collection():
        made = fold(model, inputs, shared=shared, parametrised=parametrised)
    if tune:
        from archlang.tuning import tuned_layout

        made.meta["tuned"] = {"layout": tuned_layout(made, inputs or ())}
    return made


@overload
def transform(subject: Network, what: str | Pass[Any, Any]) -> Network: ...


@overload
def transform(subject: Module, what: str | Pass[Any, Any], inputs: Sequence[Any] | None = None) -> GraphModule: ...


def transform(subject: Network | Module, what: str | Pass[Any, Any],
              inputs: Sequence[Any] | None = None) -> Network | GraphModule:
    """Make another network of one: `transform(net, "multipath{paths=2,router=cross_connection}")`.

    Of a model, a rewriting such as `fuse` makes another model. A pass of one's own is given as it is.
    """
    if isinstance(subject, Network):
        from archlang.transform.base import apply

        return apply(subject, what)

    # Imported here: transformations of networks work where torch is not installed.
    from archlang.rewrite.applying import rewrite

    return rewrite(subject, what, inputs)
