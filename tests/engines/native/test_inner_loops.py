"""The innermost loops of whole functions: nothing is divided, and no vector is on the stack."""

import pytest

pytest.importorskip("llvmlite")

from assembly import all_inner_loops, divisions, spills
from recorded import plan_of

import chainrule as cr
from chainrule import nn
from chainrule.engines.native.code.compilation import Module
from chainrule.engines.native.graph.nodes import PRODUCT
from chainrule.engines.native.running.llvm import assembly
from chainrule.engines.native.running.target import host, named
from chainrule.nn import functional as F

pytestmark = pytest.mark.skipif(host().architecture != "x86_64", reason="reads x86 assembly")

#: how many of a loop's instructions may store vectors on the stack, and load them. Nothing that
#: a loop makes goes there; a load is a mask or a number that stays the same in all turns, which
#: an instruction reads from memory as well as from a register.
PRODUCTS = (0, 1 / 100)
NESTS = (0, 1 / 20)
PROCESSORS = ("skylake-avx512", "haswell", "x86-64")
#: what needs more than 16 registers as it stands: four functions of values that are all needed
#: once more behind them; nine elements, each read or not, with the place of the largest; and
#: twenty keys, which are the same in all turns
CROWDED = {
    "elementwise": (1 / 100, 1 / 40),
    "half precision": (1 / 100, 1 / 40),
    "overlapping maximum pooling": (1 / 100, 1 / 40),
    "windows": (1 / 100, 1 / 40),
    "random numbers": (0, 1 / 15),
}
BY_LANES = "trigonometry."  # large angles, lane after lane, by way of memory


def with_gradients(model, *arguments):
    """The model's results, and the gradients of its arguments and parameters."""

    def run(*arguments):
        given = [a.detach().requires_grad_(a.is_floating_point()) for a in arguments]
        y = model(*given)
        over = [a for a in (*given, *parameters) if a.requires_grad]
        return [y.detach(), *cr.autograd.grad((y * y).sum(), over)]

    parameters = list(model.parameters()) if isinstance(model, nn.Module) else []
    return run, arguments


def elementwise(x, y):
    return (x * y.T).tanh() + F.gelu(x + y[:, :1]) * (x - y).exp()


def sums(x):
    return x.sum(1).exp().sum() + x.mean((0, 1)) + x.amax(1).mean(0) + x.var(-1).sum()


