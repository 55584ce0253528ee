"""An emitted module is an ordinary torch module: everything that one does with those works on it."""

from __future__ import annotations

import copy
import io

import pytest
import torch
import torch.distributed as dist
from torch import fx, nn

from archlang.diagnostics import ArchError
from archlang.emit import emit
from tests.emit.networks import plain, routed, several

FORMS = ["loop", "grouped"]


@pytest.fixture(params=FORMS)
def model(request):
    return emit(routed(), parallel=request.param)


@pytest.fixture
def x():
    return torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("backend", "train"), [("eager", False), ("aot_eager", True)])
def test_compile_in_one_graph(model, x, backend, train):
    model.train(train)
    fast = torch.compile(copy.deepcopy(model), backend=backend, fullgraph=True)
    torch.testing.assert_close(fast(x), model(x))


def test_compile_with_taps(x):
    model = emit(routed(), taps=True).eval()
    outputs, taps = torch.compile(model, backend="eager", fullgraph=True)(x)
    torch.testing.assert_close((outputs, taps), model(x))


def test_many_models_compile_in_one_process(x):
    for paths in range(1, 11):
        model = torch.compile(emit(plain(f"stem{paths}")).eval(), backend="eager", fullgraph=True)
        assert model(x).shape == (4, 10)


def test_a_compiled_model_still_names_the_line(model, x):
    fast = torch.compile(model, backend="eager", fullgraph=True)
    for _ in range(2):
        with pytest.raises(ArchError, match=r"small\.arch:3:3"):
            fast(x[:, :2])
        fast(x)


def test_compile_as_a_part(x):
    whole = nn.Sequential(emit(plain()), nn.ReLU()).eval()
    torch.testing.assert_close(torch.compile(whole, backend="eager", fullgraph=True)(x), whole(x))


def test_symbolic_trace_goes_through(x):
    whole = nn.Sequential(emit(plain()), nn.ReLU()).eval()
    torch.testing.assert_close(fx.symbolic_trace(whole)(x), whole(x))


def test_export_with_any_batch(model, x):
    model.eval()
    program = torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    for batch in (2, 7):
        other = torch.randn(batch, 3, 8, 8)
        torch.testing.assert_close(program.module()(other), model(other))
    assert {n for n, _ in program.named_parameters()} == {n for n, _ in model.named_parameters()}


def test_export_of_a_dict():
    model = emit(several()).eval()
    a, b = torch.randn(2, 4, 8, 8), torch.randn(2, 4, 8, 8)
    torch.testing.assert_close(torch.export.export(model, (a, b)).module()(a, b), model(a, b))


def test_deepcopy_is_apart_and_knows_its_file(model, x):
    twin = copy.deepcopy(model)
    assert type(twin).__mro__[1:] == type(model).__mro__[1:] and twin.archlang is model.archlang
    assert [n.meta["span"] for n in twin.graph.nodes] == [n.meta["span"] for n in model.graph.nodes]
    model.eval(), twin.eval()
    before = model(x)
    assert torch.equal(twin(x), before)
    with torch.no_grad():
        for weight in twin.parameters():
            weight.zero_()
    assert torch.equal(model(x), before) and not torch.equal(twin(x), before)
    with pytest.raises(Exception, match=r"small\.arch:3:3"):
        twin(x[0])


def test_a_deepcopy_trains_by_itself(model, x):
    twin = copy.deepcopy(model)
    model(x)
    assert all(int(b) == 0 for n, b in twin.named_buffers() if n.endswith("tracked"))
    twin(x)
    torch.testing.assert_close(dict(twin.named_buffers()), dict(model.named_buffers()))


def test_weights_move_between_all_forms(x):
    loop, grouped, auto = (emit(routed(3), seed=s, parallel=p) for s, p in enumerate(["loop", "grouped", "auto"]))
    assert list(loop.state_dict()) == list(grouped.state_dict()) == list(auto.state_dict())
    file = io.BytesIO()
    torch.save(loop.state_dict(), file)
    file.seek(0)
    weights = torch.load(file, weights_only=True)
    for other in (grouped, auto):
        other.load_state_dict(weights)
        torch.testing.assert_close(other.eval()(x), loop.eval()(x))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half(model, x, dtype):
    full = model.eval()(x)
    half = model.to(dtype)(x.to(dtype))
    assert half.dtype == dtype
    torch.testing.assert_close(half.float(), full, rtol=0.1, atol=0.1)


def test_autocast(model, x):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = model(x).float().square().mean()
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_channels_last(model, x):
    model.eval()
    plain_result = model(x)
    result = model.to(memory_format=torch.channels_last)(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(result, plain_result)


def test_gradients_reach_every_parameter(model, x):
    model(x).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def test_train_and_eval(model, x):
    assert model.training
    model(x)
    trained = model.get_submodule("trunk.each.0.batch_norm_1").running_mean.clone()
    assert trained.any()
    model.eval()
    assert torch.equal(model(x[:1]), model(x[:1])) and not model.get_submodule("trunk.each.1.conv_0").training
    assert torch.equal(model.get_submodule("trunk.each.0.batch_norm_1").running_mean, trained)


def test_meta_device(model, x):
    assert model.to("meta")(x.to("meta")).shape == (4, 3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda(model, x):
    expected = model.eval()(x)
    torch.testing.assert_close(model.cuda()(x.cuda()).cpu(), expected, rtol=1e-3, atol=1e-3)


def test_distributed_data_parallel(model, x, tmp_path):
    single = copy.deepcopy(model)
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        wrapped = nn.parallel.DistributedDataParallel(model)
        for _ in range(2):
            wrapped(x).square().sum().backward()
            single(x).square().sum().backward()
    finally:
        dist.destroy_process_group()
    for one, other in zip(single.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def test_hooks_and_vmap_free_functions_work(x):
    model = emit(plain()).eval()
    seen = []
    model.stem.conv.register_forward_hook(lambda module, args, result: seen.append(result.shape))
    model(x)
    assert seen == [(4, 4, 8, 8)]
    values = torch.func.functional_call(model, dict(model.state_dict()), (x,))
    assert torch.equal(values, model(x))
