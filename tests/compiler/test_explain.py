"""What `explain()` says: why, how long, what became of the graph, and the code of a kernel."""

import json

import pytest
from training_step import trained

import chainrule as cr
from chainrule import nn
from chainrule.autograd import detect_anomaly
from chainrule.compiler.explain import parts
from chainrule.compiler.pipeline import PASSES
from chainrule.errors import ArgumentError, NonFiniteError

ENGINES = ("native",)  # which tests themselves name another where they need one


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE_DIR", str(tmp_path))


def report_of(compiled, part=0):
    return parts(compiled.explain().recordings[-1])[part].report


def test_a_text_tells_of_every_phase():
    text = str(trained()[0].explain())
    for said in (
        "recording 0: traced because of the first call", "ms: trace ", "2 calls",
        "fold_constants: ", "native, ", "; ms: look into the disk cache ", "kernel 0: ",
        " waits", "0 calls of NumPy", "arena ", "outputs written over inputs: ",
        "Net/Linear  training_step",
    ):  # fmt: skip
        assert said in text, said


def test_the_second_program_comes_from_the_disk_cache(empty_cache):
    first, second = report_of(trained()[0]), report_of(trained()[0])
    assert not first.from_disk and {"fuse", "LLVM", "load"} < set(first.seconds)
    assert second.from_disk and set(second.seconds) == {"look into the disk cache", "load"}
    assert "from the disk cache" in str(second)


def test_it_is_plain_values_too():
    found = json.loads(trained()[0].explain().json())
    (recording,) = found["recordings"]
    (part,) = recording["parts"]
    assert set(part["seconds"]) == {"trace", "passes", "engine"}
    assert [each["name"] for each in part["passes"]] == [p.__name__ for p in PASSES]
    assert part["passes"][-1]["equations_after"] == part["equations"]
    native = part["engine"]
    regions = [call["region"] for kernel in native["kernels"] for call in kernel["calls"]]
    assert len(native["waits"]) == max(regions)
    assert native["memory"]["peak"] <= native["memory"]["separate"]
    assert 0 < len(native["memory"]["largest"]) <= 5


def test_every_equation_is_in_a_kernel_and_every_stored_value_has_a_reason():
    compiled, _, _ = trained()
    report = report_of(compiled)
    values = [value for kernel in report.kernels for value in kernel.values]
    graph = compiled.explain().recordings[0].graph
    free = {"Reshape", "Expand", "Permute", "Full", "Copy"}
    mentioned = {value.equation for value in values}
    for place, equation in enumerate(graph.equations):
        assert place in mentioned or equation.primitive.__name__ in free, equation
    for value in values:
        stored = value.home not in ("registers", "computed where it is read")
        assert bool(value.why) == stored, value
    homes = {value.home for value in values}
    assert "registers" in homes and "arena" in homes
    product = next(k for k in report.kernels if k.kind == "product")
    assert product.place == ("Net/Linear", product.values[0].line)
    assert "self.last(self.hidden(x).relu())" in product.values[0].line


def test_outputs_that_are_written_over_inputs_and_those_that_are_not():
    report = report_of(trained()[0])
    memory = report.memory
    assert memory.in_place
    assert not set(memory.in_place) & set(memory.kept)
    assert all(memory.kept.values())


def test_neighbours_that_did_not_join_say_why():
    compiled = cr.compile(lambda x: (x.exp().sum(1) * 2, x.exp().sum(0)), engine="native")
    compiled(cr.ones(3, 5))
    said = [kernel.apart for kernel in report_of(compiled).kernels if kernel.apart]
    assert said and all(text.startswith("kernel ") and ": " in text for text in said)


def test_a_call_of_numpy_is_counted_with_its_reason_and_waits_for_both_sides():
    compiled = cr.compile(lambda x: cr.linalg.svd(x.exp())[1].neg(), engine="native")
    compiled(cr.eye(3))
    report = report_of(compiled)
    assert [kernel.title for kernel in report.reference_calls] == ["SVD"]
    assert "no native code for SVD" in str(report)
    said = [wait.why for wait in report.waits]
    assert any("is computed by NumPy" in why for why in said)
    assert any("was computed by NumPy" in why for why in said)


