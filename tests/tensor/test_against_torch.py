"""Values, gradients, element types, shapes and errors against PyTorch, expression by expression.

Each line of a table is one case, evaluated with chainrule and with torch on equal inputs:
`m` is the module, single letters are the inputs listed in INPUTS.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import chainrule as cr

torch = pytest.importorskip("torch")

RANDOM = np.random.default_rng(7)
NAN, INF = math.nan, math.inf
INPUTS = {
    "x": RANDOM.standard_normal((3, 4)),
    "y": RANDOM.standard_normal((3, 4)),
    "p": RANDOM.uniform(0.2, 2, (3, 4)),  # positive
    "u": RANDOM.uniform(-0.9, 0.9, (3, 4)),
    "r": np.array([1.5, 0, 2, 2, -1, 0, 2, -1, -1, 0.5, 1.5, 2.5]).reshape(3, 4),  # ties, halves
    "n": np.array([1.0, NAN, -INF, INF, 0, -0.0, -2.5, NAN]).reshape(2, 4),
    "v": RANDOM.standard_normal(4),
    "c": RANDOM.standard_normal((3, 1)),
    "s": np.array(1.7),
    "e": np.zeros((0, 4)),
    "o": np.array([[-0.3]]),
    "z": RANDOM.standard_normal((2, 3, 4)),
    "w": RANDOM.standard_normal((4, 5)),
    "t": RANDOM.standard_normal((4, 3, 2)).T,  # not contiguous, (2, 3, 4)
    "d": RANDOM.standard_normal((4, 4)),
    "f": RANDOM.standard_normal((3, 4)).astype(np.float32),
    "h": RANDOM.standard_normal((3, 4)).astype(np.float16),
    "k": np.array([-3, 0, 2, 7, -1, 5, 4, 4, 1, 1, -2, 6]).reshape(3, 4),
    "j": np.array([1, 5, 2, 3, 3, 2, 4, 1, 2, 2, 5, 3]).reshape(3, 4),
    "i": np.array([2, 0, 1, 1, 2]),
    "l": np.array([[0, 2, 1, 1], [2, 2, 0, 1], [1, 0, 0, 2]]),  # rows of a (3, 4) tensor
    "b": np.array([1, 0, 0, 1, 1, 1, 0, 1, 0, 0, 0, 1], bool).reshape(3, 4),
    "a": np.array([True, False, True]),
}

ELEMENTWISE = """
-x
+x
abs(r)
r.abs()
k.abs()
m.abs(x)
r.sign()
k.sign()
x.exp()
k.exp()
b.exp()
x.exp2()
m.exp2(k)
x.expm1()
p.log()
p.log2()
p.log10()
p.log1p()
m.log(n)
p.sqrt()
m.sqrt(j)
p.rsqrt()
j.rsqrt()
x.square()
m.square(k)
p.reciprocal()
j.reciprocal()
x.sin()
x.cos()
x.tan()
u.asin()
u.acos()
x.atan()
m.arctan(x)
x.sinh()
x.cosh()
x.tanh()
k.tanh()
x.sigmoid()
m.sigmoid(n)
(x * 50).sigmoid()
m.logit(p / 3)
m.logit(p / 2, 0.1)
r.relu()
k.relu()
x.erf()
m.erf(n)
m.erf(x * 3)
m.erf(f)
r.floor()
r.ceil()
r.round()
(r + 1).round()
r.trunc()
r.frac()
m.fix(r)
m.round(x, decimals=2)
m.round(x * 100, decimals=-1)
k.floor()
k.round()
m.deg2rad(x)
m.rad2deg(x)
m.nan_to_num(n)
m.nan_to_num(n, 1.0, 2.0, 3.0)
n.isnan()
n.isinf()
n.isfinite()
k.isnan()
h.exp()
h.sigmoid()
h.tanh()
e.exp()
o.exp()
s.sin()
t.exp()
t.sigmoid()
"""

ARITHMETIC = """
x + y
x - y
x * y
x / y
x + v
c + x
c * v
s * x
x * s
x + o
e + v
e * 2
t + z
t * 2 + 1
2 - x
2 / x
1 + k
7 - k
k / 2
k / 2.0
1 / k
k + 1.5
b + b
b * b
b + 1
b * 2.0
b | True
x + True
m.add(x, y, alpha=2)
m.sub(x, y, alpha=0.5)
x.add(1)
m.rsub(x, y)
m.mul(x, 2)
m.multiply(x, y)
m.subtract(x, y)
m.true_divide(k, j)
m.div(x, y, rounding_mode="floor")
m.div(x, y, rounding_mode="trunc")
m.div(k, j, rounding_mode="floor")
m.div(k, j, rounding_mode="trunc")
m.div(x, y, rounding_mode="up")
k // 2
k // -2
k // j
7 // j
r.detach() // 0.5
x.detach() // y.detach()
n.detach() // 2
m.ones(3) // 0
k % 3
k % -3
k % j
11 % j
r % 0.7
r % -0.7
x % y.detach()
x % p
n % 2
m.fmod(k, 3)
m.fmod(r, 0.7)
m.fmod(r, -0.7)
m.fmod(x, p)
k.remainder(4)
k // 0
k % 0
m.fmod(k, 0)
k // m.zeros(4, dtype=m.int64)
x.detach() // 0
x ** 2
x ** 3
p ** 0.5
p ** -1
p ** -2
p ** 1.7
p ** x
x ** 0
x ** 1
x ** j
k ** 2
k ** 2.0
k ** 0.5
j ** -1
j ** -2.0
2 ** x
2 ** k.abs()
2.5 ** k
b ** 2
m.pow(p, x)
m.pow(2.0, x)
m.tensor([0.0, 0.0, 2.0]) ** m.tensor([0.0, 2.0, 0.0])
(r * 0) ** 2
(r * 0) ** 2.5
(r * 0) ** y.abs()
p.abs() ** (r * 0)
m.maximum(r, y)
m.maximum(r, r)
m.maximum(n, s)
m.minimum(x, v)
m.minimum(r, r)
m.max(x, y)
m.min(x, other=y)
x.max(y)
m.maximum(k, x)
m.atan2(x, y)
m.arctan2(k, j)
x.clamp(-0.5, 0.5)
r.clamp(0, 2)
r.clamp(min=1.5)
r.clamp(max=0)
r.clamp_min(0)
r.clamp_max(0.5)
r.clip(-1, 1)
k.clamp(0, 3)
k.clamp(0.5, 3)
k.clamp(min=-1.5)
n.detach().clamp(-1, 1)
x.clamp(2, -2)
m.clamp(x, y, y + 1)
m.clamp(x, min=y)
m.clamp(r, max=r)
m.clamp(x, v, s)
x.clamp()
m.clamp(x, min=m.tensor([NAN, 0.0, 1.0, 2.0], dtype=m.float64))
m.lerp(x, y, 0.3)
m.lerp(x, y, p)
m.addcmul(x, y, p, value=0.5)
m.addcdiv(x, y, p, value=0.5)
m.logaddexp(x, y)
m.logaddexp(x, x * 1000)
x & 1
k & 5
k | 8
k ^ 3
~k
~b
~x
b & b
b ^ True
k << 1
k >> 1
1 << j
m.bitwise_left_shift(k, j)
b & k
x - b
1 - b
b - b
b // b
b % b
-b
+b
abs(b)
b.relu()
x + "a"
x + [1]
x + None
x + m.ones(3, 5)
x * m.ones(2, 4)
"""

COMPARISON = """
x == y
x != y
x < v
x <= 0
r >= 2
r > s
k == 2
k < 1.5
b == b
b == 1
b < True
n == n
n != n
n < 1
n >= 1
2 < k
2 == k
x == None
x != None
x == "a"
m.eq(k, k)
m.gt(x, 0.1)
m.ge(x, y)
m.less(x, y)
m.not_equal(x, y)
m.isclose(x, x + 1e-7)
m.isclose(n, n)
m.isclose(n, n, equal_nan=True)
m.isclose(k, k + 1)
m.allclose(x, x)
m.allclose(x, y)
m.allclose(f, f + 1e-3)
m.equal(x, x)
m.equal(x, y)
m.equal(x, v)
m.logical_and(x, b)
m.logical_or(k, b)
m.logical_xor(k, b)
m.logical_not(k)
m.logical_not(x)
1 in k
99 in k
s in x
bool(s > 1)
bool(x)
bool(e)
float(s.detach())
int(s.detach())
int(o.detach())
float(x)
len(x)
len(s)
list(v)
[q for q in x]
list(s)
hash(x) == hash(x)
f"{s:.3f}"
f"{s.item():.1f}"
f"{x:.3f}"
range(5)[m.tensor(2)]
range(5)[s]
x.item()
o.item()
k[0, 0].item()
b[0, 0].item()
x.tolist()
k.tolist()
s.tolist()
e.tolist()
m.where(b, x, y)
m.where(b, x, 0.5)
m.where(b, 1.0, x)
m.where(b, 1.0, 2)
m.where(b, 1, 2)
m.where(b, k, 1.5)
m.where(b, k, x)
m.where(b, f, x)
m.where(b, v, c)
m.where(b, x, s)
m.where(b)
x.where(b, y)
x.masked_fill(b, 2)
x.masked_fill(b, -INF)
x.masked_fill(a[:, None], 0.5)
k.masked_fill(b, 9)
m.masked_fill(x, b, s)
m.isin(k, m.tensor([1, 2, 7]))
m.isin(k, 4)
m.isin(k, m.tensor([1, 2]), invert=True)
"""

REDUCTION = """
x.sum()
x.sum(0)
x.sum(-1)
x.sum((0, 1))
x.sum([1], keepdim=True)
x.sum(())
x.sum(axis=1)
x.sum(axis=1, keepdims=True)
x.sum(0, dtype=m.float32)
k.sum()
k.int().sum()
b.sum()
b.sum(0)
k.sum(dtype=m.float64)
h.sum(0)
e.sum()
e.sum(0)
e.sum(1)
s.sum()
s.sum(0)
s.sum(-1)
o.sum(1)
t.sum((0, 2))
x.sum(2)
x.sum(-3)
x.sum((0, 0))
x.sum((0, -2))
m.sum(z, (0, 2), keepdim=True)
x.mean()
x.mean(0)
x.mean((0, 1))
x.mean(-1, keepdim=True)
x.mean(axis=0)
k.mean()
k.mean(dtype=m.float32)
b.mean()
e.mean()
e.mean(0)
h.mean(1)
s.mean()
x.prod()
x.prod(0)
x.prod(1, keepdim=True)
(r * b).prod(1)
(x * 0).prod()
r.prod()
k.prod()
j.prod(1)
b.prod()
e.prod()
e.prod(0)
s.prod()
z.prod(1)
x.var()
x.var(0)
x.var(1, unbiased=False)
x.var(1, correction=0)
x.var(0, keepdim=True)
x.var(False)
x.var((0, 1))
x.var(0, correction=2)
o.var(correction=0)
k.var()
x.std()
x.std(0)
x.std(1, unbiased=False)
x.std(dim=1, correction=0, keepdim=True)
(x * 0).std()
m.ones(3, 4).std(1)
m.var_mean(x, 1)
m.std_mean(x, 0)
m.var_mean(x, dim=1, correction=0, keepdim=True)
x.norm()
x.norm(1)
x.norm(2, 1)
x.norm(3, 0)
x.norm(INF)
x.norm(-INF, 0)
x.detach().norm(0)
x.norm(dim=1, keepdim=True)
x.norm(p="fro")
x.norm(1.5, dim=(0, 1))
(x * 0).norm()
(x * 0).norm(3)
m.norm(z, dim=(1, 2))
k.norm()
e.norm()
x.amax()
x.amax(0)
x.amax((0, 1), keepdim=True)
r.amax(1)
r.amin(0)
r.amin()
n.amax(1)
e.amax()
e.amax(0)
e.amax(1)
m.aminmax(x)
m.aminmax(x, dim=0)
r.max()
r.min()
k.max()
b.max()
b.min()
n.detach().max()
x.max(0)
x.max(1, keepdim=True)
x.max(dim=-1)
x.max(axis=1)
x.min(0)
r.max(0)
r.min(1)
n.max(1)
n.min(1)
s.max(0)
s.max(-1)
e.max()
e.max(0)
e.max(1)
x.max(2)
x.max(0).values
x.max(0).indices
x.max(0)[0]
z.max(1)
k.max(0)
b.max(1)
h.max(0)
x.argmax()
x.argmax(0)
x.argmax(1, keepdim=True)
x.argmax(keepdim=True)
r.argmax(0)
r.argmin(0)
x.argmin(-1)
n.argmax(1)
n.argmin(1)
k.argmax()
s.argmax()
s.argmax(0)
e.argmax()
e.argmax(1)
b.argmax()
b.all()
b.all(0)
b.any(1)
b.any()
k.all()
x.all()
e.all()
e.any()
e.all(0)
b.all((0, 1))
b.all(1, keepdim=True)
n.any(0)
m.count_nonzero(k)
m.count_nonzero(k, 1)
x.cumsum(0)
x.cumsum(-1)
k.cumsum(1)
b.cumsum(0)
x.cumsum(1, dtype=m.float32)
s.cumsum(0)
e.cumsum(0)
x.cumsum(2)
z.cumsum(1)
x.cumprod(0)
x.cumprod(1)
r.cumprod(1)
(r * b).cumprod(0)
k.cumprod(0)
s.cumprod(0)
e.cumprod(1)
z.cumprod(1)
x.logsumexp(0)
x.logsumexp(1, keepdim=True)
x.logsumexp((0, 1))
(x * 1000).logsumexp(1)
n.logsumexp(0)
k.logsumexp(1)
e.logsumexp(0)
e.logsumexp(1)
s.logsumexp(0)
m.full((2, 3), -INF).logsumexp(1)
x.softmax(0)
x.softmax(-1)
(x * 1000).softmax(1)
m.softmax(x, dim=1)
m.softmax(f, 1, dtype=m.float64)
x.log_softmax(1)
(x * 1000).log_softmax(1)
m.log_softmax(z, 1)
s.softmax(0)
e.softmax(1)
e.softmax(0)
k.softmax(0)
k.softmax(0, dtype=m.float32)
h.softmax(1)
"""

MOVEMENT = """
x.reshape(4, 3)
x.reshape(-1)
x.reshape((2, -1))
x.reshape([6, 2])
x.reshape(-1, 5)
x.reshape(-1, -1)
x.reshape(3, 5)
x.reshape(m.Size([12]))
e.reshape(0)
e.reshape(-1, 4)
e.reshape(0, -1)
e.reshape(2, 0)
s.reshape(1, 1)
o.reshape(())
t.reshape(6, 4)
x.view(2, 6)
x.view(-1)
x.view_as(m.zeros(2, 6))
x.reshape_as(m.zeros(6, 2))
x.flatten()
z.flatten(1)
z.flatten(0, 1)
z.flatten(-2)
s.flatten()
z.flatten(2, 1)
x.ravel()
z.unflatten(2, (2, 2))
z.unflatten(-1, (2, -1))
m.unflatten(x, 1, (2, 2))
z.permute(2, 0, 1)
z.permute((1, 0, 2))
z.permute(0, -1, 1)
z.permute(0, 1)
z.permute(0, 0, 1)
m.permute(z, (2, 1, 0))
z.transpose(0, 2)
z.transpose(-1, -2)
m.transpose(x, 0, 1)
z.transpose(0, 3)
z.swapaxes(0, 1)
m.swapdims(z, 1, 2)
x.t()
v.t()
z.t()
s.t()
x.T
z.mT
v.mT
z.movedim(0, 2)
z.movedim((0, 1), (2, 0))
m.moveaxis(z, -1, 0)
o.squeeze()
o.squeeze(0)
c.squeeze(1)
c.squeeze(0)
c.squeeze((0, 1))
c.squeeze(2)
s.squeeze()
s.squeeze(0)
x.unsqueeze(0)
x.unsqueeze(-1)
x.unsqueeze(2)
x.unsqueeze(3)
s.unsqueeze(0)
c.expand(3, 4)
c.expand(-1, 4)
c.expand(2, -1, 5)
v.expand(3, 4)
s.expand(2, 2)
x.expand(3, 5)
x.expand(-1)
x.expand(-1, 3, 4)
e.expand(2, 0, 4)
c.expand_as(x)
m.broadcast_to(v, (2, 4))
x.repeat(2, 1)
x.repeat(2, 1, 3)
v.repeat(2)
v.repeat(2, 2)
x.repeat(2)
x.repeat(0, 1)
s.repeat(3)
m.tile(x, (2,))
x.tile(2, 2)
x.repeat_interleave(2)
x.repeat_interleave(2, 0)
x.repeat_interleave(3, dim=-1)
v.repeat_interleave(m.tensor([1, 0, 2, 1]))
x.repeat_interleave(m.tensor([2, 0, 1]), dim=0)
x.flip(0)
x.flip(0, 1)
x.flip((1,))
x.flip(())
m.fliplr(x)
m.flipud(x)
x.roll(1)
x.roll(-2, 0)
x.roll((1, 2), (0, 1))
m.roll(v, 5)
x.narrow(1, 1, 2)
x.narrow(0, -2, 2)
x.narrow(0, 2, 2)
x.select(0, 1)
x.select(1, -1)
x.select(1, 4)
x.split(2)
x.split(3, 1)
x.split([1, 2])
x.split([1, 1])
m.split(x, [2, 2], dim=1)
x.split(0)
x.chunk(2)
x.chunk(3, dim=1)
x.chunk(7)
m.chunk(v, 2)
e.chunk(2)
x.chunk(0)
m.tensor_split(v, 3)
m.tensor_split(x, (1, 3), dim=1)
x.unbind()
x.unbind(1)
m.unbind(x, -1)
s.unbind(0)
m.cat([x, y])
m.cat([x, y], 1)
m.cat((x, c), dim=-1)
m.cat([x, y], axis=1)
m.cat([x, e])
m.cat([x, m.zeros(0)])
m.cat([x, f])
m.cat([k, x])
m.cat([b, k])
m.cat([x, v])
m.cat([])
m.cat([x, z], 0)
m.cat([s, s])
m.concat([x, y])
m.stack([x, y])
m.stack([x, y], 1)
m.stack((v, v), dim=-1)
m.stack([s, s])
m.stack([x, v])
m.stack([])
m.hstack([x, y])
m.hstack([v, v])
m.hstack([s, s])
m.vstack([x, y])
m.vstack([v, v])
m.atleast_1d(s)
m.atleast_2d(v)
m.atleast_2d(s, v, x)
m.meshgrid(v, c[:, 0], indexing="ij")
m.meshgrid(v, c[:, 0], indexing="xy")
m.meshgrid([v, v, v], indexing="xy")
x.tril()
x.triu(1)
x.tril(-1)
d.triu(-2)
z.tril(1)
b.tril()
k.triu()
v.tril()
m.triu(m.full((3, 3), -INF), diagonal=1)
d.diag()
x.diag(1)
x.diag(-1)
v.diag()
v.diag(2)
v.diag(-1)
z.diag()
x.diagonal()
z.diagonal(0, 1, 2)
z.diagonal(1, 0, 2)
x.diagonal(7)
d.trace()
x.trace()
z.trace()
x.contiguous()
x.clone()
x.is_contiguous()
x.stride()
x.size()
x.size(-1)
x.size(2)
x.numel()
z.dim()
x.element_size()
x.nbytes
x.shape
tuple(x.shape)
x.shape[0]
x.shape[:1]
x.shape.numel()
x.ndim
s.shape
"""

CONTRACTION = """
x @ w
x @ v
v @ w
v @ v
z @ w
z @ v
x @ z.mT
z @ z.mT
t @ w
d @ d.T
m.matmul(x.T, y)
x.T @ x
e.T @ e
e @ w
m.zeros(3, 0) @ m.zeros(0, 2)
z.reshape(2, 1, 3, 4) @ m.ones(5, 4, 2, dtype=m.float64)
x @ y
x @ x.float()
x @ 2
s @ x
k @ k.T
h @ h.T
x.mm(w)
x.mm(v)
z.mm(w)
z.bmm(z.mT)
z.bmm(x)
x.mv(v)
x.mv(x)
v.dot(v)
v.dot(x)
v.dot(m.ones(3, dtype=m.float64))
m.inner(v, v)
m.outer(v, c[:, 0])
v.ger(v)
m.addmm(x @ w, x, w)
m.addmm(m.ones(5, dtype=m.float64), x, w, beta=0.5, alpha=2)
m.baddbmm(z[:, :, :3], z, z.mT, beta=2)
m.tensordot(z, w, 1)
m.tensordot(z, t, dims=2)
m.tensordot(z, t, dims=([1, 2], [1, 2]))
m.tensordot(z, t, dims=([0], [0]))
m.tensordot(x, y, dims=0)
m.tensordot(x, w, dims=2)
m.einsum("ij,jk->ik", x, w)
m.einsum("ij,jk", x, w)
m.einsum("ij->ji", x)
m.einsum("ij", x)
m.einsum("ba", x)
m.einsum("ij->", x)
m.einsum("ij->i", x)
m.einsum("ii", d)
m.einsum("ii->i", d)
m.einsum("ij,ij->ij", x, y)
m.einsum("ij,ij", x, y)
m.einsum("i,j->ij", v, v)
m.einsum("i,i->", v, v)
m.einsum("bij,bkj->bik", z, t)
m.einsum("bij,jk->bik", z, w)
m.einsum("...ij,jk->...ik", z, w)
m.einsum("...j,j", z, v)
m.einsum("i...->...", z)
m.einsum("...ij,...kj->...ik", z, x)
m.einsum("...,...", x, v)
m.einsum("ij,jk,kl->il", d, w, w.T)
m.einsum("ij,kj,lj->ikl", x, y, x)
m.einsum("i,i,i->i", v, v, v)
m.einsum("iij->j", z[:, :2])
m.einsum("ijk,ljk->il", z, t)
m.einsum("bhqd,bhkd->bhqk", z[None], t[None])
m.einsum(" i j , j k -> k i ", x, w)
m.einsum("ij,jk->ki", [x, w])
m.einsum("Aj,jb", x, w)
m.einsum("ij,jk->ik", c, v[None])
m.einsum("ij,jk->ik", k, j.T)
m.einsum("i,->i", v, s)
m.einsum("ij,jk->ik", x)
m.einsum("ij,jk->ik", x, y)
m.einsum("ijk->i", x)
m.einsum("ij->ik", x)
m.einsum("i1->i", x)
m.einsum("ij->ii", x)
"""

INDEXING = """
x[0]
x[-1]
x[3]
x[-4]
x[0, 1]
x[0, 1, 2]
x[1:]
x[:, 1:3]
x[::2]
x[:, ::3]
x[-2:]
x[5:]
x[2:1]
x[::-1]
x[::0]
x[...]
x[..., 0]
x[0, ...]
x[..., None]
x[None]
x[:, None]
x[None, ..., None]
z[0, :, 1]
z[..., 1:3]
z[:, -1]
z[1, 2, 3]
s[...]
s[None]
s[0]
e[0]
e[:, 1]
x[i]
x[:, i]
x[i, 0]
x[0, i]
x[i[:4], l[0]]
x[i][:, 1]
x[[0, 2]]
x[:, [1, 1]]
x[[0, 1], [1, 2]]
x[[0, 1], 2]
x[(0, 1)]
x[m.tensor(1)]
x[m.tensor(1), m.tensor(2)]
x[m.tensor([[0, 1], [2, 2]])]
x[m.tensor([-1, 0])]
x[m.tensor([3])]
x[m.tensor([], dtype=m.int64)]
x[[]]
x[i.int()]
x[np.array([0, 2])]
x[np.int64(1)]
x[range(2)]
x[1.0]
x[x]
x["a"]
x[b]
x[a]
x[a, 1]
x[a, :2]
x[:, b[0]]
x[~b]
x[x > 0]
x[b, None]
x[b[:2]]
x[True]
x[False]
x[None, a]
x[[True, False, True]]
s[m.tensor(True)]
s[s > 0]
z[:, i]
z[:, i, 0]
z[0, i]
z[0, :, i]
z[[0, 1], :, [1, 2]]
z[:, [0, 1], [1, 2]]
z[:, [0, 1], 1:3]
z[[0, 1], None, [1, 2]]
z[..., [0, 1]]
z[1, ..., i]
z[m.tensor([[0], [1]]), m.tensor([0, 2])]
z[:, a]
z[b[None].expand(2, 3, 4)]
z[0, a, :2]
z[[1, 0], a[:2].long()]
t[1]
t[:, 1:, i]
t[t > 0]
x.gather(0, l)
x.gather(1, l)
x.gather(1, l[:, :2])
x.gather(0, l[:1])
x.gather(1, l[:2])
v.gather(0, i)
x.gather(0, l - 3)
x.gather(0, l + 9)
x.gather(1, i)
x.gather(0, x)
s.gather(0, m.tensor(0))
m.gather(x, 1, x.argmax(1, keepdim=True))
m.take_along_dim(x, l, 1)
m.take_along_dim(x, x.argsort(0), dim=0)
m.take_along_dim(x, l[:, :1], 0)
m.index_select(x, 0, i)
x.index_select(1, i)
x.index_select(0, m.tensor([3]))
x.index_select(0, m.tensor([-1]))
x.index_select(0, l)
m.take(x, i)
x.take(m.tensor([[0, 5], [11, -1]]))
m.masked_select(x, b)
x.masked_select(a[:, None])
m.nonzero(k)
k.nonzero(as_tuple=True)
b.nonzero()
s.nonzero()
n.nonzero()
m.argwhere(b)
x.scatter(0, l, y)
x.scatter(1, l[:, :1], 7.0)
x.scatter(0, l[:2], y.detach())
x.scatter(1, l[:, :1], y.detach())
k.scatter(0, l[:1], j)
m.zeros(3, 4).scatter(1, l[:, :1], 1)
x.scatter(0, l, f)
x.scatter_add(0, l, y)
x.scatter_add(1, l[:, :2], y.detach())
x.scatter_add(0, l, f)
x.scatter_add(0, l - 1, y)
m.scatter_add(m.zeros(3), 0, i, m.ones(5))
x.index_add(0, m.tensor([0, 2]), y[:2])
x.index_add(1, m.tensor([1, 1]), y[:, :2], alpha=2)
x.index_add(0, i, y)
x.masked_scatter(b, y)
x.sort()
x.sort(0)
x.sort(descending=True)
x.sort(1, True)
r.sort(dim=1, stable=True)
r.sort(dim=1, descending=True, stable=True)
n.sort(dim=1, stable=True)
n.sort(dim=1, descending=True, stable=True)
k.sort(0)
s.sort()
e.sort(0)
x.sort(2)
m.sort(z, dim=1)
x.argsort()
x.argsort(0, descending=True)
m.argsort(r, dim=1, stable=True)
x.topk(2)
x.topk(2, 0)
x.topk(2, largest=False)
x.topk(4)
x.topk(0)
x.topk(5)
m.topk(k.double() + x, 3, dim=1)
s.topk(1)
k.unique()
r.detach().unique()
b.unique()
m.unique(k, return_inverse=True)
m.unique(k, return_counts=True)
m.unique(r.detach(), return_inverse=True, return_counts=True)
m.unique(l, dim=0)
m.unique(i, sorted=True)
m.bincount(i)
m.bincount(i, minlength=6)
m.bincount(i, weights=m.ones(5) * 0.5)
m.bincount(i, m.ones(5, dtype=m.float64))
m.bincount(l)
m.bincount(k[0])
m.bincount(v)
m.bincount(m.tensor([], dtype=m.int64))
"""


CREATION = """
m.tensor(3)
m.tensor(2.5)
m.tensor(True)
m.tensor([])
m.tensor([1, 2])
m.tensor([1, 2.5])
m.tensor([[1, 2], [3, 4]])
m.tensor([True, False])
m.tensor([True, 2])
m.tensor([True, 2.0])
m.tensor((1, 2))
m.tensor([1, 2], dtype=m.float16)
m.tensor([1.7, -1.7], dtype=m.int64)
m.tensor([1.5], dtype=m.bfloat16)
m.tensor([300], dtype=m.int16)
m.tensor(np.arange(3))
m.tensor(np.ones(2))
m.tensor(np.float32(2))
m.tensor(np.int32(2))
m.tensor(np.ones((2, 0), np.float32))
m.tensor([np.float32(1.5), 2])
m.tensor([m.tensor(1), m.tensor(2)])
m.tensor([[1, 2], [3]])
m.tensor("a")
m.tensor(["a"])
m.tensor(None)
m.tensor([[], []])
m.tensor([1.0], requires_grad=True).requires_grad
m.tensor([1], requires_grad=True)
m.tensor([1.0], device="cpu")
m.as_tensor([1, 2])
m.as_tensor(np.arange(3), dtype=m.float32)
m.as_tensor(2.5)
m.as_tensor(k) is k
m.from_numpy(np.arange(3))
m.from_numpy([1])
m.Tensor([1, 2])
m.Tensor(2, 3).shape
m.Tensor(0).shape
m.Tensor()
m.Tensor(np.arange(3))
m.FloatTensor([1, 2])
m.LongTensor([[1, 2], [3, 4]])
m.LongTensor(2, 3).shape
m.IntTensor([1.7])
m.BoolTensor([0, 2])
isinstance(m.ones(1), m.FloatTensor)
isinstance(m.ones(1), m.LongTensor)
m.ones(2).type(m.LongTensor)
m.ones(2).type(m.int8)
m.zeros(2, 3)
m.zeros((2, 3))
m.zeros([2, 3])
m.zeros(m.Size([2, 3]))
m.zeros(())
m.zeros(0)
m.zeros(2, dtype=m.int64)
m.zeros(2, dtype=m.bool)
m.zeros(-1)
m.zeros(2, -1)
m.ones(2, 3)
m.ones(3, dtype=m.bfloat16)
m.ones(size=(2, 2))
m.zeros(size=(2, 2))
m.empty(2, 3).shape
m.empty((0, 3))
m.full((2, 2), 7)
m.full((2, 2), 7.5)
m.full((2,), True)
m.full((), 3)
m.full((2,), 3, dtype=m.float32)
m.full([2], m.tensor(2.5))
m.zeros_like(x)
m.ones_like(k)
m.full_like(k, 2)
m.full_like(x, 2.5)
m.empty_like(x).shape
m.zeros_like(k, dtype=m.float32)
m.ones_like(x, dtype=m.bool)
m.arange(5)
m.arange(2, 5)
m.arange(0, 10, 3)
m.arange(5, 0, -2)
m.arange(0)
m.arange(5.0)
m.arange(0, 1, 0.1)
m.arange(0, 1, 0.3)
m.arange(0.5, 3)
m.arange(5, dtype=m.float32)
m.arange(2.5, dtype=m.int64)
m.arange(1, 2, 0.25, dtype=m.float64)
m.arange(end=4)
m.arange(start=1, end=4)
m.arange(1, 4, step=2)
m.arange(5, 0)
m.arange(0, 5, 0)
m.arange(True)
m.arange(m.tensor(3))
m.arange(3, device="cpu")
m.linspace(0, 1, 5)
m.linspace(0, 1, steps=3)
m.linspace(start=-1, end=1, steps=4)
m.linspace(-10, 10, 1)
m.linspace(0, 1, 0)
m.linspace(3, 3, 3)
m.linspace(0, 10, 4, dtype=m.int64)
m.linspace(0, 1, 5, dtype=m.float64)
m.linspace(1, 0, 3)
m.linspace(0, 1, -1)
m.logspace(0, 2, 3)
m.logspace(0, 3, 4, base=2)
m.eye(3)
m.eye(2, 3)
m.eye(3, 2, dtype=m.int64)
m.eye(0)
m.eye(-1)
x.new_zeros(2, 3)
x.new_zeros((2,))
x.new_ones(2, dtype=m.int64)
k.new_full((2, 2), 3)
x.new_tensor([1, 2])
x.new_empty(2, 3).shape
m.promote_types(m.int32, m.float16) is m.float16
m.can_cast(m.float32, m.int32)
m.can_cast(m.uint8, m.int8)
m.float32.is_floating_point
m.int8.is_signed
m.uint8.is_signed
m.bool.itemsize
m.float32 == m.float
m.int64 is m.long
m.get_default_dtype() is m.float32
m.rand(2, 3).shape
m.rand(()).shape
m.rand(3, dtype=m.float16).dtype is m.float16
m.rand([2]).dtype is m.float32
m.randn(2, 3).shape
m.randn((3,), dtype=m.float64).dtype is m.float64
m.randint(5, (2, 3)).shape
m.randint(5, (2,)).dtype is m.int64
m.randint(2, 5, (4,)).shape
m.randint(low=2, high=3, size=(2,))
m.randint(0, 5, (2,), dtype=m.float32).dtype is m.float32
m.randint(5, 5, (2,))
m.randint(0, 5, size=[3]).shape
m.rand_like(x).dtype is x.dtype
m.randn_like(f).shape
m.randint_like(k, 3).dtype is m.int64
m.randint_like(k, 4, 5)
m.randperm(5).sort().values
m.randperm(0)
m.randperm(4, dtype=m.int32).dtype is m.int32
m.normal(0, 1, (2, 3)).shape
m.normal(m.zeros(3), 1.0).shape
m.normal(m.zeros(3), m.ones(3)).shape
m.normal(0.0, m.ones(2)).shape
m.normal(0.0, -1.0, (2,))
m.normal(mean=0.0, std=0.01, size=(2, 2)).shape
m.bernoulli(m.ones(3))
m.bernoulli(m.zeros(2, 2))
m.multinomial(m.tensor([0.0, 1.0, 0.0]), 1)
m.multinomial(m.tensor([0.0, 1.0, 0.0]), 4, replacement=True)
m.multinomial(m.ones(2, 3), 2).shape
m.multinomial(m.ones(3), 3).sort().values
m.multinomial(m.ones(3), 4)
m.multinomial(m.tensor([0.0, 1.0]), 2)
m.multinomial(m.tensor([-1.0, 2.0]), 1)
m.multinomial(m.zeros(3), 1)
m.multinomial(m.ones(2, 2, 2), 1)
m.multinomial(m.ones(3), 0)
m.zeros(3).uniform_(2, 2)
m.zeros(3).uniform_(2, 1)
m.zeros(3).normal_(1, 0)
m.zeros(3).normal_(0, -1)
m.zeros(3).bernoulli_(1.0)
m.zeros(2).exponential_().shape
m.zeros(3, dtype=m.int64).random_(1, 2)
m.zeros(2).random_(3, 4)
m.is_tensor(x)
m.is_tensor(3)
m.is_floating_point(k)
m.numel(x)
m.zeros(2, requires_grad=True).requires_grad
m.zeros(2).to("cpu")
m.zeros(2).to(m.float64)
m.zeros(2).to(device="cpu", dtype=m.int8)
m.zeros(2).to("cpu", m.float16)
m.zeros(2).to(k)
m.zeros(2).cpu()
m.zeros(2).to("cuda")
m.zeros(2, device="cuda")
m.zeros(2).cuda()
m.device("cpu") == m.device("cpu")
str(m.device("cuda:1"))
m.device("cuda", 1).index
m.device("cpu").type
m.device("nonsense")
m.zeros(2).is_cuda
m.zeros(2).device.type
m.zeros(2).device == m.device("cpu")
m.ones(2, 3).is_leaf
m.Size([2, 3]) == (2, 3)
m.Size([2, 3]) + (4,)
repr(m.Size([2, 3]))[-12:]
m.abs(3)
m.exp([1.0])
m.cat([1, 2])
m.stack([m.ones(1), 2])
m.cat(m.ones(2))
"""


WRITING = """
q[0] = 5
q[0] = y[0]
q[0, 1] = 2.5
q[:, 1:3] = 0
q[::2] = y[::2]
q[...] = 1
q[..., -1] = v[:3]
q[None] = y
q[-1] = s
q[0] = True
q[:, 0] = y[0, :3]
q[b] = 0
q[b] = y[b]
q[b] = s
q[a] = v
q[a, 1] = 9
q[~a, 1:] = y[~a, 1:]
q[i[:2]] = y[:2]
q[i[:2], l[0, :2]] = v[:2]
q[:, i[:2]] = y[:, :2]
q[[0, 2]] = v
q[[0, 1], [1, 2]] = -1
q[m.tensor(1)] = 3
q[0, [1, 2]] = v[:2]
q[q > 0] = 0
q[x > 0.5] *= 2
q[0] += v
q[:, 1] -= 1
q[True] = 4
q[False] = 4
q[[]] = 4
q[2:1] = 4
q[5:] = 4
q[0] = m.ones(1, 1, 4)
q[0] = m.ones(3)
q[0] = m.ones(2, 4)
q[b] = m.ones(2)
q[3] = 0
q[0, 4] = 0
q[1.5] = 0
q[0:2, 0:2] = m.eye(2)
q[:] = x.T.reshape(3, 4)
q.add_(y)
q.add_(y, alpha=3)
q.mul_(2)
q.sub_(v)
q.div_(y)
q.pow_(2)
q += 1
q *= v
q /= 2
q.clamp_(-0.5, 0.5)
q.exp_()
q.zero_()
q.fill_(3)
q.fill_(s)
q.copy_(y)
q.copy_(v)
q.copy_(k)
q.masked_fill_(b, 0)
q.scatter_(1, l[:, :1], 1.0)
q.scatter_add_(0, l, y)
q.index_add_(0, m.tensor([0, 1]), y[:2])
q.addcmul_(x, y, value=2)
q.addcdiv_(x, p)
q.lerp_(y, 0.1)
q.relu_()
q.sigmoid_()
q.neg_()
q.cumsum_(0)
q.add_(m.ones(2, 3, 4))
q.mul_(m.ones(5))
"""


def lines(table: str) -> list[str]:
    return table.strip().splitlines()


def names_in(expression: str) -> list[str]:
    return [n for n in re.findall(r"(?<![\w.\"'])[a-z](?!\w|\")", expression) if n in INPUTS]


def inputs_for(expression: str, module: Any) -> dict[str, Any]:
    """The inputs that an expression names, as leaves of the module's tape where they can."""
    found = {}
    for name in names_in(expression):
        tensor = module.from_numpy(INPUTS[name].copy(order="K"))
        found[name] = tensor.requires_grad_() if tensor.is_floating_point() else tensor
    return found


