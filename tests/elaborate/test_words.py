"""Every word, setting and stage means by every road what it means in place; every other name is refused alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch

import archlang
from archlang.cli.commands.ops import default_of
from archlang.diagnostics import ArchError
from archlang.elaborate import Network, loads
from archlang.elaborate.network import check_text
from archlang.ops import CATALOGUE
from archlang.ops.kinds import ListKind
from archlang.ops.model import REQUIRED, Arg, Entry, Setting, by_place
from tests.elaborate.roads import Road, roads
from tests.ops.test_examples import whole

ENTRIES: list[Entry] = [*CATALOGUE.ops.values(), *CATALOGUE.structures.values(), *CATALOGUE.settings.values()]
STAGES = ("relu", "tanh", "identity", "scale(0.5)", "softmax(axis = channels)", "conv(3x3, 4)")


UNSHOWN = {"fixed": "fixed(0.5)", "top": "top(1)", "swa": "swa(1)", "group": 'group("logits", lr = 0.5)'}
"""Settings whose example does not hold them with their arguments."""


@cache
def written(setting: Setting) -> str:
    """A setting as a file writes it: its name, with what must be given taken from its example."""
    if all(arg.default is not REQUIRED for arg in setting.args):
        return setting.name
    for line in setting.example.splitlines() if setting.role != "group" else ():
        text = line.partition("= ")[2] if line.startswith(("loss", "optimizer", "init", "code")) else line
        start = text.find(setting.name + "(")
        if start >= 0:
            depth, end = 0, start + len(setting.name)
            while True:
                depth += {"(": 1, ")": -1}.get(text[end], 0)
                end += 1
                if not depth:
                    return text[start:end]
    return UNSHOWN.get(setting.name, setting.name)


def values(arg: Arg) -> list[str]:
    """Everything with a name that an argument can be given."""
    if isinstance(arg.kind, ListKind):
        lists = [f"[{one}]" for one in values(replace(arg, kind=arg.kind.item, default=REQUIRED))]
        return LISTS.get(arg.name, lists) + (["auto"] if arg.default is None else [])
    found = list(arg.kind.words)
    found += [written(s) for s in CATALOGUE.settings.values() if s.role == arg.kind.role]
    found += STAGES if arg.kind.stages else ()
    if arg.default is None:
        found.append("auto")
    return found


LISTS = {"axes": ["[positions, features]", "[features, positions]"]}
TEXTS = {
    ("conv", "groups"): "input x: [4, 8, 8]\n output x -> conv(3x3, 8)",
    ("conv_transpose", "groups"): "input x: [4, 8, 8]\n output x -> conv_transpose(3x3, 8)",
    ("conv1d", "groups"): "input x: [4, 8]\n output x -> conv1d(3, 8)",
    ("cosine_router", "embed"): "input x: [8]\n output x -> experts(2, cosine_router(relu)) { relu }",
    ("einsum", "other"): 'input x: [4, 8]\n output x -> einsum("a b -> b")',
}
"""Networks for arguments that do not suit the example of what they belong to."""


def text_of(entry: Entry, arg: Arg) -> str:
    """The text in which an argument is given."""
    body = TEXTS.get((entry.name, arg.name))
    if body is not None:
        return f"archlang 1\nnetwork Example {{\n {body}\n}}\n"
    return whole(entry)


def uses() -> Iterator[tuple[Entry, Arg, list[str]]]:
    """Every argument that words, settings or stages can stand for, of everything with an example."""
    for entry in ENTRIES:
        for arg in entry.args if entry.example else ():
            if not arg.many and values(arg):
                yield entry, arg, values(arg)


USES = list(uses())
FIRST = {tuple(every): (entry.name, arg.name) for entry, arg, every in reversed(USES)}
"""For each list of values the first argument that takes them. They are read by the same lines in all other arguments,
which try them until two have been accepted."""


def meaning(net: Network) -> tuple[object, ...]:
    """What a network computes and how it trains, without the names of its modules and dials."""
    numbers = {node.id: i for i, node in enumerate(net.graph)}
    nodes = [(n.op.name, sorted((k, str(v)) for k, v in n.args.items()), [(numbers[p.node], p.index) for p in n.inputs])
             for n in net.graph]
    plan = net.graph.plan
    if plan is None:
        return (nodes,)
    phases = [(p.name, p.epochs, p.steps, str(p.lr), p.only, p.freeze, str(p.keys)) for p in plan.phases]
    losses = [(loss.weight, str(loss.option)) for loss in plan.losses]
    settings = [str(a) for a in plan.augment], plan.labels, plan.clip, plan.precision, str(plan.average)
    return (nodes, losses, str(plan.optimizer), phases, settings)


def read(road: Road) -> Network | list[str]:
    """The network of a text, or the names of its mistakes."""
    try:
        return loads(road.text, road.dials)
    except ArchError as problem:
        return sorted({d.name for d in problem.diagnostics if d.severity == "error"})


@pytest.mark.parametrize(("entry", "arg", "every"), USES, ids=lambda v: getattr(v, "name", ""))
def test_a_value_means_the_same_by_every_road(entry: Entry, arg: Arg, every: list[str]) -> None:
    accepted, enough = 0, len(every)
    if FIRST[tuple(every)] != (entry.name, arg.name):
        enough = 2

    for i, value in enumerate(every):
        if accepted == enough:
            break
        ways = list(roads(text_of(entry, arg), entry, arg, value, every[i - 1]))
        if not ways:
            pytest.skip("the example gives this argument otherwise")
        first = read(ways[0])
        if isinstance(first, list):
            continue  # not with the sizes of this example
        accepted += 1
        meant = meaning(first)
        # Several roads are written alike; what is written is read once.
        written_again: set[str] = set()
        for way in ways[1:]:
            net = read(way)
            assert isinstance(net, Network), (way.name, value, net, way.text)
            assert meaning(net) == meant, (way.name, value, way.text)
            for again in {net.text, net.listing} - written_again:
                assert meaning(loads(again)) == meant, (way.name, value, again)
            written_again |= {net.text, net.listing}
    assert accepted or entry.name in NEVER, every


NEVER = {"conv3d", "conv_transpose1d", "conv_transpose3d", "upsample", "mixture_em", "affine", "roll"}
"""Entries with an argument of which no value suits the example: as the others of their family, or `auto` beside a value
that excludes it."""


# --- what a `train` declares -----------------------------------------------------------------------------------------

TRAIN = """archlang 1
{before}
network N({dials}) {{
  input x: [3, 8, 8]
  {body}
  output logits
}}
train {{
  {train}
  phase all {{ {phase} }}
}}
"""
BODY = """scores = x -> experts(2, cosine_router(conv(3x3, 4) -> pyramid_pool(1))) { conv(3x3, 4) }
                -> flatten -> linear(4)
  logits = scores -> relu"""
SETTINGS = {
    "train": {"loss": "cross_entropy(logits, label)", "optimizer": "sgd(lr = 0.1)"},
    "phase": {"epochs": "4"},
}
MAPS = "logits = x -> conv(3x3, 6)"
MAPS_LOSS = "mse(logits, label)"
"""Scores that have every metric, and a loss whose labels may be classes and numbers."""


def declared() -> Iterator[tuple[str, Arg, list[str]]]:
    """Every setting of a `train` and of a phase that words and settings can stand for."""
    for kind in ("train", "phase"):
        declaration = CATALOGUE.setting("declaration", kind)
        assert declaration is not None
        for arg in declaration.args:
            if values(arg):
                yield kind, arg, values(arg)


def train_road(kind: str, name: str, value: str, before: str = "", dials: str = "") -> str:
    """A file whose `train` or phase has one setting of this value."""
    settings = {part: dict(given) for part, given in SETTINGS.items()}
    body = BODY
    if name in ("metrics", "best"):
        body, settings["train"]["loss"] = MAPS, MAPS_LOSS
    settings[kind][name] = value
    if "steps" in settings["phase"]:
        del settings["phase"]["epochs"]
    parts = {part: "; ".join(f"{n} = {v}" for n, v in given.items()) for part, given in settings.items()}
    return TRAIN.format(before=before, dials=dials, body=body, **parts)


@pytest.mark.parametrize(("kind", "arg", "every"), list(declared()), ids=lambda v: getattr(v, "name", ""))
def test_a_setting_of_a_train_means_the_same_by_every_road(kind: str, arg: Arg, every: list[str]) -> None:
    accepted = 0
    for i, value in enumerate(every):
        first = read(Road("in place", train_road(kind, arg.name, value)))
        if isinstance(first, list):
            # A loss wants scores of its own form.
            assert arg.name == "loss" or value == "auto", (value, first)
            continue
        accepted += 1
        ways = [Road("dial", train_road(kind, arg.name, "w", dials=f"w = {value}")),
                Road("-p", train_road(kind, arg.name, "w", dials=f"w = {every[i - 1]}"), {"w": value}),
                Road("let", train_road(kind, arg.name, "w", before=f"let w = {value}")),
                Road("two lets", train_road(kind, arg.name, "w", before=f"let v = {value}\nlet w = v"))]
        for way in ways if arg.name != "loss" else ():  # a loss names tensors of the network
            net = read(way)
            assert isinstance(net, Network), (way.name, value, net, way.text)
            assert meaning(net) == meaning(first), (way.name, value, way.text)
            assert meaning(loads(net.text)) == meaning(first), (way.name, value, net.text)
    assert accepted or arg.name in ("loss", "optimizer", "epochs", "steps", "labels"), every


def test_every_role_is_crossed_with_every_name() -> None:
    reached = {arg.kind.role for _, arg, _ in [*USES, *declared()]}
    assert {role for role, _ in CATALOGUE.settings} - {"declaration", "code"} <= reached
    assert len(USES) > 60


# --- names that have no such meaning ---------------------------------------------------------------------------------

PLACES = {
    "kernels": "pbconv(3x3, 8, kernels = {})", "router": "fork(2, {}) -> mean",
    "mixing": "residual(mix = {}) {{ relu }}",
    "initialiser": "conv(3x3, 8, init = {})", "padding": "conv(3x3, 8, padding = {})",
    "aggregator": "layers {{ relu; tanh }} -> attend({})", "axis": "softmax(axis = {})", "number": "conv(3x3, {})",
    "stage": "fork(2) -> route(cross_prediction({})) -> mean", "flag": "batch_norm(affine = {})",
    "threshold": "experts(2, cosine_router(flatten, threshold = {})) {{ flatten }}",
    "filter": "experts(2, cosine_router(flatten, keep = {})) {{ flatten }}", "join": "residual(join = {}) {{ relu }}",
}


def names(place: str) -> list[str]:
    """Every name that the catalogue has: settings, words, and stages.

    Where no stage may stand, every operation is refused by the same line: one of each family is tried there.
    """
    stages = set(CATALOGUE.stages)
    if place != "stage":
        one_of_each = {op.family: op.name for op in CATALOGUE.ops.values() if op.name in stages}
        stages = stages - set(CATALOGUE.ops) | set(one_of_each.values())
    return sorted({*stages, *(name for _, name in CATALOGUE.settings), *CATALOGUE.words, "auto", "nothing"})


@cache
def wrong(text: str) -> frozenset[str]:
    """The names of a text's mistakes."""
    return frozenset(d.name for d in check_text(text) if d.severity == "error")


