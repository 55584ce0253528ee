"""A file of another language is told as a whole, not by its first odd sign."""

import json

import pytest

from archlang.diagnostics import ArchError
from archlang.source import Source
from archlang.syntax.parser import parse

MODEL = """import torch.nn as nn

class Stem(nn.Module):
    pass

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)

    def forward(self, x):
        return self.conv(x)
"""


def _only_mistake(text, name="net.arch"):
    with pytest.raises(ArchError) as caught:
        parse(Source(name, text))
    (mistake,) = caught.value.diagnostics
    return mistake


def test_a_module_of_torch_is_told_with_the_command_that_reads_it():
    mistake = _only_mistake(MODEL, "models/net.py")
    assert mistake.message.endswith("this file is written in Python")
    assert "`archlang import net:Net --input" in mistake.help[0]


def test_a_script_without_a_model_is_told_how_a_file_begins():
    mistake = _only_mistake("import torch.nn as nn\nnet = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())\n")
    assert mistake.message.endswith("this file is written in Python")
    assert "archlang 1" in mistake.help[0] and "archlang import" not in mistake.help[0]


@pytest.mark.parametrize(("text", "language"), [
    (json.dumps({"model_type": "bert", "hidden_size": 768}), "JSON"),
    ("# a detector\nnc: 80\nbackbone:\n  - [-1, 1, Conv, [64, 3, 2]]\nhead:\n  - [-1, 1, Detect, [80]]\n", "YAML"),
])
def test_settings_of_other_programs_are_told(text, language):
    assert _only_mistake(text).message.endswith(f"this file is written in {language}")


@pytest.mark.parametrize("text", [
    "network Net {\n  input image: [3, 32, 32]\n  output image\n}\n", "", "let a = 3", "import std.resnet (basic)\n",
    "name: net\nnetwork Net { input x: [3]\n output x }\n",
    "-" * 60000 + "1", "import a\n" + "x = " + "1+" * 30000 + "1", "import a\nx = " + "[" * 5000,
    "# " * 30000, "\n" * 60000 + "#", "[" * 50000 + "]" * 50000,
])
def test_all_else_is_read_as_before(text):
    with pytest.raises(ArchError) as caught:
        parse(Source("net.arch", text))
    assert "is written in" not in caught.value.diagnostics[0].message


@pytest.mark.parametrize("text", ["# a comment\narchlang 1\nlet a = 3\n", "\n\n  # one\n\narchlang 1\nlet a = 3\n"])
def test_comments_may_stand_before_the_first_line(text):
    try:
        parse(Source("net.arch", text))
    except ArchError as wrong:
        assert "is written in" not in wrong.diagnostics[0].message
