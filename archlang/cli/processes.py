"""A command in several processes, as `torchrun` starts them: one of them speaks for all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from archlang.cli.session import Session


@contextmanager
def together(session: Session, device: str) -> Iterator[None]:
    """Within this, the processes know each other and the first alone writes; of errors, the first to have one does.

    Started without `torchrun`, nothing happens.
    """
    if int(os.environ.get("WORLD_SIZE") or 1) < 2:
        yield
        return

    # True until it is known: a failure to find the others must not be silent.
    from archlang.train.processes.world import Lost, joined

    is_first = True
    try:
        with joined(device) as world:
            is_first = world.is_first
            session.is_quiet = not is_first
            yield
    except Lost as problem:
        if problem.said:
            raise SystemExit(problem.status) from None
        raise
    except KeyboardInterrupt:
        if not is_first:  # the first one reports it
            raise SystemExit(130) from None
        raise
    finally:
        session.is_quiet = False