def flat(result: Any) -> Iterator[Any]:
    if isinstance(result, (tuple, list)) and not isinstance(result, (cr.Size, torch.Size)):
        for part in result:
            yield from flat(part)
    else:
        yield result


def numbers(tensor: Any) -> np.ndarray:
    return tensor.detach().double().numpy() if tensor.is_floating_point() else tensor.numpy()


def kind(tensor: Any) -> tuple[str, tuple[int, ...]]:
    return str(tensor.dtype).rpartition(".")[2], tuple(tensor.shape)


TOLERANCE = {"float64": 1e-10, "float32": 2e-6, "float16": 2e-3, "bfloat16": 2e-2}


def assert_equal(ours: Any, theirs: Any, what: str, tolerance: float | None = None) -> None:
    if not isinstance(theirs, torch.Tensor):
        assert ours == theirs or (type(theirs) is float and math.isclose(ours, theirs)), what
        return
    assert isinstance(ours, cr.Tensor), what
    assert kind(ours) == kind(theirs), what
    limit = tolerance or TOLERANCE.get(kind(theirs)[0], 0)
    np.testing.assert_allclose(numbers(ours), numbers(theirs), limit, limit, err_msg=what)


def backward(module: Any, results: list[Any]) -> bool:
    """Send the same cotangents (of no special form) from both modules' results."""
    total = 0
    for result in results:
        if isinstance(result, module.Tensor) and result.requires_grad:
            weights = np.cos(np.arange(result.numel())).reshape(tuple(result.shape)) + 1.5
            total = total + (result.double() * module.from_numpy(np.asarray(weights))).sum()
    if isinstance(total, module.Tensor):
        total.backward()
    return isinstance(total, module.Tensor)


