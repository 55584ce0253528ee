"""Models as PyTorch source: equal to the model, alone with torch, and written as a person would."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import archlang
from archlang.exporting import export
from archlang.exporting.checking import built, check_source
from archlang.exporting.python import source_of

ROOT = Path(__file__).parents[2]

FILES = [
    "examples/03_residual.arch", "examples/04_paths.arch", "examples/06_symbolic_sizes.arch", "examples/15_layer.arch",
    "specs/coded_resnext/digits.arch",
]
"""A block with an `if`, routers, open sizes, layers used again, codes. `make campaign-export` writes all there are."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source of every file, compared with its model."""
    folder = tmp_path_factory.mktemp("written")
    for file in FILES:
        model = archlang.compile(archlang.load(ROOT / file))
        export(model, "python", folder / f"{file.replace('/', '_')}.py")
    return folder


def source(file: str, folder: Path) -> str:
    return (folder / f"{file.replace('/', '_')}.py").read_text()


def test_ruff_has_nothing_to_say(written):
    ours = ["--config", str(ROOT / "pyproject.toml"), "--config", "lint.per-file-ignores={}"]
    for options in (["--isolated"], ours):
        done = subprocess.run([sys.executable, "-m", "ruff", "check", *options, str(written)], capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == 0, done.stdout


ALONE = """
import sys
class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("archlang", "lark", "msgspec", "safetensors"):
            raise ImportError(name)
sys.meta_path.insert(0, Wall())
import importlib.util, torch
spec = importlib.util.spec_from_file_location("net", sys.argv[1])
net = importlib.util.module_from_spec(spec)
sys.modules["net"] = net
spec.loader.exec_module(net)
print(sum(p.numel() for p in net.TwoPaths(classes=7).parameters()), net.TwoPaths()(torch.rand(2, 1, 8, 8)).shape)
"""


def test_torch_alone_is_needed(written):
    path = written / "examples_04_paths.arch.py"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", ALONE, str(path)], capture_output=True, text=True,
                          timeout=120, cwd=written)
    net = archlang.load(ROOT / "examples/04_paths.arch", classes=7)
    assert done.stdout.split("\n")[0] == f"{net.parameters} torch.Size([2, 10])", done.stderr


def test_blocks_are_classes_loops_are_lists_and_docstrings_stay(written):
    text = source("examples/03_residual.arch", written)
    assert text.count("class Widened(") == 1 and "class Widened2" not in text
    assert '"""A residual block; its shortcut is a convolution only where sizes change."""' in text
    assert "def __init__(self, in_channels: int, c: int, stride: int = 1) -> None:" in text
    assert "if in_channels != c" in text
    assert "nn.ModuleList(Widened(16, 16) for _ in range(2))" in text
    assert "def __init__(self, classes: int = 10) -> None:" in text


def test_routers_and_branches_are_written_out(written):
    paths = source("examples/04_paths.arch", written)
    assert "class Gates(nn.Module):" in paths and "def combine(" in paths
    assert "[member(x) for member, x in zip(self.each, xs, strict=True)]" in paths
    coded = source("specs/coded_resnext/digits.arch", written)
    assert "class BranchMask(nn.Module):" in coded and "for _ in range(10)" in coded


@pytest.mark.parametrize(("file", "dials"), [
    ("examples/06_symbolic_sizes.arch", {"classes": 2}), ("examples/04_paths.arch", {"paths": 3, "classes": 7}),
])
def test_dials_are_arguments(written, file, dials):
    model = archlang.compile(archlang.load(ROOT / file, **dials), seed=3)
    check_source(source(file, written), model, dials)


COUNTED = """archlang 1
block unit(c, n) {
  wide = in -> conv(1x1, c) -> relu
  output wide -> n * conv(1x1, c, init = normal(std = 2.0)) -> add(wide)
}
network Counted(n = 2, m = 1, paths = 2, choice = true) {
  input image: [3, 4, 4]
  stem = image -> (2 * n - 1) * conv(1x1, 4) -> unit(4, n) -> unit(6, n + 1)
  side = stem -> fork(paths) -> each { m * conv(1x1, 6) -> relu } -> route(cross_connection(hidden = 2)) -> sum
  last = stem -> layer_norm -> scale(n ** 0.5) -> if choice { conv(1x1, 4) }
  output side -> concat(last) -> global_avg_pool -> linear(2)
}
"""


def test_counts_are_arguments():
    text = source_of(archlang.compile(archlang.loads(COUNTED)))
    assert "n: int = 2, m: int = 1, paths: int = 2)" in text
    assert "for _ in range(2 * n - 2)" in text and "for _ in range(paths))" in text and "for part in self.conv:" in text
    assert "Fixed in this form: `choice`." in text
    for dials in ({"n": 3}, {"n": 5, "m": 2}, {"paths": 4, "m": 3}):
        check_source(text, archlang.compile(archlang.loads(COUNTED, **dials)), dials)

    # One part fewer in a row, or another number in one of them, must not be seen as the same.
    model = archlang.compile(archlang.loads(COUNTED, n=3))
    wrong = [("range(2 * n - 2)", "range(2 * n - 3)"), ("scale_other = n ** 0.5", "scale_other = 1.0"), ("n + 1", "n")]
    for old, new in wrong:
        assert old in text
        with pytest.raises(archlang.ArchError):
            check_source(text.replace(old, new), model, {"n": 3})


BY_NUMBER = """archlang 1
network Numbered(n = 3) {
  input image: [4, 8, 8]
  maps = image -> for i in range(n) { conv(3x3, 4, dilation = 2 ** i, padding = 2 ** i) }
  output maps -> global_avg_pool -> linear(2)
}
"""


