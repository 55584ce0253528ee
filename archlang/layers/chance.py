"""Chance that belongs to one thread: weights drawn from a generator of their own, and a lock around the shared ones.

torch's layers draw their first weights from a generator that all threads of a process share, and so does dropout.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

SHARED = threading.RLock()
"""Held by whoever changes for a while what all threads of the process share: the generators of torch, numpy and Python,
the filters of warnings, the methods of `torch.nn.Module` that torch.fx exchanges while it traces."""


class _DrawFrom(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch does not annotate it
    """Gives a generator to every operation of this thread that takes one and was given none."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.generator = generator

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Else torch loads the whole of torch.compile at the first weight, to keep this method from it.
        return False

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if torch.Tag.nondeterministic_seeded in func.tags and kwargs.get("generator") is None:
            func, kwargs["generator"] = _with_generator(func), self.generator
        return func(*args, **kwargs)


@cache
def _with_generator(func: Any) -> Any:
    """The form of an operation that takes a generator: `rand.generator` for `rand`, `normal_` itself.

    Raises `NotImplementedError` for one that has none, which would draw from the generator of all threads.
    """
    packet = func.overloadpacket
    wanted = [argument.name for argument in func._schema.arguments if argument.name != "generator"]

    for name in (func._overloadname, *packet.overloads()):
        candidate = getattr(packet, name)
        names = [argument.name for argument in candidate._schema.arguments]
        if "generator" in names and [name for name in names if name != "generator"] == wanted:
            return candidate
    raise NotImplementedError(f"`{func}` draws random numbers and takes no generator: it cannot draw first weights")


def drawing_from(generator: torch.Generator) -> AbstractContextManager[object]:
    """Within this, on this thread alone, whatever is drawn on the CPU comes from a generator.

    The numbers are those that torch's own generator gives after the same seed, and that one stays as it is.

    >>> own = torch.Generator().manual_seed(5)
    >>> with drawing_from(own):
    ...     weight = torch.nn.init.normal_(torch.empty(2))
    >>> torch.equal(weight, torch.randn(2, generator=torch.Generator().manual_seed(5)))
    True
    """
    return _DrawFrom(generator)


@contextmanager
def kept_generators(devices: Sequence[torch.device] = ()) -> Iterator[None]:
    """Within this, one thread alone uses torch's own generators; after it, they are as they were before.

    Args:
        devices: the devices whose generators are put back, beside that of the CPU.
    """
    with SHARED:
        # Torch's own way keeps the CPU's too, and takes twice as long where that is all.
        if devices:
            with torch.random.fork_rng(devices=list(devices)):
                yield
            return

        kept = torch.default_generator.get_state()
        try:
            yield
        finally:
            torch.default_generator.set_state(kept)