def compare(expression: str, run: Any) -> None:
    """Run an expression in both modules: equal results, or an error in both."""
    theirs_in, ours_in = inputs_for(expression, torch), inputs_for(expression, cr)
    try:
        theirs = list(flat(run(torch, theirs_in)))
    except Exception:
        with pytest.raises(cr.errors.ChainruleError):
            run(cr, ours_in)
        return
    ours = list(flat(run(cr, ours_in)))
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert_equal(one, other, expression)
    halves = any(name == "h" for name in theirs_in)
    loose = 1e-2 if halves else 1e-6 if "float32" in expression else None
    if expression.startswith("d;"):  # what was overwritten keeps a history of zeros there
        theirs = theirs if ours[0].requires_grad else []
    assert backward(cr, ours) == backward(torch, theirs), "one requires a gradient"
    for name, leaf in theirs_in.items():
        if leaf.grad is not None:
            gradient = ours_in[name].grad
            if gradient is None:  # overwritten: no gradient here, a gradient of zeros there
                gradient = cr.zeros_like(ours_in[name])
            assert_equal(gradient, leaf.grad, f"gradient of {name}", loose)


def evaluate(expression: str) -> Any:
    code = compile(expression, "<case>", "eval")
    scope = {"np": np, "NAN": NAN, "INF": INF}
    return lambda module, inputs: eval(code, {**scope, "m": module, **inputs})


