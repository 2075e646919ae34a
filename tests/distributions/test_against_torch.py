"""Every distribution gives torch's numbers: those recorded, and torch itself where it is.

Run this file to record: what torch computes goes to support/distribution_references.json.
"""

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from distribution_cases import CASES, PAIRS, TRANSFORMS

import chainrule as cr
from chainrule import distributions as d

FILE = Path(__file__).parents[1] / "support" / "distribution_references.json"
RECORDED = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
#: how a quantity says that it does not exist
LACKING = (NotImplementedError, AssertionError, AttributeError, RuntimeError, ValueError)
QUANTITIES = ("mean", "mode", "variance", "stddev", "entropy", "perplexity")


class Maker:
    """The names of an expression, and the parameters made while it is evaluated."""

    def __init__(self, framework, package):
        self.framework, self.package, self.leaves = framework, package, []

    def t(self, values):
        self.leaves.append(self.n(values).requires_grad_())
        return self.leaves[-1]

    def n(self, values):
        return self.framework.tensor(values, dtype=self.framework.float64)

    def __call__(self, expression):
        return eval(expression, {"d": self.package, "t": self.t, "n": self.n})

    def gradients(self, *results):
        total = sum((y[self.framework.isfinite(y)]).sum() for y in results)
        if not total.requires_grad:
            return []
        found = self.framework.autograd.grad(total, self.leaves, allow_unused=True)
        return [None if g is None else g.tolist() for g in found]


def measured(maker, expression, value):
    """What a distribution says about itself and about values; what it lacks is left out."""
    p, x = maker(expression), maker(value)
    found = {"shapes": [list(p.batch_shape), list(p.event_shape)], "has_rsample": p.has_rsample}
    score = p.log_prob(x)
    found["log_prob"] = score.tolist()
    results = [score]
    for name in ("cdf", *QUANTITIES):
        try:
            y = getattr(p, name)
            y = y(x) if name == "cdf" else y() if callable(y) else y
        except LACKING:
            continue
        found[name] = y.tolist()
        if name == "entropy":
            results.append(y)
    with contextlib.suppress(*LACKING):
        found["icdf"] = p.icdf(maker.n([[0.1], [0.5], [0.85]])).tolist()
    found["gradients"] = maker.gradients(*results)
    return found


def divergence(maker, p, q):
    y = maker.package.kl_divergence(maker(p), maker(q))
    return {"value": y.tolist(), "gradients": maker.gradients(y)}


def transformed(maker, expression, value):
    f, x = maker(expression), maker(value)
    y = f(x)
    found = {"value": y.tolist(), "back": f.inv(y).tolist(), "bijective": f.bijective}
    found["events"] = [f.domain.event_dim, f.codomain.event_dim]
    found["shapes"] = [list(f.forward_shape(x.shape)), list(f.inverse_shape(y.shape))]
    results = [y]
    with contextlib.suppress(*LACKING):
        found["sign"] = f.sign if isinstance(f.sign, int) else f.sign.tolist()
    with contextlib.suppress(*LACKING):
        results.append(f.log_abs_det_jacobian(x, y))
        found["stretch"] = results[-1].tolist()
    found["gradients"] = maker.gradients(*results) if maker.leaves else []
    return found


def compare(got, wanted, tolerance=1e-9):
    assert got.keys() >= wanted.keys()
    for name, reference in wanted.items():
        if isinstance(reference, list):
            assert len(got[name]) == len(reference), name
            pairs = (
                zip(got[name], reference) if name == "gradients" else [(got[name], reference)]
            )
        else:
            pairs = [(got[name], reference)]
        for a, b in pairs:
            a, b = (0.0 if x is None else x for x in (a, b))
            if name == "shapes":
                assert a == b
            else:
                np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=name)


#: coarser in torch: its series for ln I₀, and its inverse of the normal distribution function
COARSE = {"VonMises": 1e-6}


@pytest.mark.parametrize(("name", "expression", "value"), CASES, ids=[c[0] for c in CASES])
def test_a_distribution(name, expression, value):
    tolerance = COARSE.get(name.partition("-")[0], 1e-9)
    compare(measured(Maker(cr, d), expression, value), RECORDED[name], tolerance)


@pytest.mark.parametrize("name", PAIRS)
def test_a_divergence(name):
    compare(divergence(Maker(cr, d), *PAIRS[name]), RECORDED[f"kl {name}"], 1e-8)


@pytest.mark.parametrize(("expression", "value"), TRANSFORMS, ids=[e for e, _ in TRANSFORMS])
def test_a_transform(expression, value):
    compare(transformed(Maker(cr, d), expression, value), RECORDED[expression])


def test_what_is_recorded_is_what_torch_says():
    torch = pytest.importorskip("torch")
    found = reference(torch)
    assert RECORDED.keys() == found.keys()
    for name in found:
        compare(RECORDED[name], found[name])


def reference(torch):
    torch.set_default_dtype(torch.float64)  # GeneralizedPareto knows no other
    try:
        found = {
            name: measured(Maker(torch, torch.distributions), *texts) for name, *texts in CASES
        }
        for name in found:
            if name.startswith("Kumaraswamy"):  # log1p(-b) in torch's mode is nan for b > 1
                del found[name]["mode"]
        for name, pair in PAIRS.items():
            found[f"kl {name}"] = divergence(Maker(torch, torch.distributions), *pair)
        for expression, value in TRANSFORMS:
            maker = Maker(torch, torch.distributions)
            found[expression] = transformed(maker, expression, value)
    finally:
        torch.set_default_dtype(torch.float32)
    return found


if __name__ == "__main__":
    import torch

    FILE.write_text(json.dumps(reference(torch), separators=(",", ":")) + "\n", "utf-8")
