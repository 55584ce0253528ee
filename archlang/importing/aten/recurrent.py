"""Readers of recurrent layers, and of tables that whole numbers are looked up in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from archlang.importing.aten.parts import cut
from archlang.importing.held import BATCH, FinalStates, Held, Known, Ref, Unsaid
from archlang.importing.reader import NoWordError, StepReader, origin
from archlang.importing.steps import Origin, Static


def _lstm(r: StepReader, call: Mapping[str, Any]) -> Held:
    states = _states(r, call, "lstm", call["hx"])
    cells = Unsaid("the cells of an LSTM leave it")
    return states, _final(r, call, states), cells


def _gru(r: StepReader, call: Mapping[str, Any]) -> Held:
    states = _states(r, call, "gru", [call["hx"]])
    return states, _final(r, call, states)


def _states(r: StepReader, call: Mapping[str, Any], op: str, start: Any) -> Ref:
    """The states after each position, in the layout that the sequence has."""
    if "batch_sizes" in call:
        raise NoWordError("its sequences are packed")
    if not all(isinstance(one, Known) and one.number == 0 for one in start):
        raise NoWordError("its states start with something else than zeros")

    ref = r.loose(call["input"])
    # torch's older habit has the positions before the batch.
    place = int(not call["batch_first"])
    if len(ref.dims) != 3 or ref.dims[place] != (BATCH,):
        raise NoWordError("the batch does not stand where the layer looks for it")
    axes = [axis for dim in ref.dims for axis in dim if axis != BATCH]
    value = r.turned(ref.value, axes)

    weights = _weights(call)
    hidden = weights["weight_hh_l0"][1]
    ways = 1 + call["bidirectional"]
    args: dict[str, Static] = {"hidden": hidden}
    if call["num_layers"] > 1:
        args["layers"] = call["num_layers"]
    if call["bidirectional"]:
        args["bidirectional"] = True
    if not call["has_biases"]:
        args["bias"] = False
    # Dropout lies between layers.
    if call["dropout"] and call["num_layers"] > 1:
        args["dropout"] = float(call["dropout"])

    origins: dict[str, Origin] = {name: one for name, (one, _) in weights.items()}
    made = r.step(op, (value,), (r.sizes[value][0], ways * hidden), args, origins)
    dims = [(0,), (1,)]
    dims.insert(place, (BATCH,))
    return Ref(made.value, tuple(dims))


def _weights(call: Mapping[str, Any]) -> dict[str, tuple[Origin, int]]:
    """The weights by torch's names, each with its second size; torch hands them over as one row."""
    kinds = ["weight_ih", "weight_hh"]
    if call["has_biases"]:
        kinds += ["bias_ih", "bias_hh"]
    ways = ["", "_reverse"][: 1 + call["bidirectional"]]
    names = [f"{kind}_l{layer}{way}" for layer in range(call["num_layers"]) for way in ways for kind in kinds]
    # A projection of the states would be one weight more.
    given = call["params"]
    if len(names) != len(given) or not all(isinstance(one, Known) for one in given):
        raise NoWordError("its states are projected, or its weights are calculated from the input")
    return {name: (origin(one), one.shape[-1]) for name, one in zip(names, given, strict=True)}


def _final(r: StepReader, call: Mapping[str, Any], states: Ref) -> Held:
    """The last states, read off the states of the uppermost layer."""
    ways = 1 + call["bidirectional"]
    positions, features = r.sizes[states.value]
    hidden = features // ways
    whole = Ref.of(states.value, range(2))
    ends = [_at(r, cut(r, whole, 0, positions - 1, positions))]
    if ways == 2:
        # The one that reads backwards ends at the first position.
        first = _at(r, cut(r, whole, 0, 0, 1))
        ends = [cut(r, ends[0], 0, 0, hidden), cut(r, first, 0, hidden, features)]
    return FinalStates(tuple(ends), ways * call["num_layers"])


def _at(r: StepReader, position: Ref) -> Ref:
    """A sequence of one position as a vector."""
    return Ref.of(r.resized(position.value, r.sizes[position.value][1:]), range(1))


def _embedding(r: StepReader, call: Mapping[str, Any]) -> Held:
    weight = call["weight"]
    ref = r.tensor(call["indices"])
    if not isinstance(weight, Known) or ref.value not in r.ranges:
        raise NoWordError("it looks up numbers that are calculated, or in a table that is")
    rows, features = weight.shape
    # Tables of different lengths share the numbers that all of them have.
    r.ranges[ref.value] = min(rows, r.ranges[ref.value] or rows)
    r.tables.append((ref.value, rows, r.place))
    if call.get("padding_idx", -1) >= 0:
        r.remark(f"row {call['padding_idx']} of the table stays as it is in torch's training, and moves in the file's")

    value = r.plain(ref)
    r.derived(weight)
    return r.step("embedding", (value,), (*r.sizes[value], features), {"features": features},
                  {"weight": origin(weight)})


READERS: Mapping[str, Callable[[StepReader, Mapping[str, Any]], Any]] = {
    "lstm": _lstm, "gru": _gru, "embedding": _embedding,
}
