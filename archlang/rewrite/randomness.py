"""The states of all generators that a model may draw from, kept as they were."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from archlang.layers.chance import SHARED


class RandomState:
    """The states of torch's, numpy's and Python's generators at one moment."""

    def __init__(self) -> None:
        self._torch = torch.random.get_rng_state()
        self._devices = [torch.cuda.get_rng_state(i) for i in _devices()]
        self._numpy: Any = np.random.get_state()
        self._python = random.getstate()

    def has_moved(self, draws: Draws) -> bool:
        """Tell whether something was drawn since; from torch's generators, whether this thread has."""
        now = RandomState()
        # numpy's state is a tuple of a name, an array and numbers.
        same_numpy = all(np.array_equal(a, b) for a, b in zip(self._numpy, now._numpy, strict=True))
        same_devices = all(torch.equal(a, b) for a, b in zip(self._devices, now._devices, strict=True))
        same_torch = not draws.seen or (torch.equal(self._torch, now._torch) and same_devices)
        return not (same_torch and same_numpy and self._python == now._python)

    def restore(self) -> None:
        """Set all generators back."""
        torch.random.set_rng_state(self._torch)
        for i, state in enumerate(self._devices):
            torch.cuda.set_rng_state(state, i)
        np.random.set_state(self._numpy)
        random.setstate(self._python)


class Draws(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch does not annotate it
    """Notices operations of this thread that may draw from torch's generators: `seen` tells whether there was one.

    The generators themselves do not tell who drew: they belong to all threads.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.seen = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if torch.Tag.nondeterministic_seeded in func.tags and kwargs.get("generator") is None:
            self.seen = True
        return func(*args, **kwargs)


@contextmanager
def random_state() -> Iterator[RandomState]:
    """A stretch that may draw and leaves all generators as they were; other threads that want one wait."""
    with SHARED:
        state = RandomState()
        try:
            yield state
        finally:
            state.restore()


def seed_all(seed: int) -> None:
    """Set all generators to one seed, those of devices where they exist already."""
    torch.default_generator.manual_seed(seed)

    # torch.manual_seed would keep the seed for a device that starts later, whose generators nobody puts back then. It
    # writes down the whole stack with it, each time: that took a sixth of a fusion.
    for devices in (torch.cuda, torch.xpu):
        if devices.is_initialized():
            devices.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)

    np.random.seed(seed)
    random.seed(seed)


def _devices() -> range:
    """The devices whose generators exist already; none is started for this."""
    started = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]  # torch's own, without annotations
    return range(torch.cuda.device_count() if started else 0)
