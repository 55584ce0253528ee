"""All ratios on one device: `python -m benchmarks --device cuda --json ratios.json`.

Every case of `benchmarks.cases`, forward and training step, at several batches: operation by operation, compiled by
torch, as a CUDA graph, and in bfloat16. Both of a pair run in turns after a warm-up; on a GPU events tell the time.
What cannot run is a row that says why. When the minutes are over, the rows that are left say so.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn

from benchmarks.cases import Case, cases, output

FORMS = ("eager", "compiled", "graph", "bfloat16")
WARM = 2
Run = Callable[[], object]


def measure(device: torch.device, batches: tuple[int, ...], pairs: int, minutes: float,
            forms: tuple[str, ...] = FORMS, chosen: tuple[Case, ...] | None = None) -> Iterator[dict[str, Any]]:
    """A row for every case, form, batch, and kind of run."""
    end = time.monotonic() + 60 * minutes
    for case in cases() if chosen is None else chosen:
        models: list[nn.Module] | None = None
        for form in forms:
            for batch in batches:
                for step in (False, True)[: 1 + case.step]:
                    row: dict[str, Any] = {"what": case.what, "peer": case.peer, "form": form, "batch": batch,
                                           "run": "training step" if step else "forward"}
                    if time.monotonic() > end:
                        yield {**row, "missing": "the minutes were over"}
                        continue
                    if models is None:
                        models = [make().to(device) for make in (case.ours, case.theirs)]
                    yield {**row, **_compared(models, case, form, batch, step, device, pairs)}


def _compared(models: list[nn.Module], case: Case, form: str, batch: int, step: bool, device: torch.device,
              pairs: int) -> dict[str, Any]:
    """The times of both and their ratios; or why there are none."""
    if form == "graph" and (device.type != "cuda" or step):
        return {"missing": "graphs hold forward passes of a GPU"}
    try:
        x = torch.randn(batch, *case.shape, device=device)
        ours, theirs = (_run(model, form, x, step) for model in models)
        for _ in range(WARM):
            ours(), theirs()
        mine, other = [], []
        for turn in range(pairs):
            order = (ours, theirs)[:: 1 - 2 * (turn % 2)]
            times = {run: _timed(run, device) for run in order}
            mine.append(times[ours])
            other.append(times[theirs])
    # A compiler that is not installed, memory that does not last: the other rows are measured all the same.
    except Exception as problem:
        return {"missing": f"{type(problem).__name__}: {str(problem).splitlines()[0][:80] if str(problem) else ''}"}

    ratios = sorted(a / b for a, b in zip(mine, other, strict=True))
    return {"ours": median(mine), "theirs": median(other), "least": ratios[0], "ratio": median(ratios),
            "most": ratios[-1], "pairs": pairs}


def _run(model: nn.Module, form: str, x: torch.Tensor, step: bool) -> Run:
    """A run of a model in a form."""
    model.train(step)
    called: Callable[..., Any] = model
    if form == "compiled":
        torch._dynamo.reset()
        called = torch.compile(model)

    def forward() -> object:
        with torch.no_grad(), _precision(form, x):
            return called(x)

    def trained() -> None:
        model.zero_grad(set_to_none=True)
        with _precision(form, x):
            loss = output(called(x)).float().square().mean()
        loss.backward()

    if step:
        return trained
    if form != "graph":
        return forward

    # Capture wants what runs once on another stream first.
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        forward()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        forward()
    return graph.replay


def _precision(form: str, x: torch.Tensor) -> AbstractContextManager[object]:
    if form == "bfloat16":
        return torch.autocast(x.device.type, dtype=torch.bfloat16)
    return nullcontext()


def _timed(run: Run, device: torch.device) -> float:
    """Seconds of a run; those of the device, by events, on a GPU."""
    if device.type != "cuda":
        begun = time.perf_counter()
        run()
        return time.perf_counter() - begun
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    run()
    end.record()
    torch.cuda.synchronize(device)
    return float(start.elapsed_time(end)) / 1e3


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = ["| what | peer | form | batch | run | archlang | peer's | least | ratio | most |",
             "|---|---|---|--:|---|--:|--:|--:|--:|--:|"]
    for row in rows:
        head = [str(row[key]) for key in ("what", "peer", "form", "batch", "run")]
        if "missing" in row:
            cells = [row["missing"], "", "", "", ""]
        else:
            times = [f"{1e3 * row[key]:.3g} ms" for key in ("ours", "theirs")]
            cells = times + [f"{row[key]:.2f}" for key in ("least", "ratio", "most")]
        lines.append(f"| {' | '.join(head + cells)} |")
    return "\n".join(lines)


def machine(device: torch.device) -> dict[str, object]:
    """What the numbers belong to."""
    name = platform.machine()
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    return {"device": name, "torch": torch.__version__, "python": platform.python_version(),
            "threads": torch.get_num_threads()}


def written(rows: list[dict[str, Any]], device: torch.device, file: Path | None) -> None:
    """Print the table, and write the rows as JSON where a file is named."""
    print(table(rows))
    if file is not None:
        file.write_text(json.dumps({**machine(device), "rows": rows}, indent=1) + "\n")
