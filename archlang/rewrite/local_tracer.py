"""torch's tracer, for one thread: what other threads do meanwhile is none of the graph."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from torch import fx, nn


class LocalTracer(fx.Tracer):
    """Traces the calls of the thread that made it.

    While torch.fx traces, it exchanges `__call__` and `__getattr__` of `torch.nn.Module` for all threads: a model that
    runs in another one would become part of the graph, or fail.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.thread = threading.get_ident()

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """The call of a module: a part of the graph, or in another thread the call itself."""
        if threading.get_ident() != self.thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """An attribute of a module: a part of the graph, or in another thread the value itself."""
        if threading.get_ident() != self.thread:
            return attr_val
        return self.traced_attribute(attr, attr_val, parameter_proxy_cache)

    def traced_attribute(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """An attribute of a module that is traced."""
        return super().getattr(attr, attr_val, parameter_proxy_cache)
