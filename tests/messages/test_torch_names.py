"""Every name of torch that a network could call has a row: its text here, or the sentence that says what comes nearest.

The names are torch's own lists, so that a name without a row fails, and one that torch gains is noticed.
"""

from __future__ import annotations

import fnmatch
import inspect

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from archlang.diagnostics import Diagnostic
from archlang.elaborate.habits.catalogue import NO_EFFECT, ROWS
from archlang.elaborate.habits.names import function_row, layer_rows, method_row
from archlang.elaborate.network import check_text

NO_CALL = {"T", "mT", "H", "mH", "size", "Sequential"}
"""Known to the reader itself, which makes a flow or a size of them."""

NOT_OF_A_FORWARD = (
    # what a program does with tensors, storages, devices and memory
    "is_*", "has_torch_function*", "q_*", "qscheme", "int_repr", "*storage*", "share_memory_", "pin_memory", "name",
    "volatile", "record_stream", "register_*", "reinforce", "retains_grad", "output_nr", "grad_dtype", "module_load",
    "set_", "copy_", "resize_*", "resolve_*", "hash_tensor", "const_data_ptr", "dim_order", "map2_", "as_subclass",
    "ipu", "xpu", "mtia", "data", "handle_torch_function", "boolean_dispatch", "assert_int_or_pair", "Optional",
    # sparse, nested and quantised kinds of tensors
    "*sparse*", "to_padded_tensor", "coalesce", "*col_indices*", "*row_indices*", "indices*", "values*", "dense_dim",
    "quantize*", "fake_quantize*", "fbgemm_*", "choose_qparams*", "fused_moving_avg*", "empty_quantized",
    # kernels of backends, and the copies that functionalised programs call
    "cudnn_*", "miopen_*", "mkldnn_*", "native_*", "batch_norm_*", "*_copy", "sym_*", "grid_sampler*",
    "affine_grid_generator", "embedding_renorm_", "empty_permuted", "new_empty_strided", "unsafe_*",
    # settings of the process, files and types
    "get_*", "set_*", "*autocast*", "*deterministic*", "import_ir*", "parse_*", "init_num_threads", "initial_seed",
    "manual_seed", "seed", "load", "save", "compile", "compiled_with*", "from_dlpack", "to_dlpack", "from_file",
    "frombuffer", "fork", "wait", "typename", "promote_types", "result_type", "can_cast", "classproperty",
    "thread_safe_generator", "prepare_multiprocessing*", "profiler_*", "merge_type*", "unify_type_list",
)  # fmt: skip

LAYERS = [
    name for name in dir(nn) if inspect.isclass(getattr(nn, name)) and issubclass(getattr(nn, name), nn.Module)
]
FUNCTIONS = [name for name in dir(F) if callable(getattr(F, name)) and not inspect.isclass(getattr(F, name))]
METHODS = dir(torch.Tensor)
OF_TORCH = [name for name in dir(torch) if callable(getattr(torch, name)) and not inspect.isclass(getattr(torch, name))]

KERAS = (
    "Activation", "Add", "Average", "AveragePooling2D", "BatchNormalization", "Concatenate", "Conv1D", "Conv2D",
    "Conv2DTranspose", "Dense", "DepthwiseConv2D", "Dot", "Dropout", "ELU", "Embedding", "Flatten", "GRU",
    "GlobalAveragePooling2D", "GlobalMaxPooling2D", "Input", "LSTM", "Lambda", "LayerNormalization", "LeakyReLU",
    "MaxPooling2D", "Maximum", "MultiHeadAttention", "Multiply", "PReLU", "Permute", "ReLU", "RepeatVector", "Reshape",
    "SeparableConv2D", "Softmax", "SpatialDropout2D", "Subtract", "UpSampling2D", "ZeroPadding2D",
)  # fmt: skip


def of_a_forward(names: list[str]) -> list[str]:
    return [
        name for name in names
        if not name.startswith("_") and name not in NO_CALL
        and not any(fnmatch.fnmatchcase(name, pattern) for pattern in NOT_OF_A_FORWARD)
    ]


def test_torch_has_lists() -> None:
    assert len(of_a_forward(LAYERS)) > 150
    assert len(of_a_forward(FUNCTIONS)) > 100
    assert len(of_a_forward(METHODS)) > 400
    assert len(of_a_forward(OF_TORCH)) > 300


def test_every_layer_has_a_row() -> None:
    assert [name for name in of_a_forward(LAYERS) if name not in ROWS] == []


def test_every_layer_of_keras_has_a_row() -> None:
    assert [name for name in KERAS if not layer_rows(("layers", name))] == []


def test_every_function_has_a_row() -> None:
    names = {f"F.{name}" for name in of_a_forward(FUNCTIONS)} | {f"torch.{name}" for name in of_a_forward(OF_TORCH)}
    missing = [
        name for name in sorted(names)
        if function_row(tuple(name.split("."))) is None and not layer_rows(tuple(name.split(".")))
        and method_row(name.split(".")[1]) is None and name.split(".")[1] not in NO_EFFECT
    ]
    assert missing == []


def test_every_method_has_a_row() -> None:
    assert [name for name in of_a_forward(METHODS) if method_row(name) is None and name not in NO_EFFECT] == []


def first_error(flow: str) -> Diagnostic:
    text = f"archlang 1\nnetwork N {{\n  input x: [3, 8, 8]\n  input y: [3, 8, 8]\n  z = {flow}\n  output z\n}}\n"
    return next(d for d in check_text(text) if d.severity == "error")


@pytest.mark.parametrize("form", ["x -> nn.{}(2)", "nn.{}(2)(x)", "self.f = nn.{}(2)"])
def test_every_layer_is_told(form: str) -> None:
    """Whatever spelling a layer has, the first mistake is on its line, and says what to write."""
    for name in of_a_forward(LAYERS):
        line = form.format(name)
        mistake = first_error(line) if not line.startswith("self") else first_line(line)
        assert mistake.primary is not None
        assert mistake.primary.span.line == 5, name
        assert mistake.help, name
        assert name in mistake.message or "self" in mistake.message, name


def first_line(line: str) -> Diagnostic:
    text = f"archlang 1\nnetwork N {{\n  input x: [3, 8, 8]\n  input y: [3, 8, 8]\n  {line}\n  output x\n}}\n"
    return next(d for d in check_text(text) if d.severity == "error")


@pytest.mark.parametrize("form", ["F.{}(x)", "torch.{}(x, y)", "x.{}()", "x.{}(y)"])
def test_every_function_is_told(form: str) -> None:
    of_form = {"F": FUNCTIONS, "t": OF_TORCH, "x": METHODS}[form[0]]
    for name in of_a_forward(of_form):
        text = form.format(name)
        mistake = first_error(text)
        assert mistake.primary is not None
        assert mistake.primary.span.line == 5, text
        assert mistake.help, text
