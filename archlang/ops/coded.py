"""Coded branches in the graph: energies, weights of branches, masks; files write structures, not these."""

from __future__ import annotations

from archlang.ops.kinds import CodeKind, Fault, Flag, Int, Real
from archlang.ops.model import Arg, Function, Module, Op, OpCall, Setting, Structure
from archlang.ops.rules import flow, need_members
from archlang.shapes import Tensor

_BRANCH = "conv(1x1, 4) -> batch_norm -> relu -> conv(1x1, 8, bias = false)"
_USE = f'branches(words("1100", "0110", "0011"), drop = 0.1) {{ {_BRANCH} }} -> energy_normalize -> sum -> flatten'
_USE += " -> linear(3)"  # as many classes as the code has words: anything else is refused


def _energies_shape(call: OpCall) -> tuple[Tensor, ...]:
    """The energies, [branches], and the weights that normalise them, [branches]."""
    # Branches of other sizes would have energies, but could not be summed behind them.
    need_members(call, "energy_normalize")
    return Tensor((len(call.inputs),)), Tensor((len(call.inputs),))


ENERGIES = Op(
    name="energies", family="coded", internal=True, takes="bundle", piece="energies", taps=((0, ""),),
    doc="The energy of each branch after normalisation, E_n / mean(E) with E the mean of squares, and the weight "
    "1 / sqrt(mean(E)) that normalises it (Coded ResNeXt); the mean is over `of` branches.",
    # Energies of branches that are gone would be 0: the mean over `of` branches stays what it was.
    shape=_energies_shape, remains=True,
    torch=Function("archlang.layers.energies", lambda call: {"of": call["of"]}),
    args=(Arg("of", Int(1), doc="branches that the mean is over, those that were taken out included"),),
)


def _weigh_shape(call: OpCall) -> tuple[Tensor, ...]:
    weights, *members = call.inputs
    # Files cannot write this, but a transformation or a removal of branches could leave a weight too many.
    if weights != Tensor((len(members),)):
        raise Fault("shape-mismatch", f"{weights} are no weights for {len(members)} branches")
    return tuple(members)


WEIGH = Op(
    name="weigh", family="coded", internal=True, takes="bundle", piece="weighed",
    doc="Each branch times its weight, a number for each sample and branch.",
    shape=_weigh_shape, torch=Function("archlang.layers.weigh"),
)

BRANCH_MASK = Op(
    name="branch_mask", family="coded", internal=True, piece="branch mask",
    doc="In training 0 for branches left out, 1 / (1 - p) for the others, for each sample and branch; else 1 "
    "(DropSubNN, Coded ResNeXt).",
    shape=lambda call: Tensor((call["branches"],)),
    torch=Module("archlang.layers.BranchMask", lambda call: {"branches": call["branches"], "p": call["p"]}),
    args=(
        Arg("branches", Int(1), doc="how many there are"),
        Arg("p", Real(0, 1), 0.1, "probability of leaving one out"),
    ),
)

OPS = (ENERGIES, WEIGH, BRANCH_MASK)

CODED = (
    Structure(
        "branches", "One branch for each column of a code, with weights of its own: a bundle tagged with the code.",
        (
            Arg("words", CodeKind(), doc="the code"),
            Arg("drop", Real(0, 1), 0.0, "probability of leaving out a branch of a sample, in training; the others "
                "times 1 / (1 - drop). Blocks of one code that follow one another leave out the same branches"),
        ),
        body="flow", example=flow("[8, 16, 16]", _USE),
    ),
    Structure(
        "energy_normalize", "Divides all branches of a sample by the root of their mean energy, the mean of squares: "
        "the new energies sum to the number of branches. Branches are left out after it.",
        example=flow("[8, 16, 16]", _USE),
    ),
)

CONTRACT = (
    Arg("classes", Int(2), None, "rows"),
    Arg("branches", Int(1), None, "columns"),
    Arg("active", Int(0), None, "branches that work for a class"),
    Arg("distance", Int(0), None, "least Hamming distance of two rows"),
    Arg("balanced", Flag(), False, "columns as equal as they can be"),
    Arg("equal", Flag(), False, "rows of one weight"),
    Arg("duplicates", Flag(), False, "whether classes may share a row"),
)
"""What a `code` may promise, in the parentheses behind `from "table.csv"` and after the words of `words`."""

DESIGN = Setting(
    "design", "code", "A code worked out for a contract, with bounded work: rows of one weight, columns as equal as "
    "they can be, the largest least distance found.",
    (
        Arg("classes", Int(), doc="rows"), Arg("branches", Int(), doc="columns"),
        Arg("active", Int(None), doc="branches that work for a class"),
        Arg("distance", Int(None), None, "between any two rows, at least; auto: what is found"),
        Arg("balanced", Flag(), False, "refuses columns that are not as equal as they can be"),
        Arg("seed", Int(0), 0, "of the search"),
    ),
    example="code ten = design(classes = 10, branches = 10, active = 3, distance = 4)",
)
SETTINGS = (DESIGN,)
