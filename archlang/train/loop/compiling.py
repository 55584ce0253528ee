"""The network of a training compiled by torch (`--compile`): the same losses and gradients, to rounding."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.diagnostics.text import one_line
from archlang.train.processes.sharding import Sharding

DEFAULT = "inductor"
"""Torch's own backend, which makes machine code: with a C++ compiler for processors, with Triton for GPUs."""


class CompiledNetwork:
    """A network that torch compiles when it is called: with its first batch, and with what differs in kind from it.

    The network itself stays as it is, and has the weights and statistics.
    """

    def __init__(self, model: torch.nn.Module, backend: str) -> None:
        self.model, self.backend = model, backend
        # Masks of dropout are drawn as torch draws them, and not by a way of the backend's own.
        options: dict[str, Any] | None = None
        if backend == DEFAULT:
            options = {"fallback_random": True}
        self.function = torch.compile(model, backend=backend, options=options)

    def __call__(self, inputs: torch.Tensor) -> Any:
        """The outputs of the network. Raises `ArchError` (not-available) where it cannot be compiled."""
        try:
            with self.refusing():
                return self.function(inputs)
        except ArchError as refusal:
            # An error of the network itself, as for a batch of one sample, is told as without compiling.
            if refusal.diagnostics[0].name == "not-available":
                self.model(inputs)
            raise

    def around(self, model: torch.nn.Module) -> CompiledNetwork:
        """The same for a module that holds the network, as torch's engine of several processes does."""
        # Its marks for torch's profiler are not compiled, of which torch warns once in each process.
        logging.getLogger("torch._dynamo.variables.ctx_manager").setLevel(logging.ERROR)
        return CompiledNetwork(model, self.backend)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Turn what keeps torch from compiling into `ArchError` (not-available). Gradients are compiled later."""
        from torch._dynamo.exc import TorchDynamoException  # seconds to load, and needed here alone

        try:
            yield
        except TorchDynamoException as problem:
            said = next((line for line in str(problem).splitlines() if line.strip()), type(problem).__name__)
            raise ArchError(error(
                "not-available", f"torch's `{self.backend}` cannot compile this network",
                notes=(one_line(said, 200),), help="without `--compile` it is trained as it is")) from problem


def compiled(model: torch.nn.Module, backend: str, device: torch.device, sharding: Sharding) -> CompiledNetwork:
    """The network compiled by a backend of torch.

    Raises `ArchError`: usage for a backend that torch does not know, missing-tool where its compiler is not installed,
    not-available where experts are spread over processes.
    """
    if sharding == "experts":
        raise ArchError(error("not-available", "`--compile` and `--sharding experts` do not go together",
                              help="leave one of them out"))

    known = torch.compiler.list_backends(exclude_tags=())
    if backend not in known:
        raise ArchError(error("usage", f"torch has no backend `{one_line(backend, 60)}` to compile with",
                              help=did_you_mean(backend, known) or (f"it has {', '.join(known)}",)))
    if backend == DEFAULT:
        _require_compiler(device)
    return CompiledNetwork(model, backend)


def _require_compiler(device: torch.device) -> None:
    """Raise `ArchError` (missing-tool) where nothing is installed that makes machine code for a device."""
    # The work of a while is not begun for an error in its first step.
    try:
        if device.type == "cpu":
            from torch._inductor.cpp_builder import get_cpp_compiler

            get_cpp_compiler()
            return

        from torch.utils._triton import has_triton

        if has_triton():
            return
        problem = "torch finds no Triton"
    except Exception as raised:  # torch's own classes for this have changed names
        problem = one_line(str(raised).strip().split("\n")[0], 200)

    needed = "Triton"
    if device.type == "cpu":
        needed = "a C++ compiler"
    help = "install g++, or name a compiler in the variable CXX; without `--compile` none is needed"
    raise ArchError(error("missing-tool", f"`--compile` needs {needed}, and none that works is here", notes=(problem,),
                          help=help))