def attention(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def lookups(x, places):
    return x.gather(1, places), x.scatter_add(1, places, x), x.index_select(0, places[0])


def running(x):
    return x.cumsum(1), x.cumsum(0), x.logcumsumexp(1), x.cumprod(0)


def orders(x):
    return x.argmax(1), x.argmin(0), x.sort(1).values, x.topk(5, 1).values


def drawn(x):
    return F.dropout(x, 0.5, True), cr.rand(33, 70), cr.randn(100)


def windows(x):
    return F.max_pool2d(x, 3, 2, 1), F.avg_pool2d(x, 2), F.unfold(x, 3), F.interpolate(
        x, scale_factor=2, mode="bilinear")  # fmt: skip


def convolutions(**options):
    layers = [nn.Conv2d(16, 32, 3, padding=1, **options), nn.BatchNorm2d(32), nn.ReLU()]
    return with_gradients(nn.Sequential(*layers), cr.randn(4, 16, 13, 13))


CASES = {
    "elementwise": lambda: with_gradients(elementwise, cr.randn(70, 70), cr.randn(70, 70)),
    "sums": lambda: with_gradients(sums, cr.randn(40, 30, 40)),
    "softmax": lambda: with_gradients(lambda x: x.softmax(-1), cr.randn(60, 77)),
    "softmax of columns": lambda: with_gradients(lambda x: x.softmax(0), cr.randn(60, 77)),
    "cross entropy": lambda: (F.cross_entropy, (cr.randn(60, 77), cr.randint(0, 77, (60,)))),
    "layer normalization": lambda: with_gradients(nn.LayerNorm(100), cr.randn(64, 100)),
    "group normalization": lambda: with_gradients(nn.GroupNorm(4, 16), cr.randn(4, 16, 9, 9)),
    "batch normalization": lambda: with_gradients(nn.BatchNorm1d(50), cr.randn(64, 50)),
    "attention": lambda: with_gradients(attention, *[cr.randn(2, 4, 32, 16)] * 3),
    "convolution": convolutions,
    "convolution, stride 2": lambda: convolutions(stride=2),
    "convolution by tiles": lambda: with_gradients(
        nn.Conv2d(32, 64, 3, padding=1), cr.randn(4, 32, 14, 14)
    ),
    "product with cut vectors": lambda: with_gradients(nn.Linear(50, 18), cr.randn(64, 50)),
    "depthwise convolution": lambda: with_gradients(
        nn.Conv2d(16, 16, 3, padding=1, groups=16), cr.randn(4, 16, 13, 13)
    ),
    "maximum pooling": lambda: with_gradients(nn.MaxPool2d(2), cr.randn(4, 16, 12, 12)),
    "overlapping maximum pooling": lambda: with_gradients(
        nn.MaxPool2d(3, 2, 1), cr.randn(4, 16, 13, 13)
    ),
    "average pooling": lambda: with_gradients(nn.AvgPool2d(3, 2), cr.randn(4, 16, 13, 13)),
    "windows": lambda: (windows, (cr.randn(2, 8, 12, 12),)),
    "embedding": lambda: with_gradients(nn.Embedding(30, 40), cr.randint(0, 30, (8, 9))),
    "lookups": lambda: (lookups, (cr.randn(30, 30), cr.randint(0, 30, (30, 30)))),
    "LSTM": lambda: with_gradients(lambda x: LSTM(x)[0], cr.randn(6, 8, 32)),
    "GRU": lambda: with_gradients(lambda x: GRU(x)[0], cr.randn(6, 8, 32)),
    "running sums": lambda: (running, (cr.randn(50, 60),)),
    "orders": lambda: (orders, (cr.randn(50, 60),)),
    "random numbers": lambda: (drawn, (cr.randn(33, 70),)),
    "half precision": lambda: with_gradients(elementwise, *[cr.randn(70, 70).bfloat16()] * 2),
    "double precision": lambda: with_gradients(elementwise, *[cr.randn(70, 70).double()] * 2),
}
LSTM, GRU = nn.LSTM(32, 40), nn.GRU(32, 40)


class Texts:
    """Takes the functions of a plan as what compiles them does."""

    def __init__(self):
        self.module, self.known = Module(), set()

    def add(self, name, text, emitter):
        if name not in self.known:
            self.module.add(text, emitter)
        self.known.add(name)


def code(name, processor):
    """The assembly code of a case, and the functions of the plan by their names in it."""
    cr.manual_seed(0)
    function, arguments = CASES[name]()
    texts = Texts()
    plan = plan_of(function, *arguments, processor=named(processor), compilation=texts)
    found = {f"{f.name}.body": f for r in plan.regions for f in r.functions}
    return assembly(texts.module.text(named(processor)), named(processor)), found


def allowed(function, name, processor):
    """The shares of instructions that may store vectors on the stack, and load them."""
    if function is not None and function.kernel.kind == PRODUCT:
        return PRODUCTS
    return CROWDED.get(name, NESTS) if named(processor).vector_registers <= 16 else NESTS


@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("name", CASES)
def test_inner_loops(name, processor):
    text, functions = code(name, processor)
    found = list(all_inner_loops(text))
    assert found
    for kernel, loop in found:
        function, size = functions.get(kernel), sum(map(len, loop))
        said = function.label if function else kernel
        assert not divisions(loop), said
        if kernel.startswith(BY_LANES):
            continue
        shares = allowed(function, name, processor)
        for lines, share in zip(spills(loop), shares, strict=True):
            assert len(lines) <= share * size, (said, size, lines)


def test_what_is_looked_for_is_found():
    text = """
kernel:
	jmp	.LBB0_3
.LBB0_1:
	vmovups	%zmm3, -64(%rsp)
	vaddps	(%rsp,%rax,4), %ymm1, %ymm2
	vaddps	8(%rax), %ymm1, %ymm2
	jne	.LBB0_4
.LBB0_2:
	idivq	%rcx
	jl	.LBB0_1
.LBB0_3:
	vmovups	%xmm3, (%rsp)
	vdivps	%xmm3, %xmm2, %xmm2
	jl	.LBB0_2
	retq
.LBB0_4:
	vmovups	%ymm3, 32(%rsp)
	callq	other
	divl	%ecx
	jmp	.LBB0_2
"""
    ((name, loop),) = all_inner_loops(text)
    assert name == "kernel"
    assert [line.split()[0] for line in divisions(loop)] == ["idivq", "divl"]
    stores, loads = spills(loop)
    assert [line.split()[-1] for line in stores] == ["-64(%rsp)"]
    assert [line.split()[-1] for line in loads] == ["%ymm2"]


@pytest.mark.parametrize("processor", ["haswell", "x86-64"])
def test_the_rest_of_a_line_is_computed_after_its_whole_vectors(processor, monkeypatch):
    if named(processor).vector_bytes > host().vector_bytes:
        pytest.skip(f"this machine does not run code for {processor}")
    monkeypatch.setenv("CHAINRULE_TARGET", processor)
    long, square = cr.arange(100_003.0), cr.arange(61.0 * 53).reshape(61, 53) % 17

    def run(x, y):
        return x * 2 + 1, y.sum(0), y.sum(1), y.amax(0) + y, (y - y.sum(1, keepdim=True)).abs()

    for got, wanted in zip(cr.compile(run)(long, square), run(long, square), strict=True):
        assert (got == wanted).all()
