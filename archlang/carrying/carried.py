"""The verb of this room: a model is made over by a transformation of its text, and its weights go along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

from archlang.diagnostics import ArchError
from archlang.elaborate.network import Network
from archlang.passes.base import Pass, does_not_apply
from archlang.passes.catalogue import PASSES
from archlang.transform.base import Transformation

if TYPE_CHECKING:
    from torch import fx, nn


@overload
def transform(subject: Network, what: str | Pass[Any, Any]) -> Network: ...


@overload
def transform(subject: nn.Module, what: str | Pass[Any, Any], inputs: Sequence[Any] | None = None, *,
              noise: float = 0.0, seed: int = 0) -> fx.GraphModule: ...


def transform(subject: Network | nn.Module, what: str | Pass[Any, Any], inputs: Sequence[Any] | None = None, *,
              noise: float = 0.0, seed: int = 0) -> Network | fx.GraphModule:
    """Make another network of one, or another model of one, its weights taken over where the form has a place for them.

    A rewriting such as `fuse` makes another model of a model. What was done stands in the model's `meta["report"]`: for
    a transformation a `Carried`, which says how far results differ at first.

    Args:
        subject: a network, or a model that archlang compiled or loaded.
        what: a pass by name, such as `multipath{paths=2,router=cross_connection}`, or one of your own.
        inputs: an example of a model's inputs, from which rewritings know shapes.
        noise: how far copies of trained weights are moved apart, as a share of each tensor's deviation; the first copy
            stays. Copies that are all equal may stay so in training.
        seed: the seed of new weights and of the noise.

    Raises `ArchError`: unknown-pass, pass-does-not-apply, usage, what the pass requires, or the mistakes of the text
    that names it.
    """
    if isinstance(what, str):
        chosen = PASSES.parse(what)
    else:
        chosen = what
    if isinstance(subject, Network):
        from archlang.compiler import transform as transform_network

        return transform_network(subject, chosen)
    if isinstance(chosen, Transformation):
        return carry(subject, chosen, noise=noise, seed=seed)

    # Imported here: transformations of networks work where torch is not installed.
    from archlang.rewrite.applying import rewrite

    return rewrite(subject, chosen, inputs)


def carry(model: nn.Module, chosen: Transformation, *, noise: float = 0.0, seed: int = 0) -> fx.GraphModule:
    """The model of a transformed network with the weights of a trained one; that stays as it is.

    Raises `ArchError`: pass-does-not-apply for a model that no file made or that a pass has changed since, usage for a
    noise that is negative.
    """
    from archlang.carrying.weights import carried

    # A model is asked for its text first: one that has none can be told so before weights are made.
    return carried(model, network_of(model, chosen), chosen, noise, seed)


def network_of(model: nn.Module, chosen: Transformation) -> Network:
    """The network of a compiled model. Raises `ArchError` (pass-does-not-apply) for any other module."""
    record = getattr(model, "archlang", None)
    network = getattr(record, "network", None)
    if not isinstance(network, Network):
        message = f"`{chosen.name}` makes over the text of a network, and this model has none"
        raise ArchError(does_not_apply(message, help="import it first: `archlang.import_model(model, inputs).model`"))
    passes = getattr(record, "passes", ())
    if passes:
        message = f"`{chosen.name}` makes over the text of a network, and this model was changed since by {passes[0]}"
        raise ArchError(does_not_apply(message[:300], help="transform the model that it was made of, then that"))
    return network

