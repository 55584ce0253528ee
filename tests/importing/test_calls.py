"""What a call brings beside tensors, and torch's own modules that are read from other code: equal in float64."""

from __future__ import annotations

import copy
import warnings
from collections import namedtuple
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import spectral_norm, weight_norm

from archlang.diagnostics import ArchError
from archlang.importing import ImportedModel, import_model

Pair = namedtuple("Pair", "logits features")
Made = tuple[nn.Module, Any]


class Given(nn.Module):
    """Parts by their names, in a forward that is given."""

    def __init__(self, forward: Callable[..., Any], **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self.given = forward

    def forward(self, *inputs: Any) -> Any:
        return self.given(self, *inputs)


class Settings(nn.Module):
    """A tensor, two that may be missing, a flag between them, and a number that is taken by name alone."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(4, 4)

    def forward(
        self, x: Tensor, by: Tensor | None = None, negative: bool = False, add: Tensor | None = None, *,
        scale: float = 1.0,
    ) -> Tensor:
        x = self.dense(x)
        if by is not None:
            x = x * by
        if add is not None:
            x = x - add if negative else x + add
        return x * scale


def _x(*sizes: int) -> Tensor:
    return torch.randn(2, *sizes)


CALLS: Mapping[str, tuple[Any, ...] | dict[str, Any]] = {
    "none between": (_x(4), None, False, _x(4)),
    "a flag between": (_x(4), _x(4), True, _x(4)),
    "by name": {"x": _x(4), "add": _x(4)},
    "by name in another order": {"scale": 3.0, "add": _x(4), "x": _x(4), "negative": True},
}


def taken_in(module: nn.Module, inputs: Any, **more: Any) -> ImportedModel:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.export's own
        return import_model(module, inputs, **more)


@pytest.mark.parametrize("name", CALLS)
def test_settings_stay_as_they_were_given(name: str) -> None:
    model, given = Settings().double().eval(), CALLS[name]
    found = taken_in(model, given)

    named = isinstance(given, dict)
    values = {key: _double(value) for key, value in given.items()} if named else [_double(one) for one in given]
    right = model(**values) if named else model(*values)
    # The file's inputs are the tensors, in the order of `forward`.
    tensors = [value for value in values if isinstance(value, Tensor)]
    if named:
        tensors = [values["x"], values["add"]]
    torch.testing.assert_close(found.model.double()(*tensors), right, rtol=0, atol=1e-9)


def _double(value: Any) -> Any:
    return value.double() if isinstance(value, Tensor) else value


def test_fields_of_a_named_tuple_name_the_outputs() -> None:
    found = taken_in(Given(lambda m, x: Pair(m.dense(x), x.relu()), dense=nn.Linear(4, 3)), (_x(4),))
    assert list(found.model(_x(4))) == ["logits", "features"]


class Keys(nn.Module):
    """A map and outputs with the names of words of the language, and with such as no file can have."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        super().__init__()
        self.layer, self.input, self.block = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)
        self.keys = keys

    def forward(self, layer: Tensor) -> dict[str, Tensor]:
        kept = self.block(self.input(self.layer(self.layer(layer)))).relu()
        return {key: kept * (at + 2) for at, key in enumerate(self.keys)}


@pytest.mark.parametrize(("keys", "said"), [
    (("logits", "features"), ["logits", "features"]),
    (("output", "input", "in"), ["output_", "input_", "in_"]),
    (("a-b", "a_b", "1", "", "ä"), ["a_b", "a_b_2", "x1", "out", "out_2"]),
    (("layer_in", "image", "x"), ["layer_in", "image", "x"]),
])
def test_a_name_of_the_model_may_be_a_word_of_the_language(keys: tuple[str, ...], said: list[str]) -> None:
    model, x = Keys(keys).eval(), _x(4)
    found = taken_in(model, (x,))
    made, right = found.model(x), model(x)
    assert list(made) == said
    for one, other in zip(made.values(), right.values(), strict=True):
        torch.testing.assert_close(one, other)
    for key, called in zip(keys, said, strict=True):
        assert (f"its output `{key}` is called `{called}`" in " ".join(found.notes)) is (key != called)


# --- modules of torch ------------------------------------------------------------------------------------------------


def _steps(m: Any, x: Tensor) -> Tensor:
    """A cell along a sequence, its first state left out."""
    state = None
    for at in range(x.shape[1]):
        state = m.cell(x[:, at], state)
    return state[0] if isinstance(state, tuple) else state  # type: ignore[return-value]  # never None


def _started(m: Any, x: Tensor) -> Tensor:
    """A recurrent layer whose first state is made in torch's default kind of numbers, and its last one squeezed."""
    _, last = m.layer(x, torch.zeros(1, x.size(0), 8))
    return m.dense(last.squeeze(0))


def _attention(**more: Any) -> nn.MultiheadAttention:
    return nn.MultiheadAttention(8, 2, batch_first=True, **more)


