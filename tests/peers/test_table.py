"""Nothing is forgotten: every network and block has a pair, or a reason why it has none."""

from __future__ import annotations

from archlang.source import Source
from archlang.syntax import parse
from archlang.syntax.tree import Block
from tests.peers import of_blocks, of_examples, of_networks, of_specs, of_std, of_transformers
from tests.peers.networks import ROOT
from tests.peers.without_peer import WITHOUT_PEER

TABLES = (of_specs, of_std, of_blocks, of_examples, of_networks, of_transformers)
PAIRED = {pair.ours for table in TABLES for pair in table.PAIRS}


def networks() -> set[str]:
    """Names of all network files that come with archlang."""
    paths = [*(ROOT / "specs").rglob("*.arch"), *(ROOT / "examples").rglob("*.arch")]
    return {path.relative_to(ROOT).with_suffix("").as_posix() for path in paths}


def blocks() -> set[str]:
    """Names of all standard blocks."""
    names = set()
    for path in (ROOT / "archlang" / "std").glob("*.arch"):
        declared = parse(Source(path.name, path.read_text())).declarations
        names |= {f"std.{path.stem}.{item.name}" for item in declared if isinstance(item, Block)}
    return names


def test_everything_has_a_pair_or_a_reason() -> None:
    assert sorted((networks() | blocks()) - PAIRED - set(WITHOUT_PEER)) == []


def test_the_tables_name_nothing_else() -> None:
    assert sorted((PAIRED | set(WITHOUT_PEER)) - networks() - blocks()) == []
    assert PAIRED.isdisjoint(WITHOUT_PEER)


def test_each_reason_says_something() -> None:
    assert all(len(reason.split()) >= 5 for reason in WITHOUT_PEER.values())


def test_there_is_something_to_walk() -> None:
    """An empty walk would pass the other tests."""
    assert len(networks()) >= 60 and len(blocks()) >= 30


def test_each_comparison_is_named_once() -> None:
    names = [str(pair) for table in TABLES for pair in table.PAIRS]
    assert len(names) == len(set(names))