def execute(statement: str) -> Any:
    code = compile(statement, "<case>", "exec")

    def run(module: Any, inputs: dict[str, Any]) -> Any:
        scope = {"np": np, "m": module, **inputs, "q": inputs["d"][:3] * 1}
        exec(code, scope)
        return scope["q"]

    return run


EXPRESSIONS = [
    *lines(ELEMENTWISE), *lines(ARITHMETIC), *lines(COMPARISON), *lines(REDUCTION),
    *lines(MOVEMENT), *lines(CONTRACTION), *lines(INDEXING), *lines(CREATION),
]  # fmt: skip


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expression(expression: str) -> None:
    compare(expression, evaluate(expression))


@pytest.mark.parametrize("statement", lines(WRITING))
def test_in_place(statement: str) -> None:
    compare(f"d; {statement}", execute(statement))


DTYPES = (
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64",
)  # fmt: skip
PROMOTING = [
    "a + b", "a - b", "a * b", "a / b", "a // b", "a % b", "a ** b", "m.fmod(a, b)", "a < b", "a == b",
    "a & b", "a << b", "m.maximum(a, b)", "m.where(a > 1, a, b)", "m.cat([a, b])", "m.stack([a, b])",
    "m.atan2(a, b)", "a.clamp(b)", "m.add(a, b, alpha=2)", "a.masked_fill(a > 1, 2)",
    "a @ b", "m.isclose(a, b)", "m.result_type(a, b)", "m.div(a, b, rounding_mode='trunc')",
]  # fmt: skip
ALONE = [
    "-a", "abs(a)", "a.sign()", "a.exp()", "a.sqrt()", "a.floor()", "a.round()", "a.relu()", "a.sigmoid()",
    "a.square()", "a.reciprocal()", "~a", "a.logical_not()", "a.sum()", "a.mean()", "a.prod()", "a.std()",
    "a.norm()", "a.max()", "a.max(0)", "a.argmax()", "a.cumsum(0)", "a.cumprod(0)", "a.sort()",
    "a.argsort(descending=True)", "a.topk(2)", "a.unique()", "a.logsumexp(0)", "a.softmax(0)", "a.tolist()",
    "a[1].item()", "a.nonzero()", "a.bool()", "a.int()", "a.long()", "a.half()", "a.bfloat16()", "a.float()",
    "a.double()", "a.byte()", "a.to(m.int8)", "a.type(m.float16)", "a.type_as(m.zeros(1))", "a.isnan()",
    "a + 1", "a + 1.5", "a + True", "1 - a", "2 / a", "a // 2", "a % 2.5", "a ** 2", "2 ** a", "a ** 0.5",
    "a == 1.0", "a & 1", "a * 2.0", "a - 1", "m.zeros_like(a)", "m.ones_like(a)", "m.full_like(a, 3)",
    "a.new_zeros(2)", "a.new_tensor([1, 2])", "a.new_full((2,), 1.5)", "a.clone()", "a.flip(0)", "a.roll(1)",
    "a.repeat(2)", "a.gather(0, i)", "a[i]", "a.scatter(0, i, a)", "m.zeros_like(a).scatter_add(0, i, a)",
    "a.where(a > 1, a)", "m.tril(a.reshape(1, 4))", "a.diag()", "m.bincount(a)", "m.isin(a, 2)", "a.dtype",
    "a.is_floating_point()", "a.element_size()", "a.element_size() * a.numel()", "a.erf()", "a.trunc()",
    "m.dot(a, a)", "m.einsum('i,i->', a, a)", "a.count_nonzero()", "a.numpy()", "a.var()",
    "m.finfo(a.dtype).max", "m.finfo(a.dtype).eps", "m.iinfo(a.dtype).max", "m.finfo(a.dtype).tiny",
    "m.clamp(a, 1, 2)", "m.clamp(a, 0.5)", "a.amax(0)", "a.aminmax()", "m.cat([a, a])", "a.type()[-10:]",
]  # fmt: skip