def test_a_count_of_unlike_parts_stays_fixed():
    text = source_of(archlang.compile(archlang.loads(BY_NUMBER)))
    assert "Fixed in this form: `n`." in text and "dilation=4" in text


def test_the_fused_form(written):
    model = archlang.fuse(archlang.compile(archlang.load(ROOT / "examples/03_residual.arch")).eval())
    text = export(model, "python").text
    assert "BatchNorm" not in text
    made = built(text).eval()
    made.load_state_dict(model.state_dict(), strict=True)
    x = torch.randn(2, 3, 32, 32)
    assert torch.allclose(made(x), model(x), atol=1e-5)


TEXT = """archlang 1
network Start {
  input x: [3, 8, 8]
  output x -> conv(3x3, 4, init = normal(std = 0.5)) -> global_avg_pool -> linear(2, init = zeros)
}
"""


def test_initial_weights_are_set(written):
    text = source_of(archlang.compile(archlang.loads(TEXT)))
    made = built(text)
    assert float(made.conv.weight.detach().std()) > 0.3 and not made.linear.weight.any()


@pytest.mark.parametrize(("old", "new"), [
    ("stride=stride", "stride=1"), ("body + x", "body - x"), ("bias=False", "bias=True"), ("self.relu(", "self.gone("),
    ("nn.BatchNorm2d(c)", "nn.BatchNorm2d(c, eps=1e-3)"), ("dim=(2, 3)", "dim=(3,)"),
])
def test_a_source_that_differs_is_noticed(written, old, new):
    text = source("examples/03_residual.arch", written)
    assert old in text
    with pytest.raises(archlang.ArchError) as problem:
        check_source(text.replace(old, new), archlang.compile(archlang.load(ROOT / "examples/03_residual.arch")))
    assert problem.value.diagnostics[0].name == "not-equal" and problem.value.status == 3


def test_a_model_that_was_changed_is_not_written_as_it_was():
    model = archlang.compile(archlang.load(ROOT / "examples/03_residual.arch"))
    model.get_submodule("stem.unit.batch_norm").eps = 0.1
    with pytest.raises(archlang.ArchError, match="differs"):
        export(model, "python")


def test_what_no_file_made_is_refused_by_name():
    with pytest.raises(archlang.ArchError, match="only a model that archlang compiled"):
        export(torch.nn.Linear(2, 2), "python")
    model = archlang.compile(archlang.load(ROOT / "examples/03_residual.arch"))
    with pytest.raises(archlang.ArchError, match="there is no format"):
        export(model, "pythn")




def test_comments_and_docstrings_go_along() -> None:
    model = archlang.compile(archlang.loads("""archlang 1
# A block of its own.
block unit(c, n = 2) {
  \"\"\"A unit.\"\"\"
  # first the map
  a = in -> conv(3x3, c) -> batch_norm  # and its norm
  # then n more
  output a -> relu -> n * conv(1x1, c)
}
# the net
network N(classes = 10) {
  input image: [3, 16, 16]
  # the stem sees all
  stem = image -> conv(3x3, 8) -> relu
  # a sum has no module
  both = stem -> add(stem -> unit(8))
  output both -> global_avg_pool -> linear(classes)  # logits
  # the end
}
"""))
    source = archlang.export(model, "python").text
    lines = [line.strip() for line in source.splitlines()]

    def behind(comment: str) -> str:
        return lines[lines.index(comment) + 1]

    assert lines.count('"""A unit."""') == 1 and behind("# A block of its own.") == "class Unit(nn.Module):"
    assert behind("# first the map") == "# and its norm" and behind("# and its norm").startswith("self.a = ")
    assert behind("# then n more").startswith("return ") and behind("# logits").startswith("return self.linear(")
    assert behind("# the net") == "# the end" and behind("# the end") == "class N(nn.Module):"
    assert behind("# the stem sees all").startswith("self.stem = ")
    assert behind("# a sum has no module").split(" = ")[0] in ("self.both", "both")


@pytest.mark.parametrize("init", [
    "truncated_normal(std = 0.3)", "truncated_normal(mean = 1.0, std = 0.1)", "normal(mean = 2.0, std = 0.5)",
    "uniform(low = -0.5, high = 0.2)", "xavier_normal(gain = 3.0)", "xavier_uniform(gain = 3.0)",
    "kaiming_normal(slope = 2.0)", "kaiming_uniform(slope = 2.0, mode = fan_out)", "orthogonal(gain = 2.0)",
])
def test_a_written_start_is_drawn_as_ours_is(init: str) -> None:
    text = f"archlang 1\nnetwork Start {{ input x: [100]\n output x -> linear(400, init = {init}) }}"
    model = archlang.compile(archlang.loads(text))
    torch.manual_seed(0)
    theirs = next(weight for weight in built(source_of(model)).parameters() if weight.ndim == 2).detach().flatten()
    ours = next(weight for weight in model.parameters() if weight.ndim == 2).detach().flatten()

    # Of 40,000 numbers; the ends of what is cut lie close together, those of a normal distribution do not.
    spread = float(ours.std())
    assert abs(float(theirs.mean() - ours.mean())) < 0.05 * spread
    assert float(theirs.std()) == pytest.approx(spread, rel=0.03)
    if "normal" not in init or "truncated" in init:
        assert float(theirs.max()) == pytest.approx(float(ours.max()), abs=0.1 * spread + 0.5 * ("orth" in init))
        assert float(theirs.min()) == pytest.approx(float(ours.min()), abs=0.1 * spread + 0.5 * ("orth" in init))