@pytest.mark.parametrize("place", PLACES)
def test_every_name_is_judged_alike_in_place_and_through_a_block_and_a_dial(place: str) -> None:
    head = "archlang 1\n{}network N{} {{\n  input x: [3, 8, 8]\n  output x -> {}\n}}\n"
    taken = 0
    for name in names(place):
        roads = (head.format("", "", PLACES[place].format(name)),
                 head.format(f"block b(w) = {PLACES[place].format('w')}\n", "", f"b({name})"),
                 head.format("", f"(w = {name})", PLACES[place].format("w")))
        found = [wrong(road) for road in roads]
        assert [bool(mistakes) for mistakes in found] == [bool(found[0])] * 3, (name, found)
        assert "internal-error" not in frozenset.union(*found), name
        taken += not found[0]
    assert 0 < taken < len(names(place)) or place in ("number", "flag")


@pytest.mark.parametrize("place", [p for p in PLACES if p not in ("number", "flag")])
def test_a_model_with_a_word_from_outside_is_saved_and_opened(place: str, tmp_path: Path) -> None:
    """What `-p` gives is kept as the default of its dial, in the text of the model file."""
    head = "archlang 1\nnetwork N(w = {}) {{\n  input x: [3, 8, 8]\n  output x -> {}\n}}\n"
    fits = [n for n in names(place) if not wrong(head.format(n, PLACES[place].format("w")))]
    for name, other in zip(fits, [*fits[1:], fits[0]], strict=True):
        net = loads(head.format(other, PLACES[place].format("w")), {"w": name})
        model = archlang.compile(net).eval()
        file = tmp_path / f"{name}.archmodel"
        archlang.save(model, file)
        opened = archlang.load_model(file).eval()
        x = 0.1 + torch.rand(2, 3, 8, 8)  # positive: the logarithm and the root of one below zero equal nothing
        assert all(torch.equal(a, b) for a, b in zip(_tensors(model(x)), _tensors(opened(x)), strict=True)), name


