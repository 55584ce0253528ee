"""Uses of the operations that structures are made of: gates, coded branches, patches and their experts, layers."""

from __future__ import annotations

from typing import Any

from archlang.ops import Option
from tests.ops.casing import Case, M, S, V, W, one, several
from tests.ops.instantiate import size

_GATES: list[Case] = [
    case
    for hidden in (0, 3)
    for outputs in (1, 2, 3)
    for shape in (V, S, M, W)
    for case in (
        *several(shape, hidden=hidden, outputs=outputs),
        *several(shape, shape, hidden=hidden, outputs=outputs),
    )
]
_CROSS: dict[str, Any] = {"coverage": "0 1 0 / 1 2 1 / 0 1 0", "kernel": size(3, 3), "kernels": ()}
_LAYERS = [*several(V, V), *several(M, M, M), *several(S, S, S), *several(W, W)]

PIECES: dict[str, list[Case]] = {
    "gates": _GATES,
    "combine": [
        case
        for shape in (V, S, M, W)
        for case in (
            *several((1, 2), shape, outputs=2),
            *several((2, 3), shape, shape, outputs=3),
            *several((2, 1), shape, shape, outputs=1),
            *several((3, 2), shape, shape, shape, outputs=2, column=1),
            *several((1, 1), shape, outputs=1),
        )
    ],
    "stitch": [
        *several(M, M, outputs=2),
        *several(V, V, V, outputs=2),
        *several(S, outputs=3),
        *several(W, W, outputs=1),
    ],
    "pad_map": [
        *one(M, rows=(1, 2), columns=(0, 3)),
        *one(M, rows=(0, 0), columns=(2, 2), mode="replicate"),
        *one(M, rows=(1, 1), columns=(2, 0), mode="circular"),
    ],
    "crop_map": [*one(M, rows=(1, 2), columns=(0, 3)), *one(M, rows=(0, 0), columns=(1, 0))],
    "boosted_sum": [*several(M, M, **_CROSS), *several(M, M, M, **_CROSS)],
    "energies": [*several(M, M, of=2), *several(V, V, of=3), *several(S, S, S, of=3)],
    "weigh": [*several((2,), M, M), *several((3,), V, V, V)],
    "branch_mask": [*one(M, branches=4, p=0.1), *one(V, branches=2, p=0.5)],
    "cut_patches": [
        *one(M, size=size(9, 12), stride=size(9, 12), rows=1, columns=1),
        *one(M, size=size(11, 12), stride=size(1, 2), rows=1, columns=1),
    ],
    "cut_positions": one((1, 6)),
    "put_positions": one(V, positions=1),
    "add_position": one(M, rows=1, columns=1),
    "put_back": [
        *one(M, size=[9, 12], stride=size(9, 12), rows=1, columns=1),
        *one(M, size=[7, 12], stride=size(9, 5), rows=1, columns=1),
    ],
    "cosine": [
        *one(V, experts=4), *one(V, experts=1, start="random"), *one(V, experts=3, keep="hard", temperature=0.1),
        *one(V, experts=7, keep=Option("top", "filter", {"k": 2})),
        *one(V, experts=3, threshold=Option("fixed", "threshold", {"value": 0.2}), steepness=3),
        *one(V, experts=3, threshold=Option("none", "threshold")),
    ],
    "sobel": [*one(M), *one((3, 8, 8)), *one((1, 5, 7))],
    "standardize": [*one(V), *one(V, statistics="batch", momentum=0.5)],
    "sparse_gates": [
        case for shape in (V, S, M, W) for case in (*one(shape, outputs=3), *one(shape, outputs=4, hidden=0, keep=2))
    ],
    "dispatch": [*several((3,), M, experts=3), *several((1,), V, experts=1)],
    "join_experts": [*several((2,), M, M), *several((3,), V, V, V)],
    "attend_innate_static": [
        *several(V, (3,), features=5), *several(M, M, (2, 9, 12), features=3), *several(S, S, features=4),
        *several(W, W, features=2), *several(M, M, features=4, bypass=True),
    ],
    "attend_static_vector": [*_LAYERS, *several(V, (3,), features=5), *several(M, M, features=2)],
    "attend_self_attention": [
        *_LAYERS, *several(V, V, V, heads=3), *several(M, M, heads=2, features=5), *several(S, S, heads=4),
    ],
    "attend_recurrent": [
        *several(V, V, hidden=4), *several(M, M, M, hidden=3), *several(S, S, hidden=2), *several(W, W, hidden=2),
    ],
    "attend_mean": _LAYERS,
    "mix": [*several(M, M), *several(V, V, beta=0.3), *several(S, S, beta=1)],
}
