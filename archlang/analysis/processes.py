"""The cost of a training in several processes: what lies on each, and what each hands to the others in a step.

Everything follows from what `report` counts: parameters, rows and the sizes of tensors. A number has four bytes. What
is handed to a collective counts whole; of N processes, (N - 1) / N of it leaves a process.

whole    every process has all P weights, and sums their gradients: 4 P bytes (DistributedDataParallel: Li et al. 2020)
experts  every process has its share of the experts and the other C weights, and sums their gradients: 4 C bytes. Of a
         stage of n experts, k of them here, with r rows on each process that go to v of the N processes, rows of X
         numbers that become Y, a step exchanges 4 (2 v r (X + Y) + v r (k' + k)) + 8 N bytes: rows there, results
         back, gradients of both, the weights of the experts of a process (k' of them, on the mean) and their gradients,
         and the counts (all-to-all, as in GShard: Lepikhin et al. 2021, section 3.2). No gradient is sent for rows
         that no weight has worked on.
"""

from __future__ import annotations

from fractions import Fraction

from archlang.analysis.report import FLOAT_BYTES
from archlang.dataclass import dataclass
from archlang.diagnostics import ArchError, error
from archlang.graph.ir import Graph, Node, Port
from archlang.graph.outline import HasGraph, graph_of
from archlang.graph.patch_experts import dispatching, expert_of, held, holder_of
from archlang.shapes import Dim, product

COUNT_BYTES = 8
"""Bytes of a count of rows."""


@dataclass(frozen=True)
class ProcessCosts:
    """The cost of one of N processes, that with the most experts, in a step of training; all in bytes.

    Args:
        processes: N.
        samples: those of a batch on each process.
        weights: all of them, as every process has them without spreading.
        spread_weights: those of a process when experts are spread; None where they cannot be.
        spread_sums: gradients handed to sums over processes then.
        exchanged_all: rows, results and gradients handed to exchanges when each row goes to every expert.
        exchanged_one: the same when it goes to one, on the mean over processes.
    """

    processes: int
    samples: int
    weights: int
    spread_weights: int | None
    spread_sums: int | None
    exchanged_all: int | None
    exchanged_one: int | None


def process_costs(network: HasGraph | Graph, processes: int, batch: int | None = None) -> ProcessCosts:
    """Count a training in so many processes; a batch that does not divide is that of the process with most samples.

    Without a `batch` it is that of the file's `train`, else a sample for each process. Raises ArchError (usage) where
    a size is symbolic.
    """
    graph = graph_of(network)
    size = batch or (graph.plan.batch if graph.plan is not None else processes)
    samples = max(1, -(-size // processes))

    of_process = [0] * processes
    common = 0
    for node in graph.modules().values():
        numbers = sum(_number(weight.numel) for weight in graph.weights(node) if weight.trained)
        holder = holder_of(node, processes)
        if holder is None:
            common += numbers
        else:
            of_process[holder] += numbers

    whole = FLOAT_BYTES * (common + sum(of_process))
    stages = [node for node in dispatching(graph) if expert_of(node) is None]
    if not stages or any(stage.args["experts"] < processes for stage in stages):
        return ProcessCosts(processes, samples, whole, None, None, None, None)

    most = max(range(processes), key=of_process.__getitem__)
    return ProcessCosts(
        processes, samples, whole, FLOAT_BYTES * (common + of_process[most]), FLOAT_BYTES * common,
        sum(_exchanged(graph, stage, samples, processes, most, processes) for stage in stages),
        sum(_exchanged(graph, stage, samples, processes, most, 1) for stage in stages),
    )


def _exchanged(graph: Graph, stage: Node, samples: int, processes: int, process: int, visited: int) -> int:
    """Bytes that a process hands out for a stage whose rows each go to so many processes."""
    rows = samples * _number(stage.rows)
    own, experts = len(held(stage.args["experts"], process, processes)), int(stage.args["experts"])
    entering = stage.inputs[1]
    leaving = next(node for node in graph if node.op.piece == "joined experts" and node.inputs[0] == Port(stage.id))
    x, y = _number(product(graph.type(entering).dims)), _number(product(leaving.outputs[0].dims))

    # Rows there and results back; then the gradients of results and of rows, which images have none of.
    numbers = visited * rows * (x + 2 * y) + Fraction(visited * rows * experts, processes) + visited * rows * own
    if _is_learned(graph, entering):
        numbers += visited * rows * x
    return int(FLOAT_BYTES * numbers) + COUNT_BYTES * processes


def _is_learned(graph: Graph, port: Port) -> bool:
    """Tell whether a tensor depends on weights that are trained."""
    waiting, seen = [port.node], set[str]()
    while waiting:
        node = graph.node(waiting.pop())
        if node.id in seen:
            continue
        seen.add(node.id)
        if any(weight.trained for weight in graph.weights(node)):
            return True
        waiting.extend(read.node for read in node.inputs)
    return False


def _number(size: Dim) -> int:
    if not isinstance(size, int):
        message = f"the cost of processes is counted in numbers, this is {size}"
        raise ArchError(error("usage", message, help="give symbols their numbers, as in `-p H=224`"))
    return size
