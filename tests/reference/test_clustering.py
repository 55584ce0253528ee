"""What clusters, compiled and in the reference: statistics over several steps, edges of colours, sparse paths."""

from __future__ import annotations

import pytest

from tests.reference.compare import check_text, pair_of

NETWORK = """archlang 1
network N {{
  input x: [6]
  output x -> linear(5) -> standardize({}) -> linear(3)
}}
"""


@pytest.mark.parametrize("settings", ["", "statistics = batch", "momentum = 0.5"])
def test_statistics_that_follow(settings: str) -> None:
    """The first batch sets them, the others move them, and evaluation takes what is there then."""
    pair = pair_of(NETWORK.format(settings))
    for training, batch in ((False, 3), (True, 7), (True, 4), (True, 5), (False, 2)):
        pair.compare(training=training, batch=batch)
    assert int(pair.model.state_dict()["standardize.seen"]) == 3


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_edges_of_any_number_of_channels(channels: int) -> None:
    check_text(f"archlang 1\nnetwork N {{ input x: [{channels}, 5, 7]\n output x -> sobel }}\n")


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("how", ["keep = 1", "keep = 2", "keep = 4", "keep = 2, standardized = true"])
def test_sparse_paths(how: str, training: bool) -> None:
    check_text(f"""archlang 1
network N {{
  input x: [2, 6, 6]
  y = x -> conv(3x3, 4) -> experts(4, sparse_connection(hidden = 3, {how})) {{
    conv(3x3, 5) -> batch_norm -> relu
  }}
  output y -> global_avg_pool -> linear(3)
}}
""", training=training)
