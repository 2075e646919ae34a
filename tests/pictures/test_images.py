"""Grad-CAM, saliency, occlusion, filters, maps, preferred inputs, on known networks."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn, pictures
from chainrule.errors import ArgumentError, ArgumentTypeError, ShapeError
from chainrule.pictures.convolution import strongest, tiled

MASK = np.zeros((1, 6, 6), np.float32)
MASK[0, 1:3, 2:5] = [[1.0, 2.0, 3.0], [-1.0, 0.5, 4.0]]


class Masked(nn.Module):
    """Σ mask · x for class 1, and 0 for class 0."""

    def forward(self, x):
        y = (x * cr.tensor(MASK)).sum((1, 2, 3))
        return cr.stack([cr.zeros_like(y), y], 1)


@pytest.fixture
def pooled():
    """Two channels copied from one, mean-pooled, and a dense layer with known weights."""
    model = nn.Sequential(
        nn.Conv2d(1, 2, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(2, 3, bias=False),
    )  # fmt: skip
    with cr.no_grad():
        model[0].weight.copy_(cr.tensor([1.0, -2.0]).reshape(2, 1, 1, 1))
        model[3].weight.copy_(cr.tensor([[1.0, 0.0], [0.0, 1.0], [3.0, 1.0]]))
    return model


class TestGradCam:
    @pytest.mark.parametrize("target", [0, 1, 2])
    def test_with_mean_pooling_it_is_the_class_activation_map(self, pooled, target):
        x = np.random.default_rng(0).normal(size=(1, 4, 4)).astype(np.float32)
        found = pictures.grad_cam_map(pooled, x, target)
        w = np.array([[1.0, 0.0], [0.0, 1.0], [3.0, 1.0]])[target]
        maps = np.stack([x[0], -2 * x[0]])
        wanted = np.maximum(np.tensordot(w, maps, 1) / 16, 0)
        assert np.allclose(found.maps[0], wanted, atol=1e-6)
        assert found.scores[0] == pytest.approx(np.tensordot(w, maps, 1).mean(), abs=1e-6)
        assert found.layer == "0" and found.targets == (target,)

    def test_the_layer_is_the_last_with_places_and_what_follows_at_its_shape(self, cnn, images):
        assert pictures.grad_cam_map(cnn, images[0][0]).layer == "5"  # the ReLU, not the conv

    def test_of_blocks_the_last_whole_one_is_taken(self, images):
        class Block(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(2, 2, 3, padding=1)

            def forward(self, x):
                return x + self.conv(x).relu()

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.stem, self.body = nn.Conv2d(1, 2, 3), nn.Sequential(Block(), Block())
                self.head = nn.Linear(2, 3)

            def forward(self, x):
                return self.head(self.body(self.stem(x)).mean((2, 3)))

        net = Net()
        assert pictures.grad_cam_map(net, images[0][0]).layer == "body"
        assert pictures.grad_cam_map(net, images[0][0], layer="stem").layer == "stem"
        assert (
            pictures.grad_cam_map(net, images[0][0], layer=net.body[0].conv).layer
            == "body.0.conv"
        )

    def test_by_default_it_is_about_the_class_that_is_seen(self, cnn, images):
        found = pictures.grad_cam_map(cnn, images[0])
        seen = cnn.eval()(images[0]).argmax(1).tolist()
        assert list(found.targets) == seen and found.maps.shape == (12, 8, 8)
        assert (found.maps >= 0).all()

    def test_the_map_has_the_size_of_the_image(self, images):
        net = nn.Sequential(
            nn.Conv2d(1, 3, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.LazyLinear(4)
        )
        net(images[0])
        assert pictures.grad_cam_map(net, images[0][0]).maps.shape == (1, 8, 8)

    def test_wrong_use_is_explained(self, cnn, images):
        x = images[0][0]
        with pytest.raises(ArgumentError, match=r"CR842.*saliency and occlusion"):
            pictures.grad_cam_map(nn.Sequential(nn.Flatten(), nn.Linear(64, 2)), x)
        with pytest.raises(ArgumentError, match=r"CR842.*'8'.*\(1, 6\)"):
            pictures.grad_cam_map(cnn, x, layer="8")
        with pytest.raises(ArgumentError, match=r"CR842.*no layer 'conv'"):
            pictures.grad_cam_map(cnn, x, layer="conv")
        with pytest.raises(ArgumentTypeError, match="CR845"):
            pictures.grad_cam_map(lambda x: x, x)
        with pytest.raises(ArgumentError, match=r"CR848.*0 to 2"):
            pictures.grad_cam_map(cnn, x, target=3)
        with pytest.raises(ShapeError, match="CR843"):
            pictures.grad_cam_map(cnn, cr.zeros(5))
        with pytest.raises(ShapeError, match="CR845"):
            pictures.grad_cam_map(nn.Conv2d(1, 1, 1), x)
        with pytest.raises(ArgumentError, match="CR849"):
            pictures.grad_cam_map(cnn, x * float("nan"))
        unused = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Flatten(), nn.Linear(64, 2))
        unused.forward = lambda x: (unused[0](x), cr.ones(1, 2) * x.sum())[1]
        with pytest.raises(ArgumentError, match=r"CR842.*does not depend"):
            pictures.grad_cam_map(unused, x)


class TestSaliency:
    def test_of_a_linear_model_it_is_the_size_of_its_weights(self):
        x = cr.rand(2, 1, 6, 6)
        found = pictures.saliency_map(Masked(), x, target=1)
        assert np.allclose(found.maps, np.abs(MASK))

    def test_noise_does_not_matter_to_a_linear_model(self):
        found = pictures.saliency_map(Masked(), cr.rand(1, 6, 6), target=1, samples=3)
        assert np.allclose(found.maps[0], np.abs(MASK[0])) and "3" in found.method

    def test_of_several_channels_the_largest_counts(self):
        weight = np.array([1.0, -5.0, 2.0], np.float32).reshape(3, 1, 1)
        found = pictures.saliency_map(
            lambda x: (x * cr.tensor(weight)).sum((1, 2, 3)), cr.rand(3, 2, 2)
        )
        assert np.allclose(found.maps, 5.0) and found.targets == (0,)

    def test_wrong_use_is_explained(self):
        with pytest.raises(ArgumentError, match="CR848"):
            pictures.saliency_map(Masked(), cr.rand(1, 6, 6), samples=-1)


class TestOcclusion:
    def test_of_a_known_mask_it_is_what_the_patch_hides(self):
        x = np.random.default_rng(2).normal(size=(1, 6, 6)).astype(np.float32)
        found = pictures.occlusion_map(Masked(), x, 1, patch=1, stride=1, fill=0.0)
        assert np.allclose(found.maps[0], (MASK * x)[0], atol=1e-5)

    def test_each_pixel_gets_the_mean_over_the_patches_that_hide_it(self):
        x = np.ones((1, 6, 6), np.float32)
        found = pictures.occlusion_map(Masked(), x, 1, patch=4, stride=2, fill=0.0).maps[0]
        drops = {(r, c): MASK[0, r : r + 4, c : c + 4].sum() for r in (0, 2) for c in (0, 2)}
        assert found[0, 0] == pytest.approx(drops[0, 0])
        assert found[3, 0] == pytest.approx((drops[0, 0] + drops[2, 0]) / 2)
        assert found[2, 2] == pytest.approx(sum(drops.values()) / 4)

    def test_patches_cover_images_whose_side_they_do_not_divide(self):
        found = pictures.occlusion_map(lambda x: x.sum((1, 2, 3)), np.ones((1, 7, 5)), patch=3,
                                       stride=3, fill=0.0)  # fmt: skip
        assert np.isfinite(found.maps).all() and found.maps.shape == (1, 7, 5)
        assert np.allclose(found.maps, 9.0)

    def test_wrong_use_is_explained(self):
        for options in ({"patch": 7}, {"patch": 2, "stride": 3}, {"patch": 0}):
            with pytest.raises(ArgumentError, match="CR848"):
                pictures.occlusion_map(Masked(), cr.rand(1, 6, 6), **options)


class TestConvolutions:
    def test_filters_are_the_weights_of_the_first_convolution(self, cnn):
        found = pictures.filter_weights(cnn)
        assert found.layer == "0"
        assert np.array_equal(found.weights, cnn[0].weight.detach().numpy())
        assert pictures.filter_weights(cnn, "4").weights.shape == (6, 4, 3, 3)

    def test_tiles_lie_side_by_side(self):
        image, columns = tiled(np.arange(12.0).reshape(3, 1, 2, 2), columns=2)
        assert columns == 2 and image.shape == (1, 5, 5)
        assert image[0, :2, :2].tolist() == [[0, 1], [2, 3]]
        assert image[0, 3:, :2].tolist() == [[8, 9], [10, 11]]
        assert np.isnan(image[0, 2]).all() and np.isnan(image[0, 3:, 3:]).all()

    def test_maps_are_the_outputs_of_the_convolutions(self, cnn, images):
        found = pictures.activation_maps(cnn, images[0][0])
        assert list(found.layers) == ["0", "4"]
        wanted = cnn[0](images[0][:1]).detach().numpy()[0]
        assert np.allclose(found.layers["0"], wanted)
        chosen = pictures.activation_maps(cnn, images[0][0], ["5", cnn[3]])
        assert list(chosen.layers) == ["3", "5"] and (chosen.layers["5"] >= 0).all()

    def test_the_strongest_channels_come_in_their_own_order(self):
        maps = np.array([1.0, 0.0, -5.0, 2.0]).reshape(4, 1, 1) * np.ones((4, 2, 2))
        assert strongest(maps, 2) == [2, 3] and strongest(maps, 9) == [0, 1, 2, 3]

    def test_wrong_use_is_explained(self, cnn, images):
        with pytest.raises(ArgumentError, match="CR842"):
            pictures.filter_weights(nn.Linear(2, 2))
        with pytest.raises(ArgumentError, match=r"CR842.*ReLU"):
            pictures.filter_weights(cnn, "2")
        with pytest.raises(ArgumentError, match="CR842"):
            pictures.activation_maps(nn.Flatten(), images[0][0])
        with pytest.raises(ArgumentError, match="CR842"):
            pictures.activation_maps(cnn, images[0][0], ["9"])


class TestPreferredInputs:
    def test_of_a_linear_model_it_is_the_sign_of_its_weights(self):
        like = cr.rand(4, 1, 6, 6)
        found = pictures.preferred_inputs(
            Masked(), 1, like, jitter=0, smoothness=0.0, decay=0.0, steps=60
        )
        low, high = like.min().item(), like.max().item()
        assert np.allclose(found.images[0, 0][MASK[0] > 0], high)
        assert np.allclose(found.images[0, 0][MASK[0] < 0], low)
        assert found.after[0] > found.before[0]

    def test_channels_of_a_layer_are_excited(self, cnn, images):
        found = pictures.preferred_inputs(cnn, [0, 3], images[0], "0", steps=30)
        assert found.images.shape == (2, 1, 8, 8) and found.layer == "0"
        assert (found.after > found.before).all()
        again = pictures.preferred_inputs(cnn, [0, 3], images[0], "0", steps=30)
        assert np.array_equal(found.images, again.images)

    def test_smoothness_makes_neighbours_alike(self, cnn, images):
        rough, smooth = (
            pictures.preferred_inputs(cnn, 0, images[0], steps=30, smoothness=s).images
            for s in (0.0, 3.0)
        )
        assert np.abs(np.diff(smooth)).mean() < 0.5 * np.abs(np.diff(rough)).mean()

    def test_wrong_use_is_explained(self, cnn, images):
        x = images[0]
        with pytest.raises(ArgumentError, match=r"CR842.*0 to 2"):
            pictures.preferred_inputs(cnn, 3, x)
        with pytest.raises(ArgumentError, match="CR848"):
            pictures.preferred_inputs(cnn, [], x)
        with pytest.raises(ShapeError, match="CR845"):
            pictures.preferred_inputs(nn.Flatten(0), 0, x)
        with pytest.raises(ArgumentError, match=r"CR842.*do not depend"):
            pictures.preferred_inputs(lambda_module(lambda x: cr.ones(len(x), 2)), 0, x)


def lambda_module(function):
    class Made(nn.Module):
        def forward(self, x):
            return function(x)

    return Made()
