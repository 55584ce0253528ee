"""Every pass by its name. A pass is imported when somebody asks for it, so that transformations need no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from importlib import import_module
from typing import Any

from archlang.dataclass import dataclass
from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.passes.base import Pass
from archlang.passes.options import split_pass, with_options

PassClass = type[Pass[Any, Any]]


@dataclass(frozen=True)
class PassCatalogue:
    """Passes by name: the place `module:Class` of archlang's own, the classes that plug-ins offer."""

    places: Mapping[str, str]
    offered: Mapping[str, PassClass] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all passes, archlang's own first."""
        return (*self.places, *self.offered)

    def find(self, name: str) -> PassClass | None:
        """The class of a pass; None where there is no pass of that name."""
        if name in self.offered:
            return self.offered[name]
        if name not in self.places:
            return None

        # Imported here and no earlier: the module of a rewriting imports torch.
        module, _, attribute = self.places[name].partition(":")
        kind: PassClass = getattr(import_module(module), attribute)
        return kind

    def parse(self, text: str) -> Pass[Any, Any]:
        """The pass that a text such as `multipath{paths=2,router=cross_stitch}` names.

        Raises ArchError: usage, unknown-pass, unknown-argument, repeated-argument, wrong-kind, out-of-range.
        """
        name, options = split_pass(text)
        kind = self.find(name)
        if kind is None:
            help = (*did_you_mean(name, self.names), f"there are: {', '.join(self.names)}")
            raise ArchError(error("unknown-pass", f"there is no pass `{name[:64]}`", help=help))
        return with_options(kind, options)

    def replayable(self, text: str) -> Pass[Any, Any] | None:
        """The pass that a model file names; None for a text that no model file of ours can hold.

        A file is not trusted: the text must be the one that the pass itself would write.
        """
        try:
            chosen = self.parse(text)
        except ArchError:
            return None

        # Transformations stand in the file as the network's text; only what changed the module behind it is run again.
        if chosen.replayed and str(chosen) == text:
            return chosen
        return None


PASSES = PassCatalogue({
    "multipath": "archlang.transform.multipath:Multipath",
    "layer-attention": "archlang.transform.layer_attention:LayerAttention",
    "pbconv": "archlang.transform.pbconv:PBConv",
    "coded": "archlang.transform.coded:CodedBranches",
    "patch-experts": "archlang.transform.patch_experts:PatchExperts",
    "fuse": "archlang.rewrite.fold:Fold",
    "extract": "archlang.rewrite.extract:Extract",
})
"""The passes that archlang comes with. A new one is a line here; a test compares the lines with the folders."""
