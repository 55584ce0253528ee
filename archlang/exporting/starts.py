"""Initial weights as source: one call of `torch.nn.init` for each that a file asks for."""

from __future__ import annotations

from archlang.exporting.construction import refused
from archlang.exporting.library import Library
from archlang.exporting.wording import literal
from archlang.ops.values import Option

CALLS: dict[str, tuple[str, ...]] = {
    "zeros": (), "ones": (), "constant": ("value",), "normal": ("mean", "std"), "uniform": ("low", "high"),
    "kaiming_normal": ("slope", "mode", "nonlinearity"), "kaiming_uniform": ("slope", "mode", "nonlinearity"),
    "xavier_normal": ("gain",), "xavier_uniform": ("gain",), "orthogonal": ("gain",),
}
"""The arguments of each initialiser in the order of torch's function, which has the same name with `_` behind it."""


def start_line(weight: str, option: Option, library: Library) -> str:
    """The line that sets a weight's start. Raises ArchError (unsupported-module) for an unknown initialiser."""
    library.names.add("nn")
    given = [weight]
    if option.name in CALLS:
        given += [literal(option.args[name], library) for name in CALLS[option.name]]
        return f"nn.init.{option.name}_({', '.join(given)})"

    # What is left is cut at two deviations, and has a mean and one of those.
    if option.args.keys() != {"mean", "std"}:
        raise refused(f"the initialiser `{option.name}` has no function in torch")
    mean, std = float(str(option.args["mean"])), float(str(option.args["std"]))
    # Torch measures the ends in deviations, which divides by this one.
    if std == 0:
        return f"nn.init.constant_({weight}, {mean!r})"
    given += [repr(number) for number in (mean, std, mean - 2 * std, mean + 2 * std)]
    return f"nn.init.trunc_normal_({', '.join(given)})"