def test_the_graph_after_each_pass():
    compiled = cr.compile(lambda x: (x.exp() + x.exp()).sum(), engine="native")
    compiled(cr.ones(2))
    explanation = compiled.explain()
    assert explanation.graph("traced").count("Exp") == 2
    assert explanation.graph("after fold_constants").count("Exp") == 2
    assert explanation.graph("after eliminate_common_subexpressions").count("Exp") == 1
    assert explanation.graph("after eliminate_dead_code (2)") == explanation.graph(-1)
    assert "Exp[2]" in explanation.graph("after decompose")
    assert explanation.graph(-1, optimized=False).count("Exp") == 2  # still as it was
    assert "after decompose:" in str(compiled.explain(graphs=True))
    assert "after decompose:" not in str(explanation)
    with pytest.raises(ArgumentError, match=r"CR902.*'after lunch'.*'after decompose'"):
        explanation.graph("after lunch")


def test_the_code_of_a_kernel_says_what_it_computes():
    compiled, _, _ = trained()
    explanation = compiled.explain()
    report = report_of(compiled)
    number = next(k.name for k in report.kernels if k.kind == "product")
    kernel = explanation.kernel(int(number))
    text = kernel.ir()
    head = [line for line in text.splitlines() if line.startswith(";")]
    assert any("Net/Linear" in line and "training_step.py" in line for line in head)
    assert any("reads" in line for line in head) and any("writes" in line for line in head)
    assert "define void @k" in text and kernel.calls[-1].function in text
    assert kernel.calls[-1].function in kernel.assembly()
    code = report._plan.functions.texts[kernel.calls[-1].function]
    assert ";" not in code  # what is hashed has none
    with pytest.raises(ArgumentError, match="CR902"):
        explanation.kernel(1000)


def test_the_body_of_a_loop_has_kernels_of_its_own():
    cr.manual_seed(0)
    layer = nn.GRU(4, 8)
    compiled = cr.compile(lambda x: layer(x)[0].sum(), engine="native")
    compiled(cr.randn(5, 2, 4)).backward()
    report = report_of(compiled)
    inside = [kernel for kernel in report.kernels if "." in kernel.name]
    assert inside and all(call.times == 5 for k in inside for call in k.calls if call.flops)
    assert any("each of 5 turns" in wait.why for wait in report.waits)
    assert "define void" in compiled.explain().kernel(inside[0].name).ir()
    assert "derivative 0: " in str(compiled.explain())
    graph, derivative = parts(compiled.explain().recordings[0])
    assert set(graph.seconds) > set(derivative.seconds) == {"passes", "engine"}
    assert min(graph.seconds.values()) > 0


def test_on_the_reference_engine_there_are_graphs_and_reasons():
    compiled, _, _ = trained(engine="reference")
    explanation = compiled.explain()
    assert "eliminate_dead_code" in str(explanation)
    assert explanation.as_dict()["recordings"][0]["parts"][0]["engine"] is None
    with pytest.raises(ArgumentError, match="CR902"):
        explanation.kernel(0)


# -- values that are not finite --------------------------------------------------------


@pytest.mark.parametrize("chosen", ["native", "reference"])
def test_the_first_value_that_is_not_finite_is_named(chosen):
    class Ratio(nn.Module):
        def forward(self, x):
            return (x.sum() / x).exp()

    compiled = cr.compile(Ratio(), engine=chosen)
    assert compiled(cr.zeros(3)).isnan().all()  # 0 / 0: without the switch nobody looks
    said = r"CR411: Divide in Ratio gives NaN.*test_explain\.py.*x\.sum\(\) / x"
    with detect_anomaly(), pytest.raises(NonFiniteError, match=said):
        compiled(cr.zeros(3))
    with (
        detect_anomaly(),
        pytest.raises(
            NonFiniteError, match=r"Divide in Ratio gives an infinity.*input 1: from 0 to 1"
        ),
    ):
        compiled(cr.tensor([0.0, 1.0]))
    with detect_anomaly(check_nan=False):
        compiled(cr.zeros(3))


def test_the_derivative_is_looked_at_too():
    compiled = cr.compile(lambda x: x.sqrt().sum(), engine="native")
    x = cr.zeros(2, requires_grad=True)
    with detect_anomaly():
        y = compiled(x)
        with pytest.raises(NonFiniteError, match=r"CR411.*infinity"):
            y.backward()


def test_infinities_that_are_meant_pass():
    compiled = cr.compile(lambda x, m: x.masked_fill(m, float("-inf")).softmax(-1))
    mask = cr.tensor([[True, False, False]])
    with detect_anomaly():
        assert compiled(cr.ones(1, 3), mask).tolist() == [[0.0, 0.5, 0.5]]


def test_a_nan_that_came_in_says_so():
    compiled = cr.compile(lambda x: x + 1)
    with detect_anomaly(), pytest.raises(NonFiniteError, match="has NaN already"):
        compiled(cr.tensor([float("nan")]))
