"""Layers: what cannot be built, inputs that do not fit, statistics over several calls."""

from __future__ import annotations

import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import ArgumentError, DeviceError, ShapeError


def test_linear_names_the_repair():
    net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Linear(512, 10))
    with pytest.raises(ShapeError) as caught:
        net(cr.zeros(2, 1, 16, 16))
    assert str(caught.value) == (
        "CR101: Linear expects (…, 512) but got (2, 2, 16, 16). Flatten first: x.flatten(1) "
        "gives (2, 512) (in module Linear '1')"
    )


@pytest.mark.parametrize(
    ("layer", "shape", "words"),
    [
        (lambda: nn.BatchNorm2d(3), (3, 4, 4),
         r"BatchNorm2d expects \(n, 3, h, w\) but got \(3, 4, 4\). Add the axis of the batch: "
         r"x.unsqueeze\(0\) gives \(1, 3, 4, 4\)"),
        (lambda: nn.BatchNorm2d(3), (2, 5, 4, 4), r"5 channels, .*num_features=5"),
        (lambda: nn.BatchNorm1d(3), (2, 3, 4, 4), r"\(n, 3\) or \(n, 3, t\) but got \(2, 3, 4"),
        (lambda: nn.BatchNorm3d(3), (3,), r"\(n, 3, d, h, w\) but got \(3,\)"),
        (lambda: nn.LayerNorm(5), (2, 4), r"layer_norm expects \(…, 5\) but got \(2, 4\)"),
        (lambda: nn.Softmax2d(), (2, 4), r"Softmax2d expects"),
    ],
)  # fmt: skip
def test_inputs_that_do_not_fit(layer, shape, words):
    with pytest.raises(ShapeError, match=rf"CR101: .*{words}"):
        layer()(cr.ones(shape))


def test_weights_of_norms_are_not_broadcast():
    x = cr.ones(4, 3)
    for norm, weights in (
        (nn.functional.layer_norm, (cr.ones(4, 1),)),
        (nn.functional.layer_norm, (None, cr.ones(1))),
        (nn.functional.rms_norm, (cr.ones(1),)),
    ):
        with pytest.raises(ShapeError, match=r"CR523: \w+ over axes \(3,\) takes a weight"):
            norm(x, (3,), *weights)
    with pytest.raises(ShapeError, match=r"CR528.*num_groups=0"):
        nn.functional.group_norm(x, 0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: nn.Conv2d(3, 4, 3, groups=2),
            r"CR528: Conv2d: 3 input and 4 output.*groups=2",
        ),
        (lambda: nn.Conv1d(4, 4, 3, groups=0), r"CR528"),
        (
            lambda: nn.Conv2d(1, 1, 3, padding_mode="mirror"),
            r"CR520.*'mirror'; choose from zeros",
        ),
        (lambda: nn.ConvTranspose2d(1, 1, 3, 1, 0, 0, 1, True, 1, "reflect"), r"CR520"),
        (lambda: nn.Conv2d(1, 1, 3, 1, 0, 1, 1, True, "mirror"), r"CR520.*'mirror'"),
        (lambda: nn.Dropout(1.5), r"CR526.*p=1.5"),
        (lambda: nn.Embedding(3, 2, padding_idx=3), r"CR527"),
        (lambda: nn.Hardtanh(1.0, -1.0), r"CR529.*min_val=1.0"),
        (lambda: nn.MSELoss(reduction="avg"), r"CR511: MSELoss: reduction='avg'"),
        (lambda: nn.KLDivLoss(reduction="avg"), r"CR511.*batchmean"),
    ],
)
def test_what_cannot_be_built(make, words):
    with pytest.raises(ArgumentError, match=words):
        make()


def test_devices_and_types_of_layers():
    for make in (
        lambda **k: nn.Linear(2, 2, **k), lambda **k: nn.Conv2d(1, 1, 2, **k),
        lambda **k: nn.BatchNorm1d(2, **k), lambda **k: nn.LayerNorm(2, **k),
        lambda **k: nn.Embedding(2, 2, **k), lambda **k: nn.PReLU(**k),
    ):  # fmt: skip
        layer = make(device="cpu", dtype=cr.float64)
        assert {p.dtype for p in layer.parameters()} == {cr.float64}
        with pytest.raises(DeviceError, match=r"CR207"):
            make(device="cuda")


def test_the_running_average_of_batch_norm():
    norm = nn.BatchNorm1d(1, momentum=None).double()
    batches = [cr.tensor([[float(i)], [i + 2.0]], dtype=cr.float64) for i in (0, 4, 11)]
    for batch in batches:
        norm(batch)
    assert norm.num_batches_tracked.item() == 3
    assert norm.running_mean.item() == pytest.approx((1 + 5 + 12) / 3)
    assert norm.running_var.item() == pytest.approx(2)
    norm.reset_running_stats()
    assert norm.running_mean.item() == 0 and norm.num_batches_tracked.item() == 0


def test_batch_norm_in_evaluation_changes_nothing():
    norm = nn.BatchNorm1d(2).eval()
    norm(cr.randn(4, 2))
    assert norm.running_mean.tolist() == [0, 0] and norm.num_batches_tracked.item() == 0
    plain = nn.BatchNorm1d(2, track_running_stats=False)
    assert list(plain.state_dict()) == ["weight", "bias"]
    x = cr.randn(4, 2)
    assert plain.eval()(x).equal(plain.train()(x))


def test_batch_norm_of_one_sample():
    with pytest.raises(ValueError, match=r"CR525.*\(1, 2\).*\(in module BatchNorm1d\)"):
        nn.BatchNorm1d(2)(cr.ones(1, 2))
    assert nn.BatchNorm1d(2).eval()(cr.ones(1, 2)).shape == (1, 2)


def test_embedding_from_known_vectors():
    table = cr.arange(6.0).reshape(3, 2)
    layer = nn.Embedding.from_pretrained(table)
    assert layer(cr.tensor(2)).tolist() == [4, 5] and not layer.weight.requires_grad
    assert nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad
    assert layer.num_embeddings == 3 and layer.embedding_dim == 2
    with pytest.raises(ShapeError, match=r"CR534.*\(6,\)"):
        nn.Embedding.from_pretrained(table.flatten())


def test_dropout_is_compiled_with_fresh_numbers():
    cr.manual_seed(0)
    layer = nn.Dropout(0.5)
    run = cr.compile(lambda x: layer(x))
    x = cr.ones(64)
    first, second = run(x), run(x)
    assert not first.equal(second)
    cr.manual_seed(0)
    assert layer(x).equal(first) and layer(x).equal(second)


def test_identity_takes_any_arguments():
    x = cr.ones(2)
    assert nn.Identity(54, unused="x")(x) is x


def test_public_faces():
    import_names = ("functional", "init", "utils")
    assert all(hasattr(nn, name) for name in import_names)
    assert cr.nn is nn and nn.functional.relu(cr.tensor([-1.0])).item() == 0
    assert nn.parameter.Parameter is nn.Parameter