def _causal(size: int) -> Tensor:
    return nn.Transformer.generate_square_subsequent_mask(size)


def _layer() -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)


def _weight_norm(layer: nn.Module) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch has a newer one
        return weight_norm(layer)


MODULES: Mapping[str, Callable[[], Made]] = {
    "lstm cell": lambda: (Given(_steps, cell=nn.LSTMCell(6, 5)), (_x(3, 6),)),
    "gru cell": lambda: (Given(_steps, cell=nn.GRUCell(6, 5)), (_x(3, 6),)),
    "rnn cell": lambda: (Given(_steps, cell=nn.RNNCell(6, 5, nonlinearity="relu")), (_x(3, 6),)),
    "a first state": lambda: (
        Given(_started, layer=nn.GRU(6, 8, batch_first=True), dense=nn.Linear(8, 2)), (_x(5, 6),)),
    **{f"bag {mode}": lambda mode=mode: (  # type: ignore[misc]  # the default keeps this turn's word
        nn.Sequential(nn.EmbeddingBag(20, 6, mode=mode), nn.Linear(6, 2)), (torch.randint(0, 20, (2, 5)),))
       for mode in ("mean", "sum", "max")},
    "numbers as a mask": lambda: (
        Given(lambda m, x: m.att(x, x, x, attn_mask=_causal(5), need_weights=False)[0], att=_attention()), (_x(5, 8),)),
    "truth as a mask": lambda: (
        Given(lambda m, x: m.att(x, x, x, attn_mask=torch.ones(5, 5).triu(1).bool())[0], att=_attention()),
        (_x(5, 8),)),
    "weights of attention": lambda: (
        Given(lambda m, x: m.att(x, x, x), att=_attention()), (_x(5, 8),)),
    "weights of each head": lambda: (
        Given(lambda m, x: m.att(x, x, x, average_attn_weights=False), att=_attention(bias=False)), (_x(5, 8),)),
    "weights that nothing reads": lambda: (
        Given(lambda m, x: m.att(x, x, x)[0], att=_attention()), (_x(5, 8),)),
    "masked encoder": lambda: (
        Given(lambda m, x: m.enc(x, mask=_causal(5), is_causal=True), enc=nn.TransformerEncoder(_layer(), 2)),
        (_x(5, 8),)),
    "encoder and decoder": lambda: (
        Given(lambda m, x, y: m.all(x, y, tgt_mask=_causal(4)),
              all=nn.Transformer(8, 2, 1, 1, 16, 0.0, batch_first=True)),
        (_x(5, 8), _x(4, 8))),
    "features of a vector": lambda: (
        Given(lambda m, x: m.dense((x @ torch.arange(6.0).view(2, 3)).sin()), dense=nn.Linear(3, 2)), (_x(2),)),
    "older norms": lambda: (
        nn.Sequential(_weight_norm(nn.Conv1d(4, 6, 3)), nn.ReLU(), spectral_norm(nn.Conv1d(6, 4, 3))), (_x(4, 9),)),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_of_torch_is_equal_in_float64(name: str) -> None:
    torch.manual_seed(0)
    module, inputs = MODULES[name]()
    found = taken_in(module.eval(), inputs)
    assert found.difference < 1e-9

    # Beside that: other samples, in float32, by the model's own code.
    more = [torch.cat([one, one.flip(0)[:1]]) for one in inputs]
    with torch.no_grad():
        ours, theirs = found.model(*more), module(*more)
    for one, other in zip(_flat(ours), _flat(theirs), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def _flat(value: Any) -> list[Tensor]:
    return [value] if isinstance(value, Tensor) else list(value)


def test_attention_is_one_operation_where_nothing_reads_its_weights() -> None:
    module, inputs = MODULES["weights that nothing reads"]()
    assert "attention(2" in taken_in(module, inputs).text
    module, inputs = MODULES["weights of attention"]()
    assert "softmax" in taken_in(module, inputs).text


def test_torch_is_left_as_it_was() -> None:
    """Exporting turns off a faster way of torch's, and looks of a decoder's at its mask."""
    layer = _layer().eval()
    before = copy.deepcopy(vars(nn.modules.transformer)["_detect_is_causal_mask"])
    taken_in(layer, (_x(5, 8),))
    assert nn.modules.transformer._detect_is_causal_mask is before
    assert torch.backends.mha.get_fastpath_enabled() and torch.get_default_dtype() is torch.float32


def test_a_module_without_weights_yet_is_named() -> None:
    model = nn.Sequential(nn.Flatten(), nn.LazyLinear(3))
    with pytest.raises(ArchError, match=r"`1` has no weights yet"):
        taken_in(model, (_x(4, 4),))


def test_the_place_of_a_torch_module_is_a_line_of_the_user() -> None:
    with pytest.raises(ArchError, match=r"`cosine_similarity` in `like` .*\n.*importing/test_calls.py:"):
        taken_in(Given(lambda m, x: m.like(x, x.relu()), like=nn.CosineSimilarity()), (_x(4),))
