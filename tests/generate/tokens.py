"""Programs on whole numbers: tokens, masks, lengths, experts over positions, shared steps, bundles as outputs."""

from __future__ import annotations

import random

from tests.generate.programs import Program

_KEEPING = (
    "layer_norm", "rms_norm", "residual {{ layer_norm -> linear({f}) }}", "gelu", "linear({f})", "2 * shared_step",
    "shared_step", "add(parameter([{t}, {f}], init = normal(std = 0.1)))", "linear({d}) -> glu",
    "residual {{ layer_norm -> attention({h}, causal = true) }}", "attention({h}, mask = mask)",
    "attention({h}, kv_heads = 1, causal = true, positions = rotary)", "attention({h}, window = 2, causal = true)",
    "attention({h}, positions = alibi, mask = mask)", "attention({h}, positions = relative({t}))",
    "attention({h}, memory = first -> linear(3))", "lstm({f}, lengths = lengths)", "gru({f})",
    "experts(2, sparse_connection(hidden = 2), over = positions) {{ linear({f}) -> relu }}",
    "experts(3, cross_connection(hidden = 0), over = positions) {{ linear({f}) }}",
    "parallel {{ linear({f}); for i in [1, 2] {{ linear(i * {f} // i) -> tanh }} }} -> sum",
    "layers {{ for act in [relu, tanh] {{ linear({f}) -> act }} }} -> mean",
    "attention({h}, mask = lengths -> length_mask({t}), positions = buckets(count = 8, distance = 9))",
    "residual {{ attention({h}, added = near) }}", "residual {{ attention({h}, causal = true, added = near) }}",
    "choose(mask -> reshape([{t}, 1]), other = first -> tanh)", "gather(kept, axis = positions)",
    "add(kept -> embedding({f}))", "add(words -> slice(0) -> embedding({f}, init = normal(std = 1)))",
    "gather(mask -> gather(kept), axis = positions) -> add(first)",
    "add(words -> pick([{t} - 1, 0]) -> embedding({f}) -> reduce(positions, keep = true))",
)
_ENDS = (
    "masked_mean(mask) -> linear({n})", "linear({n})", "slice(1, stop = 2) -> flatten -> linear({n})",
    "linear(wide) -> unembed(table) -> linear({n})",
    "masked_mean(lengths -> length_mask({t})) -> unembed(table) -> linear({n})",
)


def tokens(seed: int) -> Program:
    """A network on tokens [positions] with a mask and a length for each sample."""
    r = random.Random(seed)
    positions, wide, heads, classes = r.randint(2, 6), 4 * r.choice((1, 2)), r.choice((1, 2)), r.randint(1, 4)
    known = {"t": positions, "f": wide, "h": heads, "d": 2 * wide, "n": classes}
    steps = [r.choice(_KEEPING).format(**known) for _ in range(r.randint(1, 4))]
    end = r.choice(_ENDS).format(**known)

    outputs: dict[str | None, tuple[int, ...]] = {None: (classes,)}
    if end.startswith("linear"):
        outputs[None] = (positions, classes)
    lines = [f"  y = first -> {' -> '.join(steps)}", f"  output y -> {end}"]
    if r.random() < 0.4:
        lines.append("  output pair = (first, y -> relu)")
        outputs["pair"] = (positions, wide)

    text = "\n".join([
        f"archlang 1\nnetwork Tokens(wide = {wide}) {{",
        f"  input words: [{positions}] (range = {r.randint(2, 9)})", f"  input mask: [{positions}] (range = 2)",
        f"  input lengths: [1] (range = {positions + 1})",
        f"  input kept: [{positions}] (range = {positions})",
        "  layer shared_step = linear(wide) -> tanh", "  layer table = embedding(wide)",
        f"  first = words -> table -> {r.choice(('relu', 'position_embedding', 'layer_norm'))}",
        # Every input is used, whatever the steps are.
        f"  near = first -> position_scores({heads}, relative({positions}))",
        "  used = first -> gather(kept, axis = positions) -> masked_mean(mask)",
        "  seen = first -> lstm(1, lengths = lengths, give = last)",
        *lines, "  output side = used -> concat(seen)", "}",
    ]) + "\n"
    outputs["side"] = (wide + 1,)
    return Program(seed, text, outputs)