def _tensors(result: object) -> list[torch.Tensor]:
    return [result] if isinstance(result, torch.Tensor) else list(result.values())  # type: ignore[attr-defined]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{type(entry).__name__}-{entry.name}")
def test_what_is_printed_as_a_default_can_be_written(entry: Entry) -> None:
    """Defaults as `archlang ops` prints them are accepted and change nothing."""
    if not entry.example or (isinstance(entry, Setting) and entry.role in ("declaration", "code")):
        pytest.skip("declared in a place of its own")
    plain = read(Road("", whole(entry)))
    assert isinstance(plain, Network)
    for arg in entry.args:
        if arg.default is REQUIRED or arg.many or arg.default == ():
            continue
        if f"{arg.name} = " in whole(entry) or arg.name in by_place(entry.args):
            continue  # the example gives another value
        for way in list(roads(whole(entry), entry, arg, default_of(arg), default_of(arg)))[:1]:
            net = read(way)
            assert isinstance(net, Network), (arg.name, default_of(arg), net)
            assert meaning(net) == meaning(plain), (arg.name, way.text)


def test_words_that_two_kinds_share_are_listed_once() -> None:
    text = "archlang 1\nnetwork N {\n  input x: [4, 6, 6]\n  output x -> reduce(most)\n}\n"
    found = next(one for one in check_text(text, {}) if one.name == "unknown-word")
    assert found.message.count("`channels`") == 1