def operand(module: Any, values: Any, dtype: str) -> Any:
    return module.tensor(values).to(getattr(module, dtype))


def compare_typed(expression: str, make: Any) -> None:
    """As compare, for inputs that are made by `make(module)`, without gradients."""
    run = evaluate(expression)
    try:
        theirs = list(flat(run(torch, make(torch))))
    except Exception as error:
        if not re.search(r"not implemented for|support bool|input type encountered", str(error)):
            with pytest.raises(cr.errors.ChainruleError):
                run(cr, make(cr))
        return
    for one, other in zip(flat(run(cr, make(cr))), theirs, strict=True):
        if isinstance(other, torch.dtype):
            assert str(one).partition(".")[2] == str(other).partition(".")[2]
        else:
            np.testing.assert_equal(one, other) if isinstance(other, np.ndarray) else assert_equal(
                one, other, expression
            )


@pytest.mark.parametrize("right", ["vector", "number"])
@pytest.mark.parametrize("expression", PROMOTING)
def test_promotion(expression: str, right: str) -> None:
    for left in DTYPES:
        for other in DTYPES:
            values = [1, 2, 1, 3] if right == "vector" else 2
            compare_typed(
                expression,
                lambda m: {"a": operand(m, [3, 1, 2, 0], left), "b": operand(m, values, other)},  # noqa: B023
            )


@pytest.mark.parametrize("expression", ALONE)
def test_element_types(expression: str) -> None:
    for dtype in DTYPES:
        compare_typed(
            expression,
            lambda m: {"a": operand(m, [3, 1, 2, 0], dtype), "i": m.tensor([0, 2, 1, 3])},  # noqa: B023
        )
